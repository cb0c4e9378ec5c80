"""What a tool may be called: its name is a variable of the session and a function name of the model's provider."""

import builtins
import keyword
import re
from collections.abc import Iterable

from lumo_graph.errors import ConfigurationError

RESERVED_NAMES = frozenset({"final_answer", "python_interpreter"})
_LONGEST_NAME = 64  # what the common providers accept for a function


def check_name(name: str) -> None:
    """Refuse a name that code could not call, or that would hide something code needs.

    A builtin's name is refused too: a tool called `print` or `sum` would take the builtin away from the session.

    Raises:
        ConfigurationError: the name cannot be used; says which one could.
    """
    if name in RESERVED_NAMES:
        reason = "is reserved for the agent itself"
    elif keyword.iskeyword(name):
        reason = "is a Python keyword"
    elif not (name.isascii() and name.isidentifier()):
        reason = "is not a Python name, so code cannot call it"
    elif hasattr(builtins, name):
        reason = "is the name of a Python builtin, which it would hide from the code"
    elif len(name) > _LONGEST_NAME:
        reason = f"is longer than {_LONGEST_NAME} characters"
    else:
        return
    raise ConfigurationError(f"The tool name {name!r} {reason}. Rename the tool, for example to {_suggest(name)!r}.")


def check_unique(names: Iterable[str]) -> None:
    """Refuse two tools of one name.

    Raises:
        ConfigurationError: a name occurs twice.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigurationError(f"Two tools are named {name!r}. Rename one of them, or leave one out.")
        seen.add(name)


def identifier(name: str) -> str:
    """The closest Python name to any text: `web-search` becomes `web_search`, `from` becomes `from_`."""
    found = re.sub(r"[^0-9a-zA-Z_]+", "_", name).strip("_") or "tool"
    if found[0].isdigit():
        found = f"_{found}"
    return f"{found}_" if keyword.iskeyword(found) else found


def _suggest(name: str) -> str:
    found = identifier(name)[: _LONGEST_NAME - len("_tool")]
    taken = found in RESERVED_NAMES or hasattr(builtins, found) or found == name
    return f"{found.rstrip('_')}_tool" if taken else found
