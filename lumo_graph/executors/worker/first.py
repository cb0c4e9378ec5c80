"""Process 1 of new namespaces: goes behind the jail, forks the process that runs the session's code, supervises it."""

import os
import socket

from lumo_graph.executors.jail import signals
from lumo_graph.executors.jail.contain import Report, close_behind, contain_first, limit
from lumo_graph.executors.jail.plan import FOLDER, FROZEN_COPY, NAMESPACES, PRIVILEGES, SECCOMP, LayerError, Plan
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.channel import Channel
from lumo_graph.executors.worker.freezing import Freezer
from lumo_graph.executors.worker.group import Group
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
from lumo_graph.executors.worker.supervisor import LISTENER, Supervisor

_WORKPLACE = "/tmp"  # noqa: S108 - of a private root
_FOLDER = f"{_WORKPLACE}/{FOLDER}"


def be_first(plan: Plan, ends: Ends, group: Group | str) -> None:
    """Be process 1 until the host says that it is over; returns when nothing is left to do but to exit."""
    die_with_parent()
    try:
        report = contain_first(plan, workplace=_WORKPLACE)
    except LayerError as failure:
        report_failure(ends.data, failure)
        return
    woken, wakes = wake_on_child()
    line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    runner = os.fork()
    if runner == 0:
        for end in (line, woken, wakes):
            end.close()
        os.close(ends.control)
        _be_runner(plan, ends, theirs, report, group)
    theirs.close()
    ends.close_all_but_control()
    control = socket.socket(fileno=ends.control)
    Supervisor(
        control,
        runner=runner,
        line=line,
        woken=woken,
        memory_mb=plan.memory_mb,
        cpu_seconds=plan.cpu_seconds,
        group=None if isinstance(group, str) else group,
    ).run()


def _be_runner(plan: Plan, ends: Ends, line: socket.socket, report: Report, group: Group | str) -> None:
    with last_words():
        join_group(group, report)
        prepare(ends, _WORKPLACE)
        limit(plan, report)
        freezer = _make_freezer(plan, line, report)
        close_behind(plan, report)
        given = {"on": report.on, "off": report.off}
        run_session(Channel(socket.socket(fileno=ends.data)), plan, given, _FOLDER, freezer)


def _make_freezer(plan: Plan, line: socket.socket, report: Report) -> Freezer | None:
    missing = sorted({NAMESPACES, SECCOMP, PRIVILEGES} - plan.layers) or [
        name for name in ("proc",) if name in report.off
    ]
    if plan.freeze_below_mb < 1:
        reason = "not asked for (freeze_below_mb=0)"
    elif missing:
        reason = f"code could destroy it without {', '.join(missing)}"
    else:
        try:
            listener = signals.ask_about_signals()
        except OSError as failure:
            reason = f"signals of the code cannot be watched: {failure.strerror or failure}"
        else:
            orders.send(line, LISTENER, listener)
            os.close(listener)
            report.on.append(FROZEN_COPY)
            return Freezer(line, below_mb=plan.freeze_below_mb)
    report.off[FROZEN_COPY] = reason
    line.close()
    return None
