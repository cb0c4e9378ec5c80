"""What all searches share: how results look to a model, and how much of them it gets."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from lumo_graph.excerpts import one_line, shorten
from lumo_graph.toolkit.quoting import clean, quote

SNIPPET_CHARS = 1500
"""Characters of one result's text."""
_MOST_CHARS = 25_000
_TITLE_CHARS = 200
_URL_CHARS = 1000
_NOT_IN_LINKS = re.compile(r"[\s<>()\[\]\"`\\]")


class QueryArgs(BaseModel):
    """What a model fills in for a plain search."""

    query: str = Field(description="What to search for.", min_length=1, max_length=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One result, as far as the service tells."""

    title: str
    url: str
    text: str = ""
    date: str = ""
    source: str = ""


def write_results(query: str, results: Sequence[SearchResult], *, answer: str = "", advice: str = "") -> str:
    """A numbered list in Markdown, marked as the words of others.

    Args:
        query: what was searched for.
        results: the best first.
        answer: the service's own, if it gave one.
        advice: what to try if there are no results.
    """
    if not results and not answer:
        return f"No results for {query[:200]!r}. {advice or 'Try other or fewer words.'}"
    items = [f"Answer: {shorten(clean(answer).strip(), SNIPPET_CHARS)}"] if answer else []
    items += [f"{number}. {_write(result)}" for number, result in enumerate(results, 1)]
    return quote("search_results", "\n\n".join(items), limit=_MOST_CHARS, query=query[:200])


def _write(result: SearchResult) -> str:
    title = one_line(clean(result.title), _TITLE_CHARS).replace("[", "(").replace("]", ")") or "(no title)"
    head = f"[{title}]({_link(result.url)})"
    about = ", ".join(one_line(clean(part), 100) for part in (result.source, result.date) if part)
    text = shorten(clean(result.text).strip(), SNIPPET_CHARS)
    return "\n".join(filter(None, [head, about, text]))


def _link(url: str) -> str:
    """A URL that cannot end its link."""
    url = clean(url).strip()[:_URL_CHARS]
    return _NOT_IN_LINKS.sub(lambda found: f"%{ord(found[0]):02X}", url)


def text_of(value: object) -> str:
    """A text of a service's JSON; empty where it is none."""
    return value if isinstance(value, str) else ""
