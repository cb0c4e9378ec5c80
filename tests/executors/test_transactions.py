"""An action that has to be stopped is undone, and the same session goes on."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lumo_graph.executors import ProcessExecutor, launch
from lumo_graph.executors.restoring import Attempts, Furniture
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.types import Limits, ToolReply
from tests.executors.conftest import TOOLS, Driver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can protect a frozen copy")

STUBBORN = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
HELPERS = """
import os, signal, ctypes, time, threading, resource, fcntl, socket, sys
x = [1]
def tried(f, *a):
    try:
        return f(*a)
    except BaseException as error:
        return type(error).__name__
def processes():
    return sorted(int(name) for name in os.listdir('/proc') if name.isdigit())
def group(pid):
    return os.getpgid(pid)
def frozen():
    return [pid for pid in processes() if pid not in (1, os.getpid()) and tried(group, pid) == pid][-1]
def lines():
    found = [tried(lambda: socket.socket(fileno=os.dup(fd))) for fd in range(3, 40)]
    return [end for end in found if type(end) is socket.socket and end.type == socket.SOCK_SEQPACKET]
libc = ctypes.CDLL(None, use_errno=True)
def call(*numbers):
    return libc.syscall(*[ctypes.c_long(number) for number in numbers]), ctypes.get_errno()
