"""Attacks from inside a session. Each runs behind every jail that this machine can give."""

import os
import socket
import struct
import sys

import pytest

from lumo_graph.errors import ExecutorError
from lumo_graph.executors import launch
from lumo_graph.executors.jail.plan import LAYERS, LayerError
from lumo_graph.executors.jail.seccomp import build_filter
from lumo_graph.executors.restoring import Attempts, Furniture
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.types import Limits
from tests.executors.conftest import Driver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a jail")

JAILS = {
    "full": frozenset(LAYERS),
    "without landlock": frozenset(LAYERS) - {"landlock"},
    "without namespaces": frozenset(LAYERS) - {"namespaces"},
}
CANARY = "only on the host"


@pytest.fixture(params=JAILS.values(), ids=JAILS)
def jailed(request):
    limits = Limits(memory_mb=512, disk_mb=8)
    try:
        started = launch.start_behind(request.param, {}, Settings(), limits)
    except LayerError as failure:
        pytest.skip(f"{failure.layer}: {failure.reason}")
    Attempts({}, memory_mb=512).furnish(started.link, Furniture())
    session = ProcessSession(started.link, started.isolation, (), memory_mb=512)
    yield Driver(session)
    session.close()


def refused(done):
    return done.error is not None and done.error.kind in (
        "PermissionError",
        "FileNotFoundError",
        "ProcessLookupError",
        "OSError",
        "BlockingIOError",
    )


def test_files_of_the_host_are_out_of_reach(jailed, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    for parent in [tmp_path, *tmp_path.parents][:-2]:
        if parent.stat().st_uid == os.getuid() and parent.name.startswith(("pytest", "test_", "popen")):
            parent.chmod(0o755)
    for code in (
        f"print(open({str(secret)!r}).read())",
        f"import os\nprint(os.read(os.open({str(secret)!r}, os.O_RDONLY), 99))",
        f"import os\nprint(os.listdir({str(tmp_path)!r}))",
        f"import os\nprint(open('/proc/self/root{secret}').read())",
    ):
        done = jailed.do(code)
        assert refused(done), (code, done)
        assert CANARY not in done.stdout


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/hostname", "/home", "/sys/kernel", "/proc/1/environ", "/dev/mem"]
)
def test_places_of_the_machine_are_out_of_reach(jailed, path):
    done = jailed.do(
        f"import os\npath = {path!r}\nprint(os.listdir(path) if os.path.isdir(path) else open(path).read())"
    )
    assert refused(done), done


def test_nothing_outside_the_working_directory_can_be_written(jailed, tmp_path):
    for target in (
        str(tmp_path / "made"),
        "/usr/lib/made",
        "/made",
        "/etc/made",
        "/dev/made",
        sys.prefix + "/lib/made",
    ):
        assert refused(jailed.do(f"open({target!r}, 'w')")), target
    code = "import os\nos.chmod(os.__file__, 0o777)"
    assert refused(jailed.do(code))


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.execv('/bin/true', ['true'])",
        "import os\nos.execv('/proc/self/exe', ['python'])",
        "import os\npid = os.posix_spawn('/bin/true', ['true'], {})",
    ],
    ids=["subprocess", "execv", "itself", "spawn"],
)
def test_no_program_can_be_started(jailed, code):
    assert refused(jailed.do(code))


def test_a_copied_program_cannot_be_started_either(jailed):
    code = "import os, sys\nopen('x', 'wb').write(b'#!/bin/sh\\n')\nos.chmod('x', 0o755)\nos.execv('x', ['x'])"
    assert refused(jailed.do(code))


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"])
def test_there_is_no_network(jailed, family):
    done = jailed.do(f"import socket\nsocket.socket(socket.{family}, socket.SOCK_DGRAM)")
    assert refused(done), done


