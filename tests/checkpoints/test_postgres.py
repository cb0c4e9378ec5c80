import re
import socket
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lumo_graph import arun, resume, run
from lumo_graph.checkpoints import aopen_checkpointer, hold_thread, list_threads, open_checkpointer
from lumo_graph.errors import ConfigurationError, ThreadBusyError
from lumo_graph.testing import ScriptedModel
from tests.postgres import PASSWORD, QUOTED, running_server
from tests.watching import until

ROOT = Path(__file__).parents[2]


def refused(url, **options):
    with pytest.raises(ConfigurationError) as refusal, open_checkpointer(url, **options):
        pass
    told = "".join(traceback.format_exception(refusal.value))
    assert "s3cret" not in told
    assert "wrong1" not in told
    return str(refusal.value)


async def arefused(url):
    with pytest.raises(ConfigurationError) as refusal:
        async with aopen_checkpointer(url):
            pass
    assert "s3cret" not in "".join(traceback.format_exception(refusal.value))
    return str(refusal.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ((f":{QUOTED}@", ":wrong1@"), "user or the password is wrong"),
        ((f":{QUOTED}@", "@"), "wants a password"),
        (("/postgres", "/nowhere"), 'database "nowhere" does not exist.*CREATE DATABASE'),
        (("lumo:", "nobody:"), "user or the password is wrong"),
        ((QUOTED, PASSWORD), "Encode what is special"),
        (("/postgres", "/postgres?nonsense=1"), "cannot be read"),
    ],
)
@pytest.mark.anyio
async def test_what_is_wrong_is_named_and_the_password_is_not(postgres, change, named):
    url = postgres.url().replace(*change)
    assert re.search(named, refused(url)), refused(url)
    assert re.search(named, await arefused(url))


def test_a_server_that_is_not_there_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        message = refused(f"postgresql://me:{QUOTED}@127.0.0.1:{port}/db")
    assert f"'postgresql://me:***@127.0.0.1:{port}/db' cannot be opened" in message
    assert "Is the server running" in message


def test_without_the_extra_it_says_what_to_install():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from lumo_graph.checkpoints import open_checkpointer\n"
        "try:\n    open_checkpointer('postgresql://me:s3cret@host/db').__enter__()\n"
        "except ValueError as error:\n    print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "postgresql:// needs the extra 'postgres': pip install 'lumo-graph[postgres]'\n"


def test_a_database_without_a_store_is_not_made_one_by_reading(postgres):
    url = postgres.new_database()
    assert "no threads" in refused(url, must_exist=True)
    with pytest.raises(ConfigurationError, match="no threads"):
        resume("t", ScriptedModel([]), checkpointer=url)
    assert "no threads" in refused(url, must_exist=True)


def test_many_may_make_the_store_at_once(postgres):
    url = postgres.new_database()

    def make(number):
        return run("go", ScriptedModel([f"{number}"]), checkpointer=url, thread_id=f"t{number}").answer

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(make, range(4))] == ["0", "1", "2", "3"]
    with open_checkpointer(url, must_exist=True) as saver:
        assert {thread.thread_id for thread in list_threads(saver)} == {"t0", "t1", "t2", "t3"}


def test_who_may_only_use_the_tables_can_use_a_store_that_was_made(postgres):
    import psycopg

    url = postgres.new_database()
    with open_checkpointer(url), psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE USER guest PASSWORD 'guest'")
        connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest")
    guest = url.replace(f"lumo:{QUOTED}", "guest:guest")
    assert run("go", ScriptedModel(["yes"]), checkpointer=guest, thread_id="t").answer == "yes"


@pytest.mark.anyio
async def test_a_saver_that_blocks_is_refused_by_an_event_loop(postgres):
    url = postgres.new_database()
    with open_checkpointer(url) as saver, pytest.raises(ConfigurationError, match="AsyncPostgresSaver"):
        await arun("go", ScriptedModel([]), checkpointer=saver, thread_id="t")


def test_of_several_hosts_the_one_that_answers_has_the_threads_and_their_leases(postgres):
    url = postgres.new_database()
    several = url.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1")
    with open_checkpointer(several) as saver, hold_thread(saver, "t"), pytest.raises(ThreadBusyError):
        run("go", ScriptedModel([]), checkpointer=url, thread_id="t")


KILLED_TESTS = """
import os, signal
from tests.postgres import running_server
with running_server() as server:
    print(server.process.pid, server.folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_server_of_tests_that_are_killed_ends_too(postgres):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_TESTS], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    pid, folder = killed.stdout.split()
    assert until(lambda: not Path("/proc", pid).exists())
    with running_server():  # removes what the other one left
        assert not Path(folder).exists()


def test_no_connection_is_left(postgres):
    import psycopg

    url = postgres.new_database()
    run("go", ScriptedModel(["yes"]), checkpointer=url, thread_id="t")
    with psycopg.connect(postgres.url()) as connection:
        name = url.rpartition("/")[2]
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        assert until(lambda: connection.execute(query, (name,)).fetchone() == (0,))
