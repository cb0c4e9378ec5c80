"""Which tier a set of layers makes, and what it leaves open. Decisions only; the jail itself stands in `jail/`."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from lumo_graph.errors import IsolationError
from lumo_graph.executors.jail.plan import GROUP, LANDLOCK, LAYERS, NAMESPACES, PAUSE, PRIVILEGES, SECCOMP
from lumo_graph.types import TIERS, Isolation, Tier

_ADVICE = {
    NAMESPACES: "allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; "
    "in Docker a seccomp profile that allows unshare and mount)",
    LANDLOCK: "use Linux 5.13 or newer with landlock among its security modules",
    SECCOMP: "use Linux with seccomp on x86_64 or aarch64",
    PRIVILEGES: "run as an ordinary user, or use an interpreter that every user can read",
}


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


def check_reached(layers: AbstractSet[str], off: Mapping[str, str], required: Tier) -> None:
    """Refuse layers that do not make the required tier.

    Raises:
        IsolationError: it names what is missing, why, and what to do.
    """
    tier = tier_of(layers)
    if reaches(tier, required):
        return
    missing = "; ".join(f"{layer} ({reason})" for layer, reason in off.items())
    advice = "; ".join(_ADVICE[layer] for layer in off if layer in _ADVICE)
    raise IsolationError(
        f"Isolation {required!r} is required, but this machine offers {tier!r}. Missing: {missing}. "
        f"To get it: {advice}. To do with less: ProcessExecutor(require={tier!r}). No code was run."
    )


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
        left.append("system calls: all of them; code may start programs")
    if SECCOMP not in layers and NAMESPACES not in layers:
        left.append("network: not limited")
        left.append("processes: those of the same user can be signalled")
    if PRIVILEGES not in layers:
        left.append("privileges: the user's own are kept")
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
