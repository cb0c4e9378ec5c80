"""What every worker is given: the agent and the store, in a form that can be sent to another process."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from typing import Any, cast

import cloudpickle  # pyright: ignore[reportMissingTypeStubs]
from langchain_core.language_models import BaseChatModel

from lumo_graph.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """An agent and a store."""

    batch: str
    model: str | BaseChatModel
    options: Mapping[str, Any]
    """Of `run`, for all tasks alike."""
    checkpointer: str = field(repr=False)  # it may hold a password
    patience: float = 120.0
    """Seconds to wait for a thread that the process which is lost seems to hold."""


def packed(work: Work) -> bytes:
    """The work as bytes for a process of this installation, here or elsewhere.

    Functions and classes of modules that another process cannot import, such as a script, go as they are.

    Raises:
        ConfigurationError: a part of it cannot be sent.
    """
    modules = {sys.modules[name] for name in _modules(work) if name in sys.modules and not _is_importable(name)}
    for module in modules:
        cloudpickle.register_pickle_by_value(module)  # pyright: ignore[reportUnknownMemberType]
    try:
        return dumped(work)
    except Exception as error:
        raise ConfigurationError(f"{_culprit(work)} cannot be sent to another process: {error}") from error
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)  # pyright: ignore[reportUnknownMemberType]


def unpacked(data: bytes) -> Work:
    """The inverse, in the process that was given it."""
    return cast("Work", cloudpickle.loads(data))


def dumped(value: Any) -> bytes:
    """A value of this installation's as bytes for another process of it."""
    return cloudpickle.dumps(value)  # pyright: ignore[reportUnknownMemberType]


def _modules(work: Work) -> Iterator[str]:
    """Modules of what the user has given."""
    for value in [work.model, *work.options.values()]:
        parts: list[Any] = list(cast("Sequence[Any]", value)) if isinstance(value, (list, tuple)) else [value]
        if isinstance(value, Mapping):
            parts = list(cast("Mapping[Any, Any]", value).values())
        for part in parts:
            made_of: list[Any] = [part, type(part), getattr(part, "func", None), getattr(part, "coroutine", None)]
            yield from (name for it in made_of if isinstance(name := getattr(it, "__module__", None), str))


def _is_importable(name: str) -> bool:
    top = name.partition(".")[0]
    return top in sys.builtin_module_names or PathFinder.find_spec(top) is not None


def _culprit(work: Work) -> str:
    for name, value in [
        ("The model", work.model),
        *((f"The option {name!r}", it) for name, it in work.options.items()),
    ]:
        try:
            dumped(value)
        except Exception:  # noqa: BLE001 - that is what is asked
            return f"{name} ({value!r:.80})"
    return "The batch"
