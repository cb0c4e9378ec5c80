"""Our interpreter for agents of LangChain: `create_agent(..., middleware=[CodeActionMiddleware()])`."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, cast

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain.agents.middleware import AgentState as LangChainState
from langchain.agents.middleware.types import PrivateStateAttr
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, SystemMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.channels import DeltaChannel
from langgraph.types import Command
from typing_extensions import override

from lumo_graph.approvals import InterruptOn, parse_rules
from lumo_graph.dialects import (
    PYTHON_INTERPRETER,
    Interpreter,
    RunCode,
    action_to_dict,
    debug_brief,
    interpreter_prompt,
)
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.inputs import Files
from lumo_graph.middleware.joining import joined_code
from lumo_graph.middleware.reachable import reachable
from lumo_graph.models import RetryPolicy
from lumo_graph.nodes.execute import Execute
from lumo_graph.nodes.records import find_place
from lumo_graph.nodes.seeing import see
from lumo_graph.nodes.setup import Setup
from lumo_graph.sessions import LiveSessions
from lumo_graph.state import AgentState, Update, merge
from lumo_graph.toolkit.interpreter import DESCRIPTION
from lumo_graph.tracing import Traced, entered, part_of_run
from lumo_graph.types import Execution, Executor, Limits

_MOST_KNOWN = 32

_CHANNELS = {
    "namespace": "code_namespace",
    "artifacts": "code_files",
    "revision": "code_revision",
    "variables": "code_variables",
    "unsaved": "code_unsaved",
}
"""Our names of what a thread's interpreter is, and theirs in the state of an agent that is not ours."""


