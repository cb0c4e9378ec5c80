"""What the processes of a session do first, each just forked."""

import contextlib
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

from lumo_graph.executors.frames import TO_HOST_CAP, pack
from lumo_graph.executors.jail import kernel
from lumo_graph.executors.jail.contain import Report
from lumo_graph.executors.jail.plan import FOLDER, GROUP, LayerError
from lumo_graph.executors.worker import orders
from lumo_graph.executors.worker.channel import ClosedError
from lumo_graph.executors.worker.group import Group
from lumo_graph.executors.worker.streams import open_streams


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Descriptors of the session's ends of what connects it with the host."""

    data: int
    control: int
    stdout: int
    stderr: int

    def close(self) -> None:
        """Leave all of them to another process."""
        self.close_all_but_control()
        os.close(self.control)

    def close_all_but_control(self) -> None:
        """Leave the rest to another process."""
        for descriptor in (self.data, self.stdout, self.stderr):
            os.close(descriptor)


def connect() -> tuple[Ends, Ends]:
    """What connects a session with the process that relays for it: that process's ends, and the session's."""
    data, their_data = socket.socketpair()
    control, their_control = orders.make_stream()
    stdout, their_stdout = os.pipe()
    stderr, their_stderr = os.pipe()
    return (
        Ends(data=data.detach(), control=control.detach(), stdout=stdout, stderr=stderr),
        Ends(data=their_data.detach(), control=their_control.detach(), stdout=their_stdout, stderr=their_stderr),
    )


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends."""
    if kernel.LINUX:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def wake_on_child() -> tuple[socket.socket, socket.socket]:
    """Two ends of a stream: the first becomes readable when a child has ended, the second is to be kept."""
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    return woken, wakes


def report_failure(data: int, failure: LayerError) -> None:
    """Tell the host which layer cannot be had."""
    with contextlib.suppress(OSError):
        os.write(data, pack(["failed", failure.layer, failure.reason, failure.passing], TO_HOST_CAP))


def prepare(ends: Ends, workplace: str) -> None:
    """Give this process what code expects of one."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    open_streams(ends.stdout, ends.stderr)
    for name in ("HOME", "TMPDIR"):  # `update` writes to three times as many of the pages that sessions share
        os.environ[name] = workplace
    tempfile.tempdir = None
    sys.path.append(f"{workplace}/{FOLDER}")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _reseed()
    gc.enable()


def join_group(group: Group | str, report: Report) -> None:
    """Move this process, which runs the session's code, into its group.

    Args:
        group: it, or why there is none.
        report: learns what became of it.
    """
    if isinstance(group, str):
        report.off[GROUP] = group
        return
    missing = dict(group.missing)
    try:
        group.join()
    except OSError as failure:
        report.off[GROUP] = failure.strerror or str(failure)
    else:
        report.on.append(GROUP)
        report.off.update(missing)


@contextlib.contextmanager
def last_words() -> Generator[None]:
    """Around all that a session's process does: it ends here, and says why if that was not to be."""
    try:
        yield
        os._exit(0)
    except (ClosedError, ConnectionError):
        os._exit(0)  # the host has gone away
    except BaseException as failure:  # noqa: BLE001 - the last thing this process can say
        print(f"The session's interpreter failed: {type(failure).__name__}: {failure}", file=sys.stderr)  # noqa: T201 - goes to the host
    finally:
        os._exit(70)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass  # a handler there must be, or no byte is written


def _reseed() -> None:
    # `random` reseeds itself after a fork; every session would draw the same numbers from numpy.
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()
