"""From a model's reply to the action it asks for."""

import re
from collections.abc import Sequence

from langchain_core.messages import AIMessage

from lumo_graph.dialects.actions import Action, Answer, CallTools, RunCode, Unparsable
from lumo_graph.dialects.calls import calls_in_text, code_for, native_calls, without_calls
from lumo_graph.dialects.fences import Block, Segment, code_of, segments
from lumo_graph.dialects.replies import answer_text, refusal_of, text_of, was_cut
from lumo_graph.types import ToolSpec

PYTHON_INTERPRETER = "python_interpreter"
"""The tool by which a function-calling model runs code."""

_SHELLS = frozenset({"bash", "sh", "shell", "zsh", "console", "powershell", "cmd"})
_LABEL = re.compile(
    r"^[ \t]*+[*_#]*+[ \t]*+(?:thought|code|action|python)[*_]*:[*_]*[ \t]*", re.IGNORECASE | re.MULTILINE
)

_CUT = "The reply was cut off because it was too long. Write less: a short thought and one small block of code."
_CUT_TEXT = "The reply was cut off because it was too long. Write less."
_ONLY_REASONING = "The reply holds only reasoning."
_EMPTY = "The reply is empty."
_EMPTY_CODE = "The code block is empty. Write the Python to run, or `final_answer(...)` if the task is done."
_SHELL = "Only Python runs here, not a shell. Write Python; to answer with this text, give it to `final_answer(...)`."
_TAGGED = "A tool call written as text is not made. Use the function-calling interface, or answer in plain text."


def parse_code_reply(reply: AIMessage, tools: Sequence[ToolSpec]) -> RunCode | Answer | Unparsable:
    """The action of a reply in the code-action branch.

    A native tool call goes first, then code blocks, then a JSON tool call in the text; text with none of them is the
    answer. Where it is not clear whether something is code, it is: code that fails is seen and repaired, an answer
    ends the run.

    Args:
        reply: what the model sent.
        tools: the tools that code may call.
    """
    known = {spec.name: spec for spec in tools}
    if native := native_calls(reply):
        action = code_for(native, known)
        return Unparsable(_CUT) if isinstance(action, Unparsable) and was_cut(reply) else action
    text = answer_text(reply)
    parts = segments(text)
    blocks = [part for part in parts if isinstance(part, Block)]
    if was_cut(reply) and blocks and not blocks[-1].closed:
        parts = [part for part in parts if part is not blocks[-1]]  # half a block is not run, those before it are
        if not code_of(parts):
            return Unparsable(_CUT)
    code = "\n".join(block.body for block in code_of(parts))
    if code and not _is_json(code):
        return RunCode(code)
    if calls := calls_in_text(code or text, known):
        return code_for([found.call for found in calls], known)
    return RunCode(code) if code else _answer(reply, text, parts)


def parse_tool_reply(reply: AIMessage, *, interpreter: bool = False) -> Action:
    """The action of a reply in the function-call branch.

    Native tool calls are made, `final_answer` and malformed ones too: each needs its tool message. Text alone is the
    answer.

    Args:
        reply: what the model sent.
        interpreter: `python_interpreter` is one of its tools. What several calls of it ask for is one piece of code, in
            their order; the other calls of the reply are made before it runs.
    """
    if reply.tool_calls or reply.invalid_tool_calls:
        return (interpreter and _code_of_calls(reply)) or CallTools()
    text = answer_text(reply).strip()
    if text and was_cut(reply):
        return Unparsable(_CUT_TEXT)
    if text.startswith("<tool_call>"):
        return Unparsable(_TAGGED)
    if answer := text or refusal_of(reply).strip():
        return Answer(answer)
    return Unparsable(f"{_why_empty(reply)} Call a tool, or write the answer.")


def _code_of_calls(reply: AIMessage) -> RunCode | None:
    blocks = {
        call["id"]: _unfenced(call["args"]["code"])
        for call in reply.tool_calls
        if call["name"] == PYTHON_INTERPRETER and call["id"] and isinstance(call["args"].get("code"), str)
    }
    return RunCode("\n".join(blocks.values()), tuple(blocks)) if blocks else None


def _unfenced(code: str) -> str:
    """The code, without the fence that many models write around it out of habit."""
    parts = segments(code) if code.lstrip().startswith("```") else []
    blocks = [part for part in parts if isinstance(part, Block)]
    if not blocks or any(isinstance(part, str) and part.strip() for part in parts):
        return code
    return "\n".join(block.body for block in blocks)


def thought_of(reply: AIMessage) -> str:
    """What the model wrote around its action, without its reasoning. The whole text if the text is the answer."""
    text = answer_text(reply)
    parts = segments(text)
    code = code_of(parts)
    if not code:
        parts = segments(without_calls(text))
    run = set(code)
    around = [part for part in parts if part not in run and not _is_empty(part)]
    shown = [part if isinstance(part, str) else part.source for part in around]
    return "\n\n".join(stripped for part in shown if (stripped := _LABEL.sub("", part).strip()))


def _answer(reply: AIMessage, text: str, parts: list[Segment]) -> Answer | Unparsable:
    blocks = [part for part in parts if isinstance(part, Block)]
    if any(block.is_python for block in blocks):
        return Unparsable(_EMPTY_CODE)
    if blocks and blocks == parts and all(block.language in _SHELLS for block in blocks):
        return Unparsable(_SHELL)
    if was_cut(reply):
        return Unparsable(_CUT)
    if answer := text.strip() or refusal_of(reply).strip():
        return Answer(answer)
    return Unparsable(f"{_why_empty(reply)} Write a short thought and one ```python block.")


def _is_empty(part: Segment) -> bool:
    return isinstance(part, Block) and not part.body.strip()


def _why_empty(reply: AIMessage) -> str:
    return _ONLY_REASONING if text_of(reply).strip() else _EMPTY


def _is_json(code: str) -> bool:
    return code.startswith(("{", "[")) and bool(calls_in_text(code, {}))
