"""What of a working directory travels."""

import os
import socket
from pathlib import Path

import pytest

from lumo_graph.executors.worker.folder import MAX_FILES, MAX_NAME, Folder


class Place:
    def __init__(self, path, **options):
        self.path = path
        self.folder = Folder(str(path), **{"max_bytes": 1 << 20, **options})
        self.unsaved = {}

    def changes(self):
        self.unsaved = {}
        return dict(self.folder.changes(self.unsaved))


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_only_what_changed_travels(place):
    (place.path / "a.txt").write_text("a")
    (place.path / "deep/er").mkdir(parents=True)
    (place.path / "deep/er/b.txt").write_text("b")
    assert place.changes() == {"a.txt": b"a", "deep/er/b.txt": b"b"}
    assert place.changes() == {}
    (place.path / "a.txt").write_text("A")
    assert place.changes() == {"a.txt": b"A"}


def test_a_file_that_was_only_touched_does_not_travel_again(place):
    (place.path / "a.txt").write_text("a")
    place.changes()
    os.utime(place.path / "a.txt", (1, 1))
    assert place.changes() == {}


def test_what_is_gone_is_said_and_a_moved_file_is_both(place):
    (place.path / "a.txt").write_text("a")
    place.changes()
    (place.path / "a.txt").rename(place.path / "b.txt")
    assert place.changes() == {"a.txt": None, "b.txt": b"a"}


def test_an_empty_folder_travels_until_something_is_in_it(place):
    (place.path / "out").mkdir()
    assert place.changes() == {"out/": b""}
    (place.path / "out/a.txt").write_text("a")
    assert place.changes() == {"out/": None, "out/a.txt": b"a"}


def test_what_was_placed_is_not_a_change(place):
    place.folder.place("deep/a.txt", b"a")
    place.folder.place("empty/", b"")
    assert (place.path / "deep/a.txt").read_bytes() == b"a"
    assert (place.path / "empty").is_dir()
    assert place.changes() == {}


def test_inputs_do_not_travel_but_what_lies_beside_them_does(tmp_path):
    place = Place(tmp_path, inputs=["data.csv", "inner/raw"])
    place.folder.place("data.csv", b"1", readonly=True)
    (tmp_path / "inner/raw").mkdir(parents=True)
    (tmp_path / "inner/raw/x").write_text("x")
    (tmp_path / "inner/made").write_text("m")
    assert place.changes() == {"inner/made": b"m"}
    assert (tmp_path / "data.csv").stat().st_mode & 0o777 == 0o444


def test_links_sockets_and_pipes_stay_behind_and_are_named(place):
    (place.path / "link").symlink_to("/etc/passwd")
    os.mkfifo(place.path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place.path / "socket"))
        assert place.changes() == {}
    assert set(place.unsaved) == {"file link", "file pipe", "file socket"}


def test_a_name_that_is_no_text_or_too_long_stays_behind(place):
    os.close(os.open(os.fsencode(place.path) + b"/\xff", os.O_CREAT))
    deep = place.path / ("d" * 200)
    deep.mkdir()
    (deep / ("f" * 200)).write_text("x")
    assert all(len(name) <= MAX_NAME for name in place.changes())
    assert len(place.unsaved) == 2


def test_the_largest_files_stay_behind_when_there_is_too_much(tmp_path):
    place = Place(tmp_path, max_bytes=100)
    (tmp_path / "big").write_bytes(bytes(90))
    (tmp_path / "small").write_bytes(bytes(20))
    assert place.changes() == {"small": bytes(20)}
    assert list(place.unsaved) == ["file big"]


def test_a_file_that_has_grown_too_large_is_not_kept_as_it_was(tmp_path):
    place = Place(tmp_path, max_bytes=100)
    (tmp_path / "a").write_bytes(bytes(50))
    place.changes()
    (tmp_path / "a").write_bytes(bytes(150))
    assert place.changes() == {"a": None}


def test_no_more_than_so_many_files_travel(place):
    for number in range(MAX_FILES + 3):
        (place.path / f"{number:05}").touch()
    assert len(place.changes()) == MAX_FILES
    assert len(place.unsaved) == 3


def test_without_a_size_none_travel(tmp_path):
    place = Place(tmp_path, max_bytes=0)
    (tmp_path / "a").touch()
    assert place.changes() == {}


def test_a_working_directory_that_was_removed_is_made_again(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    place = Place(folder)
    folder.rmdir()
    place.folder.enter()
    assert Path.cwd() == folder
