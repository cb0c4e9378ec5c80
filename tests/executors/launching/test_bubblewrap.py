"""Sessions behind bubblewrap, as an example of a launcher that contains by itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits, ToolReply

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bwrap():
    if shutil.which("bwrap") is None and os.environ.get("LUMO_TEST_INSTALL") == "1" and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-y", "bubblewrap"], check=True, capture_output=True)
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap; as root, LUMO_TEST_INSTALL=1 has apt-get install it")
    places = {sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix), str(ROOT / "lumo_graph")}
    command = [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL",
        "--uid", "65534", "--gid", "65534", "--ro-bind", "/usr", "/usr", "--ro-bind-try", "/lib", "/lib",
        "--ro-bind-try", "/lib64", "/lib64", "--ro-bind-try", "/bin", "/bin", "--proc", "/proc", "--dev", "/dev",
        "--tmpfs", "/tmp",  # noqa: S108 - one of its own
    ]  # fmt: skip
    for place in sorted(places, key=len):
        command += ["--ro-bind", place, place]
    command += ["--setenv", "PYTHONPATH", str(ROOT)]
    if (tried := subprocess.run([*command, "true"], capture_output=True, text=True, check=False)).returncode != 0:
        pytest.skip(f"bubblewrap does not work here: {tried.stderr.strip()}")
    return command


@pytest.fixture
def session(bwrap):
    session = ProcessExecutor(require="none", launch=[*bwrap, sys.executable]).open(limits=Limits())
    yield session
    session.close()


def run(session, code, **more):
    return session.execute(code, seconds=more.get("seconds", 30.0), serve=lambda _: ToolReply())


def test_layers_of_ours_stand_inside_of_bubblewrap(session):
    assert session.isolation.on[0].startswith("launched by 'bwrap'")
    assert {"seccomp", "privileges"} <= set(session.isolation.on)


def test_an_action_sees_neither_the_hosts_files_nor_its_processes(session, tmp_path):
    (tmp_path / "secret").write_text("hidden")
    done = run(session, f"print(open({str(tmp_path / 'secret')!r}).read())")
    assert done.error.kind in ("FileNotFoundError", "PermissionError")
    done = run(session, f"import os\nos.kill({os.getpid()}, 0)")
    assert done.error.kind in ("ProcessLookupError", "PermissionError")


def test_a_stopped_action_leaves_the_variables_of_the_last_snapshot(bwrap):
    executor = ProcessExecutor(require="none", launch=[*bwrap, sys.executable])
    session = executor.open(limits=Limits())
    run(session, "x = 1")
    saved = session.snapshot()
    done = run(session, "import signal\nsignal.signal(2, signal.SIG_IGN)\nx = 2\nwhile True: pass", seconds=0.5)
    assert done.rolled_back
    if not session.alive:
        session.close()
        session = executor.open(dict(saved.changed), limits=Limits())
    assert run(session, "x").value.json == 1
    session.close()


def test_our_layers_can_be_left_out_by_bubblewrap(bwrap):
    command = [*bwrap, "--unshare-user", "--disable-userns", sys.executable]
    session = ProcessExecutor(require="none", launch=command).open(limits=Limits())
    try:
        assert "namespaces" in session.isolation.off
        assert run(session, "6 * 7").value.json == 42
    finally:
        session.close()
