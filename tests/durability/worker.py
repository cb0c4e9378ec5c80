"""One process of a run that others may kill: `start`, or `resume` with a decision.

usage: python -m tests.durability.worker start|resume|answer_by_id '{"folder": ..., "code": [...], ...}'
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

from langgraph.types import Command

from lumo_graph import arun, create_lumo_agent, resume, run
from lumo_graph.checkpoints import open_checkpointer
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


def killing_saver(saver: Any, channel: str, nth: int) -> Any:
    """The saver, ending the process right after the n-th write to a channel."""
    put_writes, seen = saver.put_writes, 0

    def put_and_kill(config: Any, writes: Any, *args: Any) -> None:
        nonlocal seen
        put_writes(config, writes, *args)
        seen += sum(name == channel for name, _ in writes)
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    saver.put_writes = put_and_kill
    return saver


def answer_by_id(model: ScriptedModel, options: dict[str, Any], given: dict[str, Any]) -> None:
    """Answer the one question that is open by its id, as a program with several of them does."""
    with open_checkpointer(given["checkpointer"]) as saver:
        graph = create_lumo_agent(
            model, given["tools"], agent_type="code-agent", interrupt_on=given["interrupt_on"], checkpointer=saver
        )
        config: Any = {"configurable": {"thread_id": "t"}}
        (waiting,) = graph.get_state(config).interrupts
        graph.invoke(Command(resume={waiting.id: options["decision"]}), config, durability="sync")


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
    if command == "answer_by_id":
        answer_by_id(model, options, given)
        return
    if kill_at := options.get("kill_at"):
        with open_checkpointer(given["checkpointer"]) as saver:
            run_once(command, model, {**given, "checkpointer": killing_saver(saver, *kill_at)}, options)
    else:
        run_once(command, model, given, options)


def run_once(command: str, model: ScriptedModel, given: dict[str, Any], options: dict[str, Any]) -> None:
    """Run or resume, and print what it came to."""
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
