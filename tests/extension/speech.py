"""A dialect as a third party would write it: the model replies with one JSON object."""

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage

from lumo_graph.dialects import Answer, Facts, RunCode, Unparsable, render_stub
from lumo_graph.types import ToolSpec


class JsonDialect:
    """`{"thought": ..., "code": ...}`, or `{"thought": ..., "answer": ...}`."""

    name = "json-agent"

    def prompt(self, facts: Facts) -> str:
        functions = "\n".join(render_stub(tool) for tool in facts.tools)
        parts = ['Reply with one JSON object: {"thought": str, "code": str} or {"answer": ...}.', functions]
        return "\n\n".join(part for part in [*parts, facts.instructions] if part)

    def parse(self, reply: AIMessage, tools: Sequence[ToolSpec]) -> RunCode | Answer | Unparsable:
        said = _read(reply)
        if said is None:
            return Unparsable("That is no JSON object.")
        return RunCode(said["code"]) if "code" in said else Answer(said.get("answer"))

    def thought(self, reply: AIMessage) -> str:
        return str((_read(reply) or {}).get("thought", ""))


def _read(reply: AIMessage) -> dict | None:
    try:
        said = json.loads(str(reply.text))
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