None
"""


@pytest.fixture
def driver(executor):
    session = executor.open(tools=TOOLS, limits=Limits(memory_mb=1024, disk_mb=8))
    if "frozen copy" in session.isolation.off:
        session.close()
        pytest.skip(session.isolation.off["frozen copy"])
    driver = Driver(session)
    driver.do(HELPERS)
    yield driver
    session.close()


def is_as_before(driver):
    assert driver.session.alive
    return driver.value("[x, search('again')]") == [[1], {"query": "again"}]


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "time.sleep(60)",
        STUBBORN,
        "sum(range(10**11))",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
        "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
        "if os.fork() == 0:\n    while True: pass\nwhile True: pass",
    ],
    ids=["loop", "sleep", "stubborn", "c loop", "ignores", "regex", "deadlock", "child"],
)
def test_what_runs_too_long_is_undone(driver, code):
    done = driver.do(f"x.append(2)\n{code}", seconds=0.2)
    assert (done.error.kind, done.rolled_back) == ("TimeoutError", True)
    assert done.seconds < 1.2
    assert is_as_before(driver)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("os._exit(3)", "status 3"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("os.abort()", "SIGABRT"),
        ("signal.raise_signal(15)", "SIGTERM"),
        ("os.closerange(3, 256)\ntime.sleep(60)", "closed its channel"),
        ("for fd in range(3, 30):\n    tried(os.write, fd, b'\\xff' * 64)\ntime.sleep(60)", "channel"),
        ("for fd in range(3, 30):\n    tried(lambda: socket.socket(fileno=fd).shutdown(2))\ntime.sleep(9)", "channel"),
    ],
    ids=["exit", "segfault", "kill", "abort", "term", "closed", "junk", "shutdown"],
)
def test_what_dies_is_undone(driver, code, says):
    done = driver.do(f"x.append(2)\nprint('before')\n{code}", seconds=5)
    assert (done.error.kind, done.rolled_back, done.stdout) == ("SessionDied", True, "before\n")
    assert says in done.error.message
    assert is_as_before(driver)


def test_generators_open_files_locks_and_random_numbers_are_those_from_before(driver):
    driver.do(
        "import random\nnumbers = iter(range(9))\nnext(numbers)\nfile = open('f', 'w+')\nlock = threading.Lock()\n"
        "_ = lock.acquire()\nrandom.seed(3)\nexpected = random.Random(3).random()"
    )
    driver.do("next(numbers)\nfile.close()\nlock.release()\nrandom.random()\nos._exit(1)")
    assert driver.value("[next(numbers), file.closed, lock.locked(), random.random() == expected]") == [
        1,
        False,
        True,
        True,
    ]


def test_open_files_stand_where_they_stood(driver):
    driver.do(
        "open('a', 'w').write(''.join(f'{n}\\n' for n in range(5000)))\nreader = open('a')\n_ = reader.readline()\n"
        "writer = open('b', 'w')\n_ = writer.write('one\\n')\nlog = open('c', 'a')\n_ = log.write('1')\nlog.flush()"
    )
    driver.do("reader.read()\nwriter.write('two\\n')\nwriter.flush()\nlog.write('2')\nlog.flush()\nos._exit(1)")
    assert driver.value("rest = [int(line) for line in reader]\n[len(rest), rest[0], rest[-1]]") == [4999, 1, 4999]
    driver.do("_ = writer.write('three\\n')\nwriter.close()\n_ = log.write('3')\nlog.close()")
    assert driver.value("[open('b').read(), open('c').read()]") == ["one\nthree\n", "13"]


def test_it_can_be_undone_again_and_again(driver):
    for _ in range(3):
        driver.do("x.append(2)\nos._exit(1)")
        driver.do("y = 1")
        driver.do("x.append(2)\nwhile True: pass", seconds=0.1)
        assert driver.value("[x, y]") == [[1], 1]


def test_many_quick_actions_leave_no_process_behind(driver):
    for _ in range(150):  # more than the session may have processes
        assert driver.do("x").error is None
    assert driver.value("len(processes())") == 3
    assert driver.do("os._exit(1)").rolled_back
    assert is_as_before(driver)


def test_code_that_waits_for_its_children_gets_its_own(driver):
    code = "pid = os.fork()\nif pid == 0:\n    os._exit(7)\nos.wait() == (pid, 7 << 8)"
    assert [driver.value(code) for _ in range(5)] == [True] * 5


def test_code_that_waits_until_it_has_no_more_children_ends(driver):
    code = (
        "for _ in range(3):\n    if os.fork() == 0:\n        os._exit(0)\nended = 0\n"
        "while True:\n    try:\n        os.wait()\n    except ChildProcessError:\n        break\n    ended += 1\n"
        "[ended, tried(os.waitpid, -1, os.WNOHANG)]"
    )
    assert driver.value(code, seconds=5) == [3, "ChildProcessError"]


def test_children_of_every_kind_are_gone_after_it(driver):
    driver.do(
        "x.append(2)\nfor _ in range(5):\n    if os.fork() == 0:\n        tried(os.setsid)\n        if os.fork():\n"
        "            os._exit(0)\n        signal.signal(15, signal.SIG_IGN)\n        time.sleep(100)\nos._exit(1)"
    )
    assert is_as_before(driver)
    assert driver.value("len(processes())") == 3


def test_processes_that_fork_without_end_are_gone_after_it(driver):
    bomb = (
        "def bomb():\n    while True:\n        try:\n            if os.fork() == 0:\n                tried(os.setsid)\n"
        "                bomb()\n        except OSError: pass\nx.append(2)\nbomb()"
    )
    done = driver.do(bomb, seconds=0.3)
    assert done.error.kind == "TimeoutError"
    assert is_as_before(driver)
    assert driver.value("len(processes())") == 3


def test_an_interrupt_undoes_the_action(driver):
    def write(_stream, _text):
        threading.Thread(target=driver.session.interrupt).start()

    done = driver.do("x.append(2)\nprint('go')\nwhile True: pass", write=write)
    assert (done.error.kind, done.rolled_back) == ("KeyboardInterrupt", True)
    assert is_as_before(driver)


def test_an_exception_of_serve_undoes_the_action_in_the_middle_of_its_call(driver):
    def serve(_request):
        raise LookupError("ask a person")

    for _ in range(2):
        with pytest.raises(LookupError):
            driver.do("x.append(2)\nsearch('x')", serve=serve)
        assert is_as_before(driver)


def test_a_reply_that_comes_after_the_action_was_undone_reaches_nobody(driver):
    go_on = threading.Event()

    def serve(request):
        if request.args["query"] == "slow":
            driver.session.interrupt()
            go_on.wait(30)
        return ToolReply(value=request.args["query"])

    assert driver.do("x.append(2)\nsearch('slow')", serve=serve).rolled_back
    threading.Timer(0.1, go_on.set).start()
    assert driver.value("[search(str(n)) for n in range(200)] == [str(n) for n in range(200)]", serve=serve) is True


def test_an_undone_action_goes_on_with_its_event_loop(driver):
    driver.do("import asyncio\nqueue = asyncio.Queue()\nawait queue.put(5)\nawait asyncio.to_thread(len, 'abc')")
    driver.do("await fetch('a')\nawait queue.get()\nos._exit(1)")
    code = "await asyncio.sleep(0.001)\n[await queue.get(), await asyncio.to_thread(len, 'ab'), await fetch('b')]"
    assert driver.value(code) == [5, 2, {"url": "b"}]


def test_a_snapshot_after_an_undone_action_is_the_one_from_before(driver):
    driver.session.snapshot()
    driver.do("x.append(2)\nos._exit(1)")
    assert driver.session.snapshot().changed == {}
    driver.do("y = 1")
    assert set(driver.session.snapshot().changed) == {"y"}


def test_the_last_action_can_be_undone_once(driver):
    driver.do("x.append(2)")
    driver.do("x.append(3)")
    assert driver.session.rollback() is True
    assert driver.value("x") == [1, 2]
    driver.do("x.append(4)")
    assert driver.session.rollback() is True
    assert driver.session.rollback() is False
    assert driver.value("x") == [1, 2]


@pytest.mark.parametrize("code", ["x = '" + "a" * (33 << 20) + "'", "x = '\ud800'"], ids=["too long", "no text"])
def test_what_was_never_run_cannot_be_undone(driver, code):
    driver.do(code)
    assert driver.session.rollback() is False
    assert is_as_before(driver)


def test_what_a_snapshot_holds_cannot_be_undone(driver):
    driver.do("x.append(2)")
    driver.session.snapshot()
    assert driver.session.rollback() is False
    assert driver.value("x") == [1, 2]


def test_with_more_memory_than_is_copied_the_session_is_lost_and_says_so():
    session = ProcessExecutor(require="none", freeze_below_mb=40).open(limits=Limits())
    driver = Driver(session)
    try:
        driver.do("big = bytearray(50 << 20)\nfor n in range(0, len(big), 4096): big[n] = 1")
        (note,) = driver.do("1").notes
        assert "copies are made up to 40 MiB" in note
        assert driver.do("import os\nos._exit(1)").rolled_back
        assert not session.alive
    finally:
        session.close()


def test_behind_less_than_a_private_view_it_is_off_and_says_so():
    started = launch.start_behind(frozenset(), {}, Settings(), Limits())
    Attempts({}, memory_mb=512).furnish(started.link, Furniture())
    session = ProcessSession(started.link, started.isolation, (), memory_mb=512)
    try:
        assert "namespaces" in started.isolation.off["frozen copy"]
        assert Driver(session).value("x = 1\nx") == 1
        assert Driver(session).do("import os\nos._exit(1)").rolled_back
        assert not session.alive
    finally:
        session.close()


WITHOUT_NOTIFICATIONS = """
import struct
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.jail import kernel
from lumo_graph.types import Limits, ToolReply
number = 317 if kernel.MACHINE == "x86_64" else 277
rules = ((0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000))
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
kernel.install_filter(b"".join(struct.pack("=HBBI", *rule) for rule in rules))
session = ProcessExecutor(require="none").open(limits=Limits())
serve = lambda _: ToolReply()
assert session.execute("x = 1\\nx", seconds=30, serve=serve).value.json == 1
assert session.execute("while True: pass", seconds=0.2, serve=serve).rolled_back
print(session.isolation.off["frozen copy"], session.alive)
session.close()
"""


def test_where_signals_cannot_be_watched_it_is_off_and_says_so(driver):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NOTIFICATIONS],
        capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.startswith("signals of the code cannot be watched")
    assert done.stdout.endswith(" False\n")


def test_it_can_be_turned_off():
    session = ProcessExecutor(require="none", freeze_below_mb=0).open(limits=Limits())
    try:
        assert "freeze_below_mb=0" in session.isolation.off["frozen copy"]
        assert Driver(session).do("import os\nos._exit(1)").rolled_back
        assert not session.alive
    finally:
        session.close()


def test_code_that_fails_keeps_its_variables_and_says_which(driver):
    driver.do("rows, same, gone = [1], 1, 2")
    done = driver.do("rows.append(2)\nnew = 3\ndel gone\n1 / 0\nlate = 4")
    assert dict(done.changed) == {"rows": "changed", "new": "added", "gone": "removed"}
    assert not done.rolled_back
    assert driver.do("rows").changed == {}


def test_what_goes_on_after_an_action_is_said_once(driver):
    done = driver.do("stop = threading.Event()\nthreading.Thread(target=stop.wait, name='worker', daemon=True).start()")
    assert done.notes == ("Threads that are still running: 'worker'. They pause between actions.",)
    assert driver.do("1").notes == ()
    done = driver.do("stop.set()\nif os.fork() == 0:\n    time.sleep(60)")
    assert done.notes[-1] == "Processes that are still running: 1. They pause between actions."


def test_threads_that_are_lost_on_the_way_back_are_named(driver):
    driver.do(
        "lock = threading.Lock()\nheld = threading.Event()\ndef hold():\n    lock.acquire()\n    held.set()\n"
        "    time.sleep(99)\nthread = threading.Thread(target=hold, name='holder', daemon=True)\nthread.start()\n"
        "_ = held.wait()"
    )
    done = driver.do("os._exit(1)")
    assert done.notes == ("Threads of earlier code have ended, and what they had locked stays locked: 'holder'.",)
    assert driver.value("[thread.is_alive(), lock.acquire(timeout=0.01)]") == [False, False]


def test_the_memory_of_all_processes_together_is_limited(driver):
    code = (
        "x.append(2)\nfor _ in range(6):\n    if os.fork() == 0:\n        hoard = bytearray(b'x') * (300 << 20)\n"
        "        time.sleep(60)\ntime.sleep(60)"
    )
    done = driver.do(code, seconds=20)
    assert (done.error.kind, done.rolled_back) == ("SessionDied", True)
    assert "more than 1024 MiB of memory together" in done.error.message
    assert is_as_before(driver)
    assert driver.value("len(processes())") == 3


def test_memory_that_processes_share_counts_once(driver):
    driver.do("big = bytearray(b'x') * (300 << 20)")
    code = (
        "reading, writing = os.pipe()\nfor _ in range(5):\n    if os.fork() == 0:\n        total = big.count(b'x')\n"
        "        time.sleep(0.3)\n        os._exit(total != len(big))\n[os.wait()[1] for _ in range(5)]"
    )
    assert driver.value(code) == [0] * 5


# -- attacks on the copy and on its guardian ---------------------------------------------------------------------------

BUFFER = "info = ctypes.create_string_buffer(b'\\x09' + bytes(7) + b'\\xff' * 4 + bytes(116))\n"
ATTACKS = {
    "kill the supervisor": "[tried(os.kill, 1, n) for n in (9, 15, 17, 10, 19)]",
    "kill the copy": "tried(os.kill, frozen(), 9)",
    "stop the copy": "tried(os.kill, frozen(), 19)",
    "kill everybody": "tried(os.kill, -1, 9)",
    "kill its group": "tried(os.kill, -frozen(), 9)",
    "kill every group": "[tried(os.killpg, n, 9) for n in range(2, 99) if n != os.getpgid(0)]",
    "kill one by one": "[tried(os.kill, pid, 9) for pid in processes() if pid != os.getpid()]",
    "tkill": "[call(200, frozen(), 9), call(234, frozen(), frozen(), 9), call(234, -1, frozen(), 9)]",
    "sigqueue": BUFFER + "at = ctypes.addressof(info)\n"
    "[call(129, frozen(), 9, at), call(297, frozen(), frozen(), 9, at)]",
    "pidfd": "[call(424, call(434, pid, 0)[0], 9, 0, 0) for pid in (frozen(), 1)]",
    "owner of a pipe": "r, w = os.pipe()\n"
    "[tried(fcntl.fcntl, r, n, v) for n, v in ((8, frozen()), (10, 9), (4, 0o20000))]\n_ = os.write(w, b'x')",
    "limits": "[tried(resource.prlimit, pid, n, (0, 0)) for pid in (frozen(), 1) for n in (0, 7)]",
    "priority": "[tried(os.setpriority, 0, 1, 19), tried(os.sched_setaffinity, 1, [0])]",
    "ptrace": "[call(101, 16, frozen(), 0, 0), call(101, 0x4206, 1, 0, 0)]",
    "memory": "libc.prctl(4, 1, 0, 0, 0)\n"
    "[tried(open, f'/proc/{pid}/{name}', mode) for pid in (frozen(), 1) for name, mode in ("
    "('mem', 'r+b'), ('mem', 'rb'), ('maps', 'r'), ('environ', 'rb'))]",
    "descriptors": "[tried(os.listdir, f'/proc/{pid}/fd') for pid in (frozen(), 1)]",
    "a filter of its own": "[call(317, 1, 8, 0), call(157, 22, 2, 0)]",
    "its group": "tried(os.setpgid, 0, frozen())",
    "a group with it": "tried(os.setpgid, frozen(), os.getpid())\n"
    "tried(os.setpgid, 0, frozen())\ntried(os.killpg, 0, 9)",
    "another copy": "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
    "for n in range(1, 6):\n    for line in lines(): tried(socket.send_fds, line, [b'f%d' % n], [a.fileno()])",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("ending", ["", "\nos._exit(0)"], ids=["then dies later", "then dies"])
def test_the_copy_survives(driver, attack, ending):
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers of the calls are those of x86_64")
    if not ending:
        driver.do(attack)
    driver.do(f"x.append(2)\n{attack}{ending or chr(10) + 'os._exit(0)'}", seconds=5)
    assert is_as_before(driver)


def test_own_children_and_own_threads_can_be_signalled(driver):
    code = (
        "pid = os.fork()\nif pid == 0:\n    time.sleep(60)\nos.kill(pid, 9)\nended = os.waitpid(pid, 0)[1]\n"
        "got = []\nsignal.signal(signal.SIGUSR1, lambda *_: got.append(1))\nsignal.raise_signal(signal.SIGUSR1)\n"
        "signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)\nos.kill(os.getpid(), signal.SIGUSR1)\n"
        "[ended, len(got)]"
    )
    assert driver.value(code) == [9, 3]


def test_a_flood_of_junk_to_the_supervisor_ends_with_its_action(driver):
    flood = "x.append(2)\nends = lines()\nwhile True:\n    for end in ends: tried(end.send, b'f' + b'9' * 200)"
    done = driver.do(flood, seconds=0.3)
    assert done.seconds < 1.3
    assert is_as_before(driver)
