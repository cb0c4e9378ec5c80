"""Which jails the attacks are tried against."""

from lumo_graph.executors.jail.plan import LANDLOCK, LAYERS, NAMESPACES, PRIVILEGES, SECCOMP

JAILS = {
    "full": frozenset(LAYERS),
    "without landlock": frozenset(LAYERS) - {LANDLOCK},
    "fs": frozenset(LAYERS) - {NAMESPACES},
    "best_effort": frozenset({SECCOMP, PRIVILEGES}),
    "none": frozenset[str](),
}
"""Jail to its layers."""
