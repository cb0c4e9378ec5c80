"""lumo_graph's code agent, with its jailed interpreter. With `--stream` every event of the run is read as well."""

import sys
from pathlib import Path
from typing import Any

from measuring import TASK, Run, main, session_seconds
from scripted_chat import ScriptedChat

from lumo_graph import RunResult, run, stream
from lumo_graph.events import Answered
from lumo_graph.executors import ProcessExecutor

EXECUTOR = ProcessExecutor()
"""One for all runs, as a server has it: what it starts once is not paid by every run."""


def solve_with(go: Any, steps: int, store: Path | None) -> Run:
    """One run."""
    used: list[float] = []
    before = session_seconds()
    model = ScriptedChat(
        replies=steps,
        closing="```python\nfinal_answer(x)\n```",
        before_closing=lambda: used.append(session_seconds() - before),
    )
    options = {"checkpointer": f"sqlite:///{store}", "thread_id": "run"} if store else {}
    result: RunResult = go(
        TASK, model, agent_type="code-agent", executor=EXECUTOR, limits={"max_steps": steps}, **options
    )
    if (result.answer, len(result.steps)) != (1, steps):
        raise RuntimeError(f"lumo_graph made {len(result.steps)} steps and answered {result.answer!r}.")
    return Run(chars=sum(len(message.text) for message in result.messages), session_seconds=used[0])


def last_of_stream(task: str, model: Any, **options: Any) -> RunResult:
    """`run`, by way of the events."""
    *_, end = stream(task, model, **options)
    assert isinstance(end, Answered)
    return end.result


if __name__ == "__main__":
    go = last_of_stream if "--stream" in sys.argv else run
    sys.argv = [argument for argument in sys.argv if argument != "--stream"]
    main("lumo-graph", lambda steps, store: solve_with(go, steps, store))
