import pytest
from inline_snapshot import snapshot

from lumo_graph.errors import IsolationError
from lumo_graph.executors.advice import Machine
from lumo_graph.executors.isolation import describe_isolation, explain_shortfall, opened_by, reaches, tier_of
from lumo_graph.types import TIERS

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


def without(**off):
    return describe_isolation(ALL - off.keys(), sorted(ALL - off.keys()), off)


def test_what_is_missing_is_named_with_its_reason_and_what_to_do():
    isolation = without(namespaces="unshare: Operation not permitted")
    machine = Machine(settings={"user.max_user_namespaces": 0})
    error = explain_shortfall(isolation, "full", machine)
    assert isinstance(error, IsolationError)
    assert str(error) == snapshot("""\
Isolation 'full' is required, but this machine gives 'fs'. No code was run.
- namespaces: unshare: Operation not permitted
  To have it: as root: sysctl -w user.max_user_namespaces=10000.
To do with less: ProcessExecutor(require='fs'). `lumo doctor` shows what that leaves open.\
""")


def test_layers_that_the_tier_does_not_need_are_not_named():
    isolation = without(namespaces="no", privileges="closed")
    machine = Machine(root=True, filtered=True, out_of_reach="/root")
    assert str(explain_shortfall(isolation, "fs", machine)) == snapshot("""\
Isolation 'fs' is required, but this machine gives 'best_effort'. No code was run.
- privileges: closed
  To have it: use a Python that every user can reach (below /usr or /opt, not below '/root'), run as an ordinary user, or allow namespaces.
To do with less: ProcessExecutor(require='best_effort'). `lumo doctor` shows what that leaves open.\
""")  # noqa: E501 - as it is printed


def test_where_one_of_two_layers_is_enough_the_error_says_so():
    isolation = without(namespaces="no", landlock="no")
    text = str(explain_shortfall(isolation, "fs", Machine(release="5.10.0")))
    assert "- namespaces: no\n" in text
    assert "- landlock: no\n" in text
    assert "One of namespaces and landlock is enough for 'fs'." in text
    assert "One of" not in str(explain_shortfall(isolation, "full", Machine(release="5.10.0")))


@pytest.mark.parametrize("required", TIERS)
@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_that_is_enough_is_enough(tier, required):
    assert reaches(tier, required) == (TIERS.index(tier) <= TIERS.index(required))


def test_what_a_layer_leaves_open_is_what_it_would_close():
    isolation = without(namespaces="no", seccomp="no")
    assert any(line.startswith("disk:") for line in opened_by("namespaces", isolation))
    assert not any(line.startswith("disk:") for line in opened_by("seccomp", isolation))
    assert any(line.startswith("system calls:") for line in opened_by("seccomp", isolation))
    for name in isolation.off:
        assert set(opened_by(name, isolation)) <= set(isolation.open)
        assert "the kernel is shared with the host" not in opened_by(name, isolation)


def test_what_is_left_open_is_said():
    nothing = describe_isolation(set(), ["rlimits"], {})
    assert any(line.startswith("files:") for line in nothing.open)
    assert any(line.startswith("network:") for line in nothing.open)
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
