"""Many sessions: at once, and one after the other."""

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.types import Limits, Parameter, ToolReply, ToolSpec
from tests.watching import processes_below, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts what is open in /proc")

LIMITS = Limits(memory_mb=256, disk_mb=8)
ECHO = ToolSpec(name="echo", parameters=(Parameter(name="n"),))


def echo(request):
    return ToolReply(value=request.args["n"])


def left_behind(known):
    """Processes of this process but those that are known, its descriptors, and its threads."""
    threads = sum(thread.name.startswith("lumo-") for thread in threading.enumerate())
    return len(processes_below(os.getpid()) - known), sum(1 for _ in Path("/proc/self/fd").iterdir()), threads


def folders():
    return set(Path(tempfile.gettempdir()).glob("lumo-session-*"))


def use(executor, number):
    """A session that ends in one of the ways in which sessions end."""
    session = executor.open(tools=[ECHO], limits=LIMITS)
    match number % 5:
        case 0:
            done = session.execute(f"x = echo({number})\nx", seconds=60, serve=echo)
            assert done.value.plain == number, done
        case 1:
            assert session.execute("import os\nos._exit(3)", seconds=60, serve=echo).rolled_back
        case 2:
            assert session.execute(
                "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", seconds=60, serve=echo
            ).error
        case 3:
            session.execute("import os, time\nif os.fork() == 0:\n    time.sleep(1000)", seconds=60, serve=echo)
            session.snapshot()
        case _:
            pass
    session.close()


@pytest.mark.timeout(900)
def test_a_thousand_sessions_leave_nothing_behind():
    close_zygotes()  # those of other tests
    known = processes_below(os.getpid())
    executor = ProcessExecutor(require="none")
    for number in range(10):
        use(executor, number)
    assert until(lambda: left_behind(known)[0] == 1)  # the zygote
    before = left_behind(known)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: use(executor, number), range(1000)))
    made = folders()
    assert until(lambda: left_behind(known) == before), (left_behind(known), before)
    assert until(lambda: not made & folders())


@pytest.mark.timeout(300)
def test_fifty_sessions_work_at_once_and_share_nothing():
    executor = ProcessExecutor(require="none")
    together = threading.Barrier(50)

    def work(number):
        session = executor.open(tools=[ECHO], limits=LIMITS)
        try:
            session.execute(f"x = {number}", seconds=60, serve=echo)
            together.wait(120)  # all are alive now
            return session.execute("echo(x) + sum(echo(n) for n in range(10))", seconds=60, serve=echo).value.plain
        finally:
            session.close()

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(work, range(50))) == [number + 45 for number in range(50)]


def test_calls_from_threads_and_from_gather_run_at_once_on_the_host():
    executor = ProcessExecutor(require="none")
    wait = ToolSpec(name="wait", parameters=(Parameter(name="n"),))
    await_it = ToolSpec(name="await_it", parameters=(Parameter(name="n"),), is_async=True)
    together = threading.Barrier(8)

    def serve(request):
        together.wait(60)  # nobody comes through unless all eight are here
        return ToolReply(value=request.args["n"])

    session = executor.open(tools=[wait, await_it], limits=LIMITS)
    try:
        threads = "from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(8).map(wait, range(8)))"
        assert session.execute(threads, seconds=100, serve=serve).value.plain == list(range(8))
        gather = "import asyncio\nawait asyncio.gather(*(await_it(n) for n in range(8)))"
        assert session.execute(gather, seconds=100, serve=serve).value.plain == list(range(8))
    finally:
        session.close()
