"""What becomes of a session where the kernel denies things, and whether its report is true."""

import json
import sys
from functools import cache

import pytest

from lumo_graph.executors.jail.plan import LAYERS
from lumo_graph.types import TIERS
from tests.executors.denied_kernel import DENIALS
from tests.users import USERS, reachable_python

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a jail")

# Runs where things are denied: opens sessions, lets one of them try what its report says is open, and counts processes.
HOST = r"""
import glob, json, os, sys, tempfile, time
from pathlib import Path

from lumo_graph.errors import IsolationError
from lumo_graph.executors import ProcessExecutor, launch
from lumo_graph.executors.jail import kernel
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.types import TIERS, Limits
from tests.executors.denied_kernel import deny

def children(pid):
    try:
        lists = [(path / "children").read_text() for path in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:  # it has ended
        return []
    found = [int(child) for text in lists for child in text.split()]
    return found + [deeper for child in found for deeper in children(child)]

def settled(most):
    until = time.monotonic() + 20
    while (count := len(children(os.getpid()))) > most and time.monotonic() < until:
        time.sleep(0.02)
    return count

tried = []
fork = launch.fork_session
launch.fork_session = lambda preload, request, ends: (tried.append(request["layers"]), fork(preload, request, ends))

exec(sys.argv[2])
deny(*filter(None, sys.argv[1].split("+")))

refusals = {}
for tier in TIERS:
    try:
        ProcessExecutor(require=tier).probe()
    except IsolationError as error:
        refusals[tier] = str(error)
del tried[:]

outside = tempfile.mkdtemp()
os.chmod(outside, 0o777)
Path(outside, "secret").write_text("x")
Path(outside, "secret").chmod(0o666)
names = {
    "host": os.getpid(), "outside": outside, "mounts": os.readlink("/proc/self/ns/mnt"),
    "loader": next(iter(glob.glob("/lib*/ld-linux*.so.*")), ""),
}
session = ProcessExecutor(require="none").open(limits=Limits(disk_mb=2))
report = session.isolation
answer = session.execute("6 * 7", seconds=30, serve=None)
attempts = list(tried)
# The zygote, a guard and the session; with namespaces process 1 of them too, and a copy of the session if there is one.
needed = 3 + ("namespaces" in report.on) + ("frozen copy" in report.on)
surplus = settled(needed) - needed
given = "\n".join(f"{name} = {value!r}" for name, value in names.items())
can = session.execute(given + sys.argv[3], seconds=30, serve=None)
session.close()
print(json.dumps({
    "refusals": refusals, "report": report.to_dict(), "probed": ProcessExecutor(require="none").probe().to_dict(),
    "answer": answer.value.json, "can": can.value and can.value.json, "error": can.error and can.error.traceback,
    "tried": attempts, "surplus": surplus, "left": settled(1),
}))
close_zygotes()
for path in Path(outside).iterdir():
    path.unlink()
os.rmdir(outside)
"""

# Runs in the session.
TRIALS = r"""
import os, resource, socket

def can(work):
    try:
        return work() is not False
    except OSError:
        return False

def start_program():
    child = os.fork()
    if child == 0:
        try:
            os.execv(loader, [loader, "--version"])
        finally:
            os._exit(9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

{
    "stat": can(lambda: os.stat(outside + "/secret")),
    "see": can(lambda: os.getpgid(host) >= 0),
    "signal": can(lambda: os.kill(host, 0)),
    "read": can(lambda: open(outside + "/secret").read()),
    "write": can(lambda: open(outside + "/made", "w")),
    "network": can(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))),
    "program": can(start_program),
    "root": os.getuid() == 0,
    "shared count": resource.getrlimit(resource.RLIMIT_NPROC)[0] > 1000 and os.getuid() != 0,
    "shared mounts": os.readlink("/proc/self/ns/mnt") == mounts,
}
"""

CLAIMS = {
    "stat": "files: whether a path exists",
    "see": "processes: those of the machine can be seen",
    "read": "files: what the user may read and write",
    "write": "files: what the user may read and write",
    "network": "network: not limited",
    "program": "system calls: all of them; code may start programs",
    "root": "privileges: the user's own are kept",
    "shared count": "processes: their number is limited for all sessions",
}
SIGNALLED = "processes: those of the same user can be signalled"

# What is denied, to the layers that are off then.
DENIED = {
    "": (),
    "namespaces": ("namespaces",),
    "mount": ("namespaces",),
    "pivot_root": ("namespaces",),
    "landlock": ("landlock",),
    "landlock at boot": ("landlock",),
    "seccomp": ("seccomp",),
    "another user": ("privileges",),
    "namespaces+landlock": ("namespaces", "landlock"),
    "namespaces+seccomp": ("namespaces", "seccomp"),
    "namespaces+landlock+seccomp": ("namespaces", "landlock", "seccomp"),
    "namespaces+landlock+seccomp+another user": LAYERS,
}
TIER = {
    (): "full",
    ("namespaces",): "fs",
    ("landlock",): "fs",
    ("seccomp",): "best_effort",
    ("privileges",): "best_effort",
    ("namespaces", "landlock"): "best_effort",
    ("namespaces", "seccomp"): "best_effort",
    ("namespaces", "landlock", "seccomp"): "best_effort",
    LAYERS: "none",
}


