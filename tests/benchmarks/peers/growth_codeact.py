"""langgraph-codeact: bytes of the SQLite file of a run whose every action adds to its variables."""

import argparse
import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph_codeact import create_codeact
from measuring import OBSERVATION, TASK
from scripted_chat import ScriptedChat


def main() -> None:
    """Make the run and print the size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--actions", type=int, default=50)
    parser.add_argument("--bytes", type=int, default=100_000)
    asked = parser.parse_args()

    def evaluate(code: str, variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return OBSERVATION, {f"data_{len(variables)}": os.urandom(asked.bytes)}

    model = ScriptedChat(replies=asked.actions + 1, closing="done")
    config = {"recursion_limit": 4 * asked.actions + 10, "configurable": {"thread_id": "run"}}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs.db"
        with SqliteSaver.from_conn_string(str(store)) as saver:
            agent = create_codeact(model, [], evaluate).compile(checkpointer=saver)
            result = agent.invoke({"messages": [("user", TASK)]}, config)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
    if len(result["context"]) != asked.actions:
        raise RuntimeError(f"langgraph-codeact kept {len(result['context'])} variables.")
    print(json.dumps({"version": version("langgraph-codeact"), "bytes": size}))


if __name__ == "__main__":
    main()
