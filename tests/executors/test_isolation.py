import pytest

from lumo_graph.errors import IsolationError
from lumo_graph.executors.isolation import check_reached, describe_isolation, tier_of

ALL = {"namespaces", "landlock", "seccomp", "privileges"}


@pytest.mark.parametrize(
    ("layers", "tier"),
    [
        (ALL, "full"),
        (ALL - {"landlock"}, "fs"),
        (ALL - {"namespaces"}, "fs"),
        (ALL - {"namespaces", "landlock"}, "best_effort"),
        (ALL - {"seccomp"}, "best_effort"),
        (ALL - {"privileges"}, "best_effort"),
        ({"landlock"}, "none"),
        (set(), "none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(sorted(value)) or "nothing",
)
def test_layers_make_a_tier(layers, tier):
    assert tier_of(layers) == tier


def test_what_is_missing_is_named_with_its_reason_and_what_to_do():
    off = {"namespaces": "Operation not permitted"}
    with pytest.raises(IsolationError) as caught:
        check_reached(ALL - {"namespaces"}, off, "full")
    message = str(caught.value)
    assert "'full' is required, but this machine offers 'fs'" in message
    assert "namespaces (Operation not permitted)" in message
    assert "user.max_user_namespaces" in message
    assert "ProcessExecutor(require='fs')" in message


def test_a_tier_that_is_enough_is_enough():
    check_reached(ALL - {"namespaces"}, {"namespaces": "no"}, "fs")
    check_reached(set(), {}, "none")


def test_what_is_left_open_is_said():
    without = describe_isolation(set(), ["rlimits"], {})
    assert any(line.startswith("files:") for line in without.open)
    assert any(line.startswith("network:") for line in without.open)
    full = describe_isolation(ALL, sorted(ALL), {})
    assert not any(line.startswith(("files:", "network:", "disk:", "processor:")) for line in full.open)


def test_what_is_watched_and_not_prevented_is_said():
    watched = "memory: of all processes together it is watched, not prevented"
    assert watched in describe_isolation(ALL, sorted(ALL), {"cgroup": "no rights"}).open
    assert watched in describe_isolation(ALL, [*ALL, "cgroup"], {"cgroup memory": "not available"}).open
    assert watched not in describe_isolation(ALL, [*ALL, "cgroup"], {}).open
    without = describe_isolation(ALL - {"namespaces"}, ["cgroup"], {"user namespace": "no", "cgroup pids": "no"}).open
    assert any(line.startswith("disk:") and "watched" in line for line in without)
    assert any(line.startswith("processes:") and "together" in line for line in without)
    anything = describe_isolation(set(), ["cgroup"], {}).open
    assert watched in anything  # who may write to the groups can leave them
    assert any(line.startswith("processor:") for line in anything)


def test_without_proc_nobody_can_add_up_what_processes_use():
    left = describe_isolation(ALL, sorted(ALL), {"proc": "Operation not permitted"}).open
    assert any(line.startswith("memory and processor:") and "each process" in line for line in left)


def test_where_nothing_can_be_held_still_it_is_said():
    left = describe_isolation(set(), [], {"pause": "not supported on Darwin"}).open
    assert any(line.startswith("processor:") and "run on until the session ends" in line for line in left)
    assert any(line.startswith("memory:") and "each process" in line for line in left)