def test_unix_sockets_of_the_host_are_out_of_reach(jailed, tmp_path):
    path = f"/tmp/lumo-test-{os.getpid()}.sock"  # noqa: S108 - where every user may go
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as abstract:
        server.bind(path)
        os.chmod(path, 0o777)  # noqa: S103, PTH101 - nothing but the jail shall refuse it
        server.listen()
        abstract.bind(f"\0lumo-test-{os.getpid()}")
        abstract.listen()
        try:
            for address in (path, f"\0lumo-test-{os.getpid()}"):
                done = jailed.do(f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({address!r})")
                assert done.error is not None, address
        finally:
            os.unlink(path)  # noqa: PTH108 - beside the bind


def test_processes_of_the_host_cannot_be_seen_or_touched(jailed):
    me = os.getpid()
    for call in (
        f"os.kill({me}, 0)",
        f"os.kill({me}, 9)",
        f"resource.prlimit({me}, resource.RLIMIT_NOFILE, (5, 5))",
        f"os.sched_setaffinity({me}, [0])",
        f"os.setpriority(os.PRIO_PROCESS, {me}, 19)",
        f"open('/proc/{me}/status').read()",
        f"open('/proc/{me}/mem', 'rb')",
        f"signal.pidfd_send_signal(os.pidfd_open({me}), 9)",
        f"fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, {me})",
    ):
        done = jailed.do(f"import os, signal, resource, fcntl\n{call}")
        assert refused(done), (call, done)
    done = jailed.do("import os\nprint([pid for pid in os.listdir('/proc') if pid.isdigit()])")
    assert done.error is not None or str(me) not in done.stdout


@pytest.mark.parametrize(
    ("number", "arguments"),
    [
        ("ptrace", (101, 117)), ("mount", (165, 40)), ("unshare", (272, 97)), ("bpf", (321, 280)),
        ("io_uring_setup", (425, 425)), ("userfaultfd", (323, 282)), ("keyctl", (250, 219)), ("setns", (308, 268)),
        ("memfd_create", (319, 279)), ("shmget", (29, 194)), ("perf_event_open", (298, 241)), ("chroot", (161, 51)),
    ],
)  # fmt: skip
def test_dangerous_system_calls_are_refused(jailed, number, arguments):
    call = arguments[0 if os.uname().machine == "x86_64" else 1]
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"zero = ctypes.c_long(0)\nresult = libc.syscall(ctypes.c_long({call}), zero, zero, zero, zero, zero)\n"
        "(result, ctypes.get_errno())"
    )
    assert jailed.value(code) == [-1, 1]


def test_processes_stay_in_the_share_of_the_processors_that_their_session_has(jailed):
    code = (
        "import os\ndef child(call, *arguments):\n    if (pid := os.fork()) == 0:\n"
        "        try:\n            call(*arguments)\n"
        "        except PermissionError:\n            os._exit(1)\n        os._exit(0)\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "[child(os.setsid), child(os.setpgid, 0, os.getpid()), child(os.setpgrp)]"
    )
    assert jailed.value(code) == [1, 1, 0]


def test_no_privilege_is_left_and_none_can_be_gained(jailed):
    code = (
        "import os\nstatus = dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines())\n"
        "{name: status[name].strip() for name in ('CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp')}"
    )
    done = jailed.do(code)
    if done.error is None:
        found = dict(done.value.json)
        assert (found.pop("NoNewPrivs"), found.pop("Seccomp")) == ("1", "2")
        assert set(found.values()) == {"0" * 16}
    assert jailed.value("os.getuid() != 0") is True
    assert refused(jailed.do("os.setuid(0)"))


def test_disk_is_limited(jailed):
    error = jailed.error("with open('big', 'wb') as file:\n    for _ in range(40):\n        file.write(bytes(1 << 20))")
    assert error.kind == "OSError"


def test_a_fork_bomb_is_stopped_and_leaves_nothing(jailed):
    done = jailed.do("import os\nwhile True:\n    os.fork()", seconds=20)
    assert done.error.kind in ("BlockingIOError", "OSError", "MemoryError", "TimeoutError", "SessionDied")


def test_open_files_are_limited_and_the_channel_lives(jailed):
    assert jailed.error("files = []\nwhile True:\n    files.append(open('/dev/null'))").kind == "OSError"
    assert jailed.value("files.clear()\n1") == 1


