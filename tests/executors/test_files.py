"""The code's world: its working directory, the files it finds there, its environment and its imports."""

import os
import socket
import tempfile
import time
from pathlib import Path

import pytest

from lumo_graph.errors import ConfigurationError, ExecutorError
from lumo_graph.executors import ProcessExecutor, launch
from lumo_graph.executors.session import ProcessSession
from lumo_graph.executors.settings import Settings
from lumo_graph.types import Limits
from tests.executors.conftest import Driver

LIMITS = Limits(memory_mb=512, disk_mb=8)


@pytest.fixture
def opened():
    """Opens sessions, with what `open` takes, and closes them."""
    drivers = []

    def make(executor, namespace=None, **more):
        driver = Driver(executor.open(namespace, limits=LIMITS, **more))
        drivers.append(driver)
        return driver

    yield make
    for driver in drivers:
        driver.session.close()


@pytest.fixture
def shared(tmp_path):
    """A folder whose files everybody may read."""
    for parent in [tmp_path, *tmp_path.parents][:3]:
        if parent.stat().st_uid == os.getuid():
            parent.chmod(0o755)
    return tmp_path


def test_files_of_the_working_directory_come_back_in_another_session(opened):
    executor = ProcessExecutor(require="none")
    first = opened(executor)
    first.do("import os\nos.makedirs('out/empty')\nopen('out/a.bin', 'wb').write(bytes(9_000_000 // 3))\nx = 1")
    saved = first.session.snapshot()
    assert {name: len(content) for name, content in saved.files.items()} == {"out/a.bin": 3_000_000, "out/empty/": 0}
    second = opened(executor, saved.changed, files=saved.files)
    assert second.value("x + os.path.getsize('out/a.bin') + os.path.isdir('out/empty')") == 3_000_002
    assert second.session.snapshot().files == {}
    second.do("os.remove('out/a.bin')")
    assert second.session.snapshot().files == {"out/a.bin": None}


def test_a_file_that_code_removes_is_gone_from_the_store(opened):
    driver = opened(ProcessExecutor(require="none"))
    driver.do("open('a', 'w').write('1')\nopen('b', 'w').write('2')")
    assert driver.session.snapshot().files == {"a": b"1", "b": b"2"}
    driver.do("import os\nos.remove('a')")
    assert driver.session.snapshot().files == {"a": None}


def test_files_beyond_the_bound_are_named_and_stay_behind(opened):
    driver = opened(ProcessExecutor(require="none", keep_files_mb=1))
    driver.do("open('big', 'wb').write(bytes(2 << 20))\nopen('small', 'w').write('s')")
    saved = driver.session.snapshot()
    assert saved.files == {"small": b"s"}
    assert "1 MiB" in saved.unsaved["file big"]


def test_temporary_files_do_not_travel(opened):
    driver = opened(ProcessExecutor(require="none"))
    driver.do("import tempfile\nname = tempfile.mkstemp()[1]\nprint(name)")
    assert driver.session.snapshot().files == {}


def test_inputs_can_be_read_and_not_changed(opened, shared):
    (shared / "data.csv").write_text("a,b")
    (shared / "folder").mkdir()
    (shared / "folder/inner.txt").write_text("inner")
    executor = ProcessExecutor(
        require="none",
        files={"data.csv": shared / "data.csv", "in/folder": str(shared / "folder"), "raw.bin": b"raw"},
    )
    driver = opened(executor)
    code = "[open(name).read() for name in ('data.csv', 'in/folder/inner.txt', 'raw.bin')]"
    assert driver.value(code) == ["a,b", "inner", "raw"]
    if driver.session.isolation.tier in ("full", "fs"):
        for name in ("data.csv", "in/folder/inner.txt", "raw.bin"):
            assert driver.error(f"open({name!r}, 'w')").kind in ("PermissionError", "OSError")
    driver.do("open('in/made.txt', 'w').write('m')")
    assert driver.session.snapshot().files == {"in/made.txt": b"m"}
    assert (shared / "data.csv").read_text() == "a,b"


def test_an_input_that_only_this_user_may_read_is_copied(opened, shared):
    secret = shared / "mine.txt"
    secret.write_text("mine")
    secret.chmod(0o600)
    assert opened(ProcessExecutor(require="none", files=[secret])).value("open('mine.txt').read()") == "mine"


def test_inputs_are_there_without_namespaces_too(shared):
    (shared / "folder/deep").mkdir(parents=True)
    (shared / "folder/deep/a.txt").write_text("a")
    executor = ProcessExecutor(require="none", files=[shared / "folder"])
    settings = executor._settings
    started, restored = launch.start_session(
        settings, limits=LIMITS, tools=(), namespace={}, files={"made": b"m"},
        start=lambda limits: launch.start_behind(frozenset(), {}, settings, limits),
    )  # fmt: skip
    session = ProcessSession(started.link, started.isolation, (), memory_mb=512, keep_files_mb=16, restored=restored)
    try:
        assert Driver(session).value("open('folder/deep/a.txt').read() + open('made').read()") == "am"
        assert session.snapshot().files == {}
    finally:
        session.close()


def test_a_large_input_is_shown_as_it_is_and_a_small_one_is_a_copy(opened, shared):
    (shared / "small").write_bytes(b"small")
    (shared / "large").write_bytes(bytes(17 << 20))
    driver = opened(ProcessExecutor(require="none", files=[shared / "small", shared / "large"]))
    places = driver.value("import os\n[os.stat(name).st_dev == os.stat('.').st_dev for name in ('small', 'large')]")
    assert places == [True, driver.session.isolation.tier != "full"]


