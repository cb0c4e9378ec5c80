"""One process of a run that others may kill: `start`, or `resume` with a decision.

usage: python -m tests.durability.worker start|resume '{"folder": ..., "code": [...], ...}'
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lumo_graph import arun, resume, run
from lumo_graph.runs import aresume
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects


def leaver(folder: Path, kill_in: int | None) -> Callable[[str], int]:
    """What leaves an effect in the folder and counts them, and ends the process after one of them."""
    log = folder / "effects"
    lock = threading.Lock()

    def leave(text: str) -> int:
        with lock:
            with log.open("a") as file:
                file.write(f"{text}\n")
                file.flush()
            count = len(log.read_text().split())
        if kill_in == count:
            os.kill(os.getpid(), signal.SIGKILL)  # the effect is there, and nobody has heard of it
        return count

    return leave


def tools_of(folder: Path, options: dict[str, Any]) -> list[Any]:
    """Tools whose effects stay in the folder, and which end the process where the options say so."""
    leave = leaver(folder, options.get("kill_in"))

    def charge(amount: int) -> int:
        """Charge an amount."""
        return leave(f"charge-{amount}")

    def mail(to: str) -> int:
        """Send a mail."""
        return leave(f"mail-{to}")

    async def post(text: str) -> int:
        """Post a text."""
        await asyncio.sleep(0)
        return leave(f"post-{text}")

    def kill() -> None:
        """End this process."""
        if not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def first_time() -> bool:
        """Whether no process was ended yet."""
        return not (folder / "killed").exists()

    def read() -> float:
        """The time."""
        leave("read")
        return time.time()

    def careful(amount: int) -> int:
        """Charge an amount, and rather not twice."""
        return leave(f"careful-{amount}")

    return [
        charge, mail, post,
        declare_effects(kill, effects="none"),
        declare_effects(read, effects="none"),
        declare_effects(first_time, effects="none"),
        declare_effects(careful, on_unknown=options.get("on_unknown", "ask")),
    ]  # fmt: skip


def main(command: str, options: dict[str, Any]) -> None:
    """Start or resume the run, and print what it came to."""
    folder = Path(options["folder"])
    replies = [f"```python\n{code}\n```" for code in options["code"]]
    given: dict[str, Any] = {
        "tools": tools_of(folder, options),
        "checkpointer": f"sqlite:///{folder}/runs.db",
        "interrupt_on": options.get("interrupt_on"),
    }
    model = ScriptedModel(replies[options.get("from_reply", 0) :])
    if command == "start":
        given |= {"agent_type": "code-agent", "thread_id": "t"}
        result = asyncio.run(arun("go", model, **given)) if options.get("loop") else run("go", model, **given)
    else:
        given["decision"] = options.get("decision")
        result = asyncio.run(aresume("t", model, **given)) if options.get("loop") else resume("t", model, **given)
    steps = [
        {
            "error": step.error,
            "observation": step.observation,
            "calls": [[call.name, dict(call.args), call.edited] for call in step.calls],
        }
        for step in result.steps
    ]
    pending = [dict(request) for request in result.pending]
    print(json.dumps({"answer": result.answer, "outcome": result.outcome, "pending": pending, "steps": steps}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
