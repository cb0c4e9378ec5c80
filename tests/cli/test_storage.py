import pytest

from lumo_graph.cli.storage import default_checkpointer, default_file, describe_storage, is_stored
from lumo_graph.errors import ConfigurationError


def test_threads_are_kept_in_the_state_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert default_checkpointer() == f"sqlite:///{tmp_path}/state/lumo/runs.db"
    assert (tmp_path / "state" / "lumo").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("state", ["", "not/absolute"])
def test_without_a_state_folder_they_are_kept_below_home(monkeypatch, tmp_path, state):
    monkeypatch.setenv("XDG_STATE_HOME", state)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_file() == tmp_path / ".local" / "state" / "lumo" / "runs.db"


def test_a_state_folder_that_cannot_be_made_is_a_configuration_error(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match="--checkpointer"):
        default_checkpointer()


@pytest.mark.parametrize("url", ["memory://", "sqlite:///missing.db", "nonsense"])
def test_a_thread_without_a_store_is_not_stored(monkeypatch, tmp_path, url):
    monkeypatch.chdir(tmp_path)
    assert not is_stored(url, "t")


def test_a_store_that_is_not_there_yet_is_described_and_not_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    url = f"sqlite:///{tmp_path}/state/lumo/runs.db"
    assert describe_storage(None) == {"url": url, "writable": True, "reason": ""}
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_to_says_why(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    below = describe_storage(f"sqlite:///{tmp_path}/file/runs.db")
    assert (below["writable"], below["reason"]) == (False, f"{str(tmp_path / 'file')!r} is not a folder")
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    assert describe_storage("sqlite:///runs.db")["reason"].endswith("may not be written to")


@pytest.mark.parametrize(("url", "writable"), [("memory://", True), ("redis://x", False)])
def test_other_stores_are_described_too(url, writable):
    found = describe_storage(url)
    assert (found["url"], found["writable"]) == (url, writable)
    assert found["reason"]
