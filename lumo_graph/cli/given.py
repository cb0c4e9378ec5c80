"""What the commands that run an agent are told of it, and what is made of that."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import typer

from lumo_graph.cli.complaints import complain
from lumo_graph.cli.exits import USAGE
from lumo_graph.errors import ConfigurationError

if TYPE_CHECKING:
    from lumo_graph.options import AgentOptions

NO_MODEL = "no model is given. Name one with --model or LUMO_MODEL:"
MODEL_EXAMPLES = """\
  OpenAI      --model openai:gpt-4.1-nano                 (key: OPENAI_API_KEY)
  Ollama      --model openai:qwen3 --base-url http://localhost:11434/v1
  vLLM        --model openai:Qwen/Qwen3-8B --base-url http://localhost:8000/v1
  llama.cpp   --model openai:local --base-url http://localhost:8080/v1
  your own    --model models.py:my_model                  (a LangChain model)"""
HIDDEN = "..."
"""Stands for a key where a command is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A type of model that speaks the OpenAI protocol."""

    base_url: str | None = None
    keys: tuple[str, ...] = ()
    """Where its key stands."""


_SERVICES: Mapping[str, Service] = {
    "openai": Service(),
    "ollama": Service(base_url="http://localhost:11434/v1"),
    "gemini": Service(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai", keys=("GOOGLE_API_KEY", "GEMINI_API_KEY")
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of a command that say what agent to make."""

    model: str | None
    model_id: str | None
    base_url: str | None
    api_key: str | None = field(repr=False)
    tools: Sequence[str] | None
    mcp: Sequence[str] | None
    file: Sequence[str] | None
    artifacts: str | None = None
    system_prompt: str | None
    planning_interval: int | None
    interrupt_on: Sequence[str] | None

    def check_model(self) -> None:
        """End the command if it names no model, or none that can be meant."""
        try:
            if not self.model_name:
                complain(NO_MODEL, MODEL_EXAMPLES, "`lumo demo` needs no model.")
                raise typer.Exit(USAGE)
        except ConfigurationError as error:
            complain(str(error))
            raise typer.Exit(USAGE) from None

    @property
    def model_name(self) -> str:
        """The model as the library names it: `--model openai:gpt`, or `--model openai --model-id gpt`.

        Raises:
            ConfigurationError: the two do not go together.
        """
        model, model_id = (self.model or "").strip(), (self.model_id or "").strip()
        if model in _SERVICES and not model_id:
            raise ConfigurationError(f"--model {model} is a type of model. Name the model too: --model-id NAME.")
        if not model_id:
            return model
        if not model:
            raise ConfigurationError(f"--model-id {model_id} needs the type of the model: --model openai.")
        if ":" in model:
            raise ConfigurationError(f"--model {model} names a model already: leave out --model-id {model_id}.")
        return f"{'openai' if model in _SERVICES else model}:{model_id}"

    def options(self) -> "AgentOptions":
        """The options of an agent, but for its tools.

        Raises:
            ConfigurationError: the servers that are named cannot be read.
        """
        from lumo_graph.cli.servers import load_servers  # noqa: PLC0415 - yaml

        service = _SERVICES.get((self.model or "").strip(), Service())
        own = None if self.base_url else next((os.environ[key] for key in service.keys if os.environ.get(key)), None)
        return {
            "base_url": self.base_url or service.base_url,
            "api_key": self.api_key or own,
            "mcp_servers": load_servers(self.mcp or (), os.environ),
            "files": self.file or (),
            "system_prompt": self.system_prompt,
            "planning_interval": self.planning_interval,
            "interrupt_on": dict.fromkeys(self.interrupt_on or (), True),
        }

    def again(self) -> dict[str, str | Sequence[str] | None]:
        """The same options for the next command on the thread, as they are written. A key is not shown."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        if self.api_key:
            named["api_key"] = HIDDEN
        return {
            f"--{name.replace('_', '-')}": str(value) if isinstance(value, int) else value
            for name, value in named.items()
        }
