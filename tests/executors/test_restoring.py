import os
import signal
import threading
import time

import pytest

from lumo_graph.errors import ExecutorError, SnapshotError
from lumo_graph.types import Limits
from tests.watching import processes_below, until

POISON = "class P:\n    def __reduce__(self):\n        import {module}\n        return {call}\npoison = P()\nkept = 41"
LIMITS = Limits(memory_mb=1024, disk_mb=8)


def run(session, code, **more):
    done = session.execute(code, seconds=30, serve=lambda _: None, **more)
    assert done.error is None, done.error
    return done.value.json if done.value else None


def saved(executor, code):
    session = executor.open(limits=LIMITS)
    run(session, code)
    changed = session.snapshot().changed
    session.close()
    return {name: blob for name, blob in changed.items() if blob is not None}


@pytest.mark.parametrize(
    ("module", "call"),
    [("os", "os._exit, (0,)"), ("time", "time.sleep, (1e6,)"), ("os", "os.abort, ()")],
    ids=["ends the interpreter", "blocks", "crashes"],
)
def test_a_variable_that_breaks_its_session_is_left_out_and_said(executor, module, call):
    namespace = saved(executor, POISON.format(module=module, call=call))
    session = executor.open(namespace, limits=LIMITS)
    assert "could not be restored" in session.lost["poison"]
    assert run(session, "kept + 1") == 42
    changed = session.snapshot().changed
    assert changed["poison"] is None
    session.close()
    merged = {name: blob for name, blob in (namespace | changed).items() if blob is not None}
    again = executor.open(merged, limits=LIMITS)
    assert run(again, "'poison' in globals(), kept") == [False, 41]
    again.close()


def test_a_session_that_is_killed_from_outside_while_it_loads_loses_nothing(executor):
    namespace = saved(executor, POISON.format(module="time", call="time.sleep, (0.5,)"))
    known, struck = processes_below(os.getpid()), []

    def strike():
        until(lambda: processes_below(os.getpid()) - known)
        time.sleep(0.25)
        for pid in processes_below(os.getpid()) - known:
            os.kill(pid, signal.SIGKILL)
            struck.append(pid)

    thread = threading.Thread(target=strike)
    thread.start()
    session = executor.open(namespace, limits=LIMITS)
    thread.join()
    assert struck
    assert session.lost == {}
    assert run(session, "(poison, kept)") == [None, 41]
    session.close()


def test_many_such_variables_leave_an_empty_namespace(executor):
    one = "class P{0}:\n    def __reduce__(self):\n        import os\n        return os._exit, (0,)\np{0} = P{0}()\n"
    namespace = saved(executor, "".join(one.format(n) for n in range(8)) + "kept = 1")
    session = executor.open(namespace, limits=LIMITS)
    assert set(session.lost) >= {"p0", "kept"}
    assert run(session, "'kept' in globals()") is False
    assert run(session, "fresh = 1\n2") == 2
    changed = session.snapshot().changed
    assert changed["kept"] is None
    assert changed["fresh"] is not None
    session.close()


def test_values_that_could_not_be_saved_are_lost_in_the_restored_session(executor):
    session = executor.open(saved(executor, "rows = [1, (n for n in range(3))]"), limits=LIMITS)
    assert "generator" in session.lost["rows[1]"]
    session.close()


def test_a_namespace_that_is_all_there_has_lost_nothing(executor):
    session = executor.open(saved(executor, "rows = [1]"), limits=LIMITS)
    assert session.lost == {}
    session.close()


def test_a_namespace_larger_than_its_memory_names_both(executor):
    namespace = saved(executor, "big = bytes(range(256)) * (200 << 12)")
    with pytest.raises(SnapshotError, match=r"200\.\d MiB.* memory_mb=128"):
        executor.open(namespace, limits=Limits(memory_mb=128))


def test_what_a_session_says_of_its_namespace_is_one_bounded_line(executor):
    namespace = saved(executor, "x = 1")
    with pytest.raises(SnapshotError) as caught:
        executor.open({**namespace, "\x1b[31m" + "y" * 40_000: b"no"}, limits=LIMITS)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 800


SLOW = "class P:\n    def __reduce__(self):\n        import time\n        time.sleep(1000)\np = P()"


@pytest.mark.parametrize("stop", ["interrupt", "close"])
def test_a_snapshot_that_blocks_can_be_stopped(executor, stop):
    session = executor.open(limits=LIMITS)
    run(session, SLOW)
    caught = []

    def save():
        try:
            session.snapshot()
        except ExecutorError as failure:
            caught.append(failure)

    thread = threading.Thread(target=save)
    thread.start()
    while thread.is_alive():
        getattr(session, stop)()
        thread.join(0.1)
    assert isinstance(caught[0], ExecutorError)
    session.close()
    with pytest.raises(ExecutorError, match="has ended"):
        run(session, "1")


def test_snapshots_that_add_up_to_too_much_are_refused(executor):
    session = executor.open(limits=LIMITS)
    run(session, FORGE)
    for n in range(3):
        run(session, f"prefix = {n}")
        assert session.snapshot().changed
    run(session, "prefix = 3")
    with pytest.raises(SnapshotError):
        session.snapshot()
    session.close()


FORGE = """
import gc
[channel] = [found for found in gc.get_objects() if type(found).__name__ == "Channel"]
[interpreter] = [found for found in gc.get_objects() if type(found).__name__ == "Interpreter"]
def forge():
    for n in range(18):
        channel.send(["component", f"c{prefix} {n}", bytes(4 << 20), True])
    channel.send(["snapped", {}])
interpreter._snapshot = forge
"""
