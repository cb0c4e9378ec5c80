"""What an agent was created with, as its nodes see it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import create_model

from lumo_graph.approvals import Rule
from lumo_graph.dialects import (
    Action,
    Dialect,
    Facts,
    Interpreter,
    RunCode,
    answer_arguments,
    dialect_of,
    response_schema,
    tool_prompt,
)
from lumo_graph.errors import ConfigurationError
from lumo_graph.models import RetryPolicy
from lumo_graph.nodes.records import find_place
from lumo_graph.nodes.stopping import Stopping
from lumo_graph.sessions import LiveSessions
from lumo_graph.state import AgentState, RunFields, Update
from lumo_graph.tools import Toolbox
from lumo_graph.types import FUNCTION_CALLING, Limits

WITH_ITS_TOOLS = "Nothing was done: resume with the tools that the run was started with."
_MOST_PROMPTS = 64


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The parts every node of one agent shares. Holds configuration; what a run does is in the state."""

    model: BaseChatModel
    toolbox: Toolbox
    interpreter: BaseTool | None = None
    """By which the function-call branch runs code; None: it does not."""
    sessions: LiveSessions
    limits: Limits
    agent_type: str
    system_prompt: str | None
    response_format: Any
    planning_interval: int | None
    retry: RetryPolicy
    preflight: bool
    approvals: Mapping[str, Rule] = field(default_factory=dict[str, Rule])
    """Which tools' calls wait for a person."""
    lifted: frozenset[str] = frozenset()
    """Tools whose calls do not wait, even in a run that began with a rule for them."""
    dialects: Mapping[str, Dialect] = field(default_factory=dict[str, Dialect])
    """By their names, beside ours and those of installed packages."""
    speaker: str | None = None
    """By which name its messages are told from those of other agents in one conversation."""
    stopping: Stopping = field(default_factory=Stopping)
    """Ends what the nodes do now."""
    _prompts: dict[tuple[str, Limits, str | None], str] = field(
        default_factory=dict[tuple[str, Limits, str | None], str], init=False, repr=False
    )

    def sign(self, update: Update) -> Update:
        """The update with the name of the agent on what it says."""
        if self.speaker is None or not any(_is_unsigned(message) for message in update.get("messages", ())):
            return update
        return {
            **update,
            "messages": [
                message.model_copy(update={"name": self.speaker}) if _is_unsigned(message) else message
                for message in update.get("messages", ())
            ],
        }

    def check_runs(self, action: Action) -> None:
        """Refuse code of the function-call branch where there is no interpreter now.

        Raises:
            ConfigurationError: the run had one when the model asked for the code.
        """
        if isinstance(action, RunCode) and action.call_ids and self.interpreter is None:
            raise ConfigurationError(f"Code waits to be run, and there is no PythonInterpreter now. {WITH_ITS_TOOLS}")

    def dialect_of(self, run: RunFields) -> Dialect:
        """How the model of a run speaks where it acts by code; for function calling, how it may do so all the same.

        Raises:
            ConfigurationError: its dialect is not there in this process.
        """
        return dialect_of(run["agent_type"], self.dialects)

    def code_system_prompt(self, run: RunFields) -> str:
        """The system message of the code-action branch; the same for a whole run, so that providers can cache it."""
        dialect = self.dialect_of(run)

        def write(limits: Limits, instructions: str | None) -> str:
            facts = Facts(
                tools=self.toolbox.specs,
                interpreter=self._interpreter_facts(limits),
                instructions=instructions,
                response_schema=self.answer_schema,
            )
            return dialect.prompt(facts)

        return self._prompt(dialect.name, run, write)

    def tool_system_prompt(self, run: RunFields) -> str:
        """The system message of the function-call branch; the same for a whole run too."""
        return self._prompt(FUNCTION_CALLING, run, self._tool_prompt)

    async def write_prompt(self, run: RunFields) -> None:
        """Have the system message of a run ready. To say what code can import, an executor may read files."""
        if self._prompt_key(run["agent_type"], run) not in self._prompts:
            calls = run["agent_type"] == FUNCTION_CALLING
            await asyncio.to_thread(self.tool_system_prompt if calls else self.code_system_prompt, run)

    def _prompt(self, kind: str, run: RunFields, write: Callable[[Limits, str | None], str]) -> str:
        key = _, limits, instructions = self._prompt_key(kind, run)
        prompt = self._prompts.get(key)
        if prompt is None:
            prompt = self._prompts[key] = write(limits, instructions)
            for old in list(self._prompts)[:-_MOST_PROMPTS]:
                self._prompts.pop(old, None)
        return prompt

    def _prompt_key(self, kind: str, run: RunFields) -> tuple[str, Limits, str | None]:
        return kind, Limits.of(run["limits"]), run.get("instructions", self.system_prompt)

    def _tool_prompt(self, limits: Limits, instructions: str | None) -> str:
        return tool_prompt(
            self.toolbox.specs,
            None if self.interpreter is None else self._interpreter_facts(limits),
            instructions=instructions,
            response_schema=self.answer_schema,
        )

    def _interpreter_facts(self, limits: Limits) -> Interpreter:
        executor = self.sessions.executor
        return Interpreter(
            packages=executor.packages,
            imports=getattr(executor, "imports", None),
            notes=getattr(executor, "notes", ()),
            limits=limits,
        )

    @cached_property
    def answer_schema(self) -> dict[str, Any] | None:
        """JSON schema of the answer, if one is asked for."""
        return None if self.response_format is None else response_schema(self.response_format)

    @cached_property
    def bound_tools(self) -> list[BaseTool]:
        """The tools of the function-call branch: the user's, the interpreter, and `final_answer`."""
        tools = [*self.toolbox.tools.values(), *([] if self.interpreter is None else [self.interpreter])]
        if not tools and self.response_format is None:
            return []
        return [*tools, final_answer_tool(self.response_format, self.answer_schema)]


def _is_unsigned(message: BaseMessage) -> bool:
    return isinstance(message, AIMessage) and message.name is None


def final_answer_tool(response_format: Any, answer_schema: dict[str, Any] | None) -> BaseTool:
    """The tool by which a function-calling model ends the run with a value."""

    def final_answer(answer: Any) -> Any:
        return answer

    schema: Any
    if isinstance(response_format, Mapping):
        schema = answer_arguments(answer_schema or {})
    else:
        schema = create_model("FinalAnswer", answer=(Any if response_format is None else response_format, ...))
    return StructuredTool.from_function(
        final_answer,
        name="final_answer",
        description="Give the final answer to the task. Ends the run.",
        args_schema=schema,
    )


def session_key(state: AgentState, config: RunnableConfig) -> str:
    """Names the live session of a run: the thread and the graph's place in it, or the run where nothing is stored."""
    place = find_place(config)
    if place is None:
        return state["run"]["id"]
    return f"{place.thread}/{_graph_namespace(config)}"


def ends_with_run(state: AgentState, config: RunnableConfig) -> bool:
    """Whether nobody can come back to this run's session: nothing is stored, or the subgraph is called afresh."""
    return session_key(state, config) == state["run"]["id"] or ":" in _graph_namespace(config)


def _graph_namespace(config: RunnableConfig) -> str:
    # The last segment is the node's own, "execute:<task id>"; what is left is the graph's. A subgraph that is called
    # afresh each time carries a task id in its segment, one that persists does not.
    namespace = str(config.get("configurable", {}).get("checkpoint_ns", ""))
    return "|".join(namespace.split("|")[:-1])
