"""Real processes, threads and event loops that want one thread at once."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from lumo_graph import arun, create_lumo_agent, resume, run, stream
from lumo_graph.checkpoints import ahold_thread, aopen_checkpointer, hold_thread, open_checkpointer
from lumo_graph.errors import LumoGraphError, ThreadBusyError
from lumo_graph.testing import ScriptedModel

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from lumo_graph import run
from lumo_graph.errors import ThreadBusyError
from lumo_graph.testing import ScriptedModel

def wait(messages):
    print("holds", flush=True)
    sys.stdin.readline()
    return "done"

try:
    print(run("go", ScriptedModel([wait]), checkpointer=sys.argv[1], thread_id=sys.argv[2]).answer, flush=True)
except ThreadBusyError as error:
    print("busy:", error, flush=True)
"""


@contextmanager
def running(store, thread_id="t"):
    """A process that runs a task on a thread; its model waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, store, thread_id],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process):
    out, _ = process.communicate("\n", timeout=60)
    return out.strip().splitlines()[-1]


def test_the_second_process_is_told_who_has_the_thread_and_may_use_another(store):
    with running(store) as first:
        assert first.stdout.readline() == "holds\n"
        with pytest.raises(ThreadBusyError) as busy:
            run("go", ScriptedModel([]), checkpointer=store, thread_id="t")
        words = f"Thread 't' is in use: process {first.pid} on {socket.gethostname()} has driven it since "
        assert re.match(re.escape(words) + r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\. Wait", str(busy.value))
        with pytest.raises(ThreadBusyError):
            resume("t", ScriptedModel([]), checkpointer=store)
        assert run("go", ScriptedModel(["other"]), checkpointer=store, thread_id="u").answer == "other"
        assert finish(first) == "done"
    assert run("go", ScriptedModel(["again"]), checkpointer=store, thread_id="t").answer == "again"


def test_of_many_processes_at_once_exactly_one_proceeds(store):
    with open_checkpointer(store):
        pass
    with ExitStack() as stack:
        processes = [stack.enter_context(running(store)) for _ in range(4)]
        said = [process.stdout.readline() for process in processes]
        assert sorted(line.partition(":")[0].strip() for line in said) == ["busy", "busy", "busy", "holds"]
        assert finish(processes[said.index("holds\n")]) == "done"


def test_processes_on_different_threads_do_not_meet(store):
    with ExitStack() as stack:
        processes = [stack.enter_context(running(store, f"t{number}")) for number in range(3)]
        assert [process.stdout.readline() for process in processes] == ["holds\n"] * 3
        assert [finish(process) for process in processes] == ["done"] * 3


def test_the_thread_of_a_killed_process_is_free_at_once(store):
    with running(store) as first:
        assert first.stdout.readline() == "holds\n"
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert resume("t", ScriptedModel(["taken over"]), checkpointer=store).answer == "taken over"


def test_of_many_threads_of_a_process_exactly_one_proceeds(store):
    with open_checkpointer(store):
        pass
    begun, end = threading.Event(), threading.Event()

    def wait(messages):
        begun.set()
        assert end.wait(60)
        return "done"

    def attempt(_):
        try:
            return run("go", ScriptedModel([wait]), checkpointer=store, thread_id="t").answer
        except ThreadBusyError:
            if begun.wait(60):
                end.set()  # not before every other one has been turned away, but one is enough to be sure of
            return "busy"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, range(2))) == ["busy", "done"]


@pytest.mark.anyio
async def test_of_many_tasks_of_an_event_loop_exactly_one_proceeds(store):
    async with aopen_checkpointer(store) as saver, ahold_thread(saver, "t"):
        results = await asyncio.gather(
            *(arun("go", ScriptedModel(["x"]), checkpointer=store, thread_id="t") for _ in range(3)),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [ThreadBusyError] * 3
    assert (await arun("go", ScriptedModel(["x"]), checkpointer=store, thread_id="t")).answer == "x"


@pytest.mark.anyio
async def test_a_run_that_is_cancelled_gives_its_thread_back(store):
    begun = asyncio.Event()

    async def forever():
        async with aopen_checkpointer(store) as saver, ahold_thread(saver, "t"):
            begun.set()
            await asyncio.sleep(1000)

    task = asyncio.create_task(forever())
    await begun.wait()
    with pytest.raises(ThreadBusyError):
        await arun("go", ScriptedModel(["x"]), checkpointer=store, thread_id="t")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await arun("go", ScriptedModel(["x"]), checkpointer=store, thread_id="t")).answer == "x"


def test_a_run_that_fails_or_is_left_gives_its_thread_back(store):
    def fail(messages):
        raise ZeroDivisionError

    with pytest.raises((ZeroDivisionError, LumoGraphError)):
        run("go", ScriptedModel([fail]), checkpointer=store, thread_id="t")
    events = stream("go", ScriptedModel(["one"]), checkpointer=store, thread_id="t")
    next(events)
    with pytest.raises(ThreadBusyError, match=str(os.getpid())):
        run("go", ScriptedModel([]), checkpointer=store, thread_id="t")
    events.close()
    assert run("go", ScriptedModel(["two"]), checkpointer=store, thread_id="t").answer == "two"


def test_a_url_and_a_saver_of_the_same_store_meet(store):
    with open_checkpointer(store) as saver, hold_thread(saver, "t"), pytest.raises(ThreadBusyError):
        run("go", ScriptedModel([]), checkpointer=store, thread_id="t")


@pytest.mark.anyio
async def test_a_saver_for_event_loops_meets_one_that_is_not(store):
    async with aopen_checkpointer(store) as saver, ahold_thread(saver, "t"):
        with open_checkpointer(store) as other, pytest.raises(ThreadBusyError), hold_thread(other, "t"):
            pass

        def from_a_thread():
            with hold_thread(saver, "u"):
                return True

        assert await asyncio.to_thread(from_a_thread)


@pytest.mark.parametrize("make", [InMemorySaver, lambda: "memory://leases"])
def test_what_is_stored_in_this_process_is_held_in_it(make):
    where = make()
    with open_checkpointer(where) as saver, hold_thread(saver, "t"):
        with pytest.raises(ThreadBusyError, match="'t'"):
            run("go", ScriptedModel([]), checkpointer=where, thread_id="t")
        assert run("go", ScriptedModel(["x"]), checkpointer=where, thread_id="u").answer == "x"
    assert run("go", ScriptedModel(["x"]), checkpointer=where, thread_id="t").answer == "x"


def test_a_sqlite_saver_without_a_file_is_held_in_this_process():
    with SqliteSaver.from_conn_string(":memory:") as saver, hold_thread(saver, "t"):
        with pytest.raises(ThreadBusyError), hold_thread(saver, "t"):
            pass
        with SqliteSaver.from_conn_string(":memory:") as other, hold_thread(other, "t"):
            pass


def test_who_drives_a_graph_by_its_own_invoke_may_hold_its_thread(store):
    with open_checkpointer(store) as saver:
        agent = create_lumo_agent(ScriptedModel(["mine"]), checkpointer=saver)
        with hold_thread(saver, "t"):
            with pytest.raises(ThreadBusyError):
                run("go", ScriptedModel([]), checkpointer=store, thread_id="t")
            assert agent.invoke({"task": "go"}, {"configurable": {"thread_id": "t"}})["answer"] == "mine"


def test_no_file_is_left_beside_the_store_and_links_lead_to_one_lease(tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "runs.db")
    with open_checkpointer(f"sqlite:///{tmp_path}/runs.db") as saver, hold_thread(saver, "t"):
        assert len([*(tmp_path / "runs.db-leases").iterdir()]) == 1
        with pytest.raises(ThreadBusyError):
            run("go", ScriptedModel([]), checkpointer=f"sqlite:///{tmp_path}/link.db", thread_id="t")
    assert not (tmp_path / "runs.db-leases").exists()


def test_the_password_is_not_in_the_session_that_holds_a_thread(postgres):
    import psycopg

    url = postgres.new_database()
    with open_checkpointer(url) as saver, hold_thread(saver, "t"), psycopg.connect(url) as connection:
        names = [name for (name,) in connection.execute("SELECT application_name FROM pg_stat_activity")]
    assert f"lumo_graph {os.getpid()}@{socket.gethostname()}" in names
    assert "s3cret" not in str(names)


def test_a_pool_of_connections_holds_a_thread_of_the_same_database(postgres):
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg_pool import ConnectionPool

    url = postgres.new_database()
    with (
        open_checkpointer(url),
        ConnectionPool(url, min_size=1, max_size=2, open=True) as pool,
        hold_thread(PostgresSaver(pool), "t"),
        pytest.raises(ThreadBusyError),
    ):
        run("go", ScriptedModel([]), checkpointer=url, thread_id="t")


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_a_run_that_has_lost_its_lock_can_write_no_more(postgres, loop):
    import psycopg

    url, made = postgres.new_database(), []

    def charge(amount: int) -> int:
        """Charge."""
        made.append(amount)
        if made == [1, 2]:
            with psycopg.connect(url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        return amount

    model = ScriptedModel(["```python\nfor n in range(1, 6): charge(n)\n```"])
    options = {"agent_type": "code-agent", "tools": [charge], "checkpointer": url}
    go = (lambda *args, **more: asyncio.run(arun(*args, **more))) if loop else run
    with pytest.raises(psycopg.OperationalError):
        go("go", model, thread_id="t", **options)
    assert made == [1, 2]  # what came after the lock was lost was not called
    del options["agent_type"]
    done = resume("t", ScriptedModel(["```python\nfinal_answer(1)\n```"]), **options)
    assert done.answer == 1
    assert made == [1, 2, 3, 4, 5]  # this process knows of the call whose record the loss took


@pytest.mark.parametrize("loop", [False, True], ids=["sync", "async"])
def test_two_runs_by_one_connection_do_not_drive_one_thread(postgres, loop):
    url = postgres.new_database()
    if loop:

        async def both():
            async with aopen_checkpointer(url) as saver, ahold_thread(saver, "t"):
                with pytest.raises(ThreadBusyError):
                    await arun("go", ScriptedModel([]), checkpointer=saver, thread_id="t")
                assert (await arun("go", ScriptedModel(["x"]), checkpointer=saver, thread_id="u")).answer == "x"

        asyncio.run(both())
        return
    with open_checkpointer(url) as saver, hold_thread(saver, "t"):
        with pytest.raises(ThreadBusyError):
            run("go", ScriptedModel([]), checkpointer=saver, thread_id="t")
        assert run("go", ScriptedModel(["x"]), checkpointer=saver, thread_id="u").answer == "x"
