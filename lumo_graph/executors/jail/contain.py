"""Putting a forked child behind every layer of its plan, before any code of a session runs."""

import os
from dataclasses import dataclass, field

from lumo_graph.executors.jail import landlock, limits, namespaces, privileges, seccomp
from lumo_graph.executors.jail.plan import FOLDER, FROZEN_COPY, LANDLOCK, NAMESPACES, PRIVILEGES, SECCOMP, Plan

_USER_NAMESPACE = "user namespace"
_SHARED_PROCESSES = 4096


@dataclass(slots=True, kw_only=True)
class Report:
    """What contains a process."""

    on: list[str]
    """Layers in force."""
    off: dict[str, str] = field(default_factory=dict[str, str])
    """Smaller parts that could not be had, each with the reason."""


def contain(plan: Plan, *, workplace: str) -> Report:
    """Apply a plan without namespaces to this process.

    Args:
        plan: the layers to apply, all of them.
        workplace: directory the session may write to, its temporary and home directory; in it lies its working
            directory, `FOLDER`.

    Raises:
        LayerError: a layer cannot be had. The process must end without running any code.
    """
    os.chdir(f"{workplace}/{FOLDER}")
    limits.limit_resources(memory_mb=plan.memory_mb, disk_mb=plan.disk_mb, files=plan.files)
    report = Report(on=[*sorted(plan.layers), "rlimits"])
    _enclose(plan, workplace, report)
    _limit_processes(plan, report)
    if SECCOMP in plan.layers:
        seccomp.install_last(asks=False)
    return report


def contain_first(plan: Plan, *, workplace: str) -> Report:
    """Apply a plan to process 1 of new namespaces, all but the limits: what it forks is contained like itself.

    Raises:
        LayerError: as for `contain`.
    """
    report = Report(on=[*sorted(plan.layers), "rlimits"])
    if reason := namespaces.finish():
        report.off["proc"] = reason
    os.chdir(f"{workplace}/{FOLDER}")
    _enclose(plan, workplace, report)
    return report


def limit(plan: Plan, report: Report) -> None:
    """Apply the limits of a plan to this process, a child of one that `contain_first` has contained."""
    limits.limit_resources(memory_mb=plan.memory_mb, disk_mb=plan.disk_mb, files=plan.files)
    _limit_processes(plan, report)


def close_behind(plan: Plan, report: Report) -> None:
    """Take away what only the start of such a child needs, as the last thing before it serves the host."""
    if SECCOMP in plan.layers:
        seccomp.install_last(asks=FROZEN_COPY in report.on)


def _enclose(plan: Plan, workplace: str, report: Report) -> None:
    private = NAMESPACES in plan.layers
    if PRIVILEGES in plan.layers and (reason := privileges.drop(plan, private_root=private)):
        report.off[_USER_NAMESPACE] = reason
    if LANDLOCK in plan.layers:
        inside = ("/proc", "/etc/passwd", "/etc/group") if private else ()
        landlock.restrict(readable=(*plan.readable, *inside), writable=workplace)
    if SECCOMP in plan.layers:
        seccomp.install(
            private_processes=private,
            private_network=private,
            private_files=private,
            scoped_signals=LANDLOCK in plan.layers and landlock.scopes_signals(),
        )


def _limit_processes(plan: Plan, report: Report) -> None:
    if PRIVILEGES in plan.layers:
        limits.limit_processes(_SHARED_PROCESSES if _USER_NAMESPACE in report.off else plan.processes)
