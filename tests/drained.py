"""One process of a run that signals stop: `start` or `resume`, with what it came to on stdout.

usage: python -m tests.drained start|resume|resume_stream '{"folder": ..., "checkpointer": ..., "code": [...], ...}'
"""

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lumo_graph import arun, resume, run, stream
from lumo_graph.draining import drain_on_signals
from lumo_graph.runs import aresume, astream
from lumo_graph.testing import ScriptedModel
from lumo_graph.tools import declare_effects


class Slow(ScriptedModel):
    """Waits before each reply until the file `go` exists, and says so."""

    def _stream(self, *args: Any, **kwargs: Any) -> Any:
        say("waiting")
        while not may_go():
            time.sleep(0.02)
        yield from super()._stream(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        say("waiting")
        while not may_go():  # noqa: ASYNC110 - it is another process that ends it
            await asyncio.sleep(0.02)
        async for chunk in super()._astream(*args, **kwargs):
            yield chunk


def say(word: str) -> None:
    """Tell who watches where this process is."""
    print(word, flush=True)


def charge(amount: int) -> int:
    """Charge an amount; how often it was done."""
    with Path("charged").open("a") as file:
        file.write(f"{amount}\n")
    return len(Path("charged").read_text().split())


def may_go() -> bool:
    """Whether it is time."""
    return Path("go").exists()


def tell(word: str) -> None:
    """Tell who watches."""
    say(word)


async def hang() -> str:
    """Wait until the file `go` exists."""
    say("waiting")
    while not may_go():  # noqa: ASYNC110 - it is another process that ends it
        await asyncio.sleep(0.02)
    return "went"


TOOLS = [charge, declare_effects(may_go, effects="none"), declare_effects(tell, effects="none"), hang]


def reply_of(given: Any) -> str | AIMessage:
    """The model's reply: code, or native calls as `[name, args]`."""
    if isinstance(given, str):
        return f"```python\n{given}\n```"
    calls: Any = [{"name": name, "args": args, "id": str(at)} for at, (name, args) in enumerate(given)]
    return AIMessage("", tool_calls=calls)


def one(command: str, options: dict[str, Any], thread_id: str) -> Any:
    """Start or resume one run, in the way that the options say."""
    kind = Slow if options.get("slow_model") else ScriptedModel
    model = kind([reply_of(given) for given in options["code"]])
    shared: dict[str, Any] = {"tools": TOOLS, "checkpointer": options.get("checkpointer")}
    if command == "resume":
        if options.get("loop"):
            return asyncio.run(aresume(thread_id, model, **shared))
        return resume(thread_id, model, **shared)
    given = {"agent_type": options.get("agent_type", "code-agent"), **shared}
    if shared["checkpointer"]:
        given["thread_id"] = thread_id
    match bool(options.get("loop")), bool(options.get("stream")):
        case True, True:
            return asyncio.run(last(model, given))
        case True, False:
            return asyncio.run(arun("go", model, **given))
        case False, True:
            *_, end = stream("go", model, **given)
            return end.result
        case _:
            return run("go", model, **given)


async def last(model: Any, given: dict[str, Any]) -> Any:
    """The result of a stream."""
    return [event async for event in astream("go", model, **given)][-1].result


def main(command: str, options: dict[str, Any]) -> None:
    """Run it, and print what it came to."""
    threads = options.get("threads", ["t"])
    with drain_on_signals(grace_seconds=options.get("grace", 0.3)) as drain:
        if options.get("wait"):
            say("ready")
            while not drain.requested:
                time.sleep(0.02)
        if len(threads) == 1:
            results = [one(command, options, threads[0])]
        else:
            with ThreadPoolExecutor(len(threads)) as pool:
                results = list(pool.map(lambda name: one(command, options, name), threads))
    found = [
        {"outcome": result.outcome, "answer": result.answer, "steps": len(result.steps), "thread_id": result.thread_id}
        for result in results
    ]
    say(json.dumps({"requested": drain.requested, "results": found}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
