"""Text from the web as a model gets it: marked with its source, and unable to look like what stands around it."""

import re
from html import escape

from lumo_graph.excerpts import readable, shorten

_INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that change what a person sees or hide text from them, but not from a model."""


def quote(tag: str, text: str, *, limit: int, **attributes: str) -> str:
    """Text of others between tags that it cannot close.

    Args:
        tag: name of the tags.
        text: what others wrote.
        limit: characters of the text that are kept: its head and its tail, and how many are missing.
        attributes: what is known about it, such as its source.
    """
    known = "".join(
        f' {name}="{escape(" ".join(clean(value).split()), quote=True)}"' for name, value in attributes.items() if value
    )
    # One class for all that may stand before the name: with two, blanks could be shared out in ever so many ways.
    inner = re.sub(rf"<(?=[\s/]*{tag})", "&lt;", clean(text), flags=re.IGNORECASE)
    return f"<{tag}{known}>\n{shorten(inner.strip(), limit)}\n</{tag}>"


def clean(text: str) -> str:
    """Text without control characters, and without those that hide or reorder other text."""
    return _INVISIBLE.sub("", readable(text))
