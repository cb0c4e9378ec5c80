from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import InjectedToolCallId
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from langgraph.store.base import BaseStore

from lumo_graph.tools import HAND, make_toolbox
from lumo_graph.tools.handing import handed_kind


class ToolRuntimeOfMine:
    pass


@pytest.mark.parametrize(
    ("hint", "kind"),
    [
        (ToolRuntime, "runtime"),
        (ToolRuntime[Any, Any], "runtime"),
        (Annotated[BaseStore, InjectedStore()], "store"),
        (Annotated[BaseStore, InjectedStore], "store"),
        (Annotated[dict, InjectedState], None),
        (Annotated[str, InjectedToolCallId], None),
        (RunnableConfig, None),
        (ToolRuntimeOfMine, None),
        (Annotated[int, "how many"], None),
        (BaseStore, None),
        (None, None),
    ],
)
def test_langgraphs_own_marks_say_what_a_parameter_is_handed(hint, kind):
    assert handed_kind(hint) == kind


def count(most: int, runtime: ToolRuntime) -> list:
    """Count."""
    return [most, runtime]


def test_arguments_are_checked_as_ever():
    box = make_toolbox([count])
    config = {"configurable": {HAND: lambda kind, _: f"the {kind}"}}
    assert box.call("count", {"most": 3}, config).value == [3, "the runtime"]
    assert "valid integer" in box.call("count", {"most": "many"}, config).error
    assert "unexpected argument 'runtime'" in box.call("count", {"most": 3, "runtime": 1}, config).error


def test_where_nobody_hands_anything_it_is_said():
    assert make_toolbox([count]).call("count", {"most": 3}).error == (
        "count(): only in a run of an agent is there something for runtime."
    )