@cache
def host(user, denied, before="", python=None):
    return json.loads(USERS[user].run(HOST, denied, before, TRIALS, python=python))


@pytest.fixture
def whole(user):
    """Skips where the machine denies something by itself: then it is not known what a denial changes."""
    if off := host(user, "")["report"]["off"].keys() & set(LAYERS):
        pytest.skip(f"this machine itself lacks {off}")


@pytest.mark.usefixtures("whole")
@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("denied", DENIED, ids=lambda denied: denied or "nothing")
def test_a_session_on_such_a_kernel(user, denied):
    found, off = host(user, denied), DENIED[denied]
    if user != "root":
        off = tuple(layer for layer in off if layer != "privileges")
    report = found["report"]
    tier = TIER[off]
    assert [layer for layer in LAYERS if layer in report["off"]] == list(off)
    assert (report["tier"], found["answer"]) == (tier, 42)

    # Below what is required nothing runs, and the error says what is missing.
    refused = TIERS[: TIERS.index(tier)]
    assert list(found["refusals"]) == list(refused)
    for required, text in found["refusals"].items():
        assert text.startswith(f"Isolation {required!r} is required, but this machine gives {tier!r}. No code was run.")
        assert f"ProcessExecutor(require={tier!r})" in text
    if "full" in refused:
        lines = found["refusals"]["full"].splitlines()
        assert [line.split(":")[0] for line in lines if line.startswith("- ")] == [f"- {layer}" for layer in off]
        assert sum(line.startswith("  To have it: ") for line in lines) == len(off)

    # What failed has ended, and what was not to be had is not tried again.
    assert found["tried"] == [sorted(set(LAYERS) - set(off))]
    assert (found["surplus"], found["left"]) == (0, 1)  # the zygote stays
    assert found["probed"] == report

    # The report is true.
    assert found["error"] is None
    can = found["can"]
    assert can.pop("shared mounts") is ("namespaces" in off)
    said = report["open"]
    assert not can.pop("signal") or any(line.startswith(SIGNALLED) for line in said)
    assert can == {name: any(line.startswith(claim) for line in said) for name, claim in CLAIMS.items()}


@pytest.mark.parametrize("user", USERS)
def test_a_lack_that_passes_is_not_remembered(user):
    denied = host(user, "namespaces for now")
    if "landlock" in denied["report"]["off"]:
        pytest.skip("this machine itself lacks landlock")
    assert "temporarily unavailable" in denied["report"]["off"]["namespaces"]
    with_all = sorted(LAYERS)
    assert denied["tried"] == [with_all, [layer for layer in with_all if layer != "namespaces"]]


CLOSED = """
import os, sys
home = sys.prefix
assert os.stat(home).st_mode & 0o077 == 0, home
"""


@pytest.mark.parametrize("user", ["root"])
def test_root_with_a_python_that_only_root_can_reach_is_told_what_to_do(user, whole, tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "bin").mkdir()
    python = reachable_python()
    if python.blocked:
        pytest.skip(python.blocked)
    (home / "bin/python").symlink_to(python.command[0])
    (home / "lib/{}{}.{}/site-packages".format("python", *sys.version_info)).mkdir(parents=True)
    folder = python.command[0].rpartition("/")[0]
    (home / "pyvenv.cfg").write_text(f"home = {folder}\n")
    found = host(user, "namespaces", CLOSED, str(home / "bin/python"))
    text = found["refusals"]["fs"]
    assert text.splitlines()[1].startswith("- privileges: Python is out of reach for all but root: '/")
    assert "use a Python that every user can reach (below /usr or /opt, not below '/" in text
    assert "run as an ordinary user" in text
    assert "allow namespaces" in text
    assert found["report"]["tier"] == "best_effort"
    assert found["can"]["root"]
    assert not host(user, "", CLOSED, str(home / "bin/python"))["can"]["root"]


ALONE = """
uid = os.geteuid()
kernel.unshare(kernel.CLONE_NEWUSER)
for name, text in (("setgroups", "deny"), ("uid_map", f"{inside} {uid} 1"), ("gid_map", f"{inside} {os.getegid()} 1")):
    Path(f"/proc/self/{name}").write_text(text)
"""


@pytest.mark.parametrize("user", ["ordinary user"])
@pytest.mark.parametrize("denied", ["", "namespaces"])
def test_a_root_that_no_other_user_is_known_to_is_told_so(user, whole, denied):
    found = host(user, denied, "inside = 0" + ALONE)
    assert found["report"]["off"]["privileges"].startswith("change of user: ")
    assert "run as an ordinary user" in found["refusals"]["fs"]
    assert (found["answer"], found["left"]) == (42, 1)


@pytest.mark.parametrize("user", ["ordinary user"])
def test_a_setting_that_forbids_namespaces_is_named(user, whole):
    forbid = "\nPath('/proc/sys/user/max_net_namespaces').write_text('0')"
    found = host(user, "", "inside = os.geteuid()" + ALONE + forbid)
    assert found["report"]["off"]["namespaces"] == "user.max_net_namespaces is 0"
    assert "sysctl -w user.max_net_namespaces=10000" in found["refusals"]["full"]
    assert len(found["tried"]) == 1


def test_every_denial_is_tried():
    assert {name for denied in DENIED for name in denied.split("+")} - {""} == DENIALS.keys() - {"namespaces for now"}
