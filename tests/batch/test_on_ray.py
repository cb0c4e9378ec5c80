"""A batch on a Ray cluster of two nodes, one of which is killed in the middle."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from lumo_graph import batch
from lumo_graph.errors import ConfigurationError
from tests.batch.conftest import environment, once

pytestmark = [
    pytest.mark.skipif(find_spec("ray") is None, reason="there is no Ray for this Python"),
    pytest.mark.timeout(240),
]


def on_cluster(model, store, names, kill_after=None):
    given = {"store": store, "base_url": model.base_url, "names": names, "kill_after": kill_after}
    done = subprocess.run(
        [sys.executable, "-m", "tests.batch.cluster", json.dumps(given)],
        env=environment(), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    *results, last = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {result["id"]: result for result in results}, last


def test_the_runs_of_a_lost_node_are_gone_on_with_on_another_and_no_call_is_made_twice(model, effects, postgres):
    names = [f"task-slow{number}" for number in range(6)]
    results, last = on_cluster(model, postgres.new_database(), names, kill_after=4)
    assert {name: result["answer"] for name, result in results.items()} == {name: [1, 2] for name in names}
    assert last == {"lost": 1}
    assert any(result["attempts"] > 1 for result in results.values())
    assert effects() == once(names)


def test_a_file_is_no_store_for_several_machines(model, effects):
    _, last = on_cluster(model, "sqlite:///runs.db", ["task-1"])
    assert "the cluster has 2 machines. Each must reach the store: give a postgresql:// URL." in last["error"]
    assert model.asked == 0


def test_a_cluster_that_is_not_there_is_told(model, effects, monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with pytest.raises(ConfigurationError, match="There is no Ray cluster at 'auto'"):
        list(batch.map(["task-1"], "openai:m", base_url=model.base_url, checkpointer="sqlite:///runs.db", ray="auto"))