def test_a_session_that_forks_without_end_ends_with_its_action(jailed):
    code = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    done = jailed.do(code, seconds=0.5)
    assert (done.rolled_back, done.error.kind) == (True, "TimeoutError")


def test_files_of_the_session_can_be_copied_with_their_attributes(jailed):
    code = (
        "import os, pathlib, shutil, stat, tempfile\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    first = pathlib.Path(folder, 'first')\n"
        "    first.write_text('x')\n"
        "    first.chmod(0o640)\n"
        "    os.utime(first, (5, 6))\n"
        "    shutil.copy(first, first.with_name('second'))\n"
        "    third = os.stat(shutil.copy2(first, first.with_name('third')))\n"
        "    shutil.copytree(folder, folder + '-copy')\n"
        "    first.touch()\n"
        "[stat.S_IMODE(third.st_mode), third.st_mtime]"
    )
    assert jailed.value(code) == [0o640, 6.0]


def test_attributes_of_files_of_the_host_stay(jailed, tmp_path):
    code = "import os\nfor change in (os.chmod, lambda path, _: os.utime(path)):\n    change({path!r}, 0o777)"
    assert refused(jailed.do(code.format(path=str(tmp_path))))


def test_the_priority_of_other_processes_stays(jailed):
    assert refused(jailed.do("import os\nos.setpriority(os.PRIO_USER, 0, 19)"))
    assert jailed.do("import os\nos.setpriority(os.PRIO_PROCESS, 0, 1)").error is None


def test_multiprocessing_works_inside(jailed):
    code = (
        "import multiprocessing\n"
        "def square(n):\n    return n * n\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    got = pool.map(square, range(4))\n"
        "got"
    )
    if "namespaces" not in jailed.session.isolation.on:
        pytest.skip("semaphores live in /dev/shm, which only a private root has")
    assert jailed.value(code) == [0, 1, 4, 9]


def test_packages_can_be_imported_in_the_jail(jailed):
    assert (
        jailed.value("import numpy, pandas, ctypes, ssl, sqlite3, decimal, zoneinfo\nint(numpy.arange(4).sum())") == 6
    )


def test_a_layer_that_cannot_be_had_runs_no_code(executor):
    with pytest.raises((LayerError, ExecutorError)):
        launch.start_behind(frozenset({"moat"}), {}, Settings(preload=("no.such.module",)), Limits())


# -- the filter itself, for both machines ----------------------------------------------------------------------------


