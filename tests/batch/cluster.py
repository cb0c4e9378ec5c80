"""A Ray cluster of two nodes on this machine, and a batch on it; one node may be killed in the middle.

Run as a process of its own: Ray leaves threads and warnings in the process that has used it.
"""

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_DEDUP_LOGS="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")

import ray
from ray.cluster_utils import Cluster

from lumo_graph import batch
from lumo_graph.errors import LumoGraphError

TOOLS = Path(__file__).with_name("tools.py")
_NODE = {"num_cpus": 1, "object_store_memory": 100 * 1024 * 1024, "include_dashboard": False}


def main(store: str, base_url: str, names: list[str], *, kill_after: int | None, **how: int) -> None:
    spec = importlib.util.spec_from_file_location("tools_of_the_batch", TOOLS)
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    quick = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    cluster = Cluster(initialize_head=True, head_node_args={**_NODE, "_system_config": quick})
    try:
        second = cluster.add_node(**{key: value for key, value in _NODE.items() if key != "include_dashboard"})
        cluster.wait_for_nodes()
        if kill_after is not None:
            threading.Thread(target=_kill, args=(cluster, second, kill_after), daemon=True).start()
        told = []
        results = batch.map(
            [{"id": name, "task": name} for name in names],
            "openai:m", base_url=base_url, tools=[tools.charge, tools.stumble, tools.wait], agent_type="code-agent",
            checkpointer=store, name="b", **how, ray=cluster.address, on_progress=told.append,
        )  # fmt: skip
        for result in results:
            print(json.dumps(result.to_dict()), flush=True)
        print(json.dumps({"lost": told[-1].lost}), flush=True)
    except LumoGraphError as error:
        print(json.dumps({"error": str(error)}), flush=True)
    finally:
        ray.shutdown()
        cluster.shutdown()


def _kill(cluster: Cluster, node: object, effects: int) -> None:
    """Kill a node with everything on it, without any order, when so many effects are there."""
    file = Path(os.environ["EFFECTS"])
    while not file.exists() or len(file.read_text().splitlines()) < effects:
        time.sleep(0.05)
    cluster.remove_node(node, allow_graceful=False)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    main(**{"concurrency": 4, "processes": 2, **given})
