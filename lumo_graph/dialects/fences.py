"""Code blocks in a reply's text, in fences or tags, and the prose around them."""

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from lumo_graph.dialects.sources import is_data, quote_after, reads_as_python, starts_like_python

_TAG = r"code|execute|execute_python|execute_ipython|python|ipython|py|python_interpreter|tool_code"
_FENCE = re.compile(r"^(?P<before>[ \t]*(?:(?:[-*+]|\d+[.)])[ \t]+)*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_FENCE_IN_LINE = re.compile(r"^(?P<before>.*[^`])(?P<mark>`{3})(?P<info>python3?|py3?)[ \t]*$", re.IGNORECASE)
_FENCE_ON_LINE = re.compile(
    r"^[ \t]*(?P<mark>`{3,})(?:(?P<info>python3?|py3?)[ \t]+)?(?P<body>[^`]+)(?P=mark)[ \t]*$", re.IGNORECASE
)
_TAG_OPENING = re.compile(rf"^(?P<before>[ \t]*|.*(?=<\w+>[ \t]*$))<(?P<tag>{_TAG})>(?P<first>.*)$", re.IGNORECASE)
_TAG_CLOSING = re.compile(rf"^[ \t]*</(?:{_TAG})>[ \t]*$", re.IGNORECASE)
_OBSERVATION = re.compile(r"^[ \t]*+[#*_]*+[ \t]*+Observations?[*_]*:", re.IGNORECASE)

_PYTHON = frozenset({"python", "py", "python3", "py3", "ipython", "ipython3", "tool_code", "python_interpreter"})
_UNMARKED = frozenset({"", "code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced or tagged block."""

    language: str
    """What the fence says, in lower case; `python` for code tags, `""` where the fence says nothing."""
    body: str
    source: str
    """The block as it was written, with its fences."""
    closed: bool = True
    """False if the text ends before the block does."""

    @property
    def is_python(self) -> bool:
        """The block is marked as Python."""
        return self.language in _PYTHON

    @property
    def is_unmarked(self) -> bool:
        """The block does not say what it holds."""
        return self.language in _UNMARKED


Segment: TypeAlias = str | Block
"""Prose, or a block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opening:
    before: str
    language: str
    mark: str = ""
    """The fence; empty for a tag."""
    tag: str = ""
    first: str | None = None
    """Text of the block on the line that opens it."""

    @property
    def may_be_code(self) -> bool:
        return self.language in _PYTHON or self.language in _UNMARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    lines: int
    """Lines of the body that lie before the ending's own line."""
    kept: str
    """Text of the body on the ending's own line."""
    rest: str
    """What follows the block on that line."""


def segments(text: str) -> list[Segment]:
    """The text as prose and blocks, in order.

    What follows a line that starts with `Observation:` after a block is left out: the model made it up.
    """
    lines = text.split("\n")
    found: list[Segment] = []
    prose: list[str] = []
    index = 0
    while index < len(lines):
        opening = _opening(lines[index])
        if opening is None:
            if _OBSERVATION.match(lines[index]) and any(isinstance(part, Block) for part in found):
                break
            prose.append(lines[index])
            index += 1
            continue
        found += _prose([*prose, opening.before])
        prose = []
        start = index
        block, rest, index = _read(lines, index, opening)
        found += _inner(replace(block, source="\n".join(lines[start:index])), opening)
        if rest.strip():
            index -= 1
            lines[index] = rest
    return [*found, *_prose(prose)]


def code_of(parts: list[Segment]) -> list[Block]:
    """The blocks to run: those marked as Python, and the unmarked ones that are code and not output or data.

    An unmarked block is code if it parses and is more than literals. One that does not parse is still code, so that
    the model sees its SyntaxError, if no block is marked and some line starts like Python; so tables, diffs and
    shell transcripts stay part of an answer.
    """
    blocks = [part for part in parts if isinstance(part, Block) and part.body.strip()]
    marked = any(block.is_python for block in blocks)
    return [block for block in blocks if block.is_python or (block.is_unmarked and _is_code(block, marked=marked))]


def _is_code(block: Block, *, marked: bool) -> bool:
    if reads_as_python(block.body):
        return not is_data(block.body)
    return not marked and not is_data(block.body) and starts_like_python(block.body)


def _prose(lines: list[str]) -> list[Segment]:
    text = "\n".join(lines).strip()
    return [text] if text else []


def _opening(line: str) -> _Opening | None:
    if fence := _FENCE_ON_LINE.match(line):
        closed = f"{fence['body']}{fence['mark']}"
        return _Opening(before="", language=_language(fence["info"] or ""), mark=fence["mark"], first=closed)
    if fence := _FENCE.match(line) or _FENCE_IN_LINE.match(line):
        return _Opening(before=fence["before"], language=_language(fence["info"]), mark=fence["mark"])
    tag = _TAG_OPENING.match(line)
    if tag and not _goes_on(tag["first"], tag["tag"]):
        return _Opening(before=tag["before"], language="python", tag=tag["tag"], first=tag["first"])
    return None


def _goes_on(text: str, tag: str) -> bool:
    # A tag that opens and closes within a sentence marks up a word in prose.
    _, closing, rest = text.partition(f"</{tag}>")
    return bool(closing and rest.strip())


def _language(info: str) -> str:
    words = info.strip().strip("{}").split()
    return re.split(r"[:,]", words[0].lstrip("."))[0].lower() if words else ""


def _read(lines: list[str], start: int, opening: _Opening) -> tuple[Block, str, int]:
    """The block that opens at `start`, the rest of the line that closes it, and the line to go on with."""
    body: list[str] = []
    quote: str | None = None
    in_string: _Ending | None = None
    for index in range(start if opening.first is not None else start + 1, len(lines)):
        line = opening.first if index == start and opening.first is not None else lines[index]
        if index > start and quote is None and opening.may_be_code and _OBSERVATION.match(line):
            return _block(body, opening), "", index
        ending = _ending(line, opening, len(body))
        if ending is not None and quote is None:
            if in_string is not None and not reads_as_python("\n".join([*body, ending.kept])):
                break
            return _block([*body, ending.kept], opening), ending.rest, index + 1
        if ending is not None and in_string is None:
            in_string = ending
        body.append(line)
        quote = quote_after(line, quote) if opening.may_be_code else None
    if in_string is None:
        return _block(body, opening, closed=False), "", len(lines)
    # A fence in a string that never becomes valid Python: it was the block's end, and the string is the mistake.
    index = start + in_string.lines + (1 if opening.first is None else 0)
    return _block([*body[: in_string.lines], in_string.kept], opening), in_string.rest, index + 1


def _ending(line: str, opening: _Opening, lines: int) -> _Ending | None:
    if opening.tag:
        closing = re.search(rf"</{opening.tag}>", line, re.IGNORECASE)
        return closing and _Ending(lines=lines, kept=line[: closing.start()], rest=line[closing.end() :])
    text = line.strip()
    if text.startswith(opening.mark):
        rest = text.lstrip(opening.mark[0])
        if not rest.strip():
            return _Ending(lines=lines, kept="", rest="")
        # Where code is expected, a fence that says a language or goes on as prose ends the block before it.
        reopens = re.fullmatch(r"\w+", rest) is not None
        return _Ending(lines=lines, kept="", rest=text if reopens else rest) if opening.may_be_code else None
    if opening.may_be_code and opening.mark[0] == "`" and text.endswith(opening.mark):
        return _Ending(lines=lines, kept=line.rstrip().removesuffix(opening.mark), rest="")
    if opening.may_be_code and _TAG_CLOSING.match(line):
        return _Ending(lines=lines, kept="", rest="")
    return None


def _block(lines: list[str], opening: _Opening, *, closed: bool = True) -> Block:
    # Python starts at the margin, so what stands before its first line is the indentation of the block.
    indent = next((len(line) - len(line.lstrip()) for line in lines if line.strip()), 0)
    body = "\n".join(line[min(indent, len(line) - len(line.lstrip(" \t"))) :] for line in lines)
    return Block(language=opening.language, body=body.strip("\n").rstrip(), source="", closed=closed)


def _inner(block: Block, opening: _Opening) -> list[Segment]:
    """The block, or the fenced blocks in it if it is a tag around fences."""
    if not opening.tag or not block.body.startswith(("```", "~~~")):
        return [block]
    return [
        replace(part, language=part.language or block.language, closed=part.closed or block.closed)
        for part in segments(block.body)
        if isinstance(part, Block)
    ]
