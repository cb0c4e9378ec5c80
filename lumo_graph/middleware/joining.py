"""One piece of code from all those that a reply asks for. Pure."""

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage

from lumo_graph.dialects import PYTHON_INTERPRETER


def joined_code(reply: AIMessage) -> AIMessage | None:
    """The reply with all its code in the first call that has any; None if there is no second one.

    One interpreter runs one piece of code at a time, and LangChain makes the calls of a reply all at once.
    """
    calls = [call for call in reply.tool_calls if call["name"] == PYTHON_INTERPRETER and _is_code(call["args"])]
    if len(calls) < 2:  # noqa: PLR2004 - a second one
        return None
    first, gone = calls[0], {call["id"] for call in calls[1:]}
    whole = {"code": "\n".join(call["args"]["code"] for call in calls)}
    kept = [
        {**call, "args": whole} if call["id"] == first["id"] else call
        for call in reply.tool_calls
        if call["id"] not in gone
    ]
    content: Any = reply.content
    if isinstance(content, list):
        # Some providers say their calls in the content too.
        said = [_block(block) for block in cast("list[Any]", content)]
        content = [
            {**block, "input": whole} if block.get("id") == first["id"] else block
            for block in said
            if block.get("id") not in gone
        ]
    others = {name: value for name, value in reply.additional_kwargs.items() if name != "tool_calls"}
    return reply.model_copy(update={"tool_calls": kept, "content": content, "additional_kwargs": others})


def _block(block: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", block) if isinstance(block, dict) else {"type": "text", "text": block}


def _is_code(args: Mapping[str, Any]) -> bool:
    return isinstance(args.get("code"), str)
