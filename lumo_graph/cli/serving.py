"""`lumo serve`. Nothing heavy is imported before the command needs it."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lumo_graph.cli.ages import parse_age
from lumo_graph.cli.complaints import complain, complaining
from lumo_graph.cli.options import CheckpointerOption, ToolsOption
from lumo_graph.cli.storage import chosen_checkpointer, shown, snapshot_key
from lumo_graph.cli.tracing import tracing
from lumo_graph.errors import ConfigurationError
from lumo_graph.limits import Limits
from lumo_graph.types import TIERS, Tier

if TYPE_CHECKING:
    from lumo_graph.server import Settings

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_NAMED = re.compile(r"\s*(\w[\w-]*)=")
_FILES = (".json", ".yaml", ".yml")
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def serve(
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: any that is free.")] = 8080,
    checkpointer: CheckpointerOption = None,
    tools: ToolsOption = None,
    require: Annotated[
        str, typer.Option(metavar="|".join(TIERS), help="Do not start where sessions get less isolation than this.")
    ] = "fs",
    concurrency: Annotated[int, typer.Option(metavar="N", min=1, help="Runs at once.")] = 8,
    queue: Annotated[int, typer.Option(metavar="N", min=0, help="Runs that wait; more are refused (429).")] = 32,
    warm: Annotated[int, typer.Option(metavar="N", min=0, help="Sessions kept ready, 10 MiB each.")] = 0,
    interrupt_on: Annotated[
        list[str] | None,
        typer.Option(metavar="TOOL", help="Calls of it wait for a decision. May be given several times."),
    ] = None,
    max_steps: Annotated[int, typer.Option(metavar="N", help="The most that a request may ask for.")] = 50,
    max_tool_calls: Annotated[int | None, typer.Option(metavar="N", help="Of a run.")] = None,
    max_tokens: Annotated[int | None, typer.Option(metavar="N", help="Of a run, in and out together.")] = None,
    max_cost: Annotated[float | None, typer.Option(metavar="X", help="Of a run, as the provider reports it.")] = None,
    max_seconds: Annotated[float | None, typer.Option(metavar="X", help="Of work in a run.")] = None,
    action_seconds: Annotated[float, typer.Option(metavar="X", help="Of one action.")] = 30.0,
    memory_mb: Annotated[int, typer.Option(metavar="N", help="MiB of memory of one session.")] = 2048,
    disk_mb: Annotated[int, typer.Option(metavar="N", help="MiB of files of one session.")] = 64,
    max_body_mb: Annotated[int, typer.Option(metavar="N", min=1, help="MiB of a request.")] = 4,
    mcp: Annotated[
        list[str] | None,
        typer.Option(
            "--mcp",
            "--mcp-config",
            metavar="SERVER",
            help="MCP servers that requests may name, and no others: NAME='COMMAND ARGS', NAME=URL, or a file with "
            '{"mcpServers": {NAME: {"command": ...}}}. May be given several times.',
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN=VARIABLE",
            help="Where the key in an environment variable goes, such as https://api.mistral.ai=MISTRAL_API_KEY. "
            "Known: OpenAI, Google, Groq, Anthropic. May be given several times.",
        ),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Web pages that may call. May be given several times.")
    ] = None,
    keep_threads: Annotated[
        str | None, typer.Option(metavar="AGE", help="Delete threads not used for so long: 12h, 30d, 8w.")
    ] = None,
    recover: Annotated[bool, typer.Option("--recover", help="Go on with the runs that a dead server left.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Show figures at /metrics, for Prometheus.")] = False,
    grace: Annotated[float, typer.Option(metavar="X", min=0, help="Seconds that runs have when a signal comes.")] = 5.0,
) -> None:
    """Serve Lumo's HTTP API: POST /run and /stream, and /threads.

    Clients send LUMO_API_KEY as a bearer token if it is set; ENABLE_AUTH=false asks nobody. Models on this machine or
    in its network need LUMO_ALLOW_PRIVATE_BASE_URLS=1. Put a proxy with TLS before it.
    """
    with complaining(), tracing(show=False):
        try:
            from lumo_graph.server.serving import serve as serve_until_signal  # noqa: PLC0415 - needs the extra
        except ModuleNotFoundError as error:
            raise _missing(error) from error
        limits = Limits(
            max_steps=max_steps, max_tool_calls=max_tool_calls, max_tokens=max_tokens, max_cost=max_cost,
            max_seconds=max_seconds, action_seconds=action_seconds, memory_mb=memory_mb, disk_mb=disk_mb,
        )  # fmt: skip
        settings = made_settings(
            os.environ,
            host=host,
            checkpointer=chosen_checkpointer(checkpointer),
            tools=tools or (),
            require=require,
            warm=warm,
            keys=key or (),
            mcp_servers=named_servers(mcp or (), os.environ),
            concurrency=concurrency,
            queue=queue,
            interrupt_on=dict.fromkeys(interrupt_on or (), True),
            limits=limits,
            max_body_bytes=max_body_mb << 20,
            cors_origins=tuple(cors or ()),
            keep_threads=None if keep_threads is None else parse_age("--keep-threads", keep_threads),
            recover=recover,
            metrics=metrics,
        )
        where = shown(chosen_checkpointer(checkpointer))
        asks = "with a key" if settings.api_key else "without a key"
        serve_until_signal(
            settings,
            host=host,
            port=port,
            grace_seconds=grace,
            on_ready=lambda address: complain(f"serving on {address} {asks}; threads in {where}"),
            on_drain=lambda: complain(f"stopping: what runs has {grace:g} s to end. Another signal stops it at once."),
        )


def made_settings(
    environ: Mapping[str, str],
    *,
    host: str,
    tools: Sequence[str],
    require: str,
    warm: int,
    keys: Sequence[str],
    **given: Any,
) -> "Settings":
    """The settings that options and environment make.

    Raises:
        ConfigurationError: something cannot be used as given.
        IsolationError: sessions get less isolation here than is required.
    """
    from lumo_graph.cli.loading import load_tools  # noqa: PLC0415 - langchain
    from lumo_graph.executors import ProcessExecutor  # noqa: PLC0415 - the executor
    from lumo_graph.models.keys import PROVIDERS, provider_keys  # noqa: PLC0415 - langchain
    from lumo_graph.server import Settings  # noqa: PLC0415 - the extra

    api_key = api_key_of(environ, host)
    executor = ProcessExecutor(require=cast("Tier", require), warm=warm, snapshot_key=snapshot_key() or ())
    executor.probe()
    providers = {**PROVIDERS, **dict(_origin_and_variable(text) for text in keys)}
    return Settings(
        api_key=api_key,
        allowed_hosts=() if api_key or not is_loopback(host) else (*_LOOPBACK, host.lower()),
        provider_keys=provider_keys(environ, providers),
        allow_private_base_urls=_flag(environ, "LUMO_ALLOW_PRIVATE_BASE_URLS") or False,
        tools=load_tools(tools),
        tool_keys={name: value for name, value in environ.items() if name.endswith("_API_KEY")},
        executor=executor,
        **given,
    )


def named_servers(specs: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """The MCP servers that `--mcp` options name.

    Raises:
        ConfigurationError: one has no name, or cannot be read.
    """
    from lumo_graph.cli.servers import load_servers  # noqa: PLC0415 - yaml

    found: dict[str, Any] = {}
    for spec in specs:
        is_file = spec.strip().lower().endswith(_FILES)
        named = None if is_file else _NAMED.match(spec)
        if named is None and not is_file:
            raise ConfigurationError(f"--mcp {spec!r} has no name for requests: write --mcp NAME={spec!r}.")
        servers = load_servers([spec[named.end() :] if named else spec], environ)
        if named:
            servers = dict(zip([named[1]], servers.values(), strict=True))
        if twice := sorted(set(servers) & set(found)):
            raise ConfigurationError(f"Two MCP servers are named {twice[0]!r}. Give one of them another name.")
        found |= servers
    return found


def api_key_of(environ: Mapping[str, str], host: str) -> str | None:
    """What clients have to show; None: nobody is asked. Pure.

    Raises:
        ConfigurationError: nobody would be asked although others can reach the server, and nobody has said so.
    """
    wanted, key = _flag(environ, "ENABLE_AUTH"), environ.get("LUMO_API_KEY", "").strip()
    if wanted is False:
        return None
    if key:
        return key
    if wanted:
        raise ConfigurationError("ENABLE_AUTH is on, but LUMO_API_KEY is not set: it is what clients have to show.")
    if not is_loopback(host):
        raise ConfigurationError(
            f"Others can reach {host!r}: set LUMO_API_KEY to what clients have to show, or ENABLE_AUTH=false to ask "
            "nobody."
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    return host.lower() == "localhost" or host == "::1" or host.startswith("127.")


def _flag(environ: Mapping[str, str], name: str) -> bool | None:
    given = environ.get(name, "").strip().lower()
    if not given:
        return None
    if given in _ON or given in _OFF:
        return given in _ON
    raise ConfigurationError(f"{name} must be true or false, not {given!r}.")


def _origin_and_variable(text: str) -> tuple[str, str]:
    from lumo_graph.models.keys import origin_of  # noqa: PLC0415 - langchain
    from lumo_graph.models.providers import parse_base_url  # noqa: PLC0415 - same

    address, _, name = text.rpartition("=")
    if not address or not name.isidentifier():
        raise ConfigurationError(f"--key must be ORIGIN=VARIABLE, such as https://host=HOST_API_KEY, not {text!r}.")
    return origin_of(parse_base_url(address)), name


def _missing(error: ModuleNotFoundError) -> ConfigurationError:
    return ConfigurationError(f"lumo serve needs {error.name!r}: pip install 'lumo-graph[server]'.")
