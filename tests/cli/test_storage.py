import pytest

from lumo_graph.cli.storage import default_checkpointer, default_file, is_stored
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
