"""URLs of stores: what each names, and how one is shown without its password. Pure."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from lumo_graph.errors import ConfigurationError

FORMS = (
    "memory://, sqlite:///runs.db (sqlite:////var/lib/runs.db for an absolute path) or "
    "postgresql://user:password@host:port/database"
)
HIDDEN = "***"
"""Stands where a password was."""

_POSTGRES = ("postgresql://", "postgres://")
# Up to the last @: where a password has one that is not encoded, all of it goes.
_PASSWORD = re.compile(r"^([\w+.-]+://[^:@/?#]*):(.*)@", re.DOTALL)
_PASSWORD_OPTION = re.compile(r"([?&](?:ssl)?password=)[^&]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStore:
    """The memory of this process, under a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteStore:
    """A file."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresStore:
    """A database on a server."""

    url: str

    def __repr__(self) -> str:
        return f"PostgresStore(url={shown_url(self.url)!r})"


Store: TypeAlias = MemoryStore | SqliteStore | PostgresStore


def parse_url(url: str) -> Store:
    """The store that a URL names.

    Raises:
        ConfigurationError: the URL is of no known form.
    """
    if url.startswith("memory://"):
        return MemoryStore(name=url)
    if url.startswith(_POSTGRES):
        if HIDDEN in {found.group(2) for found in [_PASSWORD.match(url)] if found}:
            raise ConfigurationError(
                f"The password in {shown_url(url)!r} is hidden. Write the password in its place; for the command, "
                "keep the whole URL in LUMO_CHECKPOINTER."
            )
        return PostgresStore(url=url)
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise ConfigurationError(f"Unknown checkpointer {shown_url(url)!r}. Use {FORMS}.")
    name = url.removeprefix("sqlite:///")
    if name.startswith((":memory:", "file:")) or not name.isprintable() or "?" in name:
        raise ConfigurationError(f"The checkpointer {url!r} must name a file, without options. Use {FORMS}.")
    return SqliteStore(path=Path(name))


def shown_url(url: str) -> str:
    """The URL as it may be shown: `postgresql://user:***@host/db`."""
    if url.startswith("sqlite:"):
        return url
    return _PASSWORD_OPTION.sub(rf"\g<1>{HIDDEN}", _PASSWORD.sub(rf"\g<1>:{HIDDEN}@", url))
