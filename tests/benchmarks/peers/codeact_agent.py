"""langgraph-codeact. It brings no interpreter: the code is run with `exec` in the host, without isolation."""

import io
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph_codeact import create_codeact
from measuring import OBSERVATION, TASK, Run, main
from scripted_chat import ScriptedChat


def evaluate(code: str, variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Run one action; what it printed, and the variables it made."""
    before, printed = set(variables), io.StringIO()
    with redirect_stdout(printed):
        exec(code, {}, variables)  # noqa: S102 - the least that the library needs
    return printed.getvalue() or OBSERVATION, {name: variables[name] for name in set(variables) - before}


def solve(steps: int, store: Path | None) -> Run:
    """One run."""
    model = ScriptedChat(replies=steps, closing="x is one.")
    config = {"recursion_limit": 4 * steps + 10, "configurable": {"thread_id": "run"}}
    with ExitStack() as stack:
        saver = stack.enter_context(SqliteSaver.from_conn_string(str(store))) if store else None
        agent = create_codeact(model, [], evaluate).compile(checkpointer=saver)
        result = agent.invoke({"messages": [("user", TASK)]}, config)
    if result["context"] != {"x": 1}:
        raise RuntimeError(f"langgraph-codeact ended with the variables {result['context']!r}.")
    return Run(chars=sum(len(message.content) for message in result["messages"]))


if __name__ == "__main__":
    main("langgraph-codeact", solve)