def run_filter(program, *, architecture, number, arguments=()):
    """What the kernel would decide: the machine of classic BPF, as far as the filter uses it."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    held, at = 0, 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("=HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return operand
        elif code == 0x54:
            held &= operand
        else:
            holds = {0x15: held == operand, 0x35: held >= operand, 0x45: bool(held & operand)}[code]
            at += if_true if holds else if_false


ALLOW, KILL, REFUSE, MISSING, UNSUPPORTED = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026, 0x0005005F
X86, ARM = 0xC000003E, 0xC00000B7


@pytest.mark.parametrize(
    ("machine", "architecture", "number", "arguments", "decision"),
    [
        (0, X86, 0, (), ALLOW),
        (0, ARM, 0, (), KILL),
        (0, X86, 0x40000000, (), KILL),
        (0, X86, 59, (), REFUSE),
        (0, X86, 435, (), MISSING),
        (0, X86, 56, (0x10000000,), REFUSE),
        (0, X86, 56, (0x11,), ALLOW),
        (0, X86, 41, (1,), ALLOW),
        (0, X86, 41, (2,), REFUSE),
        (0, X86, 302, (0,), ALLOW),
        (0, X86, 302, (77,), REFUSE),
        (0, X86, 141, (0, 0), ALLOW),
        (0, X86, 141, (0, 77), REFUSE),
        (0, X86, 141, (2, 0), REFUSE),
        (0, X86, 251, (1, 0), ALLOW),
        (0, X86, 251, (3, 0), REFUSE),
        (0, X86, 90, (), REFUSE),
        (0, X86, 91, (3,), ALLOW),
        (0, X86, 280, (3, 0), ALLOW),
        (0, X86, 280, (3, 5), REFUSE),
        (0, X86, 280, (3, 1 << 32), REFUSE),
        (0, X86, 30, (), REFUSE),
        (0, X86, 294, (), REFUSE),
        (1, ARM, 140, (1, 0), REFUSE),
        (1, ARM, 53, (), REFUSE),
        (1, ARM, 88, (3, 0), ALLOW),
        (0, X86, 16, (0, 0x5412), REFUSE),
        (0, X86, 16, (0, 0x8901), REFUSE),
        (0, X86, 16, (0, 0x541C), REFUSE),
        (0, X86, 16, (0, 0x5401), ALLOW),
        (0, X86, 72, (3, 8), REFUSE),
        (0, X86, 72, (3, 15), REFUSE),
        (0, X86, 72, (3, 1), ALLOW),
        (0, X86, 72, (3, 1024), REFUSE),
        (0, X86, 16, (3, 0x40086602), REFUSE),
        (0, X86, 16, (3, 0x40806685), REFUSE),
        (0, X86, 53, (1, 2), ALLOW),
        (0, X86, 53, (30, 1), REFUSE),
        (0, X86, 191, (), UNSUPPORTED),
        (0, X86, 464, (), UNSUPPORTED),
        (0, X86, 190, (), REFUSE),
        (0, X86, 469, (), REFUSE),
        (0, X86, 206, (), REFUSE),
        (0, X86, 241, (), REFUSE),
        (0, X86, 458, (), REFUSE),
        (1, ARM, 199, (1, 1), ALLOW),
        (1, ARM, 8, (), UNSUPPORTED),
        (0, X86, 62, (1,), ALLOW),
        (1, ARM, 63, (), ALLOW),
        (1, X86, 63, (), KILL),
        (1, ARM, 221, (), REFUSE),
        (1, ARM, 198, (2,), REFUSE),
        (1, ARM, 220, (0x20000,), REFUSE),
        (1, ARM, 129, (1,), ALLOW),
    ],
)
def test_the_filter_decides(machine, architecture, number, arguments, decision):
    program = build_filter(machine=machine, signals_from=None, sockets=True, attributes=False)
    assert run_filter(program, architecture=architecture, number=number, arguments=arguments) == decision


def test_without_other_means_only_the_process_itself_can_be_signalled():
    program = build_filter(machine=0, signals_from=500, sockets=False, attributes=True)
    assert run_filter(program, architecture=X86, number=62, arguments=(500,)) == REFUSE
    assert run_filter(program, architecture=X86, number=234, arguments=(500, 500)) == ALLOW
    assert run_filter(program, architecture=X86, number=234, arguments=(501, 501)) == REFUSE
    assert run_filter(program, architecture=X86, number=41, arguments=(1,)) == REFUSE


@pytest.mark.parametrize(("kind", "decision"), [(1, ALLOW), (5, ALLOW), (2, REFUSE), (3, REFUSE), (6, REFUSE)])
@pytest.mark.parametrize("flags", [0, 0o2004000])
def test_only_pairs_that_lead_nowhere_else_can_be_made_where_sockets_of_the_host_are_in_sight(kind, flags, decision):
    program = build_filter(machine=0, signals_from=None, sockets=False, attributes=False)
    assert run_filter(program, architecture=X86, number=53, arguments=(1, kind | flags)) == decision
    assert run_filter(program, architecture=X86, number=53, arguments=(30, kind | flags)) == REFUSE


def test_attributes_of_private_files_can_be_changed():
    program = build_filter(machine=0, signals_from=None, sockets=True, attributes=True)
    assert run_filter(program, architecture=X86, number=90) == ALLOW
    assert run_filter(program, architecture=X86, number=280, arguments=(3, 5)) == ALLOW
    assert run_filter(program, architecture=X86, number=191) == ALLOW
