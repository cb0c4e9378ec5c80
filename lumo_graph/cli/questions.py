"""What waits for a person, as text. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lumo_graph.cli.printable import printable


def question_text(request: Mapping[str, Any]) -> str:
    """A request for approval: the calls that wait, the code with their lines marked, the calls made before."""
    return printable("\n".join(_lines(request)))


def _lines(request: Mapping[str, Any]) -> Iterator[str]:
    if "action_requests" not in request:
        yield f"a tool asks: {json.dumps(dict(request), ensure_ascii=False, default=repr)}"
        return
    if agent := request.get("agent"):
        yield f"{agent} asks:"
    for call, review in zip(request["action_requests"], request["review_configs"], strict=True):
        args = ", ".join(f"{name}={value!r}" for name, value in call["args"].items() if name != "code")
        yield f"{call['name']}({args}) waits: {', '.join(review['allowed_decisions'])}"
        yield f"  {call['description']}"
    if code := request.get("code"):
        marked = set(request.get("lines", ()))
        yield "in the code:"
        for number, line in enumerate(code.splitlines(), 1):
            yield f"{'>' if number in marked else ' '} {number:3} {line}"
    if before := request.get("calls_before"):
        yield "called before:"
        yield from (f"  {call}" for call in before)
