"""Which agent types there are: ours, the dialects an agent is given, and those of installed packages."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from langchain_core.messages import AIMessage

from lumo_graph.dialects.actions import Answer, RunCode, Unparsable
from lumo_graph.dialects.dialect import CodeDialect, CodeReply, Dialect
from lumo_graph.errors import ConfigurationError
from lumo_graph.types import AGENT_TYPE_ALIASES, AGENT_TYPES, FUNCTION_CALLING, ToolSpec

GROUP = "lumo_graph.dialects"
"""Of the entry points by which packages offer dialects: the name is the agent type, the value the class or object."""

_PARTS = ("prompt", "parse", "thought")
_CODE = CodeDialect()
_LOADED: dict[str, Dialect] = {}  # looked for once: every step asks


def check_agent_type(agent_type: object, dialects: Mapping[str, Dialect] | None = None) -> str:
    """The agent type that is named by itself or by another name it has.

    Args:
        agent_type: its name.
        dialects: those the agent has been given.

    Raises:
        ConfigurationError: there is none of that name, or it cannot be loaded.
    """
    given = dialects or {}
    if isinstance(agent_type, str):
        if agent_type in AGENT_TYPES or agent_type in given:
            return agent_type
        if agent_type in AGENT_TYPE_ALIASES:
            return AGENT_TYPE_ALIASES[agent_type]
        if (offered := _offered(agent_type)) is not None:
            return offered.name
    raise ConfigurationError(f"Unknown agent_type {agent_type!r}. {_choices(agent_type, given)}")


def dialect_of(agent_type: str, dialects: Mapping[str, Dialect]) -> Dialect:
    """The dialect of an agent type that acts by code.

    Args:
        agent_type: as `check_agent_type` has returned it, maybe in another process.
        dialects: those the agent has been given.

    Raises:
        ConfigurationError: it is not there in this process.
    """
    if agent_type in dialects:
        return dialects[agent_type]
    if agent_type in AGENT_TYPES:
        return _CODE  # a model that calls functions may still say `final_answer(42)` as code
    if (offered := _offered(agent_type)) is not None:
        return offered
    raise ConfigurationError(
        f"The run speaks the dialect {agent_type!r}, which is not there now. Give it with `dialects=[...]`, or install "
        "the package that it came from."
    )


def read_reply(dialect: Dialect, reply: AIMessage, tools: Sequence[ToolSpec]) -> CodeReply:
    """What a reply asks for, in a dialect.

    Raises:
        ConfigurationError: the dialect fails on it, or makes something else of it.
    """
    try:
        action: Any = dialect.parse(reply, tools)
    except Exception as error:
        raise _failure(dialect, "parse", error) from error
    if not isinstance(action, (RunCode, Answer, Unparsable)):
        raise ConfigurationError(
            f"The dialect {dialect.name!r} made {action!r} of a reply. It must be a RunCode, Answer or Unparsable."
        )
    return action


def read_thought(dialect: Dialect, reply: AIMessage) -> str:
    """What a model wrote around its action, in a dialect.

    Raises:
        ConfigurationError: the dialect fails on it, or makes something else than text of it.
    """
    try:
        thought: Any = dialect.thought(reply)
    except Exception as error:
        raise _failure(dialect, "thought", error) from error
    if not isinstance(thought, str):
        raise ConfigurationError(
            f"The dialect {dialect.name!r} made {thought!r} of a reply's thought. It must be a text."
        )
    return thought


def _failure(dialect: Dialect, part: str, error: Exception) -> ConfigurationError:
    told = f"{type(error).__name__}: {error}"
    return ConfigurationError(
        f"The dialect {dialect.name!r} fails on a reply, in {part}: {told}. It must take any reply."
    )


def check_dialects(dialects: Sequence[Dialect]) -> Mapping[str, Dialect]:
    """The dialects by their names.

    Raises:
        ConfigurationError: one is not a dialect, or its name is taken.
    """
    if not isinstance(dialects, (list, tuple)):
        raise ConfigurationError(f"dialects must be a list of dialects, not {dialects!r}.")
    named: dict[str, Dialect] = {}
    for dialect in dialects:
        name = _check(dialect, f"The dialect {dialect!r}").name
        if name == FUNCTION_CALLING or name in AGENT_TYPE_ALIASES:
            raise ConfigurationError(f"The dialect {dialect!r} is named {name!r}, which is another agent type. Rename.")
        if name in named:
            raise ConfigurationError(f"Two dialects are named {name!r}. Leave one out, or rename it.")
        named[name] = dialect
    return named


def _offered(agent_type: str) -> Dialect | None:
    if agent_type not in _LOADED:
        for found in entry_points(group=GROUP, name=agent_type):
            _LOADED[agent_type] = _load(found)
    return _LOADED.get(agent_type)


def _load(offered: EntryPoint) -> Dialect:
    where = f"The dialect {offered.name!r} of {offered.dist.name if offered.dist else offered.value}"
    try:
        found: Any = offered.load()
        dialect: Any = found() if isinstance(found, type) else found
    except Exception as error:
        raise ConfigurationError(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
    if _check(dialect, where).name != offered.name:
        raise ConfigurationError(f"{where} calls itself {dialect.name!r}. The entry point must have its name.")
    return dialect


def _check(dialect: object, where: str) -> Dialect:
    if isinstance(dialect, type):
        raise ConfigurationError(f"{where} is a class: give an object of it, {dialect.__name__}().")
    missing = [part for part in _PARTS if not callable(getattr(dialect, part, None))]
    if missing:
        raise ConfigurationError(f"{where} has no {', '.join(missing)}(). See lumo_graph.dialects.Dialect.")
    name = getattr(dialect, "name", None)
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{where} must have a name, such as 'my-agent', not {name!r}.")
    return cast("Dialect", dialect)


def _choices(agent_type: object, given: Mapping[str, Dialect]) -> str:
    installed = [offered.name for offered in entry_points(group=GROUP)]
    known = list(dict.fromkeys([*AGENT_TYPES, *given, *installed]))
    near = get_close_matches(str(agent_type), [*known, *AGENT_TYPE_ALIASES], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    *others, last = map(repr, known)
    aliases = ", ".join(f"{alias!r} for {kind!r}" for alias, kind in AGENT_TYPE_ALIASES.items())
    return f"Choose {', '.join(others)} or {last} (or {aliases}).{hint}"
