"""Tools for tests of agents: models that follow a script, and the contract every executor must keep.

Needs no test framework: what is wrong raises an AssertionError.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lumo_graph.testing.executor import check_executor
    from lumo_graph.testing.model import ScriptedModel
    from lumo_graph.testing.openai import Disconnect, Endless, Fault, ScriptedOpenAI, ScriptedRequest
    from lumo_graph.testing.script import ScriptError

__all__ = [
    "Disconnect",
    "Endless",
    "Fault",
    "ScriptError",
    "ScriptedModel",
    "ScriptedOpenAI",
    "ScriptedRequest",
    "check_executor",
]

_HOMES = {
    "Disconnect": "openai",
    "Endless": "openai",
    "Fault": "openai",
    "ScriptError": "script",
    "ScriptedModel": "model",
    "ScriptedOpenAI": "openai",
    "ScriptedRequest": "openai",
    "check_executor": "executor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
