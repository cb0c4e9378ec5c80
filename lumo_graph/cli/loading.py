"""Tools and models that a command line names: a module, or a Python file, and what is taken from it."""

import inspect
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from lumo_graph.errors import ConfigurationError

Tool: TypeAlias = BaseTool | Callable[..., Any]

_FORMS = "Write module:name, file.py or file.py:name."


def load_tools(specs: Sequence[str]) -> list[Tool]:
    """The tools that `--tools` options name, in order.

    Args:
        specs: each `module:name` or `file.py:name`, where the name is a function, a LangChain tool or a list of them;
            `file.py`, for every public function and tool it defines; or the name of a ready tool. Several with commas
            between them.

    Raises:
        ConfigurationError: says what was found instead.
    """
    return [tool for spec in specs for one in _split(spec) for tool in _tools(one)]


def load_model(spec: str) -> str | BaseChatModel:
    """The model that `--model` names: `file.py:name` is an object or a function that makes one, all else a name."""
    file, _, name = spec.rpartition(":")
    if spec.endswith(".py") and ":" not in spec:
        raise ConfigurationError(f"The model {spec!r} needs a name: write {spec}:NAME, the model or what makes it.")
    if not file.endswith(".py"):
        return spec
    found = _named(_load(file), name, spec)
    if inspect.isfunction(found):
        found = _guarded(found, f"The function {name!r} in {file!r} failed")
    if not isinstance(found, BaseChatModel):
        raise ConfigurationError(f"{spec!r} is not a LangChain chat model but {_described(found)}.")
    return found


def _split(spec: str) -> list[str]:
    """The parts between commas; a file whose name has some is one part."""
    if "," not in spec or Path(spec.rpartition(":")[0] or spec).is_file() or Path(spec).is_file():
        return [spec]
    return [part.strip() for part in spec.split(",") if part.strip()]


def _tools(spec: str) -> Iterator[Tool]:
    source, colon, name = spec.rpartition(":")
    if spec.endswith(".py"):
        yield from _public_tools(_load(spec), spec)
        return
    if not colon and spec:
        yield from _ready_tools(spec)
        return
    if not source or not name:
        raise ConfigurationError(f"Unknown form of tools: {spec!r}. {_FORMS}")
    found = _named(_load(source), name, spec)
    if isinstance(found, (list, tuple)):
        several = list(cast("Sequence[Any]", found))
        if not several:
            raise ConfigurationError(f"{spec!r} is an empty list: there is no tool in it.")
        yield from (_checked(item, f"item {index} of {spec!r}") for index, item in enumerate(several))
    else:
        yield _checked(found, repr(spec))


def _ready_tools(name: str) -> list[BaseTool]:
    from lumo_graph.toolkit.catalogue import make_tools  # noqa: PLC0415 - only where one is named

    try:
        return make_tools([name], environ=os.environ)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error} Tools of your own: {_FORMS}") from None


def _public_tools(module: ModuleType, file: str) -> list[Tool]:
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    found = [value for value in public.values() if isinstance(value, BaseTool) or _is_own(value, module)]
    if not found:
        names = ", ".join(public) or "nothing"
        raise ConfigurationError(f"There is no public function and no LangChain tool in {file!r}. It has: {names}.")
    return found


def _is_own(value: object, module: ModuleType) -> bool:
    return inspect.isfunction(value) and value.__module__ == module.__name__


def _checked(value: Any, what: str) -> Tool:
    if isinstance(value, BaseTool) or (callable(value) and not isinstance(value, type)):
        return value
    raise ConfigurationError(f"{what} is not a function and not a LangChain tool but {_described(value)}.")


def _described(value: object) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    shown = repr(value)
    return f"{type(value).__name__} ({shown if len(shown) <= 80 else shown[:79] + '…'})"  # noqa: PLR2004 - one line


def _named(module: ModuleType, name: str, spec: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = [known for known in dir(found) if not known.startswith("_")]
            raise ConfigurationError(f"There is no {part!r} in {spec!r}. It has: {', '.join(public) or 'nothing'}.")
        found = getattr(found, part)
    return found


def _load(source: str) -> ModuleType:
    """The module of that name, seen from the current folder, or the file."""
    if source.endswith(".py"):
        return _load_file(Path(source).expanduser().resolve(), source)
    _search(Path.cwd(), first=True)
    return _guarded(lambda: import_module(source), f"The module {source!r} cannot be loaded")


def _load_file(path: Path, source: str) -> ModuleType:
    name = f"lumo_file_{path.stem}_{abs(hash(path)):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise ConfigurationError(f"There is no file {source!r}. {_FORMS}")
    _search(path.parent)  # for what the file imports from beside it
    module, loader = module_from_spec(spec), spec.loader
    sys.modules[name] = module
    try:
        _guarded(lambda: loader.exec_module(module), f"The file {source!r} cannot be loaded")
    except ConfigurationError:
        del sys.modules[name]
        raise
    return module


def _search(folder: Path, *, first: bool = False) -> None:
    """Let imports find what is in a folder: before all else as `python -m` does, or after all else."""
    if str(folder) not in sys.path:
        sys.path.insert(0 if first else len(sys.path), str(folder))


def _guarded(work: Callable[[], Any], failure: str) -> Any:
    """Run somebody's code; whatever it raises becomes one line that names the place."""
    try:
        return work()
    except Exception as error:
        raise ConfigurationError(f"{failure}: {type(error).__name__}: {error}{_place(error)}") from error


def _place(error: Exception) -> str:
    if isinstance(error, SyntaxError) or error.__traceback__ is None:
        return ""
    *_, last = inspect.getinnerframes(error.__traceback__)
    foreign = last.filename != __file__ and not last.filename.startswith("<")
    return f" ({last.filename}, line {last.lineno})" if foreign else ""
