"""`lumo doctor`: one page about this installation on this machine."""

import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from lumo_graph.cli.complaints import complain
from lumo_graph.cli.diagnosis import Diagnosis, Layer, ReadyTool, Trial, diagnose
from lumo_graph.cli.exits import ANSWERED, SANDBOX
from lumo_graph.cli.following import is_terminal
from lumo_graph.cli.lines import json_line
from lumo_graph.cli.printable import printable
from lumo_graph.cli.storage import Storage
from lumo_graph.types import Tier

_TIERS: Mapping[str, str] = {
    "full": "every layer of isolation is on",
    "fs": "files of the host are out of the code's reach; what else stays open stands below",
    "best_effort": "some layers, too few to keep files of the host out of the code's reach for certain",
    "none": "not contained: code can do what this user can",
}
_REFUSED = "ProcessExecutor() and `lumo run` require 'fs', so they refuse to run code here."
_ELSEWHERE = "Sessions may also run where more is allowed, in a container for instance: ProcessExecutor(launch=[...])."
_LABEL, _NAME, _STATE = 11, 16, 5


def run_doctor(*, require: Tier | None, checkpointer: str | None, json_lines: bool) -> int:
    """Print the page, or the same as data.

    Returns:
        The exit code: 0 if a session works here and the required isolation is reached.

    Raises:
        ConfigurationError: there is no such tier.
    """
    found = diagnose(require=require, checkpointer=checkpointer)
    if json_lines:
        print(json_line(found))  # noqa: T201 - the command's output
    else:
        width = shutil.get_terminal_size().columns if is_terminal() else None
        sys.stdout.writelines(f"{printable(line)}\n" for line in page(found, width))
    sys.stdout.flush()
    if found["shortfall"]:
        complain(found["shortfall"])
    return SANDBOX if found["shortfall"] or found["trial"]["error"] else ANSWERED


def page(found: Diagnosis, width: int | None = None) -> Iterator[str]:
    """The page, line by line.

    Args:
        found: what it says.
        width: where lines are wrapped; None: nowhere.
    """
    yield f"lumo-graph {found['version'] or '(not installed)'}"
    yield from _entry("python", f"{found['python']} · {found['executable']}", width)
    yield from _entry("platform", f"{found['platform']} · {_user(found['user'])}", width)
    yield from _entry("session", _trial(found["trial"]), width)
    yield from _isolation(found, width)
    yield ""
    yield from _entry("packages", _versions(found["packages"]), width)
    for extra, packages in found["extras"].items():
        missing = None in packages.values()
        hint = f" · to have it: pip install 'lumo-graph[{extra}]'" if missing else ""
        yield from _entry(f"[{extra}]", f"{_versions(packages)}{hint}", width)
    yield from _entry("threads", _storage(found["storage"]), width)
    yield from _entry("keys", ", ".join(found["keys"]) or "none is set", width)
    yield from _entry("tools", _tools(found["tools"]), width)


def _isolation(found: Diagnosis, width: int | None) -> Iterator[str]:
    if found["isolation"] is None:
        yield from _entry("isolation", "not known: there was no session", width)
        return
    tier = found["isolation"]["tier"]
    yield from _entry("isolation", f"{tier} · {_TIERS[tier]}", width)
    yield ""
    yield f"  {'layer':{_NAME}}is"
    for layer in found["layers"]:
        yield from _layer(layer, width)
    heading = f"  {'open anyway':{_NAME + _STATE}}"
    for line in found["always_open"]:
        yield from _wrapped(line, heading, width)
        heading = " " * len(heading)
    if tier != "full":
        yield ""
        for line in (*([_REFUSED] if tier in ("best_effort", "none") else []), _ELSEWHERE):
            yield from _wrapped(line, "  ", width)


def _layer(layer: Layer, width: int | None) -> Iterator[str]:
    heading = f"  {layer['name']:{_NAME}}{'on' if layer['on'] else 'off':{_STATE}}"
    details = [
        *(("why", layer["reason"]) for _ in [0] if layer["reason"]),
        *(("open" if position == 0 else "", line) for position, line in enumerate(layer["open"])),
        *(("do", layer["advice"]) for _ in [0] if layer["advice"]),
    ]
    if not details:
        yield heading.rstrip()
    for label, text in details:
        yield from _wrapped(text, f"{heading}{label:6}", width)
        heading = " " * len(heading)


def _entry(label: str, text: str, width: int | None) -> Iterator[str]:
    yield from _wrapped(text, f"  {label:{_LABEL}}", width)


def _wrapped(text: str, start: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield f"{start}{text}"
        return
    room = max(width, len(start) + 30)
    yield from textwrap.wrap(
        text, room, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _user(user: str) -> str:
    return "root" if user == "root" else "an ordinary user"


def _trial(trial: Trial) -> str:
    if trial["error"]:
        return f"does not work: {trial['error']}"
    return (
        f"6 * 7 = {trial['value']} in {trial['action_ms']} ms · the first session started in {trial['first_ms']} ms, "
        f"the next in {trial['next_ms']} ms"
    )


def _versions(packages: Mapping[str, str | None]) -> str:
    found: Sequence[str] = [f"{name} {version or 'is missing'}" for name, version in packages.items()]
    return ", ".join(found) or "not known: lumo-graph is not installed"


def _tools(tools: Sequence[ReadyTool]) -> str:
    usable = ", ".join(tool["name"] for tool in tools if tool["set"]) or "none"
    waiting = ", ".join(f"{tool['name']} ({tool['key']})" for tool in tools if not tool["set"])
    return f"{usable}{f' · without a key: {waiting}' if waiting else ''}"


def _storage(storage: Storage) -> str:
    if storage["writable"]:
        return f"{storage['url']} · writable"
    return f"{storage['url']} · not writable: {storage['reason']}"
