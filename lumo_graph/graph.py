"""Create an agent: its arguments checked, its parts made, its graph compiled."""

# LangGraph leaves the type of a cache policy open in every signature:
# pyright: reportUnknownMemberType=false

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool
from langgraph.checkpoint.base import BaseCheckpointSaver

from lumo_graph.approvals import InterruptOn, parse_rules
from lumo_graph.dialects import PYTHON_INTERPRETER, Dialect, check_agent_type, check_dialects, response_schema
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.inputs import Files
from lumo_graph.hooks import hooks_of
from lumo_graph.lumo_agent import LumoAgent
from lumo_graph.managed import Agent, agent_tools
from lumo_graph.map import build
from lumo_graph.models import RetryPolicy, model_name, resolve_model
from lumo_graph.nodes.setup import Setup
from lumo_graph.sessions import LiveSessions
from lumo_graph.toolkit.interpreter import PythonInterpreter
from lumo_graph.tools import Toolbox, make_toolbox
from lumo_graph.tracing import Traced, provider_of
from lumo_graph.types import FUNCTION_CALLING, AgentTypeName, Executor, Limits

_NO_NAME = "lumo_agent"
_SPEAKER = re.compile(r"[^\s<|\\/>]+")
"""Names that OpenAI takes on a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """An agent, and what is behind it."""

    graph: LumoAgent
    sessions: LiveSessions

    def stop(self) -> None:
        """End what its nodes do now, undone; from any thread. What has just begun may need it again."""
        self.graph.stop()


def create_lumo_agent(
    model: str | BaseChatModel,
    tools: Sequence[BaseTool | Callable[..., Any]] = (),
    *,
    agents: Sequence[Agent] = (),
    agent_type: AgentTypeName = "function-calling",
    dialects: Sequence[Dialect] = (),
    middleware: Sequence[Any] = (),
    executor: Executor | None = None,
    files: Files = (),
    limits: Limits | Mapping[str, Any] = Limits(),  # noqa: B008 - frozen
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    system_prompt: str | None = None,
    response_format: Any = None,
    planning_interval: int | None = None,
    retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    preflight: bool = True,
    interrupt_on: InterruptOn | None = None,
    idle_sessions: int = 32,
    idle_seconds: float = 900.0,
    tracing: bool = True,
    name: str = _NO_NAME,
) -> LumoAgent:
    """Create an agent: a compiled LangGraph state graph, to invoke, stream, resume or embed like any other.

    Input of the graph: `task` (str) or `messages`, and for this run `agent_type`, `history` and `limits`. Its context,
    an `AgentContext`, says how it works for one caller.
    Output: `answer`, `outcome`, `steps`, `messages`, `usage` and `isolation`.

    Args:
        model: a chat model, or its name as `"openai:gpt-4.1-nano"`.
        tools: LangChain tools, functions and async functions. Code calls them by their own names. With a
            `lumo_graph.toolkit.PythonInterpreter` among them, function calling runs code too, in the same jail and with
            the same variables as the code agent.
        agents: agents that this one may call, in code and by function calling, as `name(task)`: each an
            `Agent(name, description, graph)`.
        agent_type: `"function-calling"` or `"code-agent"`, in short `"mcp"` or `"code"`; the run's input may choose the
            other. Or the name of a dialect.
        dialects: other ways for the model to act by code, which `agent_type` may name. Those of installed packages are
            there without.
        middleware: hooks before and after the model and before and after actions: each a
            `lumo_graph.hooks.Middleware`, or one of LangChain's that has such hooks only.
        executor: runs the code; a `ProcessExecutor` unless given. Nothing is started before the first code action.
        files: what the code finds in its working directory, for reading: a list of paths, or a mapping of names to
            paths or bytes. With an executor of your own, give them to it.
        limits: what one run may use: a `Limits`, or the fields that differ from its defaults.
        checkpointer: a LangGraph checkpointer; stores the conversation and the variables, so that a run can be resumed.
            In a larger graph: None takes the parent's, for one call; True keeps conversation and variables from call to
            call of a thread; False stores nothing.
        system_prompt: instructions for the model, added to what this library tells it.
        response_format: form of the answer: a pydantic model, any type pydantic validates, or a JSON Schema as a dict
            (extra `schema`). An answer that does not fit goes back to the model.
        planning_interval: steps between plans; None: no plans.
        retry: how model calls are retried.
        preflight: check every code action before anything of it runs; code that is certain to fail is not started.
        interrupt_on: tools whose calls wait for a person, from code and by function calling: `{"send_email": True}`, a
            predicate on the arguments instead of True, or `{"allowed_decisions": [...], "description": ..., "when":
            predicate}`. `"python_interpreter"` stands for whole code actions. Needs a checkpointer; the run goes on
            with `Command(resume={"type": "approve"})`. A rule holds until the run ends: where it is not given again,
            every call of its tool waits, unless the tool is named with False.
        idle_sessions: sessions that stay alive between actions, of all threads together. What is beyond it ends, and
            comes back from its checkpoint: without what cannot be stored, such as a generator.
        idle_seconds: how long one stays alive with nothing to do; then it ends in the same way.
        tracing: trace its runs with OpenTelemetry, where a provider is set (`configure_tracing` sets one).
        name: of the graph, as parents, streams and traces show it. One that you give also stands on the agent's
            messages, unless providers would refuse it there (spaces, `<`, `>`, `|`, slashes).

    Raises:
        ConfigurationError: an argument cannot be used as given.
    """
    return assemble(
        resolve_model(model),
        tools,
        agents=agents,
        agent_type=agent_type,
        dialects=dialects,
        middleware=middleware,
        executor=executor,
        files=files,
        limits=limits,
        checkpointer=checkpointer,
        system_prompt=system_prompt,
        response_format=response_format,
        planning_interval=planning_interval,
        retry=retry,
        preflight=preflight,
        interrupt_on=interrupt_on,
        idle_sessions=idle_sessions,
        idle_seconds=idle_seconds,
        tracing=tracing,
        name=name,
    ).graph


def assemble(
    model: BaseChatModel,
    tools: Sequence[BaseTool | Callable[..., Any]] = (),
    *,
    agents: Sequence[Agent] = (),
    agent_type: str = FUNCTION_CALLING,
    dialects: Sequence[Dialect] = (),
    middleware: Sequence[Any] = (),
    executor: Executor | None = None,
    files: Files = (),
    limits: Limits | Mapping[str, Any] = Limits(),  # noqa: B008 - frozen
    checkpointer: BaseCheckpointSaver[Any] | bool | None = None,
    system_prompt: str | None = None,
    response_format: Any = None,
    planning_interval: int | None = None,
    retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    preflight: bool = True,
    interrupt_on: InterruptOn | None = None,
    idle_sessions: int = 32,
    idle_seconds: float = 900.0,
    tracing: bool = True,
    name: str = _NO_NAME,
) -> Assembled:
    """`create_lumo_agent`, with what a caller needs who knows when the agent ends."""
    _check_parts(executor=executor, checkpointer=checkpointer, system_prompt=system_prompt, retry=retry)
    for option, value in (("preflight", preflight), ("tracing", tracing)):
        if type(value) is not bool:
            raise ConfigurationError(f"{option} must be True or False, not {value!r}.")
    known, hooks = check_dialects(dialects), hooks_of(middleware)
    managed = agent_tools(agents)
    toolbox, interpreter = _apart([*tools, *managed] if managed else tools)
    if executor is not None and files:
        raise ConfigurationError("files and executor are both given. Give the files to it: ProcessExecutor(files=...).")
    sessions = LiveSessions(
        executor or ProcessExecutor(files=files),
        tools=toolbox.specs,
        capacity=_check_count("idle_sessions", idle_sessions),
        idle_seconds=_check_seconds("idle_seconds", idle_seconds),
    )
    setup = Setup(
        model=model,
        toolbox=toolbox,
        interpreter=interpreter,
        sessions=sessions,
        limits=Limits.of(limits),
        agent_type=check_agent_type(agent_type, known),
        dialects=known,
        system_prompt=system_prompt,
        response_format=response_format,
        planning_interval=_check_interval(planning_interval),
        retry=retry,
        preflight=preflight,
        approvals=parse_rules(interrupt_on, [spec.name for spec in toolbox.specs]),
        lifted=frozenset(name for name, rule in (interrupt_on or {}).items() if rule is False),
        speaker=name if name != _NO_NAME and _SPEAKER.fullmatch(name) else None,
    )
    if setup.approvals and checkpointer is False:
        raise ConfigurationError("interrupt_on needs a checkpointer, and checkpointer=False stores nothing.")
    if response_format is not None:
        response_schema(response_format)  # raises before any work
    traced = Traced(agent=name, provider=provider_of(model), model=model_name(model), enabled=tracing)
    graph = build(setup, hooks).compile(checkpointer=checkpointer, name=name)
    called = [agent.graph.stop for agent in agents if isinstance(agent.graph, LumoAgent)]
    stops = [setup.stopping.stop, sessions.interrupt, *called]
    return Assembled(
        graph=LumoAgent.of(graph, traced, lambda: [stop() for stop in stops], calls_agents=bool(agents)),
        sessions=sessions,
    )


def _apart(tools: Sequence[BaseTool | Callable[..., Any]]) -> tuple[Toolbox, PythonInterpreter | None]:
    """The tools, and the interpreter if it is among them: its calls are code actions, not tool calls."""
    if not isinstance(tools, (list, tuple)):
        return make_toolbox(tools), None
    interpreters = [tool for tool in tools if isinstance(tool, PythonInterpreter)]
    if len(interpreters) > 1:
        raise ConfigurationError("PythonInterpreter is given twice. An agent has one interpreter: leave one out.")
    if interpreters and interpreters[0].name != PYTHON_INTERPRETER:
        raise ConfigurationError(
            f"The PythonInterpreter is named {interpreters[0].name!r}. In an agent it keeps its own name, "
            f"{PYTHON_INTERPRETER!r}, by which its code is told from other calls: leave `name` out."
        )
    others = [tool for tool in tools if not isinstance(tool, PythonInterpreter)]
    return make_toolbox(others), interpreters[0] if interpreters else None


def _check_parts(*, executor: object, checkpointer: object, system_prompt: object, retry: object) -> None:
    if executor is not None and (isinstance(executor, type) or not callable(getattr(executor, "open", None))):
        raise ConfigurationError(f"executor must be an Executor, such as ProcessExecutor(), not {executor!r}.")
    if system_prompt is not None and not isinstance(system_prompt, str):
        raise ConfigurationError(f"system_prompt must be a text or None, not {system_prompt!r}.")
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, such as RetryPolicy(attempts=1), not {retry!r}.")
    if not (checkpointer is None or isinstance(checkpointer, (bool, BaseCheckpointSaver))):
        raise ConfigurationError(
            f"checkpointer must be a LangGraph checkpointer, a bool or None, not {checkpointer!r}. "
            "`run` takes URLs; for a graph, open one with lumo_graph.checkpoints.open_checkpointer(url)."
        )


def _check_count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number, 0 or more, not {value!r}.")
    return value


def _check_seconds(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError(f"{name} must be a number of seconds above 0, not {value!r}.")
    return float(value)


def _check_interval(interval: object) -> int | None:
    if interval is None:
        return None
    if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
        raise ConfigurationError(f"planning_interval must be a number of steps from 1 on, or None, not {interval!r}.")
    return interval
