"""MCP servers that a command line names: a file of them, a command, or an address."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lumo_graph.errors import ConfigurationError

_FILES = (".json", ".yaml", ".yml")
_KEY = "mcpServers"
_FOREIGN = frozenset({"alwaysAllow", "autoApprove", "description"})
"""What other programs keep in such a file, and what changes nothing here: before a call asks `--interrupt-on`."""
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def load_servers(specs: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """The servers that `--mcp` options name.

    Args:
        specs: each a file (`{"mcpServers": {name: {...}}}` in JSON, or names with servers in YAML), an address of
            HTTP, or a command with its arguments.
        environ: where `${NAME}` in the env and headers of a file is looked up; what is not named is not passed on.

    Raises:
        ConfigurationError: a file cannot be read, a variable is not set, or two servers have one name.
    """
    found: dict[str, Any] = {}
    for place, spec in enumerate(specs, start=1):
        for name, fields in _servers(spec.strip(), f"server_{place}", environ).items():
            if name in found:
                raise ConfigurationError(f"Two MCP servers are named {name!r}. Give one of them another name.")
            found[name] = fields
    return found


def _servers(spec: str, name: str, environ: Mapping[str, str]) -> dict[str, Any]:
    if spec.lower().endswith(_FILES):
        return _read(Path(spec).expanduser(), spec, environ)
    if spec.startswith(("http://", "https://")):
        return {name: {"url": spec}}
    try:
        words = shlex.split(spec)
    except ValueError as error:
        raise ConfigurationError(f"The command {spec!r} of an MCP server cannot be read: {error}.") from None
    if not words:
        raise ConfigurationError("--mcp is empty. Give it a file, a command or a URL: --mcp 'uvx mcp-server-time'.")
    return {name: {"command": words[0], "args": words[1:]}}


def _read(path: Path, spec: str, environ: Mapping[str, str]) -> dict[str, Any]:
    import yaml  # noqa: PLC0415 - only if there is a file

    try:
        whole: Any = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except OSError as error:
        raise ConfigurationError(f"The file {spec!r} of MCP servers cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"The file {spec!r} of MCP servers is neither JSON nor YAML: {problem}.") from None
    named = cast("Mapping[Any, Any]", whole).get(_KEY, whole) if isinstance(whole, Mapping) else None
    if not isinstance(named, Mapping):
        raise ConfigurationError(f"The file {spec!r} has no MCP servers. Write {{{_KEY!r}: {{'NAME': {{...}}}}}}.")
    servers = cast("Mapping[Any, Any]", named)
    if isinstance(servers.get("system_prompt"), str):
        raise ConfigurationError(f"'system_prompt' in {spec!r} is no MCP server. Give it with --system-prompt.")
    return {
        str(name): _own(str(name), cast("Mapping[Any, Any]", fields), environ)
        if isinstance(fields, Mapping)
        else fields
        for name, fields in servers.items()
        if not (isinstance(fields, Mapping) and cast("Mapping[Any, Any]", fields).get("disabled") is True)
    }


def _own(name: str, fields: Mapping[Any, Any], environ: Mapping[str, str]) -> dict[Any, Any]:
    """The fields that are ours, with the variables in their values."""
    own = {key: value for key, value in fields.items() if key not in _FOREIGN and key != "disabled"}
    for key in ("env", "headers"):
        if isinstance(pairs := own.get(key), Mapping):
            own[key] = {
                one: _filled(name, value, environ) if isinstance(value, str) else value
                for one, value in cast("Mapping[Any, Any]", pairs).items()
            }
    return own


def _filled(name: str, text: str, environ: Mapping[str, str]) -> str:
    def fill(variable: re.Match[str]) -> str:
        if variable[1] not in environ:
            raise ConfigurationError(f"The MCP server {name!r} needs {variable[1]}, which is not set.")
        return environ[variable[1]]

    return _VARIABLE.sub(fill, text)
