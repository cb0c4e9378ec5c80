"""The spans of what an agent does: a code action, and a tool call from code or by function calling."""

import builtins
import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from opentelemetry.context import Context
from typing_extensions import override

from lumo_graph.tracing import names
from lumo_graph.tracing.cutting import fitted
from lumo_graph.tracing.metrics import instruments
from lumo_graph.tracing.runs import current_run
from lumo_graph.tracing.spans import Work, harmless
from lumo_graph.types import Isolation, Restore, Snapshot

_OWN_ERRORS = frozenset(
    {
        "DivergenceError",
        "Rejected",
        "SessionDied",
        "SnapshotError",
        "Unparsable",
        "ValidationError",
        "lumo_graph.ToolError",
    }
)


class ToolWork(Work):
    """The work of a tool, traced if the run is that it belongs to.

    Args:
        tool: its name.
        about: attributes known from the beginning.
        parent: of the span; None: the current context.
    """

    def __init__(self, tool: str, about: Mapping[str, Any], *, parent: Context | None = None) -> None:
        self._run = current_run(parent)
        self._dimensions: dict[str, str] = {names.OPERATION: names.EXECUTE_TOOL, names.TOOL_NAME: tool}
        self.measured = True
        if self._run is None:
            super().__init__("", {}, on=False)
            return
        whole = {**self._dimensions, **self._run.common, names.SPAN_KIND: "TOOL", **about}
        super().__init__(f"{names.EXECUTE_TOOL} {tool}", whole, parent=parent)

    @property
    def shows_content(self) -> bool:
        """Whether arguments and results may stand on the span."""
        return self.recording and self._run is not None and self._run.content.on_spans

    def show(self, attribute: str, openinference: str, value: Any) -> None:
        """Put a piece of content on the span."""
        if self._run is not None and self.shows_content:
            content = self._run.content
            with harmless():
                text = fitted(content.clean(value), content.max_chars)
                self.set({attribute: text, openinference: text})

    @override
    def measure(self, seconds: float) -> None:
        if self.measured and self.ending is None:
            errors = {} if self.error_type is None else {names.ERROR_TYPE: self.error_type}
            instruments().tool_seconds.record(seconds, {**self._dimensions, **errors})


class CodeAction(ToolWork):
    """A code action, from the checks before it to what it leaves.

    Args:
        code: that is to run.
        call_id: unique in the run.
        attempt: 1, and one more for every failed action before it in a row.
        sandbox: kind of the executor.
    """

    def __init__(self, code: str, *, call_id: str, attempt: int, sandbox: str) -> None:
        about = {names.TOOL_TYPE: "extension", names.TOOL_CALL_ID: call_id}
        super().__init__(names.PYTHON_INTERPRETER, {**about, names.CODE_ATTEMPT: attempt, names.SANDBOX_KIND: sandbox})
        self._code: str | None = None
        self.ran(code)

    def ran(self, code: str) -> None:
        """This is the code that counts: a person may have changed it."""
        if self.recording and code != self._code:
            self._code = code
            raw = code.encode("utf-8", "replace")
            self.set({names.CODE_SHA256: hashlib.sha256(raw).hexdigest(), names.CODE_BYTES: len(raw)})
            self.show(names.TOOL_ARGUMENTS, names.INPUT_VALUE, {"code": code})

    def left(self, isolation: Isolation, snapshot: Snapshot | None, restore: Restore) -> None:
        """What contained the code, and what it added to the checkpoint."""
        if not self.on:
            return
        size = 0
        if snapshot is not None:
            size = sum(len(data or b"") for part in (snapshot.changed, snapshot.files) for data in part.values())
            instruments().checkpoint_bytes.record(size, self._dimensions)
        self.set({names.SANDBOX_TIER: isolation.tier, names.SNAPSHOT_BYTES: size, names.RESTORE: restore})

    def did(self, execution: Mapping[str, Any]) -> None:
        """What the code did, as the state has it; checked and refused code too."""
        if not self.on:
            return
        calls: Collection[Mapping[str, Any]] = execution.get("calls") or ()
        replayed = sum(bool(call.get("replayed")) for call in calls)
        self.set({names.REPLAYED_CALLS: replayed, names.ROLLED_BACK: bool(execution.get("rolled_back"))})
        instruments().sandbox_seconds.record(execution.get("seconds") or 0.0, self._dimensions)
        error = execution.get("error")
        if error is not None and error["kind"] == "KeyboardInterrupt" and execution.get("rolled_back"):
            self.set({names.OUTCOME: "cancelled"})
        elif error is not None:
            # What code calls its classes is content. It never becomes a dimension: there is no end of such names.
            self.fail(known_error(error["kind"]))
            if self._run is not None and self.shows_content:
                self.set({names.ERROR_TYPE: self._run.content.clean(error["kind"])})
        if self.shows_content:
            told = {name: execution.get(name) for name in ("stdout", "stderr", "error") if execution.get(name)}
            told |= {name: value["preview"] for name in ("value", "answer") if (value := execution.get(name))}
            self.show(names.TOOL_RESULT, names.OUTPUT_VALUE, told)


class ToolCallWork(ToolWork):
    """One tool call.

    Args:
        tool: its name, as the model or its code gives it.
        known: the tools that there are: other names are the model's invention, and so content.
        call_id: unique in the run.
        args: of the call.
        parent: context of the code action or the step that makes it; None: the current one.
    """

    def __init__(
        self, tool: str, known: Collection[str], *, call_id: str, args: Mapping[str, Any], parent: Context | None
    ) -> None:
        about = {names.TOOL_TYPE: "function", names.TOOL_CALL_ID: call_id}
        super().__init__(tool if tool in known else "unknown", about, parent=parent)
        self.show(names.TOOL_ARGUMENTS, names.INPUT_VALUE, args)

    def returned(self, value: Any, error: str | None, error_type: str | None, *, replayed: bool, edited: bool) -> None:
        """What the call gave. One that was replayed took no time that would mean anything."""
        if not self.on:
            return
        self.measured = not replayed
        self.set({names.REPLAYED: replayed or None, names.EDITED: edited or None})
        if error is not None:
            self.fail(error_type or names.OTHER)
        if self.shows_content:
            self.show(names.TOOL_RESULT, names.OUTPUT_VALUE, value if error is None else {"error": error})

    def abandon(self) -> None:
        """Nobody waits for it any more: its span ends here, and not when a tool that hangs may return."""
        self.end(names.ABANDONED)


def known_error(kind: str) -> str:
    """The class of an exception from the session, if it is a builtin or ours: any other name may be the code's."""
    return kind if kind in _OWN_ERRORS or isinstance(getattr(builtins, kind, None), type) else names.OTHER
