"""One process of a run that others may kill: `start`, or `resume` with a decision.

Each is forked from a process that has done nothing but import this module: it spares the imports, and nothing else.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, interrupt

from lumo_graph import arun, create_lumo_agent, resume, run
from lumo_graph.checkpoints import aopen_checkpointer, open_checkpointer
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import RunResult
from lumo_graph.runs import aresume
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects

OUTPUT, ERRORS = "stdout", "stderr"
"""Files of the folder."""


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


def noter(leave: Callable[[str], int]) -> Callable[[Any], int]:
    """A tool that takes any value."""

    def note(value: Any) -> int:
        """Write down a value."""
        return leave(json.dumps(value, separators=(",", ":")))

    return note


def confirmer(leave: Callable[[str], int]) -> Callable[[int], int]:
    """A tool that asks a person by itself."""

    def confirm(amount: int) -> int:
        """Charge an amount, if a person says so."""
        return leave(f"confirm-{amount}-{interrupt('sure?')}")

    return confirm


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

    def pay(amount: int, config: RunnableConfig) -> int:
        """Pay an amount, and write down the key of the call."""
        with (folder / "keys").open("a") as file:
            file.write(f"{config['configurable']['idempotency_key']}\n")
        return leave(f"pay-{amount}")

    def careful(amount: int) -> int:
        """Charge an amount, and rather not twice."""
        return leave(f"careful-{amount}")

    return [
        charge, mail, post, pay, noter(leave),
        declare_effects(confirmer(leave), on_unknown=options.get("on_unknown", "ask")),
        declare_effects(kill, effects="none"),
        declare_effects(read, effects="none"),
        declare_effects(first_time, effects="none"),
        declare_effects(careful, on_unknown=options.get("on_unknown", "ask")),
    ]  # fmt: skip


def chosen(tools: list[Any], options: dict[str, Any]) -> list[Any]:
    """The tools as the options want them."""
    for tool in tools:
        if tool.__name__ in options.get("only_reads", ()):
            declare_effects(tool, effects="none")
    return [tool for tool in tools if tool.__name__ not in options.get("without", ())]


def make_kill_at(saver: Any, channel: str, nth: int) -> None:
    """Let a saver end the process right after the n-th write to a channel."""
    put_writes, aput_writes, seen = saver.put_writes, saver.aput_writes, 0

    def count(writes: Any) -> None:
        nonlocal seen
        seen += sum(name == channel for name, _ in writes)
        if 0 < nth == seen:
            os.kill(os.getpid(), signal.SIGKILL)

    def put_and_kill(config: Any, writes: Any, *args: Any) -> None:
        put_writes(config, writes, *args)
        count(writes)

    async def aput_and_kill(config: Any, writes: Any, *args: Any) -> None:
        await aput_writes(config, writes, *args)
        count(writes)

    saver.put_writes, saver.aput_writes = put_and_kill, aput_and_kill


def answer_by_id(model: ScriptedModel, options: dict[str, Any], given: dict[str, Any]) -> None:
    """Answer the one question that is open by its id, as a program with several of them does."""
    with open_checkpointer(given["checkpointer"]) as saver:
        graph = create_lumo_agent(
            model, given["tools"], agent_type="code-agent", interrupt_on=given["interrupt_on"], checkpointer=saver
        )
        config: Any = {"configurable": {"thread_id": "t"}}
        (waiting,) = graph.get_state(config).interrupts
        found = graph.invoke(Command(resume={waiting.id: options["decision"]}), config, durability="sync")
        print(json.dumps({"answer": found["answer"]}))


def reply_of(given: str | list[Any]) -> str | AIMessage:
    """The model's reply: code, or native calls as `[name, args]`."""
    if isinstance(given, str):
        return f"```python\n{given}\n```"
    calls: Any = [{"name": name, "args": args, "id": str(at)} for at, (name, args) in enumerate(given)]
    return AIMessage("", tool_calls=calls)


def main(command: str, options: dict[str, Any]) -> None:
    """Start or resume the run, and print what it came to."""
    folder = Path(options["folder"])
    replies = [reply_of(one) for one in options["code"]]
    given: dict[str, Any] = {
        "tools": chosen(tools_of(folder, options), options),
        "checkpointer": options.get("checkpointer", f"sqlite:///{folder}/runs.db"),
        "interrupt_on": options.get("interrupt_on"),
    }
    model = ScriptedModel(replies[options.get("from_reply", 0) :])
    if command == "answer_by_id":
        answer_by_id(model, options, given)
        return
    try:
        result = (
            asyncio.run(on_loop(command, model, given, options))
            if options.get("loop")
            else (in_turn(command, model, given, options))
        )
    except ConfigurationError as refused:
        if options.get("question") is None:
            raise
        print(json.dumps({"refused": str(refused)}))
        return
    steps = [
        {
            "error": step.error,
            "restore": step.restore,
            "observation": step.observation,
            "calls": [[call.name, dict(call.args), call.edited] for call in step.calls],
        }
        for step in result.steps
    ]
    pending = [dict(request) for request in result.pending]
    print(json.dumps({"answer": result.answer, "outcome": result.outcome, "pending": pending, "steps": steps}))


def in_turn(command: str, model: ScriptedModel, given: dict[str, Any], options: dict[str, Any]) -> RunResult:
    """Run or resume."""
    with open_checkpointer(given["checkpointer"]) as saver:
        make_kill_at(saver, *options.get("kill_at", ("", 0)))
        return start_or_resume((run, resume), command, model, {**given, "checkpointer": saver}, options)


async def on_loop(command: str, model: ScriptedModel, given: dict[str, Any], options: dict[str, Any]) -> RunResult:
    """The same on an event loop."""
    async with aopen_checkpointer(given["checkpointer"]) as saver:
        make_kill_at(saver, *options.get("kill_at", ("", 0)))
        return await start_or_resume((arun, aresume), command, model, {**given, "checkpointer": saver}, options)


def start_or_resume(
    calls: tuple[Any, Any], command: str, model: ScriptedModel, given: dict[str, Any], options: dict[str, Any]
) -> Any:
    """Call one of the two."""
    if command == "start":
        return calls[0]("go", model, agent_type=options.get("agent_type", "code-agent"), thread_id="t", **given)
    return calls[1]("t", model, decision=options.get("decision"), question=options.get("question"), **given)


def begin(command: str, options: dict[str, Any]) -> None:
    """What a new process does: `main`, with what it prints in files of the folder."""
    warnings.simplefilter("error")
    for stream, name in ((sys.stdout, OUTPUT), (sys.stderr, ERRORS)):
        with (Path(options["folder"]) / name).open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    main(command, json.loads(json.dumps(options)))
    sys.stdout.flush()
