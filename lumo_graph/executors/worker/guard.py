"""The process between the zygote and a session: it starts the session, ends it, and clears up after it.

It runs no code of the session's. When the host goes away, in whatever way, its end of the control stream closes, and
the guard ends the session.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import tempfile
from types import FrameType
from typing import Any

from lumo_graph.executors.frames import TO_HOST_CAP, pack
from lumo_graph.executors.jail import kernel, namespaces
from lumo_graph.executors.jail.contain import contain
from lumo_graph.executors.jail.plan import NAMESPACES, NOBODY, PRIVILEGES, SECCOMP, LayerError, Plan
from lumo_graph.executors.worker.attributes import change_open_files
from lumo_graph.executors.worker.channel import Channel, ClosedError
from lumo_graph.executors.worker.clearing import end_descendants, remove_tree
from lumo_graph.executors.worker.interpreter import run_session
from lumo_graph.executors.worker.streams import open_streams

INTERRUPT, KILL = b"i", b"k"
"""What the host asks a guard to do to its session."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM, signal.SIGQUIT)
_FIRST_FREE = 3


def guard_session(request: dict[str, Any], data: int, control: int, stdout: int, stderr: int) -> None:
    """Start a session and stay until it has ended.

    Args:
        request: the plan, as the host asks for it.
        data: stream between host and session.
        control: stream between host and this process.
        stdout: pipe for the session's output.
        stderr: pipe for the session's error output.
    """
    _keep_only({data, control, stdout, stderr})
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    plan = Plan.from_request(request)
    workplace: str | None = None
    try:
        if NAMESPACES in plan.layers:
            namespaces.enter(plan)
        else:
            workplace = _make_workplace(plan)
        woken, wakes = _wake_on_child()
        child = os.fork()
        if child == 0:
            os.close(control)
            signal.set_wakeup_fd(-1)
            wakes.close()
            woken.close()
            _be_session(plan, workplace or "/tmp", data, stdout, stderr)  # noqa: S108 - the private one
    except LayerError as failure:
        _report_failure(data, failure)
        if workplace is not None:
            remove_tree(workplace)
        return
    for descriptor in (data, stdout, stderr):
        os.close(descriptor)
    status = _watch(child, control, woken)
    with contextlib.suppress(OSError):  # first: what the session has left behind must not keep the host waiting
        os.write(control, str(status).encode())
    if NAMESPACES not in plan.layers:
        end_descendants(child)
    if workplace is not None:
        remove_tree(workplace)


def _be_session(plan: Plan, workplace: str, data: int, stdout: int, stderr: int) -> None:
    try:
        _die_with_parent()
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        open_streams(stdout, stderr)
        os.environ.update(HOME=workplace, TMPDIR=workplace)
        tempfile.tempdir = None
        try:
            report = contain(plan, workplace=workplace)
        except LayerError as failure:
            _report_failure(data, failure)
            os._exit(0)
        if SECCOMP in plan.layers and NAMESPACES not in plan.layers:
            change_open_files()
        sys.path.append(workplace)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _reseed()
        gc.enable()
        run_session(Channel(socket.socket(fileno=data)), report)
    except (ClosedError, ConnectionError):
        os._exit(0)  # the host has gone away
    except BaseException as failure:  # noqa: BLE001 - the last thing this process can say
        print(f"The session's interpreter failed: {type(failure).__name__}: {failure}", file=sys.stderr)  # noqa: T201 - goes to the host
    finally:
        os._exit(70)


def _keep_only(kept: set[int]) -> None:
    try:
        names = [entry.name for entry in os.scandir("/dev/fd")]
    except OSError:
        names = [str(number) for number in range(1024)]
    for name in names:
        if (number := int(name)) >= _FIRST_FREE and number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)


def _make_workplace(plan: Plan) -> str:
    if kernel.LINUX:
        # Orphans of the session come to this process, which ends them.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    workplace = tempfile.mkdtemp(prefix="lumo-session-")
    if PRIVILEGES in plan.layers and os.geteuid() == 0:
        os.chown(workplace, NOBODY, NOBODY)
    return workplace


def _wake_on_child() -> tuple[socket.socket, socket.socket]:
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    return woken, wakes


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass  # a handler there must be, or no byte is written


def _die_with_parent() -> None:
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _report_failure(data: int, failure: LayerError) -> None:
    with contextlib.suppress(OSError):
        os.write(data, pack(["failed", failure.layer, failure.reason], TO_HOST_CAP))


def _watch(child: int, control: int, woken: socket.socket) -> int:
    # Ends the child when the host asks for it or goes away; returns its exit status.
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        ready = [descriptor for descriptor, _ in poll.poll()]
        if woken.fileno() in ready:
            woken.recv(4096)
        if control in ready:
            order = os.read(control, 1)
            os.kill(child, signal.SIGINT if order == INTERRUPT else signal.SIGKILL)
            if order != INTERRUPT:
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _reseed() -> None:
    # `random` reseeds itself after a fork; every session would draw the same numbers from numpy.
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
