"""From what a client asks to the options of a run. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from lumo_graph.approvals import PYTHON, InterruptOn
from lumo_graph.budgets import tightened as within
from lumo_graph.context import check_agent_type
from lumo_graph.limits import Limits
from lumo_graph.nodes.prepare import check_history, check_task
from lumo_graph.options import RunOptions
from lumo_graph.wire.requests import RunRequest
from lumo_graph.wire.texts import json_text

ASKED = "lumo_graph_asked"
"""Under this name the metadata of a checkpoint say how the run was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What makes the agent of a run, as it was asked for: with it, whoever goes on with the run has the same agent."""

    model: str
    base_url: str
    tools: Sequence[str] = ()
    mcp_servers: Sequence[str] = ()
    """Names of the operator's."""
    max_results: int = 5
    system_prompt: str | None = None
    planning_interval: int | None = None

    def to_text(self) -> str:
        """One text, as it is stored."""
        return json_text(asdict(self))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> "Asked | None":
        """What is stored with a checkpoint; None if the run was not asked for over the wire."""
        text = metadata.get(ASKED)
        return cls(**json.loads(text)) if isinstance(text, str) else None


def run_options(request: RunRequest, ceiling: Limits) -> RunOptions:
    """The options that only a new run has.

    Args:
        request: what the client asks.
        ceiling: what the run may use at most, whatever the client asks.

    Raises:
        ConfigurationError: something cannot be used as given.
    """
    check_task(request.task)
    options: RunOptions = {
        "limits": tightened(
            ceiling,
            {
                "max_steps": request.max_steps,
                "max_tokens": request.max_tokens,
                "max_seconds": request.max_seconds,
            },
        )
    }
    if request.agent_type is not None:
        options["agent_type"] = check_agent_type(request.agent_type)
    if earlier := request.earlier:
        options["history"] = check_history(earlier)
    return options


def tightened(ceiling: Limits, wanted: Mapping[str, float | None]) -> Limits:
    """What a run may use: what is wanted of it, else what a run has unless told otherwise, and never more than may be.

    Args:
        ceiling: what may be used at most.
        wanted: name of a limit to what is asked for; None: nothing is.
    """
    asked = Limits.of({name: value for name, value in wanted.items() if value is not None})
    most: dict[str, float | None] = {spec.name: getattr(ceiling, spec.name) for spec in fields(Limits)}
    return within(asked, {name: value for name, value in most.items() if value is not None})


def rules_for(rules: InterruptOn | None, tools: Iterable[str]) -> InterruptOn | None:
    """Of the rules for approvals, those for the tools that a run has."""
    there = {PYTHON, *tools}
    return {name: rule for name, rule in (rules or {}).items() if name in there} or None
