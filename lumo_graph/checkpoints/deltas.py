"""The whole values of `DeltaChannel`s, which a checkpoint holds only as what was written since an earlier one."""

# LangGraph leaves the type of a state open in every signature:
# pyright: reportUnknownMemberType=false

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, cast

from langgraph.channels import DeltaChannel
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]
from langgraph.graph import START, StateGraph

from lumo_graph.checkpoints.opening import Checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.state import AgentState


def whole_values(saver: Checkpointer, stored: CheckpointTuple, names: Collection[str] | None = None) -> dict[str, Any]:
    """The values of the delta channels that a checkpoint does not hold as a whole.

    Args:
        saver: where it is stored.
        stored: the checkpoint.
        names: of the channels; all that there are unless given.

    Raises:
        ConfigurationError: it has channels that this version does not know.
    """
    specs = delta_channels()
    counted: Mapping[str, Any] = stored.metadata.get("counters_since_delta_snapshot", {})
    if strange := sorted(set(counted) - set(specs)):
        thread_id = stored.config.get("configurable", {}).get("thread_id")
        raise ConfigurationError(
            f"Thread {thread_id!r} has channels that this version does not know: {', '.join(strange)}."
        )
    values, versions = stored.checkpoint["channel_values"], stored.checkpoint["channel_versions"]
    wanted = specs if names is None else names
    missing = [name for name in wanted if name in versions and name not in values]
    history = saver.get_delta_channel_history(config=stored.config, channels=missing)
    whole: dict[str, Any] = {}
    for name in missing:
        spec = specs[name]
        channel = spec.from_checkpoint(history[name].get("seed", spec.checkpoint()))
        channel.replay_writes(history[name]["writes"])
        whole[name] = channel.get()
    return whole


def value_of(value: Any) -> Any:
    """The value of a delta channel as a checkpoint holds it where it holds the whole."""
    return value.value if isinstance(value, _DeltaSnapshot) else value


def as_stored(value: Any) -> Any:
    """A whole value as LangGraph stores it, so that it reads that instead of going further back."""
    return _DeltaSnapshot(value)


def delta_channels() -> dict[str, DeltaChannel[Any]]:
    """The delta channels of an agent's state."""
    channels = agent_channels().items()
    return {name: cast("DeltaChannel[Any]", one) for name, one in channels if isinstance(one, DeltaChannel)}


@cache
def agent_channels() -> Mapping[str, Any]:
    """Every channel of an agent's state."""
    builder: StateGraph[AgentState] = StateGraph(AgentState)
    builder.add_node("nothing", _nothing)
    builder.add_edge(START, "nothing")
    return cast("Mapping[str, Any]", builder.compile().channels)


def _nothing(state: AgentState) -> dict[str, Any]:
    del state
    return {}
