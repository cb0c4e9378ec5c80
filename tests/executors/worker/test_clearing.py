import os
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph.executors.worker.clearing import remove_tree

BREEDER = """
import os, time
from lumo_graph.executors.jail import kernel
from lumo_graph.executors.worker.clearing import end_descendants

kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
until = time.monotonic() + 100
ready, begun = os.pipe()
child = os.fork()
if child == 0:
    os.setsid()
    for _ in range(6):
        if os.fork() == 0:
            os.write(begun, b"x")
            while time.monotonic() < until:  # each lives only until it has a successor
                time.sleep(0.002)
                if os.fork():
                    os._exit(0)
    os._exit(0)
for _ in range(6):
    os.read(ready, 1)
os.waitpid(child, 0)
end_descendants(child)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("alone")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_that_outrun_a_kill_are_ended():
    ending = subprocess.Popen(
        [sys.executable, "-c", BREEDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
        start_new_session=True,
    )
    try:
        assert ending.communicate(timeout=60) == ("alone\n", "")
    finally:
        ending.kill()
        ending.communicate()


def test_a_tree_deeper_than_any_path_is_removed(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    handle = os.open(root, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d" * 20, dir_fd=handle)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    remove_tree(str(root))
    assert not root.exists()


def test_folders_that_cannot_be_read_are_removed(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("x")
    (root / ".lumo-0").mkdir()
    for folder in (root / "a" / "b", root / "a", root):
        folder.chmod(0)
    remove_tree(str(root))
    assert not root.exists()


def test_what_links_point_to_stays(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(kept, target_is_directory=True)
    remove_tree(str(root))
    assert not root.exists()
    assert (kept / "file").read_text() == "x"


def test_a_link_instead_of_the_tree_is_not_followed(tmp_path):
    kept = tmp_path / "kept"
    (kept / "inner").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(kept, target_is_directory=True)
    remove_tree(str(link))
    assert (kept / "inner").exists()


@pytest.mark.parametrize("name", ["absent", "absent/below"])
def test_a_tree_that_is_gone_is_no_error(tmp_path, name):
    remove_tree(str(tmp_path / name))
