"""A run as a notebook shows it. Everything in it comes from a model and its code, so everything is escaped."""

import base64
import html
from collections.abc import Sequence
from typing import Any

from lumo_graph.artifacts import Artifact
from lumo_graph.excerpts import shorten
from lumo_graph.types import Step, Usage

_MOST_STEPS = 50
_MOST_CHARS = 2_000
_MOST_IMAGES = 8
_MOST_BYTES = 2 << 20
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""First bytes of pictures that hold no script; what a file is named does not count."""

_PRE = "margin:.2em 0;padding:.4em .6em;white-space:pre-wrap;overflow-wrap:anywhere;border-left:3px solid"


def result_html(
    answer: Any, outcome: str, *, steps: Sequence[Step], usage: Usage, artifacts: Sequence[Artifact], waiting: int
) -> str:
    """A result as HTML.

    Args:
        answer: of the run.
        outcome: how it ended.
        steps: what it did.
        usage: of its model calls.
        artifacts: its files; pictures are shown.
        waiting: how many questions wait for a person.
    """
    spent = f"{len(steps)} steps, {usage.model_calls} model calls, {usage.total_tokens:,} tokens"
    told = f"{outcome}, {waiting} waiting for a decision" if waiting else outcome
    parts = [f"<div><b>{_text(told)}</b> <span style='opacity:.7'>{spent}</span></div>"]
    if answer is not None:
        parts.append(_pre(answer if isinstance(answer, str) else repr(answer), "#2e8b57"))
    parts += [_picture(artifact) for artifact in _pictures(artifacts)]
    if artifacts:
        names = ", ".join(f"{artifact.name} ({artifact.size:,} bytes)" for artifact in artifacts)
        parts.append(f"<div>Files: {_text(names)}</div>")
    parts += [_step(step) for step in steps[-_MOST_STEPS:]]
    return f"<div style='max-width:60em'>{''.join(parts)}</div>"


def _step(step: Step) -> str:
    """Folded, unless it failed."""
    calls = f", {len(step.calls)} tool calls" if step.calls else ""
    title = f"Step {step.number}{calls}, {step.seconds:.1f} s{f': {step.error}' if step.error else ''}"
    body = [f"<div>{_text(step.thought)}</div>"] if step.thought else []
    if step.code is not None:
        body.append(_pre(step.code, "#4a6fa5"))
    if step.observation:
        body.append(_pre(step.observation, "#b03a2e" if step.error else "#999"))
    opened = " open" if step.error else ""
    return f"<details{opened}><summary>{_text(title)}</summary>{''.join(body)}</details>"


def _pre(text: str, colour: str) -> str:
    return f"<pre style='{_PRE} {colour}'>{_text(text)}</pre>"


def _text(text: str) -> str:
    return html.escape(shorten(text, _MOST_CHARS))


def _pictures(artifacts: Sequence[Artifact]) -> list[Artifact]:
    return [one for one in artifacts if _kind(one) and one.size <= _MOST_BYTES][:_MOST_IMAGES]


def _picture(artifact: Artifact) -> str:
    data = base64.b64encode(artifact.content).decode("ascii")
    return f"<img alt='{_text(artifact.name)}' style='max-width:100%' src='data:{_kind(artifact)};base64,{data}'>"


def _kind(artifact: Artifact) -> str | None:
    return next((kind for first, kind in _PICTURES.items() if artifact.content.startswith(first)), None)
