"""The text of a reply: reasoning out, the rest in one piece."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage

from lumo_graph.dialects.sources import quote_after

_REASONING = r"think|thinking|thought|thoughts|reasoning|reflection|scratchpad"
_MARK = re.compile(
    rf"(?<!`)<(?P<opens>{_REASONING})>|(?<!`)\[(?P<bracket>THINK)\]|(?<!`)(?P<closes></(?:{_REASONING})>|\[/THINK\])"
    r"|(?P<fence>^[ \t]*(?P<ticks>`{3,}|~{3,})[^`\n]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSE_ON_LINE = re.compile(rf"^[ \t]*(?:</(?:{_REASONING})>|\[/THINK\])", re.IGNORECASE | re.MULTILINE)
_END = re.compile(r"<end_(?:code|action)>|</end_(?:code|action)>")

_CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens"})


def answer_text(reply: AIMessage) -> str:
    """What the model said, its reasoning left out, up to where it says that its action ends."""
    text = without_reasoning(text_of(reply))
    ended, *_ = _END.split(text)
    return ended if ended.strip() else _END.sub("", text)


def text_of(reply: AIMessage) -> str:
    """The text blocks of a reply, with plain line ends."""
    text = ""
    for part in _blocks(reply, "text", "output_text"):
        # Providers split text where they like, but a fence needs its own line.
        text += f"\n{part}" if text and part.startswith(("```", "~~~", "<")) and not text.endswith("\n") else part
    return text.replace("\r\n", "\n").replace("\r", "\n")


def refusal_of(reply: AIMessage) -> str:
    """Why the model declined, where the provider keeps that apart from the text; else empty."""
    said = reply.additional_kwargs.get("refusal")
    return "".join(_blocks(reply, "refusal")) or (said if isinstance(said, str) else "")


def was_cut(reply: AIMessage) -> bool:
    """Whether the reply ends because it had grown too long, not because the model was done."""
    metadata = reply.response_metadata
    reasons = [metadata.get(name) for name in ("finish_reason", "stop_reason", "done_reason")]
    details = metadata.get("incomplete_details")
    if isinstance(details, Mapping):
        reasons.append(cast("Mapping[str, Any]", details).get("reason"))
    return "lumo_graph_cut" in metadata or any(str(reason).lower() in _CUT_REASONS for reason in reasons)


def without_reasoning(text: str) -> str:
    """The text without what stands in reasoning tags.

    An opening tag without its end takes the rest of the text, an end without its opening all before it. Tags inside
    a fence are part of the code.
    """
    kept: list[str] = []
    position = 0
    last_closing = max(text.rfind("</"), text.rfind("[/"))  # a tag that is repeated for ever is searched for once
    while mark := _MARK.search(text, position):
        opened = mark["opens"] or mark["bracket"]
        if mark["closes"]:
            kept, position = [], mark.end()
        elif opened:
            kept.append(text[position : mark.start()])
            position = _end_of_reasoning(text, mark, opened, last_closing)
            if position == mark.end():
                kept.append(mark.group())
        else:
            end = _end_of_fence(text, mark)
            kept.append(text[position:end])
            position = end
    return "".join([*kept, text[position:]])


def _blocks(reply: AIMessage, *kinds: str) -> Iterator[str]:
    content: Any = reply.content
    for block in [content] if isinstance(content, str) else content or ():
        if isinstance(block, str):
            if "text" in kinds:
                yield block
        elif block.get("type", "text") in kinds:
            said = block.get("refusal" if "refusal" in kinds else "text")
            if isinstance(said, str):
                yield said


def _end_of_reasoning(text: str, opening: re.Match[str], tag: str, last_closing: int) -> int:
    if opening.end() <= last_closing:
        closing = re.compile(rf"</{tag}>|\[/{tag}\]", re.IGNORECASE).search(text, opening.end())
        if closing is not None:
            return closing.end()
    before = text[max(0, opening.start() - 200) : opening.start()]
    return opening.end() if before.rpartition("\n")[2].strip() else len(text)


def _end_of_fence(text: str, opening: re.Match[str]) -> int:
    """Where the fence ends, or the reasoning that it stands in."""
    fence = re.compile(rf"^[ \t]*{re.escape(opening['ticks'])}[ \t]*$", re.MULTILINE).search(text, opening.end())
    end = fence.end() if fence is not None else len(text)
    reasoning = _CLOSE_ON_LINE.search(text, opening.end(), end)
    if reasoning is not None and not _opens_string(text[opening.end() : reasoning.start()]):
        return reasoning.start()
    return end


def _opens_string(code: str) -> bool:
    quote: str | None = None
    for line in code.split("\n"):
        quote = quote_after(line, quote)
    return quote is not None
