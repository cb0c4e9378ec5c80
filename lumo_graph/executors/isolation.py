"""Which tier a set of layers makes, and what it leaves open. Decisions only; the jail itself stands in `jail/`."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from lumo_graph.errors import IsolationError
from lumo_graph.executors.advice import Machine, advise
from lumo_graph.executors.jail.plan import GROUP, LANDLOCK, LAYERS, NAMESPACES, PAUSE, PRIVILEGES, SECCOMP
from lumo_graph.types import TIERS, Isolation, Tier


def tier_of(layers: AbstractSet[str]) -> Tier:
    """The tier that these layers make together.

    Every layer is `full`. `fs` keeps the host's files out of reach: a private root or Landlock, with the filter of
    system calls and without privileges.
    """
    if layers >= set(LAYERS):
        return "full"
    if not layers >= {SECCOMP, PRIVILEGES}:
        return "best_effort" if PRIVILEGES in layers or SECCOMP in layers else "none"
    return "fs" if layers & {NAMESPACES, LANDLOCK} else "best_effort"


def reaches(tier: Tier, required: Tier) -> bool:
    """Whether a tier contains at least as much as the required one."""
    return TIERS.index(tier) <= TIERS.index(required)


def explain_shortfall(isolation: Isolation, required: Tier, machine: Machine) -> IsolationError:
    """The error for isolation below the required tier: what is missing, why, and what to do.

    Args:
        isolation: what there is.
        required: what there should be, a tier above it.
        machine: what the advice depends on.
    """
    missing = {layer: isolation.off[layer] for layer in _missing_for(isolation, required)}
    lines = [f"Isolation {required!r} is required, but this machine gives {isolation.tier!r}. No code was run."]
    for layer, reason in missing.items():
        lines += [f"- {layer}: {reason}", f"  To have it: {advise(layer, machine)}."]
    if required == "fs" and {NAMESPACES, LANDLOCK} <= missing.keys():
        lines.append(f"One of {NAMESPACES} and {LANDLOCK} is enough for 'fs'.")
    lines.append(
        f"To do with less: ProcessExecutor(require={isolation.tier!r}). `lumo doctor` shows what that leaves open."
    )
    return IsolationError("\n".join(lines))


def _missing_for(isolation: Isolation, required: Tier) -> list[str]:
    # Those that are not needed for the tier would only distract.
    off = [layer for layer in LAYERS if layer in isolation.off]
    if required == "full":
        return off
    needed = {SECCOMP, PRIVILEGES}
    if required == "fs" and {NAMESPACES, LANDLOCK} <= set(off):
        needed |= {NAMESPACES, LANDLOCK}
    return [layer for layer in off if layer in needed]


def opened_by(name: str, isolation: Isolation) -> tuple[str, ...]:
    """What code can do to its host only because this layer, or smaller part, is off."""
    layers = {layer for layer in LAYERS if layer in isolation.on} | ({name} & set(LAYERS))
    off = {other: reason for other, reason in isolation.off.items() if other != name}
    closed = _left_open(layers, (*isolation.on, name), off)
    return tuple(line for line in isolation.open if line not in closed)


def describe_isolation(layers: AbstractSet[str], report_on: Sequence[str], off: Mapping[str, str]) -> Isolation:
    """The report of a session that runs behind these layers."""
    return Isolation(
        tier=tier_of(layers), on=tuple(report_on), off=dict(off), open=tuple(_left_open(layers, report_on, off))
    )


def _left_open(layers: AbstractSet[str], on: Sequence[str], off: Mapping[str, str]) -> list[str]:
    left = ["the kernel is shared with the host", *_used_without_bounds(layers, on, off)]
    if NAMESPACES not in layers:
        left.append("files: whether a path exists, its size, owner and times can be seen")
        left.append("files: permissions and times of those it may read can be changed if they are the user's own")
        left.append("processes: those of the machine can be seen")
    if not layers & {NAMESPACES, LANDLOCK}:
        left.append("files: what the user may read and write, code may too")
    if SECCOMP not in layers:
        programs = "" if LANDLOCK in layers else "; code may start programs"
        left.append(f"system calls: all of them{programs}")
    if SECCOMP not in layers and NAMESPACES not in layers:
        tcp = ", but for TCP since Linux 6.7" if LANDLOCK in layers else ""
        signals = ", before Linux 6.12" if LANDLOCK in layers else ""
        left.append(f"network: not limited{tcp}")
        left.append(f"processes: those of the same user can be signalled{signals}")
    if PRIVILEGES not in layers:
        left.append("privileges: the user's own are kept")
        left.append("processes: their number is not limited")
    return left


def _used_without_bounds(layers: AbstractSet[str], on: Sequence[str], off: Mapping[str, str]) -> list[str]:
    if PAUSE in off:
        return [
            "processor: threads and processes that an action leaves behind run on until the session ends",
            "memory: the limit is for each process, and code may fork some",
            "disk: only the size of a single file is limited",
        ]
    # Who can write to the files of the machine can leave a group.
    grouped = GROUP in on and bool(layers & {NAMESPACES, LANDLOCK})
    left: list[str] = []
    if "proc" in off and not grouped:
        left.append("memory and processor: the limits are for each process, and code may fork some")
    elif not grouped or f"{GROUP} memory" in off:
        left.append("memory: of all processes together it is watched, not prevented")
    if SECCOMP not in layers:
        left.append("processor: code that takes pains to may run on between actions")
    if NAMESPACES not in layers:
        left.append("disk: of all files together it is watched, not prevented; deleted ones are not seen")
    if "user namespace" in off and (not grouped or f"{GROUP} pids" in off):
        left.append("processes: their number is limited for all sessions of a user together")
    return left
