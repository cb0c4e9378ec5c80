"""MCP servers as the caller names them: checked before anything is started."""

import math
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast, get_args
from urllib.parse import urlsplit

from lumo_graph.errors import ConfigurationError
from lumo_graph.tools import OnUnknown

McpServer: TypeAlias = Mapping[str, Any]
"""One server: `{"command": ..., "args"?, "env"?, "cwd"?}` is started and spoken to over its standard streams,
`{"url": ..., "headers"?}` is spoken to over streamable HTTP. Both also take:

- `name`: what it is called, where it stands in a list; in a mapping its key is its name.
- `prefix`: text before the name of each of its tools. Without it a tool has its own name, and `<server>_` before it
  only where two would have one name.
- `tools`: names of the tools to take; all of them unless given.
- `connect_seconds` (60): the longest that starting and listing the tools may take.
- `call_seconds` (120): the longest that a call may take.
- `effects`: `"none"` if its tools only read: calls are not recorded, and are made again when an action runs again.
- `on_unknown`: what to do with a call that may have been made before a crash: `"fail"` (the default), `"ask"` or
  `"rerun"`; see `lumo_graph.tools.declare_effects`.
"""
McpServers: TypeAlias = Sequence[McpServer] | Mapping[str, McpServer]

CONNECT_SECONDS = 60.0
"""The first start of a server by `uvx` or `npx` downloads it."""
CALL_SECONDS = 120.0
_INHERITED = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")
_PROGRAM = ("command", "args", "env", "cwd")
_ADDRESS = ("url", "headers")
_BOTH = ("name", "type", "prefix", "tools", "connect_seconds", "call_seconds", "effects", "on_unknown")
_TYPES = {"stdio": "command", "http": "url", "streamable-http": "url", "streamable_http": "url"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A server that is started, and spoken to over its standard streams."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # holds keys
    """The whole environment it is started with."""
    cwd: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What its last words are told without."""

    def __str__(self) -> str:
        return Path(self.command).name  # an argument may be a key


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A server that is there already, and spoken to over streamable HTTP."""

    url: str = field(repr=False)  # may hold a key
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)  # same

    @property
    def secrets(self) -> tuple[str, ...]:
        """What its last words are told without."""
        return tuple(self.headers.values())

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server, and how it is used."""

    name: str
    at: Program | Address
    prefix: str | None = None
    tools: tuple[str, ...] | None = None
    connect_seconds: float = CONNECT_SECONDS
    call_seconds: float = CALL_SECONDS
    effects: Literal["some", "none"] = "some"
    on_unknown: OnUnknown = "fail"


def check_servers(servers: object) -> tuple[Server, ...]:
    """The servers that are named, each with everything it needs.

    Args:
        servers: a list of servers, or a mapping of names to them; see `McpServer`.

    Raises:
        ConfigurationError: a field is missing, unknown or of the wrong kind; a command or folder does not exist; an
            address is not one of HTTP; two servers have one name.
    """
    if isinstance(servers, Mapping):
        named = cast("Mapping[Any, Any]", servers)
        if {"command", "url"} & set(named):
            raise ConfigurationError("mcp_servers is one server. Put it into a list: mcp_servers=[{...}].")
        found = [_server(_name(name), fields) for name, fields in named.items()]
    elif isinstance(servers, Sequence) and not isinstance(servers, (str, bytes)):
        listed = cast("Sequence[Any]", servers)
        found = [_server(f"server_{place}", fields) for place, fields in enumerate(listed, start=1)]
    else:
        raise ConfigurationError(f"mcp_servers must be a list of servers, or names with servers, not {servers!r}.")
    names = [server.name for server in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"Two MCP servers are named {twice!r}. Give one of them another name.")
    return tuple(found)


def _name(name: object) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"The name of an MCP server must be a text that is not empty, not {name!r}.")
    return name


def _server(name: str, fields: Any) -> Server:
    if not isinstance(fields, Mapping):
        raise ConfigurationError(
            f"The MCP server {name!r} must be fields such as {{'command': ...}} or {{'url': ...}}, "
            f"not a value of class {type(fields).__name__}."
        )
    given = cast("Mapping[Any, Any]", fields)
    kind = _kind(name, given)
    known = (*(_PROGRAM if kind == "command" else _ADDRESS), *_BOTH)
    for one in given:
        if one not in known:
            near = get_close_matches(str(one), known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"It takes: {', '.join(known)}."
            raise ConfigurationError(f"The MCP server {name!r} has an unknown field {one!r}. {hint}")
    name = _name(given.get("name", name))
    return Server(
        name=name,
        at=_program(name, given) if kind == "command" else _address(name, given),
        prefix=_text(name, "prefix", given["prefix"]) if given.get("prefix") is not None else None,
        tools=_texts(name, "tools", given["tools"]) if given.get("tools") is not None else None,
        connect_seconds=_seconds(name, "connect_seconds", given.get("connect_seconds", CONNECT_SECONDS)),
        call_seconds=_seconds(name, "call_seconds", given.get("call_seconds", CALL_SECONDS)),
        effects=_choice(name, "effects", given.get("effects", "some"), ("some", "none")),
        on_unknown=_choice(name, "on_unknown", given.get("on_unknown", "fail"), get_args(OnUnknown)),
    )


def _kind(name: str, given: Mapping[Any, Any]) -> str:
    """`command` or `url`: which of the two it has."""
    named = given.get("type")
    if named is not None and named not in _TYPES:
        raise ConfigurationError(
            f"The MCP server {name!r} is of type {named!r}. Types are 'stdio' (with a command) and 'http' (with a url)."
        )
    wanted = _TYPES[named] if named is not None else None
    present = [key for key in ("command", "url") if given.get(key) is not None]
    if len(present) > 1:
        raise ConfigurationError(f"The MCP server {name!r} has a command and a url. Leave out one of them.")
    if not present or (wanted is not None and present != [wanted]):
        for one in given:
            if one not in ("command", "url") and (near := get_close_matches(str(one), ("command", "url"), n=1)):
                raise ConfigurationError(
                    f"The MCP server {name!r} has an unknown field {one!r}. Did you mean {near[0]!r}?"
                )
        missing = f"a {wanted}" if wanted else "a command or a url"
        raise ConfigurationError(
            f"The MCP server {name!r} has no {missing.removeprefix('a ')}: give it {missing}, such as "
            f"{{'command': 'uvx', 'args': ['mcp-server-time']}} or {{'url': 'http://localhost:8000/mcp'}}."
        )
    return present[0]


def _program(name: str, given: Mapping[Any, Any]) -> Program:
    command = _text(name, "command", given["command"])
    args = _texts(name, "args", given.get("args") or ())
    own = _pairs(name, "env", given.get("env") or {})
    for key in own:
        if not key or "=" in key:
            raise ConfigurationError(f"The MCP server {name!r} has a variable {key!r} in its env, which is no name.")
    # What a program needs to find its way about, and nothing that may be a secret: all else is named by the caller.
    env = {key: value for key in _INHERITED if (value := os.environ.get(key)) is not None} | own
    cwd = None if given.get("cwd") is None else os.fspath(_path(name, given["cwd"]))
    return Program(command=_found(name, command, env, cwd), args=args, env=env, cwd=cwd, secrets=tuple(own.values()))


def _path(name: str, cwd: object) -> Path:
    path = Path(cast("str", cwd)) if isinstance(cwd, (str, os.PathLike)) and "\0" not in str(cast("Any", cwd)) else None
    if path is None or not path.is_dir():
        raise ConfigurationError(f"The MCP server {name!r} is to be started in {cwd!r}, which is no folder.")
    return path.absolute()


def _found(name: str, command: str, env: Mapping[str, str], cwd: str | None) -> str:
    """The program behind a command, as the operating system would find it."""
    if not command.strip():
        raise ConfigurationError(f"The MCP server {name!r} has an empty command.")
    if "/" in command:
        path = Path(cwd or ".", command).absolute()
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
        what = "is not executable" if path.is_file() else "does not exist"
        raise ConfigurationError(f"The command {command!r} of the MCP server {name!r} {what}.")
    found = shutil.which(command, path=env.get("PATH", os.defpath))
    if found is None:
        spaced = " Its arguments belong into 'args'." if " " in command.strip() else ""
        raise ConfigurationError(
            f"The command {command!r} of the MCP server {name!r} does not exist: it is not on the PATH.{spaced}"
        )
    return str(Path(found).absolute())


def _address(name: str, given: Mapping[Any, Any]) -> Address:
    url = _text(name, "url", given["url"])
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"The MCP server {name!r} needs an address of HTTP, such as 'http://localhost:8000/mcp', not {url!r}."
        )
    headers = _pairs(name, "headers", given.get("headers") or {})
    for key, value in headers.items():
        if not key or not (key + value).isascii() or not (key + value).isprintable() or ":" in key or " " in key:
            raise ConfigurationError(f"The MCP server {name!r} has a header {key!r} that HTTP cannot carry.")
    return Address(url=url, headers=headers)


def _text(name: str, key: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ConfigurationError(f"{key!r} of the MCP server {name!r} must be a text, not {value!r}.")
    return value


def _texts(name: str, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise ConfigurationError(f"{key!r} of the MCP server {name!r} must be a list of texts, not {value!r}.")
    return tuple(_text(name, key, one) for one in cast("Sequence[Any]", value))


def _pairs(name: str, key: str, value: object) -> dict[str, str]:
    # Values are not shown: they are where keys and tokens stand.
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{key!r} of the MCP server {name!r} must be names with values, such as {{'A': 'b'}}.")
    pairs = cast("Mapping[Any, Any]", value)
    for one, said in pairs.items():
        if not isinstance(one, str) or not isinstance(said, str) or "\0" in one + said:
            raise ConfigurationError(f"{one!r} in {key!r} of the MCP server {name!r} must be a text with a text.")
    return dict(pairs)


def _seconds(name: str, key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise ConfigurationError(f"{key!r} of the MCP server {name!r} must be seconds above 0, not {value!r}.")
    return float(value)


def _choice(name: str, key: str, value: object, choices: Sequence[str]) -> Any:
    if value not in choices:
        told = ", ".join(map(repr, choices))
        raise ConfigurationError(f"{key!r} of the MCP server {name!r} must be one of {told}, not {value!r}.")
    return value
