"""What the model is told about what its action did."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lumo_graph.excerpts import bullets, fair_shares, one_line, readable, shorten
from lumo_graph.types import CHANGES, CodeError, Execution

_NO_OUTPUT = "(no output: nothing was printed, and the code does not end in an expression with a value)"
_ROLLED_BACK = "Variables are as they were before this code ran."
_CALLS_STAND = "The tool calls it made are not undone: {names}."
_CALLS_RUN = "Still running when the code ended, and may still take effect: {names}."
_LOST = "These variables could not be restored and no longer exist:"
_UNSAVED = "These values will be lost if the interpreter restarts; be ready to make them again:"

_QUOTE = "> "
# What else than this module begins a line so would be taken for a part of the observation. More than `\n` ends a line.
_TITLES = (
    "observation:", "stdout:", "stderr:", "value of the last expression", "answer given", "error:", "traceback:",
    "note:", "these variables could not be", "these values will be lost",
)  # fmt: skip
_LIKE_A_TITLE = re.compile(rf"(?:^|(?<=[\x85\u2028\u2029]))(?={'|'.join(_TITLES)})", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    title: str
    body: str
    vital: bool = False
    """Gets its room before the others do."""


def observe_execution(
    execution: Execution,
    *,
    limit: int,
    lost: Mapping[str, str] | None = None,
    unsaved: Mapping[str, str] | None = None,
) -> str:
    """The observation of a code action.

    Args:
        execution: what the action did.
        limit: characters of the observation, never exceeded; the error keeps its room whatever was printed.
        lost: variables that could not be restored before this action, each with the reason.
        unsaved: values that would not survive a restart, each with the reason.
    """
    sections = [
        _Section(title="stdout:", body=readable(execution.stdout).strip("\n")),
        _Section(title="stderr:", body=readable(execution.stderr).strip("\n")),
        *_value_sections(execution),
        *_error_sections(execution.error),
        _Section(title=_LOST, body=_reasons(lost), vital=True),
        _Section(title=_UNSAVED, body=_reasons(unsaved)),
    ]
    if notes := _notes(execution):
        sections.append(_Section(title="note:", body=notes, vital=execution.rolled_back))
    told = [replace(section, body=_quoted(section.body)) for section in sections if section.body.strip()]
    if all(section.title in (_LOST, _UNSAVED) for section in told):
        told.insert(0, _Section(title="", body=_NO_OUTPUT))
    return _composed(told, limit)


def observe_unparsable(reason: str) -> str:
    """The observation of a reply that no action could be read from."""
    return f"Observation:\nNothing was run. {reason}"


def observe_rejected_answer(problem: str) -> str:
    """The observation of an answer that does not have the form asked for."""
    return f"Observation:\nThe answer was not accepted. {problem}\nCorrect it and answer again."


def error_title(error: CodeError) -> str:
    """What failed and where: `NameError on line 3`."""
    kind = one_line(readable(error.kind), 100)
    return f"{kind} on line {error.line}" if error.line is not None else kind


def _value_sections(execution: Execution) -> list[_Section]:
    sections: list[_Section] = []
    if execution.value is not None:
        title = f"value of the last expression ({one_line(readable(execution.value.kind), 100)}):"
        sections.append(_Section(title=title, body=readable(execution.value.preview) or repr("")))
    if execution.answer is not None:
        title = f"answer given ({one_line(readable(execution.answer.kind), 100)}):"
        sections.append(_Section(title=title, body=readable(execution.answer.preview) or repr("")))
    return sections


def _error_sections(error: CodeError | None) -> list[_Section]:
    if error is None:
        return []
    source = f"\n    {one_line(error.source, 300)}" if error.source.strip() else ""
    body = (readable(error.message).strip() or "(no message)") + source
    sections = [_Section(title=f"error: {error_title(error)}", body=body, vital=True)]
    if error.traceback.count(", line ") > 1 or "\n\n" in error.traceback:
        # One frame without a cause says no more than the failing line.
        sections.append(_Section(title="traceback:", body=readable(error.traceback).strip("\n")))
    return sections


def _notes(execution: Execution) -> str:
    notes = [_rollback(execution)] if execution.rolled_back else [_changes(execution)]
    return "\n".join(note for note in (*notes, *map(readable, execution.notes)) if note)


def _changes(execution: Execution) -> str:
    # Of code that failed half-way: what it did before that stays done.
    if execution.error is None or not execution.changed:
        return ""
    groups = {change: [name for name, kind in execution.changed.items() if kind == change] for change in CHANGES}
    told = [
        f"{change} {', '.join(f'`{one_line(name, 100)}`' for name in names)}"
        for change, names in groups.items()
        if names
    ]
    return shorten(f"Variables that this code has changed before it failed: {'; '.join(told)}.", 600)


def _rollback(execution: Execution) -> str:
    names = dict.fromkeys(call.name for call in execution.calls)
    if not names:
        return _ROLLED_BACK
    stand = _CALLS_STAND.format(names=shorten(", ".join(names), 300))
    running = dict.fromkeys(call.name for call in execution.calls if not call.finished)
    if running:
        stand += f" {_CALLS_RUN.format(names=shorten(', '.join(running), 300))}"
    return f"{_ROLLED_BACK} {stand}"


def _reasons(problems: Mapping[str, str] | None) -> str:
    return bullets((problems or {}).items(), lambda item: f"`{item[0]}`: {item[1]}", count=20, width=200)


def _quoted(text: str) -> str:
    """Text of code, tools and errors, with a mark before what reads like a title of an observation."""
    return _LIKE_A_TITLE.sub(_QUOTE, text)


def _cut(body: str, limit: int) -> str:
    # The tail may begin in the middle of a line, and then be like a title.
    return body if len(body) <= limit else _quoted(shorten(body, limit - len(_QUOTE)))


def _composed(sections: list[_Section], limit: int) -> str:
    titles = [f"{section.title}\n" if section.title else "" for section in sections]
    room = limit - len("Observation:\n") - sum(map(len, titles)) - 2 * (len(sections) - 1)
    vital = fair_shares([len(section.body) if section.vital else 0 for section in sections], room // 2)
    others = fair_shares([0 if section.vital else len(section.body) for section in sections], room - sum(vital))
    # What the others do not need goes back to the vital ones.
    vital = fair_shares([len(section.body) if section.vital else 0 for section in sections], room - sum(others))
    bodies = [
        title + _cut(section.body, max(vital[at], others[at]))
        for at, (title, section) in enumerate(zip(titles, sections, strict=True))
    ]
    return shorten("Observation:\n" + "\n\n".join(bodies), limit)
