"""Which control group can hold that of a session: decided on what is said of them, and read from trees of files."""

import os
from pathlib import Path

import pytest

from lumo_graph.executors.jail.cgroups import Candidate, Choice, choose, find_own, survey

BOTH = frozenset({"memory", "pids"})
NONE = frozenset()


def candidate(path, *, writable=True, enabled=NONE, possible=NONE, ordinary=True):
    return Candidate(
        path=Path(path),
        writable=writable,
        enabled=frozenset(enabled),
        possible=frozenset(possible),
        ordinary=ordinary,
    )


@pytest.mark.parametrize(
    ("candidates", "choice"),
    [
        ([candidate("/own", enabled=BOTH)], Choice(path=Path("/own"), bounds=BOTH)),
        ([candidate("/own"), candidate("/above", enabled=BOTH)], Choice(path=Path("/above"), bounds=BOTH)),
        ([candidate("/own"), candidate("/above", writable=False, enabled=BOTH)], Choice(path=Path("/own"))),
        (
            [candidate("/own"), candidate("/above", enabled={"pids"}, possible={"memory", "cpu"})],
            Choice(path=Path("/above"), bounds=BOTH, enable=("memory",)),
        ),
        ([candidate("/own", enabled=BOTH), candidate("/above", enabled=BOTH)], Choice(path=Path("/own"), bounds=BOTH)),
        ([candidate("/own", enabled={"hugetlb"}), candidate("/above")], Choice(path=Path("/own"))),
        ([candidate("/own", ordinary=False), candidate("/above")], Choice(path=Path("/above"))),
    ],
    ids=["own", "above", "own without", "enabled first", "own first", "others do not count", "threads"],
)
def test_the_group_that_bounds_a_session_best_is_chosen(candidates, choice):
    assert choose(candidates) == choice


def test_where_none_may_be_used_it_is_said_which():
    refused = choose([candidate("/own", writable=False), candidate("/above", ordinary=False)])
    assert refused == "no rights to make a group in /own or /above"


@pytest.mark.parametrize(
    ("bounds", "counts", "contained", "worth"),
    [
        ({"memory"}, False, True, True),
        ((), True, True, True),
        ((), False, False, True),
        ((), False, True, False),
    ],
)
def test_a_group_is_used_where_it_does_what_nothing_else_does(bounds, counts, contained, worth):
    choice = Choice(path=Path("/own"), bounds=frozenset(bounds))
    assert choice.is_worth_it(counts=counts, contained=contained) is worth


ONE = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = (
    "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "35 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)
PART = "30 24 0:26 /docker/abc /sys/fs/cgroup\\040x ro - cgroup2 cgroup rw\n"


@pytest.mark.parametrize(
    ("mounts", "groups", "found"),
    [
        (ONE, "0::/user.slice/a.scope\n", ("/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/a.scope")),
        (ONE, "0::/\n", ("/sys/fs/cgroup", "/sys/fs/cgroup")),
        (HYBRID, "4:memory:/other\n0::/\n", ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified")),
        (PART, "0::/docker/abc/inner\n", ("/sys/fs/cgroup x", "/sys/fs/cgroup x/inner")),
    ],
    ids=["one", "root", "hybrid", "part"],
)
def test_the_own_group_is_found(mounts, groups, found):
    assert find_own(mounts, groups) == tuple(map(Path, found))


@pytest.mark.parametrize(
    ("mounts", "groups", "reason"),
    [
        (ONE, "4:memory:/x\n", "no cgroup v2 in this kernel"),
        ("", "0::/\n", "is mounted"),
        (HYBRID.splitlines()[0], "0::/\n", "is mounted"),
        (PART, "0::/docker/abcdef\n", "is mounted"),
        (PART, "0::/../x\n", "is mounted"),
    ],
)
def test_where_it_is_not_in_sight_it_is_said(mounts, groups, reason):
    assert reason in find_own(mounts, groups)


def make(path, *, controllers="cpu memory pids", enabled="", procs="", kind="domain"):
    path.mkdir()
    (path / "cgroup.controllers").write_text(f"{controllers}\n")
    (path / "cgroup.subtree_control").write_text(f"{enabled}\n")
    (path / "cgroup.procs").write_text(procs)
    if kind:
        (path / "cgroup.type").write_text(f"{kind}\n")
    return path


def test_a_scope_of_a_user_is_hosted_by_the_slice_above_it(tmp_path):
    slice_ = make(tmp_path / "app.slice", enabled="memory pids")
    scope = make(slice_ / "my.scope", procs="12\n13\n")
    own, above = survey(tmp_path, scope)
    assert own.possible == NONE  # it has processes of its own
    assert choose([own, above]) == Choice(path=slice_, bounds=BOTH)


def test_an_empty_group_can_turn_its_controllers_on(tmp_path):
    own, _ = survey(tmp_path, make(tmp_path / "own", controllers="memory io"))
    assert own.possible == {"memory", "io"}
    assert choose([own]) == Choice(path=own.path, bounds=frozenset({"memory"}), enable=("memory",))


def test_the_very_first_group_can_whatever_is_in_it(tmp_path):
    root = make(tmp_path / "root", kind="", procs="1\n2\n")
    (own,) = survey(root, root)
    assert own.possible >= BOTH


def test_a_group_of_threads_hosts_none(tmp_path):
    own, above = survey(tmp_path, make(tmp_path / "own", kind="threaded"))
    assert not own.ordinary
    assert not above.writable  # this is no group at all


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_group_of_somebody_else_hosts_none(tmp_path):
    path = make(tmp_path / "own", enabled="memory")
    (path / "cgroup.procs").chmod(0o444)
    assert not survey(tmp_path, path)[0].writable
