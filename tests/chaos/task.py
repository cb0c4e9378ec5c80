"""The task of the storms: 12 code actions with 60 tool calls that leave a line outside of the process."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.tools import declare_effects

_LOOP = """\
for n in range({first}, {last}):
    look(n)
    ledger[n] = charge(n)
"""
_THREADS = """\
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(3) as pool:
    ledger.update(zip(range({first}, {last}), pool.map(charge, range({first}, {last}))))
"""
_GATHER = """\
import asyncio
ledger.update(zip(range({first}, {last}), await asyncio.gather(*(post(n) for n in range({first}, {last})))))
"""
_APPROVAL = """\
for n in range({first}, {last} - 3):
    ledger[n] = charge(n)
ledger[{last} - 3] = await refund({last} - 3)
for n in range({last} - 2, {last}):
    ledger[n] = charge(n)
"""
_WAVE = """\
import asyncio
for n in range({first}, {last} - 2):
    ledger[n] = charge(n)
ledger[{last} - 2], ledger[{last} - 1] = await asyncio.gather(refund({last} - 2), refund({last} - 1))
"""
_CAREFUL = """\
for n in range({first}, {last}):
    ledger[n] = int(careful(n))
"""
_STRICT = """\
for n in range({first}, {last}):
    try:
        ledger[n] = strict(n)
    except RuntimeError:  # it may have been made: rather not again
        ledger[n] = n * n
"""
_DRAWN = """\
import random, time, uuid
for n in range({first}, {last}):
    ledger[n] = bet(n, f"{{random.random()}} {{time.time()}} {{uuid.uuid4()}}")
"""
_KINDS = (_LOOP, _THREADS, _GATHER, _APPROVAL, _DRAWN, _CAREFUL, _THREADS, _STRICT, _GATHER, _WAVE, _CAREFUL, _DRAWN)
_EACH = 5
_UNDONE = "Variables are as they were before this code ran."
ACTIONS = len(_KINDS)
EFFECTS = ACTIONS * _EACH
EXPECTED = [[n, n * n] for n in range(EFFECTS)]
"""The answer of an undisturbed run: every variable that the calls have made."""
ASKED = {"refund": True}
MAY_BE_MISSING = {n for n in range(EFFECTS) if _KINDS[n // _EACH] is _STRICT}
"""Calls that are not made again where nobody knows whether they were made: then they may not have been."""


def code_of(action: int) -> str:
    """The code of an action, from 0."""
    first = action * _EACH
    code = _KINDS[action].format(first=first, last=first + _EACH)
    if action == 0:
        code = f"ledger = {{}}\n{code}"
    if action == ACTIONS - 1:
        code += "final_answer(sorted(map(list, ledger.items())))\n"
    return f"{code}print('action {action} is done')"


def reply(messages: list[BaseMessage]) -> str:
    """What the model says: the first action that is not done yet, whatever has become of it before."""
    fine = [message.text for message in messages if _UNDONE not in message.text]
    done = [action for action in range(ACTIONS) if any(f"\naction {action} is done" in text for text in fine)]
    return f"```python\n{code_of(max(done, default=-1) + 1)}\n```"


def tools_of(log: Path) -> Sequence[Any]:
    """Tools whose calls stand in a file, each with its key."""

    def leave(name: str, n: int, config: RunnableConfig) -> int:
        line = f"{config['configurable']['idempotency_key']} {name}-{n}\n"  # pyright: ignore[reportTypedDictNotRequiredAccess]
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(file, line.encode())  # whole, whoever is killed
        os.close(file)
        return n * n

    def charge(n: int, config: RunnableConfig) -> int:
        """Charge."""
        return leave("charge", n, config)

    async def post(n: int, config: RunnableConfig) -> int:
        """Post."""
        return leave("post", n, config)

    async def refund(n: int, config: RunnableConfig) -> int:
        """Refund, once a person has agreed."""
        return leave("refund", n, config)

    def careful(n: int, config: RunnableConfig) -> int:
        """Charge; a call that may have been made is asked about."""
        return leave("careful", n, config)

    def strict(n: int, config: RunnableConfig) -> int:
        """Charge; a call that may have been made is not made again."""
        return leave("strict", n, config)

    def bet(n: int, on: str, config: RunnableConfig) -> int:
        """Charge for what was drawn: something else would be another call."""
        del on
        return leave("bet", n, config)

    def look(n: int) -> int:
        """Look without changing anything."""
        return n

    declared: list[Callable[..., Any]] = [
        charge,
        post,
        refund,
        bet,
        declare_effects(careful, on_unknown="ask"),
        declare_effects(strict, on_unknown="fail"),
        declare_effects(look, effects="none"),
    ]
    return declared
