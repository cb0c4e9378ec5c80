"""Putting a forked child behind every layer of its plan, before any code of a session runs."""

import os
from typing import Any

from lumo_graph.executors.jail import landlock, limits, namespaces, privileges, seccomp
from lumo_graph.executors.jail.plan import LANDLOCK, NAMESPACES, PRIVILEGES, SECCOMP, Plan


def contain(plan: Plan, *, workplace: str) -> dict[str, Any]:
    """Apply the plan to this process, which `namespaces.enter` has prepared if the plan has namespaces.

    Args:
        plan: the layers to apply, all of them.
        workplace: directory the session may write to; it becomes its temporary, home and working directory.

    Returns:
        `on`: layers in force; `off`: smaller parts that could not be had, each with the reason.

    Raises:
        LayerError: a layer cannot be had. The process must end without running any code.
    """
    off: dict[str, str] = {}
    private = NAMESPACES in plan.layers
    if private and (reason := namespaces.finish()):
        off["proc"] = reason
    os.chdir(workplace)
    limits.limit_resources(memory_mb=plan.memory_mb, disk_mb=plan.disk_mb, files=plan.files)
    if PRIVILEGES in plan.layers and (reason := privileges.drop(plan, private_root=private)):
        off["user namespace"] = reason
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
    return {"on": [*sorted(plan.layers), "rlimits"], "off": off}
