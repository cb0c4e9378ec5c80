"""Code that breaks what later actions of its session need: the host gives the session up, and is never held."""

import sys

import pytest

from lumo_graph.types import Limits
from tests.executors.conftest import TOOLS, Driver

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can go back to a frozen copy")

INSIDE = """
import gc, os, socket, time
def one(name):
    return [found for found in gc.get_objects() if type(found).__name__ == name][0]
"""


@pytest.fixture
def driver(executor):
    session = executor.open(tools=TOOLS, limits=Limits(memory_mb=1024, disk_mb=8))
    if "frozen copy" in session.isolation.off:
        session.close()
        pytest.skip(session.isolation.off["frozen copy"])
    yield Driver(session)
    session.close()


@pytest.mark.parametrize(
    ("sabotage", "kind"),
    [
        ("one('Interpreter')._execute = lambda *_: os._exit(1)", "SessionDied"),
        ("one('Interpreter')._execute = lambda *_: time.sleep(1000)", "TimeoutError"),
        (
            "for fd in (0, 1, 2, *range(60, 70)):\n    try:\n        os.close(fd)\n    except OSError: pass",
            "SessionDied",
        ),
    ],
    ids=["dies", "blocks", "closed its output"],
)
def test_a_session_that_goes_back_to_what_breaks_it_is_given_up(driver, sabotage, kind):
    driver.do(INSIDE + sabotage)
    for alive in (True, True, False):
        done = driver.do("1 + 1", seconds=0.3)
        assert (done.error.kind, done.rolled_back, driver.session.alive) == (kind, True, alive)


def test_actions_that_end_well_in_between_begin_the_count_anew(driver):
    for _ in range(3):
        for _ in range(2):
            assert driver.do("import os\nos._exit(1)").rolled_back
        assert driver.value("1 + 1") == 2


def test_actions_that_the_host_interrupts_do_not_count(driver):
    for _ in range(4):
        done = driver.do("print('go')\nwhile True: pass", write=lambda *_: driver.session.interrupt())
        assert (done.error.kind, done.rolled_back) == ("KeyboardInterrupt", True)
    assert driver.value("1 + 1") == 2


def test_calls_with_too_many_values_in_one_action_end_it(driver):
    code = (
        "channel, caller = one('Channel'), one('ToolCaller')\n"
        "for key in range(6):\n"
        "    channel.send(['call', caller._action, key, 'search', {'query': [0] * 450_000}, 1, True])\n"
        "time.sleep(60)"
    )
    done = driver.do(INSIDE + code)
    assert "more than 2,000,000 values" in done.error.message
    assert len(done.calls) == 4
    assert driver.value("1 + 1") == 2


@pytest.mark.parametrize("message", ["['unfrozen', [], 'x']", "['unfrozen', 1, 'x'], ['unfrozen', 1, 'x']"])
def test_the_lack_of_a_copy_is_said_once_and_in_its_form(driver, message):
    code = f"channel = one('Channel')\nfor message in ({message},):\n    channel.send(message)\ntime.sleep(60)"
    assert "broke the channel" in driver.do(INSIDE + code).error.message
    assert driver.value("1 + 1") == 2


FULL = """
freezer = one('Freezer')
def freeze(word):
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    near.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    if os.fork() == 0:
        os.setpgrp()
        far.send(b'h')
        try:
            while True:
                near.send(b'full', socket.MSG_DONTWAIT)
        except BlockingIOError:
            time.sleep(90)
    time.sleep(0.1)
    socket.send_fds(freezer._line, [b'f' + word.encode()], [near.fileno()])
    time.sleep(90)
freezer.freeze = freeze
"""


def test_a_copy_that_takes_no_order_does_not_hold_the_supervisor(driver):
    driver.do(INSIDE + FULL)
    done = driver.do("1 + 1", seconds=1)
    assert done.seconds < 4  # the supervisor hung for longer than that
    assert not driver.session.alive


def test_code_that_takes_the_place_of_the_copy_ends_its_own_session_only(driver):
    code = "freezer = one('Freezer')\nfreezer.freeze = lambda word: socket.recv_fds(freezer._line, 256, 4) and None"
    driver.do(INSIDE + code)
    assert driver.value("1 + 1") == 2
    assert driver.do("import os\nos._exit(1)").rolled_back
    assert not driver.session.alive


def test_code_cannot_send_descriptors(driver):
    code = "import socket\none, other = socket.socketpair()\nsocket.send_fds(one, [b'x'], [0])"
    if "seccomp" in driver.session.isolation.on:
        assert driver.error(code).kind == "PermissionError"
        assert driver.value("one.send(b'x')\nother.recv(1).decode()") == "x"


@pytest.mark.parametrize(
    "code",
    [
        "os.closerange(60, 64)",
        "os.set_blocking(1, False)",
        (
            "here = os.getcwd()\nos.rmdir(here)\nopen(here, 'w').close()\nos.chdir(os.path.dirname(here))\n"
            "os.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')"
        ),
    ],
    ids=["spare descriptors", "output that does not block", "a file for a folder"],
)
def test_the_next_action_works_after(driver, code):
    driver.do(f"import os\n{code}")
    done = driver.do("print('x' * 300_000)\nopen('made', 'w').close()")
    assert done.error is None
    assert len(done.stdout) > 1_000