class CodeState(LangChainState[Any]):
    """What the interpreter of a thread adds to the state of the agent."""

    code_namespace: NotRequired[Annotated[dict[str, bytes], DeltaChannel(merge), PrivateStateAttr]]
    code_files: NotRequired[Annotated[dict[str, bytes], DeltaChannel(merge), PrivateStateAttr]]
    code_revision: NotRequired[Annotated[str, PrivateStateAttr]]
    code_variables: NotRequired[Annotated[dict[str, str], DeltaChannel(merge), PrivateStateAttr]]
    code_unsaved: NotRequired[Annotated[dict[str, str], PrivateStateAttr]]
    code_run: NotRequired[Annotated[str, PrivateStateAttr]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What runs code that may call some tools."""

    tools: tuple[BaseTool, ...]
    setup: Setup
    execute: Execute


class CodeActionMiddleware(AgentMiddleware[CodeState, Any, Any]):
    """Gives an agent of LangChain's `create_agent` one more tool, `python_interpreter`.

    The code runs in our jail. Its variables and files are a part of the agent's state, so they are in every checkpoint,
    and come back in a fork, on another day and on another machine. The agent's other tools are functions in it. With a
    checkpointer each of their calls is recorded: neither a crash nor a question in the middle of the code makes one
    again. Tools that LangChain must give something but their arguments (`ToolRuntime`, `InjectedState`) cannot be
    called from code; the model calls them itself.

    Args:
        tools: names of the tools that code may call; None: all that can be.
        executor: runs the code; a `ProcessExecutor` unless given.
        files: what the code finds in its working directory, for reading, as for `create_lumo_agent`.
        limits: of one action: `action_seconds`, `action_cpu_seconds`, `memory_mb`, `disk_mb`, `max_tool_calls`,
            `max_observation_chars`.
        interrupt_on: tools whose calls from code wait for a person, as for `create_lumo_agent`; calls of the model's
            own are the matter of LangChain's `HumanInTheLoopMiddleware`. Needs a checkpointer.
        preflight: check code before anything of it runs.
        tracing: trace code and the calls it makes with OpenTelemetry, where a provider is set.

    Raises:
        ConfigurationError: an argument cannot be used as given.
    """

    state_schema = CodeState

    def __init__(
        self,
        *,
        tools: Sequence[str] | None = None,
        executor: Executor | None = None,
        files: Files = (),
        limits: Limits | Mapping[str, Any] | None = None,
        interrupt_on: InterruptOn | None = None,
        preflight: bool = True,
        tracing: bool = True,
    ) -> None:
        super().__init__()
        if isinstance(tools, str):
            raise ConfigurationError(f"tools must be a list of names, not {tools!r}.")
        if executor is not None and files:
            raise ConfigurationError("files and executor are both given. Give the files to it.")
        self._named = None if tools is None else frozenset(tools)
        self._executor = executor or ProcessExecutor(files=files)
        self._limits = Limits.of(limits)
        self._interrupt_on = interrupt_on
        self._preflight = preflight
        self._traced = Traced(agent=PYTHON_INTERPRETER, provider="", model="", enabled=tracing)
        self._known: dict[tuple[int, ...], _Parts] = {}
        self.tools = [_tool(self._run, self._arun)]

    @override
    def before_agent(self, state: CodeState, runtime: Any) -> dict[str, Any]:
        return {"code_run": uuid.uuid4().hex}

    @override
    def after_agent(self, state: CodeState, runtime: Any) -> None:
        for parts in list(self._known.values()):
            parts.setup.sessions.close(state.get("code_run", ""))  # of a run that is stored nowhere

    @override
    def after_model(self, state: CodeState, runtime: Any) -> dict[str, Any] | None:
        last = state["messages"][-1]
        joined = joined_code(last) if isinstance(last, AIMessage) else None
        return None if joined is None else {"messages": [joined]}

    @override
    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> Any:
        return handler(self._told(request))

    @override
    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> Any:
        # To say what code can import, an executor may read files.
        return await handler(await asyncio.to_thread(self._told, request))

    def _told(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        """The request, with what the model must know of the interpreter."""
        tools = [tool for tool in request.tools if isinstance(tool, BaseTool)]
        if all(tool.name != PYTHON_INTERPRETER for tool in tools):
            return request  # another middleware has taken it away
        parts = self._parts(tools)
        interpreter = Interpreter(
            packages=self._executor.packages,
            imports=getattr(self._executor, "imports", None),
            notes=getattr(self._executor, "notes", ()),
            limits=self._limits,
        )
        told = interpreter_prompt(parts.setup.toolbox.specs, interpreter)
        return request.override(system_message=_with_section(request.system_message, told))

    def _run(self, code: str, runtime: ToolRuntime[Any, Any]) -> Command[Any]:
        parts, state = self._parts(runtime.tools), self._state(code, runtime)
        with entered(part_of_run(self._traced, runtime.config)):
            update = parts.execute.run(state, runtime.config)
        return _command(state, update, parts, runtime)

    async def _arun(self, code: str, runtime: ToolRuntime[Any, Any]) -> Command[Any]:
        parts, state = self._parts(runtime.tools), self._state(code, runtime)
        with entered(part_of_run(self._traced, runtime.config)):
            update = await parts.execute.arun(state, runtime.config)
        return _command(state, update, parts, runtime)

    def _parts(self, tools: Sequence[BaseTool]) -> _Parts:
        key = tuple(id(tool) for tool in tools)
        if key not in self._known:
            toolbox = reachable(tools, self._named)
            setup = Setup(
                model=cast("Any", None),  # no node that asks one is run
                toolbox=toolbox,
                interpreter=self.tools[0],
                sessions=LiveSessions(self._executor, tools=toolbox.specs),
                limits=self._limits,
                agent_type="function-calling",
                system_prompt=None,
                response_format=None,
                planning_interval=None,
                retry=RetryPolicy(),
                preflight=self._preflight,
                approvals=parse_rules(self._interrupt_on, [spec.name for spec in toolbox.specs]),
            )
            self._known[key] = _Parts(tools=tuple(tools), setup=setup, execute=Execute(setup))
            for old in list(self._known)[:-_MOST_KNOWN]:
                self._known.pop(old).setup.sessions.close_all()
        return self._known[key]

    def _state(self, code: str, runtime: ToolRuntime[Any, Any]) -> AgentState:
        """The state of the agent as ours would have it, where this code comes next."""
        given = cast("Mapping[str, Any]", runtime.state)
        if self._interrupt_on and find_place(runtime.config) is None:
            raise ConfigurationError("interrupt_on needs a checkpointer: without one, nobody could answer. Give one.")
        known = {ours: given[theirs] for ours, theirs in _CHANNELS.items() if theirs in given}
        action = RunCode(code, (str(runtime.tool_call_id),))
        state: dict[str, Any] = {
            **known,
            "messages": [],
            "run": {
                "id": given.get("code_run", ""),
                "task": "",
                "agent_type": "function-calling",
                "limits": self._limits.to_dict(),
                "planning_interval": None,
                "closing": None,
            },
            "counters": {
                "steps": len(given["messages"]), "failures": 0, "tool_calls": 0, "seconds": 0.0, "planned_at": -1,
            },
            "action": action_to_dict(action),
        }  # fmt: skip
        return cast("AgentState", state)


def _tool(run: Callable[..., Any], arun: Callable[..., Awaitable[Any]]) -> BaseTool:
    def python_interpreter(code: str, runtime: ToolRuntime[Any, Any]) -> Any:
        return run(code, runtime)

    async def apython_interpreter(code: str, runtime: ToolRuntime[Any, Any]) -> Any:
        return await arun(code, runtime)

    return StructuredTool.from_function(
        func=python_interpreter,
        coroutine=apython_interpreter,
        name=PYTHON_INTERPRETER,
        description=DESCRIPTION,
    )


def _with_section(message: SystemMessage | None, section: str) -> SystemMessage:
    if message is None:
        return SystemMessage(section)
    content: Any = message.content
    more = f"{content}\n\n{section}" if isinstance(content, str) else [*content, {"type": "text", "text": section}]
    return message.model_copy(update={"content": more})


def _command(state: AgentState, update: Update, parts: _Parts, runtime: ToolRuntime[Any, Any]) -> Command[Any]:
    seen = see(cast("AgentState", {**state, **update}))
    text = str(seen.messages[-1].text)
    execution = Execution.from_dict(update.get("execution") or {})
    if seen.failed:
        text = f"{text}\n\n{debug_brief(execution, tools=parts.setup.toolbox.specs, attempts_left=0)}"
    status = "error" if seen.failed else "success"
    message = ToolMessage(text, tool_call_id=str(runtime.tool_call_id), name=PYTHON_INTERPRETER, status=status)
    written: Mapping[str, Any] = update
    kept: dict[str, Any] = {theirs: written[ours] for ours, theirs in _CHANNELS.items() if ours in written}
    return Command(update={**kept, "messages": [message]})
