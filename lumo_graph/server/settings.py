"""What an operator decides. Nothing here reads the environment: `lumo serve` does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from langchain_core.tools import BaseTool

from lumo_graph.approvals import InterruptOn
from lumo_graph.checkpoints import Checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits
from lumo_graph.types import Executor


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the server works. Everything has a value that is safe on loopback.

    Raises:
        ConfigurationError: a value cannot be used; it says which.
    """

    checkpointer: str | Checkpointer = field(default="memory://serve", repr=False)
    """Where every thread is stored: a URL, or a LangGraph checkpointer that works with event loops."""
    api_key: str | None = field(default=None, repr=False)
    """What clients have to show. None: nobody is asked."""
    provider_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Origin (`https://api.openai.com`) to the key of the models there. No other server gets one."""
    allow_private_base_urls: bool = False
    """Whether models may be on this machine and in its network. False keeps requests from reaching what is there."""
    tools: Sequence[BaseTool | Callable[..., Any]] = ()
    """Of the operator's own, which requests may name."""
    tool_keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Variables with the keys of ready tools: `EXA_API_KEY` to the key."""
    mcp_servers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]], repr=False)
    """Name to `command`, `args` and `env`: the only processes that requests can have started."""
    interrupt_on: InterruptOn | None = None
    """Tools whose calls wait for a person, in every run."""
    executor: Executor | None = None
    """Runs the code; a `ProcessExecutor` unless given."""
    limits: Limits = field(default_factory=lambda: Limits(max_steps=50))
    """What a run may use at most. Requests can only ask for less."""
    concurrency: int = 8
    """Runs that go on at once."""
    queue: int = 32
    """Runs that wait for their turn; what comes then is told to come again (429)."""
    max_body_bytes: int = 4 << 20
    """Of a request."""
    body_seconds: float = 30.0
    """That a client may take to send a request."""
    heartbeat_seconds: float = 15.0
    """Between two signs of life in a stream in which nothing happens."""
    stall_seconds: float = 60.0
    """After which a client that does not read its stream is taken to be gone."""
    cors_origins: Sequence[str] = ()
    """Web pages of these origins may call the server; `*`: of all. None unless given."""
    allowed_hosts: Sequence[str] = ()
    """Names, without a port, by which clients may call the server; all unless given."""
    metrics: bool = False
    """Whether there is `/metrics`, for Prometheus."""
    keep_threads: timedelta | None = None
    """Threads that were not used for so long are deleted. None: never."""
    recover: bool = False
    """Go on, at the start, with the runs that a server before this one has left."""

    def __post_init__(self) -> None:
        for name, least in (("concurrency", 1), ("queue", 0), ("max_body_bytes", 1)):
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(f"{name} must be a whole number from {least} on, not {value!r}.")
        for name in ("body_seconds", "heartbeat_seconds", "stall_seconds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise ConfigurationError(f"{name} must be a number of seconds above 0, not {value!r}.")
        if self.api_key is not None and not self.api_key.strip():
            raise ConfigurationError("api_key is empty. Give a key, or None to ask nobody.")
        for name in ("cors_origins", "allowed_hosts"):
            if isinstance(value := getattr(self, name), str):
                raise ConfigurationError(f"{name} must be a list of texts, not {value!r}.")
        if self.keep_threads is not None and self.keep_threads <= timedelta(0):
            raise ConfigurationError(f"keep_threads must be a time above 0, not {self.keep_threads!r}.")
