"""What `lumo doctor` finds out. `lumo doctor --json` prints a `Diagnosis`; the page shows the same to a person."""

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any, TypedDict

from lumo_graph.cli.storage import Storage, describe_storage
from lumo_graph.errors import LumoGraphError
from lumo_graph.executors.advice import Machine, advise, read_machine
from lumo_graph.executors.isolation import opened_by
from lumo_graph.executors.jail.plan import LAYERS
from lumo_graph.executors.process import ProcessExecutor
from lumo_graph.toolkit.catalogue import ENTRIES
from lumo_graph.types import Isolation, Limits, Tier

PACKAGE = "lumo-graph"
KEYS = (
    "OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY",
    "COHERE_API_KEY", "TOGETHER_API_KEY", "FIREWORKS_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "OPENROUTER_API_KEY",
    "NVIDIA_API_KEY", "PPLX_API_KEY", "CEREBRAS_API_KEY", "HUGGINGFACEHUB_API_TOKEN", "LANGSMITH_API_KEY",
)  # fmt: skip
"""Variables that hold a key which a model, or a tracer, is used with."""
_CODE, _SECONDS = "6 * 7", 30.0
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)""")
_NAME = re.compile(r"[\w.-]+")


class Layer(TypedDict):
    """A layer of the jail, or a smaller part of it."""

    name: str
    on: bool
    reason: str
    """Why it is off; empty if it is on."""
    open: list[str]
    """What code can do only because it is off."""
    advice: str
    """What to do about it; empty if there is nothing."""


class Trial(TypedDict):
    """A session that was opened, given `6 * 7` to run, and closed."""

    value: Any
    """42, or None if it did not come to that."""
    error: str
    """What went wrong; empty if nothing did."""
    first_ms: float | None
    """Milliseconds until the first session of a process is there."""
    next_ms: float | None
    """The same for the sessions after it."""
    action_ms: float | None
    """Milliseconds that the code took, there and back."""


class ReadyTool(TypedDict):
    """A tool that comes with the library."""

    name: str
    key: str | None
    """The variable that its key stands in; None if it needs none."""
    set: bool
    """Whether that is set, or none is needed."""


class Diagnosis(TypedDict):
    """What can be said of this installation on this machine."""

    version: str
    """Of lumo-graph; empty if it runs from a checkout that is not installed."""
    python: str
    """Version and implementation."""
    executable: str
    platform: str
    """System, kernel and machine."""
    user: str
    """`root` or `ordinary`: what the process runs as decides which layers there are."""
    isolation: dict[str, Any] | None
    """What a session says of itself: `tier`, `on`, `off`, `open`. None if there was no session."""
    layers: list[Layer]
    always_open: list[str]
    """What code can do whatever is on."""
    trial: Trial
    extras: dict[str, dict[str, str | None]]
    """Extra to its packages, each with its version; None for one that is not installed."""
    packages: dict[str, str | None]
    """The packages that lumo-graph always needs, in the same way."""
    storage: Storage
    keys: list[str]
    """Names of the API keys that are set."""
    tools: list[ReadyTool]
    """The tools that `--tools` takes by name."""
    require: Tier | None
    """What `--require` asked for."""
    shortfall: str
    """What the executor says to that; empty if it is reached or was not asked for."""


def diagnose(*, checkpointer: str | None = None, require: Tier | None = None) -> Diagnosis:
    """Look at the machine and the installation, and open a session.

    Args:
        checkpointer: where threads are stored; None: where `lumo` stores them unless told otherwise.
        require: a tier of isolation to ask for.

    Raises:
        ConfigurationError: there is no such tier.
    """
    asked = None if require is None else ProcessExecutor(require=require)
    machine = read_machine()
    trial, isolation = _try_session()
    extras, packages = _find_packages()
    layers = [] if isolation is None else list(_layers(isolation, machine))
    because = {line for layer in layers for line in layer["open"]}
    return Diagnosis(
        version=_version(PACKAGE) or "",
        python=f"{platform.python_version()} {platform.python_implementation()}",
        executable=sys.executable,
        platform=f"{machine.system} {machine.release} {platform.machine()}",
        user="root" if machine.root else "ordinary",
        isolation=None if isolation is None else isolation.to_dict(),
        layers=layers,
        always_open=[] if isolation is None else [line for line in isolation.open if line not in because],
        trial=trial,
        extras=extras,
        packages=packages,
        storage=describe_storage(checkpointer),
        keys=[name for name in KEYS if os.environ.get(name)],
        tools=[
            ReadyTool(
                name=entry.name,
                key=entry.variable,
                set=entry.variable is None or bool(os.environ.get(entry.variable, "").strip()),
            )
            for entry in ENTRIES
        ],
        require=require,
        shortfall="" if asked is None else _shortfall(asked),
    )


def _try_session() -> tuple[Trial, Isolation | None]:
    trial = Trial(value=None, error="", first_ms=None, next_ms=None, action_ms=None)
    isolation = None
    executor = ProcessExecutor(require="none")
    try:
        for order in ("first_ms", "next_ms"):
            started = time.perf_counter()
            session = executor.open(limits=Limits())
            trial[order] = _milliseconds(started)
            try:
                isolation = session.isolation
                started = time.perf_counter()
                done = session.execute(_CODE, seconds=_SECONDS, serve=_no_tools)
                trial["action_ms"] = _milliseconds(started)
            finally:
                session.close()
            trial["value"] = done.value.json if done.value else None
            if done.error is not None:
                trial["error"] = f"{done.error.kind}: {done.error.message}"
    except LumoGraphError as error:
        trial["error"] = str(error)
    return trial, isolation


def _no_tools(request: object) -> Any:
    raise LumoGraphError(f"the session called a tool: {request!r}")


def _milliseconds(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def _layers(isolation: Isolation, machine: Machine) -> Iterator[Layer]:
    parts = [name for name in (*isolation.on, *isolation.off) if name not in LAYERS]
    claimed: set[str] = set()
    advised: dict[str, str] = {}
    for name in (*LAYERS, *parts):
        if name in isolation.on:
            yield Layer(name=name, on=True, reason="", open=[], advice="")
            continue
        # What two layers leave open together, and what one does about both, is said once.
        left = [line for line in opened_by(name, isolation) if line not in claimed]
        claimed.update(left)
        advice = advise(name, machine)
        same_as = advised.setdefault(advice, name)
        yield Layer(
            name=name,
            on=False,
            reason=isolation.off.get(name, ""),
            open=left,
            advice=advice if same_as == name or not advice else f"as for {same_as}",
        )


def _shortfall(executor: ProcessExecutor) -> str:
    try:
        executor.probe()
    except LumoGraphError as error:
        return str(error)
    return ""


def _find_packages() -> tuple[dict[str, dict[str, str | None]], dict[str, str | None]]:
    extras: dict[str, dict[str, str | None]] = {}
    packages: dict[str, str | None] = {}
    try:
        wanted = requires(PACKAGE) or []
    except PackageNotFoundError:
        wanted = []
    for line in wanted:
        if name := _NAME.match(line):
            extra = _EXTRA.search(line)
            of = packages if extra is None else extras.setdefault(extra[1], {})
            of[name[0]] = _version(name[0])
    return extras, packages


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
