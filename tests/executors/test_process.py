import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph.errors import ConfigurationError, ExecutorError, SnapshotError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits

HOST = """
import os, sys
from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits, ToolReply
session = ProcessExecutor(require="none").open(limits=Limits())
code = "import os\\nif os.fork() == 0:\\n    os.setpgrp()\\n    while True: pass"
session.execute(code, seconds=30, serve=lambda _: ToolReply())
def below(pid):
    children = [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    return children + [deeper for child in children for deeper in below(child)]
print(*below(os.getpid()), flush=True)
sys.stdin.read()
"""


def test_an_unknown_tier_is_refused_by_name():
    with pytest.raises(ConfigurationError, match="'fulll'"):
        ProcessExecutor(require="fulll")


@pytest.mark.parametrize("preload", ["numpy", ["no_such_package_here"]], ids=["a string", "not installed"])
def test_a_preload_that_cannot_be_is_refused(preload):
    with pytest.raises(ConfigurationError, match="preload"):
        ProcessExecutor(preload=preload)


def test_preloaded_packages_are_there_before_any_code():
    session = ProcessExecutor(require="none", preload=["numpy"]).open(limits=Limits())
    try:
        done = session.execute("import sys\n'numpy' in sys.modules", seconds=30, serve=lambda _: None)
    finally:
        session.close()
    assert done.value.json is True


def test_packages_name_what_is_installed(executor):
    assert {"numpy", "pandas"} <= set(executor.packages)


def test_a_damaged_namespace_is_a_snapshot_error(executor):
    with pytest.raises(SnapshotError, match="could not be restored"):
        executor.open({"x": b"nonsense"}, limits=Limits())


def test_a_namespace_that_is_not_bytes_is_a_snapshot_error(executor):
    with pytest.raises(SnapshotError, match="could not be given"):
        executor.open({"x": [object()]}, limits=Limits())


def test_the_environment_of_the_host_is_out_of_reach(driver):
    os.environ["LUMO_TEST_NAME"] = "hidden"
    try:
        text = driver.value("import os\nstr(dict(os.environ))")
        raw = driver.do("print(open('/proc/self/environ').read())")
    finally:
        del os.environ["LUMO_TEST_NAME"]
    assert "hidden" not in text + raw.stdout


def test_sessions_draw_different_random_numbers(executor):
    drawn = set()
    for _ in range(2):
        session = executor.open(limits=Limits())
        done = session.execute("import random\nrandom.random()", seconds=30, serve=lambda _: None)
        drawn.add(done.value.json)
        session.close()
    assert len(drawn) == 2


def test_many_sessions_live_side_by_side(executor):
    sessions = [executor.open(limits=Limits()) for _ in range(8)]
    try:
        for number, session in enumerate(sessions):
            session.execute(f"mine = {number}", seconds=30, serve=lambda _: None)
        found = [session.execute("mine", seconds=30, serve=lambda _: None).value.json for session in sessions]
    finally:
        for session in sessions:
            session.close()
    assert found == list(range(8))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_host_that_is_killed_leaves_no_process():
    with subprocess.Popen(
        [sys.executable, "-c", HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as host:
        pids = [int(pid) for pid in host.stdout.readline().split()]
        handles = [os.pidfd_open(pid) for pid in pids]
        host.send_signal(signal.SIGKILL)
    assert len(pids) >= 4  # the zygote, the guard, the session, and the child its code forked
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 30)
        os.close(handle)
        assert ended


def test_a_forked_host_starts_its_own(executor, driver):
    driver.do("mine = 'parent'")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            session = executor.open(limits=Limits())
            done = session.execute("'mine' in globals()", seconds=30, serve=lambda _: None)
            session.close()
            os.write(writing, repr(done.value.json).encode())
            from lumo_graph.executors.zygote import close_zygotes

            close_zygotes()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == "False"
    os.waitpid(child, 0)
    assert driver.value("mine") == "parent"


def test_a_killed_zygote_is_replaced(executor):
    from lumo_graph.executors import zygote

    executor.open(limits=Limits()).close()
    process = zygote._zygotes[()]
    os.kill(process.pid, signal.SIGKILL)
    session = executor.open(limits=Limits())
    assert session.execute("1", seconds=30, serve=lambda _: None).value.json == 1
    session.close()


def test_a_session_that_is_forgotten_is_closed(executor):
    session = executor.open(limits=Limits())
    close = session._close
    del session
    assert not close.alive


def test_a_closed_session_says_how_it_ended(executor):
    session = executor.open(limits=Limits())
    session.close()
    with pytest.raises(ExecutorError, match="it was closed"):
        session.snapshot()


def test_the_worker_is_the_hosts_own_even_beside_another_version(tmp_path):
    other = tmp_path / "site-packages" / "lumo_graph" / "executors"
    other.mkdir(parents=True)
    for folder in (other, other.parent):
        (folder / "__init__.py").write_text("raise ImportError('another version')")
    code = (
        "import sys\n"
        "from lumo_graph.executors import ProcessExecutor\n"
        "from lumo_graph.types import Limits\n"
        f"sys.path.insert(0, {str(other.parent.parent)!r})\n"
        "session = ProcessExecutor(require='none').open(limits=Limits())\n"
        "print(session.execute('40 + 2', seconds=30, serve=None).value.json)\n"
        "session.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_a_version_that_was_installed_meanwhile_is_told_from_ours(tmp_path):
    shutil.copytree(Path(__file__).parents[2] / "lumo_graph", tmp_path / "lumo_graph")
    code = (
        "from pathlib import Path\n"
        "from lumo_graph.executors import ProcessExecutor\n"
        "from lumo_graph.executors import zygote\n"
        "from lumo_graph.types import Limits\n"
        "with Path(zygote.__file__).with_name('link.py').open('a') as file:\n"
        "    _ = file.write('# another version')\n"
        "try:\n"
        "    ProcessExecutor(require='none').open(limits=Limits())\n"
        "except Exception as failure:\n"
        "    print(failure)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "Start this program again" in done.stdout
    assert done.stderr == ""
