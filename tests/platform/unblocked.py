"""Runs on an event loop that may not be blocked. Runs where blockbuster is; prints what it came to."""

import asyncio
import json

from blockbuster import BlockBuster

from lumo_graph import aresume, arun
from lumo_graph.errors import ModelError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

WATCHED = [
    "os.read",
    "os.readlink",
    "socket.socket.recv",
    "socket.socket.recvmsg",
    "sqlite3.Connection.execute",
    "time.sleep",
]


async def main() -> list[object]:
    kept = {"checkpointer": "sqlite:///runs.db", "retry": RetryPolicy(attempts=1)}
    code = "```python\nx = 20\n```"
    try:
        await arun("x", ScriptedModel([code, OSError("down")]), agent_type="code-agent", thread_id="t", **kept)
    except ModelError as error:
        stopped = str(error)
    resumed = await aresume("t", ScriptedModel(["```python\nfinal_answer(x + 1)\n```"]), **kept)
    stored_nowhere = await arun("x", ScriptedModel([code, "Done."]), agent_type="code-agent")
    return ["down" in stopped, resumed.answer, stored_nowhere.answer]


if __name__ == "__main__":
    watch = BlockBuster(excluded_modules=[])
    for name in WATCHED:
        watch.functions[name].activate()
    print(json.dumps(asyncio.run(main())))
