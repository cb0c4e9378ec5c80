"""What `run` and its kin take by name."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypedDict

from langchain_core.tools import BaseTool

from lumo_graph.approvals import InterruptOn
from lumo_graph.checkpoints import Checkpointer
from lumo_graph.dialects import Dialect
from lumo_graph.errors import ConfigurationError
from lumo_graph.executors.inputs import Files
from lumo_graph.limits import Limits, is_limit
from lumo_graph.managed import Agent
from lumo_graph.mcp import McpServers
from lumo_graph.models import RetryPolicy
from lumo_graph.types import AgentTypeName, Executor


class AgentOptions(TypedDict, total=False):
    """What `run`, `stream`, `resume` and their async forms take to make the agent."""

    tools: Sequence[BaseTool | Callable[..., Any]]
    """LangChain tools, functions and async functions."""
    agents: Sequence[Agent]
    """Agents that this one may call, as `name(task)`."""
    mcp_servers: McpServers | None
    """MCP servers whose tools the agent has too, for the length of the call; see `lumo_graph.mcp.McpServer`."""
    base_url: str | None
    """Where the model's API is, with or without `/chat/completions`; for models given by name."""
    api_key: str | None
    """Key of that API. Unless given, the provider's own environment variable counts, for its own host only."""
    dialects: Sequence[Dialect]
    """Other ways for the model to act by code; `agent_type` chooses one by its name."""
    middleware: Sequence[Any]
    """Hooks around the model and around actions; see `lumo_graph.hooks.Middleware`."""
    executor: Executor | None
    """Runs the code; a `ProcessExecutor` unless given."""
    files: Files
    """What the code finds in its working directory, for reading: paths, or names with paths or bytes."""
    system_prompt: str | None
    """Instructions, added to what the library tells the model."""
    response_format: Any
    """Form of the answer: a pydantic model, any type pydantic validates, or a JSON Schema."""
    planning_interval: int | None
    """Steps between plans; None: no plans."""
    retry: RetryPolicy
    """How model calls are retried."""
    preflight: bool
    """Check every code action before anything of it runs (the default)."""
    tracing: bool
    """Trace the run with OpenTelemetry, where a provider is set (the default)."""
    interrupt_on: InterruptOn | None
    """Tools whose calls wait for a person; see `create_lumo_agent`."""


class RunOptions(AgentOptions, total=False):
    """What `run`, `arun`, `stream` and `astream` take beside the task and the model."""

    agent_type: AgentTypeName
    """`"function-calling"` (the default, also `"mcp"`), `"code-agent"` (also `"code"`), or the name of a dialect."""
    limits: Limits | Mapping[str, Any] | None
    """What the run may use: a `Limits`, or the fields that differ from its defaults."""
    history: Sequence[Any]
    """Earlier messages, as dicts with `role` and `content` or as LangChain messages; they come before the task."""
    checkpointer: str | Checkpointer | None
    """Where the thread is stored: a LangGraph checkpointer or a URL such as `sqlite:///runs.db`. None: nowhere."""
    thread_id: str | None
    """The thread to start or to go on with; a new one unless given. Needs a checkpointer."""


def check_names(options: AgentOptions | RunOptions, known: type[AgentOptions | RunOptions]) -> None:
    """Refuse a misspelt option: a TypedDict alone is not checked when the program runs."""
    names = known.__required_keys__ | known.__optional_keys__
    for name in options:
        if name not in names:
            near = get_close_matches(name, names, n=1) or ([f"limits={{{name!r}: ...}}"] if is_limit(name) else [])
            hint = f"Did you mean {near[0]}?" if near else f"Options are: {', '.join(sorted(names))}."
            raise ConfigurationError(f"Unknown option {name!r}. {hint}")
