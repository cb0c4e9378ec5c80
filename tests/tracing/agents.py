"""The agents whose runs the tests of tracing look at."""

import asyncio

from langchain_core.messages import AIMessage

from lumo_graph import create_lumo_agent
from lumo_graph.testing import ScriptedModel

SUM = "```python\ntotal = add(1, 2)\n```"
FAILS = "```python\nprint(nowhere)\n```"
THREADS = """\
```python
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(lambda n: add(n, n), range(4)))
```"""
GATHER = """\
```python
import asyncio
found = await asyncio.gather(*(slow_add(n, n) for n in range(3)))
```"""
ANSWER = "```python\nfinal_answer(total)\n```"


def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


async def slow_add(a: int, b: int) -> int:
    """The sum, a little later."""
    await asyncio.sleep(0.01)
    return a + b


def broken(a: int) -> int:
    """Fails."""
    raise LookupError(f"there is no {a}")


TOOLS = [add, slow_add, broken]


def coder(*replies, tools=TOOLS, **options):
    """An agent that acts by code."""
    return create_lumo_agent(ScriptedModel(replies=replies), tools, agent_type="code-agent", **options)


def caller(*replies, tools=TOOLS, **options):
    """An agent that acts by function calls."""
    return create_lumo_agent(ScriptedModel(replies=replies), tools, **options)


def calls(*wanted):
    """A reply with tool calls: pairs of a name and arguments."""
    return AIMessage(
        "", tool_calls=[{"name": name, "args": args, "id": f"c{at}"} for at, (name, args) in enumerate(wanted)]
    )
