"""Make the tool calls of one reply, all at once: the function-call branch's way to act."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lumo_graph.dialects import PYTHON_INTERPRETER, RunCode, action_from_dict, shorten
from lumo_graph.dialects import CallTools as CallToolsAction
from lumo_graph.nodes.asking import used
from lumo_graph.nodes.routes import action_seconds
from lumo_graph.nodes.serving import Served, ToolServer, edited_note
from lumo_graph.nodes.setup import Setup
from lumo_graph.nodes.threads import in_threads
from lumo_graph.state import AgentState, ToolResult, Update
from lumo_graph.tools import bounded_args, preview, reply_text
from lumo_graph.types import ToolRequest

FINAL_ANSWER = "final_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One native tool call of the reply."""

    call_id: str
    name: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reply asks for."""

    calls: Sequence[Call]
    apart: Collection[str]
    """Names of those that are no tools of the user's."""
    malformed: Sequence[Mapping[str, Any]]

    @property
    def served(self) -> list[Call]:
        """Those that are tools of the user's, or should be."""
        return [call for call in self.calls if call.name not in self.apart]


class CallTools:
    """Serves native tool calls. A failing, unknown, malformed or hanging call is a result like any other.

    The calls run in threads, so that they run together and none of them can outlast its time limit.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def run(self, state: AgentState, config: RunnableConfig) -> Update:
        """Make the calls."""
        asked = self._asked(state)
        if asked is None:
            return {}
        calls = asked.served
        server = ToolServer(self._setup, state, config, together=len(calls))
        futures = _start(calls, server)
        try:
            concurrent.futures.wait(_timed(calls, futures, server), timeout=action_seconds(state))
            concurrent.futures.wait(_of_agents(calls, futures, server))
            done = {key: future for key, future in futures.items() if future.done()}
        finally:
            server.stop()
        for future in futures.values():
            future.cancel()
        return _update(state, asked, done, server)

    async def arun(self, state: AgentState, config: RunnableConfig) -> Update:
        """Make the calls from an event loop."""
        asked = self._asked(state)
        if asked is None:
            return {}
        calls = asked.served
        loop = asyncio.get_running_loop()
        server = ToolServer(self._setup, state, config, together=len(calls), loop=loop)
        futures = _start(calls, server)
        waiting = {future: asyncio.wrap_future(future) for future in futures.values()}
        try:
            if timed := [waiting[future] for future in _timed(calls, futures, server)]:
                await asyncio.wait(timed, timeout=action_seconds(state))
            if others := [waiting[future] for future in _of_agents(calls, futures, server)]:
                await asyncio.wait(others)
            done = {key: future for key, future in futures.items() if future.done()}
        finally:
            server.stop()
            for future in waiting.values():
                _forget(future)
        return _update(state, asked, done, server)

    def _asked(self, state: AgentState) -> "Asked | None":
        """The calls of the reply, if it asks for any but those that are one piece of code: `execute` runs that."""
        action, reply = action_from_dict(state.get("action") or {}), state["messages"][-1]
        if not isinstance(action, (CallToolsAction, RunCode)) or not isinstance(reply, AIMessage):
            return None
        as_code = action.call_ids if isinstance(action, RunCode) else ()
        self._setup.check_runs(action)
        calls = [call for call in _calls(reply) if call.call_id not in as_code]
        if not calls and not reply.invalid_tool_calls:
            return None
        apart = {FINAL_ANSWER} if self._setup.interpreter is None else {FINAL_ANSWER, PYTHON_INTERPRETER}
        return Asked(calls=calls, apart=apart, malformed=reply.invalid_tool_calls)


def _forget(future: "asyncio.Future[Served]") -> None:
    if not future.cancel() and not future.cancelled():
        future.exception()  # seen, so that asyncio does not report it


def _calls(reply: AIMessage) -> list[Call]:
    return [
        Call(call_id=call["id"] or f"call_{position}", name=call["name"], args=call["args"])
        for position, call in enumerate(reply.tool_calls)
    ]


def _start(calls: list[Call], server: ToolServer) -> dict[str, Future[Served]]:
    futures = in_threads([_work(call, place, server) for place, call in enumerate(calls)])
    return dict(zip((call.call_id for call in calls), futures, strict=True))


Futures = Mapping[str, Future[Served]]


def _timed(calls: list[Call], futures: Futures, server: ToolServer) -> list[Future[Served]]:
    return [futures[call.call_id] for call in calls if not server.is_agent(call.name)]


def _of_agents(calls: list[Call], futures: Futures, server: ToolServer) -> list[Future[Served]]:
    """Calls that another agent answers: they have the time that the agent has."""
    return [futures[call.call_id] for call in calls if server.is_agent(call.name)]


def _work(call: Call, place: int, server: ToolServer) -> Callable[[], Served]:
    request = ToolRequest(seq=place, name=call.name, args=call.args, in_order=False)
    return lambda: server.call(call.call_id, request)


def _update(state: AgentState, asked: Asked, done: Mapping[str, Future[Served]], server: ToolServer) -> Update:
    counters, calls = state["counters"], asked.calls
    limit = max(1, state["run"]["limits"]["max_observation_chars"] // max(1, len(calls)))
    results: list[ToolResult] = []
    for call in calls:
        if call.name == FINAL_ANSWER:
            results.append(_answer(call))
        elif call.name in asked.apart:
            results.append(_codeless(call))
        elif call.call_id in done:
            results.append(_served(call, done[call.call_id].result(), limit))
        else:
            results.append(_late(call, action_seconds(state)))
    results += [_malformed(call, position) for position, call in enumerate(asked.malformed)]
    longest = max((result["seconds"] for result in results), default=0.0)
    return {
        **used(state, server.spent),
        "results": results,
        "counters": {**counters, "tool_calls": server.count, "seconds": counters["seconds"] + longest},
    }


def _served(call: Call, served: Served, limit: int) -> ToolResult:
    text, ok = reply_text(served.reply), served.reply.error is None
    if served.edited is not None:
        call = replace(call, args=dict(served.edited))
        text = f"{text}\n\n({edited_note(call.name, served.edited)})"
    result = _result(call, text=shorten(text, limit), ok=ok, shown=served.preview, seconds=served.seconds)
    return {**result, "replayed": served.replayed, "edited": served.edited is not None}


def _late(call: Call, seconds: float) -> ToolResult:
    text = f"Error (TimeoutError): {call.name} did not return within {seconds:g} seconds."
    return _result(call, text=text, ok=False, shown=text, seconds=seconds)


def _answer(call: Call) -> ToolResult:
    if "answer" not in call.args:
        text = "Error (TypeError): final_answer() misses its argument: call it with answer=..."
        return _result(call, text=text, ok=False, shown=text, seconds=0.0)
    result = _result(call, text="The answer was received.", ok=True, shown="", seconds=0.0)
    return {**result, "answer": call.args["answer"]}


def _codeless(call: Call) -> ToolResult:
    text = f"Error (TypeError): {call.name}() takes one argument: call it with code=..., which is text."
    return _result(call, text=text, ok=False, shown=text, seconds=0.0)


def _result(call: Call, *, text: str, ok: bool, shown: str, seconds: float) -> ToolResult:
    return {
        "call_id": call.call_id,
        "name": call.name,
        "args": bounded_args(call.args),
        "text": text,
        "ok": ok,
        "preview": shown,
        "seconds": seconds,
    }


def _malformed(call: Mapping[str, Any], position: int) -> ToolResult:
    """The result of a call whose arguments were not JSON. It gets one too: every call needs its tool message."""
    text = f"Error (ValueError): the arguments cannot be used: {call.get('error')} They were {call.get('args')!r}."
    named = Call(call_id=call.get("id") or f"malformed_{position}", name=call.get("name") or "unknown", args={})
    return _result(named, text=shorten(text, 1000), ok=False, shown=preview(text), seconds=0.0)
