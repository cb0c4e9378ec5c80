"""One process of a storm: starts the run, or resumes it, until it ends or asks."""

import asyncio
import json
import logging
import os
import traceback
import warnings
from pathlib import Path
from typing import Any

from lumo_graph import arun, resume, run
from lumo_graph.errors import ConfigurationError
from lumo_graph.events import RunResult
from lumo_graph.runs import aresume
from lumo_graph.testing import ScriptedModel
from lumo_graph.types import Limits
from tests.chaos.task import ACTIONS, ASKED, reply, tools_of

THREAD = "storm"
_LIMITS = Limits(max_steps=ACTIONS * 5, max_debug_attempts=ACTIONS * 5)
LOG, RESULT, FAILURE = "effects", "result.json", "failure"


def drive(folder: str, url: str, *, loop: bool, begun: bool, decision: Any) -> None:
    """Go on with the run and leave what it came to in the folder, or why it could not go on. Never returns."""
    warnings.simplefilter("error")
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # a server that is struck ends every connection
    place = Path(folder)
    try:
        result = _go_on(place, url, loop=loop, begun=begun, decision=decision)
    except BaseException:  # the storm reads it
        (place / FAILURE).write_text(traceback.format_exc())
        os._exit(1)
    told = {"outcome": result.outcome, "answer": result.answer, "pending": [dict(one) for one in result.pending]}
    (place / RESULT).write_text(json.dumps(told))


def _go_on(place: Path, url: str, *, loop: bool, begun: bool, decision: Any) -> RunResult:
    model = ScriptedModel([reply] * (ACTIONS * 5))
    given: dict[str, Any] = {"tools": tools_of(place / LOG), "checkpointer": url, "interrupt_on": ASKED}
    new: dict[str, Any] = {"agent_type": "code-agent", "thread_id": THREAD, "limits": _LIMITS}
    if begun:
        try:
            if loop:
                return asyncio.run(aresume(THREAD, model, decision=decision, **given))
            return resume(THREAD, model, decision=decision, **given)
        except ConfigurationError as failure:
            if not str(failure).startswith("There "):
                raise  # it was killed before anything was stored: there is nothing to resume
    if loop:
        return asyncio.run(arun("go", model, **new, **given))
    return run("go", model, **new, **given)
