"""Tool calls that a model made instead of writing code, native or as JSON in its text, and the code they stand for."""

import json
import keyword
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.messages import AIMessage

from lumo_graph.dialects.actions import RunCode, Unparsable
from lumo_graph.dialects.fences import Block, segments
from lumo_graph.excerpts import shorten
from lumo_graph.types import ToolSpec

FINAL_ANSWER = "final_answer"
_RUNNERS = ("python_interpreter", "python", "code_interpreter", "run_python", "execute_python", "ipython")
_CODE_KEYS = ("code", "source", "script", "python", "input", "query", "__arg1")
_NAME_KEYS = ("name", "tool", "tool_name", "function", "function_name", "action")
_ARGS_KEYS = ("arguments", "args", "parameters", "action_input", "tool_input")

_JSON_AHEAD = re.compile(
    r"^[ \t]*(?:[*_\w ]{1,20}:[*_]*[ \t]*)?(?:(?:<[^<>\n]{1,40}>|\[TOOL_CALLS\]|`{1,3}(?:json)?)[ \t]*)?(?=[\[{])",
    re.MULTILINE,
)
_TAG_LINE = re.compile(r"^[ \t]*</?\|?\w+\|?>[ \t]*$", re.MULTILINE)
_OBSERVATION = re.compile(r"^[ \t]*Observations?:", re.IGNORECASE | re.MULTILINE)
_MOST_ATTEMPTS = 100
_DECODER = json.JSONDecoder(strict=False)  # models leave line ends unescaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call as the model wrote it."""

    name: str
    args: Any
    """By name in a dict, by position in a list, a single one as itself, None for none."""
    problem: str = ""
    """Why the arguments could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A tool call in a text, and where it stands."""

    call: Call
    start: int
    end: int


def native_calls(reply: AIMessage) -> list[Call]:
    """The native tool calls of a reply, those with unreadable arguments last."""
    calls = [Call(name=call["name"], args=_decoded(call["args"])) for call in reply.tool_calls]
    for call in reply.invalid_tool_calls:
        args = _decoded(call["args"])
        unread = isinstance(args, str) and args.lstrip().startswith("{")
        problem = f"its arguments are not valid JSON: {shorten(args, 200)}" if unread else ""
        calls.append(Call(name=call["name"] or "", args=args, problem=problem))
    return calls


def calls_in_text(text: str, known: Mapping[str, ToolSpec]) -> list[Found]:
    """The JSON tool calls in a text, up to the result the model made up for them."""
    found: list[Found] = []
    position = 0
    for _ in range(_MOST_ATTEMPTS):
        ahead = _JSON_AHEAD.search(text, position)
        if ahead is None or (found and _OBSERVATION.search(text, found[-1].end, ahead.end())):
            break
        try:
            value, position = _DECODER.raw_decode(text, ahead.end())
        except (ValueError, RecursionError):
            position = ahead.end() + 1
            continue
        calls = list(_calls_of(value, known))
        found += [Found(call=call, start=ahead.start(), end=position) for call in calls]
    return found


def without_calls(text: str) -> str:
    """The text without its JSON tool calls and the tags around them."""
    found = calls_in_text(text, {})
    for start, end in sorted({(place.start, place.end) for place in found}, reverse=True):
        text = text[:start] + text[end:]
    return _TAG_LINE.sub("", text) if found else text


def code_for(calls: Sequence[Call], known: Mapping[str, ToolSpec]) -> RunCode | Unparsable:
    """The code that calls stand for, or what is wrong with them."""
    lines: list[str] = []
    for call in calls:
        source = _source(call, known)
        if isinstance(source, Unparsable):
            return source
        lines.append(source if len(calls) == 1 or not _is_tool(call, known) else f"print({source})")
    return RunCode("\n".join(lines))


def answer_of(args: Any) -> Any:
    """The answer in the arguments of a native call of `final_answer`."""
    given: Any = _decoded(args)
    if not isinstance(given, dict):
        return given
    named = cast("dict[str, Any]", given)
    return named["answer"] if list(named) == ["answer"] else named or None


def _calls_of(value: Any, known: Mapping[str, ToolSpec]) -> Iterator[Call]:
    if isinstance(value, list):
        calls = [list(_calls_of(item, known)) for item in cast("list[Any]", value)]
        if calls and all(calls):
            yield from (call for group in calls for call in group)
        return
    if not isinstance(value, dict):
        return
    data = cast("dict[str, Any]", value)
    if isinstance(data.get("tool_calls"), list):
        yield from _calls_of(data["tool_calls"], known)
    elif isinstance(data.get("function"), dict):
        yield from _calls_of(data["function"], known)
    elif (name := next((data[key] for key in _NAME_KEYS if isinstance(data.get(key), str)), None)) is not None:
        args = next((key for key in _ARGS_KEYS if key in data), None)
        if args is not None:
            yield Call(name=name, args=_decoded(data[args]))
        elif name in known and len(data) == 1:
            yield Call(name=name, args=None)


def _source(call: Call, known: Mapping[str, ToolSpec]) -> str | Unparsable:
    name = call.name.strip().removeprefix("functions.")
    if call.problem:
        return Unparsable(f"The call of {name!r} cannot be made, {call.problem}\nWrite it as Python code instead.")
    if name == FINAL_ANSWER:
        return f"{FINAL_ANSWER}({_literal(answer_of(call.args))})"
    if name in known and name != _RUNNERS[0]:
        source = f"{name}({_arguments(call.args)})"
        return f"await {source}" if known[name].is_async else source
    if name in _RUNNERS:
        code = _code(call.args)
        return code if code.strip() else Unparsable(f"The call of {name!r} holds no code. Give the Python as `code`.")
    names = shorten(", ".join([*known, FINAL_ANSWER]), 2000)
    return Unparsable(f"There is no tool {shorten(name, 100)!r}. The tools are: {names}. Call them in Python code.")


def _is_tool(call: Call, known: Mapping[str, ToolSpec]) -> bool:
    name = call.name.strip().removeprefix("functions.")
    return name in known and name not in (_RUNNERS[0], FINAL_ANSWER)


def _code(args: Any) -> str:
    if isinstance(args, dict):
        data = cast("dict[str, Any]", args)
        given = [data[key] for key in _CODE_KEYS if key in data] or list(data.values())
        args = given[0] if given else ""
    code = args if isinstance(args, str) else ""
    if code.lstrip().startswith(("```", "<code>")):
        return "\n".join(part.body for part in segments(code) if isinstance(part, Block))
    return code


def _arguments(args: Any) -> str:
    if args is None:
        return ""
    if isinstance(args, list):
        return ", ".join(_literal(value) for value in cast("list[Any]", args))
    if not isinstance(args, dict):
        return _literal(args)
    named = cast("dict[str, Any]", args)
    if all(name.isidentifier() and not keyword.iskeyword(name) for name in named):
        return ", ".join(f"{name}={_literal(value)}" for name, value in named.items())
    return f"**{_literal(named)}"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(item) for item in cast("list[Any]", value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    return repr(value)


def _decoded(args: Any) -> Any:
    """Arguments from JSON, where they come as a string of JSON."""
    if not isinstance(args, str):
        return args
    try:
        return json.loads(args, strict=False)
    except (ValueError, RecursionError):
        return args
