"""Whether the content of runs is told, where, and in which form. Off unless it is asked for.

Content is what a person or a model has written and what tools return: prompts, code, arguments, results, and the text
of exceptions. Names, numbers and hashes are not content.
"""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal, TypeAlias, cast

from lumo_graph.errors import ConfigurationError
from lumo_graph.storable import whole_characters

Capture: TypeAlias = Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"]
Redact: TypeAlias = Callable[[str], str]

VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
MAX_CHARS = 64_000
"""Characters of one attribute, unless `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT` allows fewer."""

_WHERE: Mapping[str, tuple[bool, bool]] = {
    "NO_CONTENT": (False, False),
    "SPAN_ONLY": (True, False),
    "EVENT_ONLY": (False, True),
    "SPAN_AND_EVENT": (True, True),
}
_OLDER_WORDS = {"": "NO_CONTENT", "FALSE": "NO_CONTENT", "TRUE": "SPAN_AND_EVENT"}
_LIMITS = ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")
_NOT_REDACTED = "[left out: redact failed]"
_MOST_DEPTH = 32
_EDGE = 2
"""Items that stay at each end of a list that is far too long."""

_logger = logging.getLogger("lumo_graph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What may be told of the content of a run."""

    on_spans: bool = False
    in_events: bool = False
    max_chars: int = MAX_CHARS
    redact: Redact | None = None

    def __bool__(self) -> bool:
        return self.on_spans or self.in_events

    def clean(self, value: Any, depth: int = 0) -> Any:
        """The value as JSON data, with every text and number in it redacted."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value)
        if depth >= _MOST_DEPTH:
            return "..."
        if isinstance(value, Mapping):
            fields = self._fewer([*cast("Mapping[Any, Any]", value).items()], ("...", "..."))
            return {self._redacted(_text(name)): self.clean(part, depth + 1) for name, part in fields}
        if isinstance(value, (list, tuple)):
            return [self.clean(part, depth + 1) for part in self._fewer(cast("Sequence[Any]", value), "...")]
        return self._redacted(_text(value))

    def _number(self, value: float) -> float | str:
        """A number may be that of a card: what the hook has changed of its text is told as text."""
        text = _text(value)
        shown = self._redacted(text)
        # JSON has no NaN and no infinity, and Python writes no integer of thousands of digits.
        writable = isfinite(value) if isinstance(value, float) else text != _class_of(value)
        return value if shown == text and writable else shown

    def _fewer(self, items: Sequence[Any], gap: Any) -> Sequence[Any]:
        """What has more items than there is room for characters is not read to its end: it may be millions."""
        most = max(self.max_chars // 2, 2 * _EDGE)
        return items if len(items) <= most else [*items[:_EDGE], gap, *items[-_EDGE:]]

    def _redacted(self, text: str) -> str:
        if self.redact is None:
            return text
        try:
            return whole_characters(str(self.redact(text)))
        except Exception as failure:  # noqa: BLE001 - a hook of the user's must not break a run, nor let content through
            _warn_once("redact failed with %s: texts are left out of the trace", type(failure).__name__)
            return _NOT_REDACTED


_chosen: list[Capture | None] = [None]
_hook: list[Redact | None] = [None]
_warnings: set[str] = set()


def _warn_once(text: str, *about: str) -> None:
    """Each run, and each text of it, would say the same."""
    if text not in _warnings:
        _warnings.add(text)
        _logger.warning(text, *about)


def choose_content(capture: Capture | None, redact: Redact | None) -> None:
    """Set for the process what `configure_tracing` was told; None leaves what it was told before.

    Raises:
        ConfigurationError: there is no such choice.
    """
    if capture is not None and capture not in _WHERE:
        raise ConfigurationError(f"capture_content must be one of {', '.join(_WHERE)}, not {capture!r}.")
    if redact is not None and not callable(redact):
        raise ConfigurationError(f"redact must be a function of a text that returns a text, not {redact!r}.")
    # Whoever calls without a hook must not let out what an earlier caller's hook keeps in.
    _chosen[0], _hook[0] = capture or _chosen[0], redact or _hook[0]


def content() -> Content:
    """What may be told now."""
    on_spans, in_events = _WHERE[_chosen[0] or _from_environment()]
    if not (on_spans or in_events):
        return _NOTHING
    return replace(
        _NOTHING, on_spans=on_spans, in_events=in_events, redact=_hook[0], max_chars=min(MAX_CHARS, _limit())
    )


def json_text(value: Any) -> str:
    """The value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


_NOTHING = Content()


def _text(value: Any) -> str:
    try:
        return whole_characters(str(value))
    except Exception:  # noqa: BLE001 - an object of the user's, which may refuse
        return _class_of(value)


def _class_of(value: object) -> str:
    return f"<{type(value).__name__}>"


def _from_environment() -> str:
    given = os.environ.get(VARIABLE, "").strip().upper()
    found = _OLDER_WORDS.get(given, given)
    if found not in _WHERE:
        _warn_once("%s=%s is none of %s: no content is captured", VARIABLE, given, ", ".join(_WHERE))
        return "NO_CONTENT"
    return found


def _limit() -> int:
    for name in _LIMITS:
        if (text := os.environ.get(name, "").strip()).isdecimal():
            return int(text)
    return MAX_CHARS
