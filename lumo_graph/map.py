"""The map of an agent: the only module that adds nodes and edges."""

# LangGraph leaves the type of a cache policy open in every signature:
# pyright: reportUnknownMemberType=false

from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from langgraph.graph import END, START, StateGraph

from lumo_graph.context import AgentContext
from lumo_graph.hooks import Hook, Hooks
from lumo_graph.nodes.answer import Answer
from lumo_graph.nodes.call_model import CallModel
from lumo_graph.nodes.call_tools import CallTools
from lumo_graph.nodes.execute import Execute
from lumo_graph.nodes.generate_code import GenerateCode
from lumo_graph.nodes.hooking import Hooking
from lumo_graph.nodes.node import Node
from lumo_graph.nodes.observe import Observe
from lumo_graph.nodes.plan import Plan
from lumo_graph.nodes.prepare import Prepare
from lumo_graph.nodes.routes import after_calls, after_observe, after_observe_unplanned, branch
from lumo_graph.nodes.self_debug import SelfDebug
from lumo_graph.nodes.setup import Setup
from lumo_graph.state import AgentInput, AgentOutput, AgentState

_Builder: TypeAlias = StateGraph[AgentState, AgentContext, AgentInput, AgentOutput]
_Paths: TypeAlias = Mapping[Hashable, str]
"""Where each answer of a router leads."""

_MODELS: _Paths = {"generate_code": "generate_code", "call_model": "call_model"}
_ACTIONS: _Paths = {"generate_code": "execute", "call_model": "call_tools"}


def build(setup: Setup, hooks: Hooks) -> _Builder:
    """The graph of an agent: two branches, and the user's hooks where there are some."""
    builder: _Builder = StateGraph(AgentState, AgentContext, input_schema=AgentInput, output_schema=AgentOutput)

    builder.add_node("prepare", Node(setup, Prepare(setup), "begins"))
    builder.add_node("plan", Node(setup, Plan(setup)))
    builder.add_node("generate_code", Node(setup, GenerateCode(setup), "opens"))
    builder.add_node("execute", Node(setup, Execute(setup), "within"))
    builder.add_node("call_model", Node(setup, CallModel(setup), "opens"))
    builder.add_node("call_tools", Node(setup, CallTools(setup), "within"))
    builder.add_node("observe", Node(setup, Observe(setup), "closes"))
    builder.add_node("self_debug", SelfDebug(setup).run)
    builder.add_node("answer", Node(setup, Answer(setup)))

    to_model = _hooked(builder, setup, hooks["before_model"], _MODELS)
    to_action = _hooked(builder, setup, [*hooks["after_model"], *hooks["before_action"]], _ACTIONS)
    to_observe = _hooked(builder, setup, hooks["after_action"], {"observe": "observe"})

    builder.add_edge(START, "prepare")
    builder.add_edge("prepare", "plan")
    builder.add_conditional_edges("plan", branch, dict(to_model))
    builder.add_edge("generate_code", to_action["generate_code"])
    builder.add_edge("call_model", to_action["call_model"])
    builder.add_edge("execute", to_observe["observe"])
    onward: dict[Hashable, str] = {"self_debug": "self_debug", **to_model, "answer": "answer"}
    if setup.planning_interval is None:
        builder.add_conditional_edges("observe", after_observe_unplanned, onward)
    else:
        builder.add_conditional_edges("observe", after_observe, {**onward, "plan": "plan"})
    if setup.interpreter is None:
        builder.add_edge("call_tools", to_observe["observe"])
        builder.add_edge("self_debug", to_model["generate_code"])
    else:
        builder.add_conditional_edges("call_tools", after_calls, {"execute": "execute", **to_observe})
        builder.add_conditional_edges("self_debug", branch, dict(to_model))
    builder.add_edge("answer", END)
    return builder


def _hooked(builder: _Builder, setup: Setup, hooks: Sequence[Hook], onward: _Paths) -> _Paths:
    """Put hooks in a row before what comes next; where each path leads then."""
    if not hooks:
        return onward
    for hook in hooks:
        schema: Any = hook.state_schema
        place = None if hook.point == "before_model" else "within"
        builder.add_node(hook.name, Node(setup, Hooking(hook), place), input_schema=schema)
    for hook, following in pairwise(hooks):
        builder.add_edge(hook.name, following.name)
    last = hooks[-1].name
    if len(onward) == 1:
        builder.add_edge(last, next(iter(onward.values())))
    else:
        builder.add_conditional_edges(last, branch, dict(onward))
    return dict.fromkeys(onward, hooks[0].name)