def test_sockets_and_pipes_of_an_input_folder_lead_nowhere(opened, shared):
    folder = shared / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"file")
    os.mkfifo(folder / "pipe", 0o666)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
        driver = opened(ProcessExecutor(require="none", files=[folder]))
        assert driver.value("import os\nos.listdir('folder')") == ["file"]


def test_an_input_that_is_gone_is_an_error_that_names_it(shared):
    (shared / "data.csv").write_text("a,b")
    executor = ProcessExecutor(require="none", files=[shared / "data.csv"])
    (shared / "data.csv").unlink()
    assert "`data.csv` (gone)" in executor.notes[0]
    with pytest.raises(ExecutorError, match=r"input 'data.csv' is gone: there is no file or folder '/.*data.csv' any"):
        executor.open(limits=LIMITS)


def test_a_file_in_the_place_of_an_input_is_named_as_not_kept(opened):
    driver = opened(ProcessExecutor(require="none", files={"in.csv": b"a,b"}))
    driver.do("import os\nos.remove('in.csv')\nopen('in.csv', 'w').write('mine')")
    saved = driver.session.snapshot()
    assert saved.files == {}
    assert "taken the place of an input" in saved.unsaved["file in.csv"]


def test_inputs_that_do_not_fit_are_refused_before_any_code(shared):
    big = shared / "big"
    big.write_bytes(bytes(9 << 20))
    big.chmod(0o600)
    executor = ProcessExecutor(require="none", files=[big])
    if os.geteuid() == 0 or ProcessExecutor(require="none").open(limits=LIMITS).isolation.tier != "full":
        with pytest.raises(ExecutorError, match="big.*does not fit"):
            executor.open(limits=LIMITS)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ("data.csv", "a list of paths"),
        (["/no/such/file"], "no such file"),
        ({"../up": b""}, "a name is a path below"),
        ({"/abs": b""}, "a name is a path below"),
        ({"folder/": b""}, "a name is a path below"),
        ({"a": 1}, "must be a path or bytes"),
        ({"a": b"", "a/b": b""}, "more than once"),
    ],
)
def test_files_that_cannot_be_had_are_refused_at_once(files, problem):
    with pytest.raises(ConfigurationError, match=problem):
        ProcessExecutor(files=files)


def test_the_model_is_told_of_the_inputs(shared):
    (shared / "data.csv").write_text("a,b")
    executor = ProcessExecutor(files={"data.csv": shared / "data.csv", "raw": bytes(2 << 20)})
    assert "`data.csv` (3 bytes), `raw` (2.0 MiB)" in executor.notes[0]
    assert ProcessExecutor().notes == []


def test_the_environment_is_what_was_given_and_nothing_of_the_hosts(opened, monkeypatch):
    monkeypatch.setenv("LUMO_SECRET", "s3cret")
    driver = opened(ProcessExecutor(require="none", env={"TZ": "Asia/Tokyo", "MODE": "test"}))
    seen = driver.value("import os\ndict(os.environ)")
    assert (seen["TZ"], seen["MODE"]) == ("Asia/Tokyo", "test")
    assert driver.value("import time\ntime.localtime(0).tm_hour") == 9
    assert "LUMO_SECRET" not in seen


@pytest.mark.parametrize("env", [{"a=b": "x"}, {"": "x"}, {"a": 1}, {"a": "x\0y"}, {"a": "\ud800"}, ["a"]])
def test_an_environment_that_is_none_is_refused(env):
    with pytest.raises(ConfigurationError, match="env"):
        ProcessExecutor(env=env)


def test_only_listed_modules_can_be_imported_by_code(opened):
    driver = opened(ProcessExecutor(require="none", imports=["json", "os.path", "statistics"]))
    driver.do("import json, statistics\nfrom os import path\nimport os.path as p")
    error = driver.error("import socket")
    assert (error.kind, "json, os.path, statistics" in error.message) == ("ImportError", True)
    assert driver.error("__import__('socket', fromlist=['x'])").kind == "ImportError"
    assert driver.value("statistics.mean([1, 3])") == 2  # which imports much that is not listed


def test_the_list_of_imports_holds_after_a_restore(opened):
    executor = ProcessExecutor(require="none", imports=["json"])
    first = opened(executor)
    first.do("def f():\n    import socket\nx = 1")
    second = opened(executor, first.session.snapshot().changed)
    assert second.error("f()").kind == "ImportError"


def test_the_network_is_none_and_nothing_else():
    with pytest.raises(ConfigurationError, match="'host'.*tools"):
        ProcessExecutor(network="host")


def test_preloaded_modules_are_loaded_already(opened):
    driver = opened(ProcessExecutor(require="none", preload=["numpy", "pandas"]))
    assert driver.value("import sys\n'numpy' in sys.modules and 'pandas' in sys.modules") is True


def test_a_plot_becomes_a_file(opened):
    pytest.importorskip("matplotlib")
    driver = opened(ProcessExecutor(require="none", preload=["matplotlib.pyplot"]))
    driver.do("import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.savefig('plot.png')", seconds=60)
    assert driver.session.snapshot().files["plot.png"].startswith(b"\x89PNG")


def test_files_of_a_rolled_back_action_stay(opened):
    driver = opened(ProcessExecutor())
    driver.do("x = 1")
    done = driver.do("open('a', 'w').write('a')\nx = 2\nwhile True: pass", seconds=0.5)
    assert done.rolled_back
    if driver.session.alive:
        assert driver.value("(x, open('a').read())") == [1, "a"]


def test_a_session_that_is_ended_before_it_is_used_leaves_no_folder():
    def folders():
        return set(Path(tempfile.gettempdir()).glob("lumo-session-*"))

    before = folders()
    started = launch.start_behind(frozenset(), {}, Settings(), LIMITS)
    assert folders() > before
    started.end()
    deadline = time.monotonic() + 10
    while folders() - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not folders() - before
