"""The attacks as values, from the data in `corpus/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

_CORPUS = Path(__file__).with_name("corpus")
_FRAGMENTS = "fragments.toml"
_INSIDE = "inside"
NAMESPACED = ("full", "without landlock")
JAILED = (*NAMESPACED, "fs")
UNCONTAINED = ("best_effort", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One hostile action."""

    id: str
    category: str
    """The file it stands in."""
    row: str
    """The row of the matrix that it counts for."""
    code: str
    """Python source; `@NAME@` stands for something of the host, see `stakes.py`."""
    escape: str
    """What it would be if it came true."""
    seconds: float = 2.0
    """Time limit of the action."""
    danger: bool = False
    """It may harm the machine where nothing contains it, and is not run there."""
    only: tuple[str, ...] = ()
    """Jails outside of which it would harm the machine; empty: see `danger`."""
    open_at: tuple[str, ...] = ()
    """Jails that are known not to hold it: what the library says that they leave open."""
    alone: bool = False
    """It needs the machine to itself, or its neighbours would run into their limits."""
    stubborn: bool = False
    """It falsifies what later actions of its own session do, which a host cannot tell from honest work. What counts is
    that a session from an earlier snapshot is whole."""
    tool_result: str = ""
    """What the tool `page` gives."""

    def runs_at(self, jail: str) -> bool:
        """Whether it may be tried there."""
        if self.only:
            return jail in self.only
        return jail in JAILED or not self.danger


def load_attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the files."""
    fragments = tomllib.loads((_CORPUS / _FRAGMENTS).read_text(encoding="utf-8"))
    return tuple(
        _attack(path.stem, fields, fragments)
        for path in sorted(_CORPUS.glob("*.toml"))
        if path.name != _FRAGMENTS
        for fields in tomllib.loads(path.read_text(encoding="utf-8"))["attack"]
    )


def _attack(category: str, fields: Mapping[str, Any], fragments: Mapping[str, str]) -> Attack:
    given = dict(fields)
    used = given.pop("uses", ())
    code = "".join(fragments[name] for name in used) + given["code"]
    if _INSIDE in used:  # as variables, the worker's objects would take long to save
        code = f"def attack():\n{indent(code, '    ')}\nattack()"
    for name in ("only", "open_at"):
        given[name] = tuple(given.get(name, ()))
    return Attack(category=category, **{**given, "code": code})
