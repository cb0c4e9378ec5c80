"""The process between the zygote and a session: it starts the session, ends it, and clears up after it.

It runs no code of the session's. When the host goes away, in whatever way, its end of the control stream closes, and
the session is ended: by its supervisor if it has namespaces of its own, else by the guard.
"""

import contextlib
import os
import select
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

from lumo_graph.executors.jail import kernel, namespaces
from lumo_graph.executors.jail.contain import Report, contain
from lumo_graph.executors.jail.plan import (
    FOLDER,
    FROZEN_COPY,
    NAMESPACES,
    NOBODY,
    PAUSE,
    PRIVILEGES,
    SECCOMP,
    LayerError,
    Plan,
)
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.attributes import change_open_files
from lumo_graph.executors.worker.channel import Channel
from lumo_graph.executors.worker.clearing import end_descendants, remove_tree
from lumo_graph.executors.worker.first import be_first
from lumo_graph.executors.worker.group import Group, make_group
from lumo_graph.executors.worker.keeping import Keeper
from lumo_graph.executors.worker.session import run_session
from lumo_graph.executors.worker.starting import (
    Ends,
    die_with_parent,
    join_group,
    last_words,
    prepare,
    report_failure,
    wake_on_child,
)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGALRM, signal.SIGQUIT)
_FIRST_FREE = 3


def guard_session(request: dict[str, Any], ends: Ends) -> None:
    """Start a session and stay until it has ended.

    Args:
        request: the plan, as the host asks for it.
        ends: what connects the session, and those who guard it, with the host.
    """
    _keep_only({ends.data, ends.control, ends.stdout, ends.stderr})
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    plan = Plan.from_request(request)
    group = make_group(plan)
    try:
        if NAMESPACES in plan.layers:
            _guard_namespaces(plan, ends, group)
        else:
            _guard_process(plan, ends, group)
    finally:
        if not isinstance(group, str):
            group.remove()


def _guard_namespaces(plan: Plan, ends: Ends, group: Group | str) -> None:
    # Everything in the namespaces ends with their first process. The control stream stays open here until then.
    try:
        namespaces.enter(plan)
    except LayerError as failure:
        report_failure(ends.data, failure)
        return
    first = os.fork()
    if first == 0:
        try:
            be_first(plan, ends, group)
        finally:
            os._exit(0)
    ends.close_all_but_control()
    _wait_for_host(ends.control, first)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)


def _wait_for_host(control: int, first: int) -> None:
    # Until the host goes away, or has let the supervisor end.
    with contextlib.suppress(OSError):
        ended = os.pidfd_open(first)
        poll = select.poll()
        poll.register(control, 0)
        poll.register(ended, select.POLLIN)
        poll.poll()
        return
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)


def _guard_process(plan: Plan, ends: Ends, group: Group | str) -> None:
    try:
        workplace = _make_workplace(plan)
    except LayerError as failure:
        report_failure(ends.data, failure)
        return
    woken, wakes = wake_on_child()
    child = os.fork()
    if child == 0:
        os.close(ends.control)
        wakes.close()
        woken.close()
        _be_session(plan, ends, workplace, group)
    ends.close_all_but_control()
    control = socket.socket(fileno=ends.control)
    if kernel.LINUX:
        own = None if isinstance(group, str) else group
        end = Keeper(plan, child=child, control=control, woken=woken, workplace=workplace, group=own).keep()
    else:
        end = _wait(child, control, woken)
    orders.tell(control, end)  # first: what the session has left behind must not keep the host waiting
    if not isinstance(group, str):
        group.kill()
    end_descendants(child)
    remove_tree(workplace)


def _be_session(plan: Plan, ends: Ends, workplace: str, group: Group | str) -> None:
    with last_words():
        die_with_parent()
        joined = Report(on=[])
        join_group(group, joined)
        prepare(ends, workplace)
        try:
            report = contain(plan, workplace=workplace)
        except LayerError as failure:
            report_failure(ends.data, failure)
            return
        report.on += joined.on
        report.off.update(joined.off)
        if SECCOMP in plan.layers:
            change_open_files()
        report.off[FROZEN_COPY] = f"code could destroy it without {NAMESPACES}"
        if not kernel.LINUX:
            report.off[PAUSE] = f"not supported on {os.uname().sysname}"
        given = {"on": report.on, "off": report.off}
        run_session(Channel(socket.socket(fileno=ends.data)), plan, given, f"{workplace}/{FOLDER}", None)


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
    folder = f"{workplace}/{FOLDER}"
    Path(folder).mkdir(mode=0o700)
    if PRIVILEGES in plan.layers and os.geteuid() == 0:
        try:
            os.chown(workplace, NOBODY, NOBODY)
            os.chown(folder, NOBODY, NOBODY)
        except OSError as failure:  # a root that no other user is known to
            remove_tree(workplace)
            raise LayerError(PRIVILEGES, f"change of user: {failure.strerror}") from failure
    return workplace


def _wait(child: int, control: socket.socket, woken: socket.socket) -> bytes:
    # Ends the child when the host asks for it or goes away; returns what to tell of its end.
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return orders.DIED + str(os.waitstatus_to_exitcode(status)).encode()
        ready = [descriptor for descriptor, _ in poll.poll()]
        if woken.fileno() in ready:
            woken.recv(4096)
        if control.fileno() in ready:
            order = control.recv(1)
            os.kill(child, signal.SIGINT if order == orders.INTERRUPT else signal.SIGKILL)
