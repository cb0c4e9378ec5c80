"""What a `ProcessExecutor` was made with, as the start of each session sees it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from typing_extensions import TypeIs

from lumo_graph.errors import ConfigurationError
from lumo_graph.executors.inputs import Input
from lumo_graph.types import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings that all sessions of one executor share. Checked by `ProcessExecutor`."""

    require: Tier = "fs"
    """The least isolation to run code behind."""
    preload: tuple[str, ...] = ()
    """Modules that the zygote has loaded."""
    freeze_below_mb: int = 512
    """Memory up to which a copy is frozen before each action; 0: never."""
    files: tuple[Input, ...] = ()
    """What lies in the working directory, for reading."""
    keep_files_mb: int = 16
    """Size of the files of the working directory that travel with a snapshot; 0: none do."""
    imports: tuple[str, ...] | None = None
    """Modules that code may import; None: all that there are."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables of the code, besides a few that Python needs."""
    deterministic: bool = True
    """Actions can draw their random numbers and times from sources that the host keeps."""
    launch: tuple[str, ...] = ()
    """Command that starts a Python for each session; empty: sessions are forked from the zygote."""


def check_whole(name: str, value: object, unit: str) -> int:
    """A whole number that is 0 or more.

    Raises:
        ConfigurationError: it is something else.
    """
    if type(value) is not int or value < 0:
        raise ConfigurationError(f"{name} must be a whole number of {unit}, 0 or more, not {value!r}.")
    return value


def check_flag(name: str, value: object) -> bool:
    """True or False.

    Raises:
        ConfigurationError: it is something else.
    """
    if type(value) is not bool:
        raise ConfigurationError(f"{name} must be True or False, not {value!r}.")
    return value


def check_names(name: str, value: object) -> tuple[str, ...]:
    """Names of modules, each once.

    Raises:
        ConfigurationError: it is something else.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{name} must be a list of module names, not {value!r}.")
    for one in cast("Sequence[object]", value):
        if not isinstance(one, str) or not all(part.isidentifier() for part in one.split(".")):
            raise ConfigurationError(f"{name} must be a list of module names, and {one!r} is none.")
    return tuple(dict.fromkeys(cast("Sequence[str]", value)))


def check_env(value: object) -> dict[str, str]:
    """Environment variables.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"env must be a mapping of names to texts, not {value!r}.")
    variables = dict(cast("Mapping[object, object]", value))
    for name, text in variables.items():
        if not _is_text(name) or not name or "=" in name:
            raise ConfigurationError(f"env has {name!r}, which cannot be the name of an environment variable.")
        if not _is_text(text):
            raise ConfigurationError(f"env[{name!r}] must be a text, not {text!r}.")
    return cast("dict[str, str]", variables)


def _is_text(value: object) -> TypeIs[str]:
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def check_launch(value: object) -> tuple[str, ...]:
    """A command that is there, and its arguments; empty: none.

    Raises:
        ConfigurationError: it is something else.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigurationError(f"launch must be a list, a command and its arguments, not {value!r}.")
    command = tuple(cast("Sequence[object]", value))
    for part in command:
        if type(part) is not str or not part or "\0" in part:
            raise ConfigurationError(f"launch must be a list of texts that are not empty; it has {part!r}.")
    launch = cast("tuple[str, ...]", command)
    if launch and shutil.which(launch[0]) is None:
        raise ConfigurationError(
            f"launch begins with {launch[0]!r}, but there is no such command: install it, or give its whole path."
        )
    return launch
