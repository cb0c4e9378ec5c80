import asyncio
import contextvars
import dataclasses
import datetime as dt
import enum
import socket
import threading
from typing import Annotated, Any

import pydantic
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import (
    BaseTool,
    InjectedToolArg,
    InjectedToolCallId,
    StructuredTool,
    Tool,
    ToolException,
    tool,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from lumo_graph.tools import make_toolbox
from lumo_graph.types import ToolReply

asked_by = contextvars.ContextVar("asked_by", default="nobody")


class Color(enum.Enum):
    RED = "red"


class Place(pydantic.BaseModel):
    city: str


@dataclasses.dataclass
class Point:
    x: int


async def from_loop(toolbox, name, args, config=None):
    return await toolbox.acall(name, args, config)


def both(one, args, **options):
    """The reply to a sync and to an async caller, which must be equal."""
    toolbox = make_toolbox([one], **options)
    name = toolbox.specs[0].name
    reply = toolbox.call(name, args)
    assert asyncio.run(from_loop(toolbox, name, args)) == reply
    return reply


# -- arguments -----------------------------------------------------------------------------------------------------


def test_arguments_reach_the_function_as_real_objects():
    def run(place: Place, color: Color, at: dt.datetime, points: list[Point], n: int) -> list[str]:
        return [type(value).__name__ for value in (place, color, at, points[0], n)]

    args = {"place": {"city": "Rome"}, "color": "red", "at": "2024-01-02", "points": [{"x": 1}], "n": "3"}
    assert both(run, args).value == ["Place", "Color", "datetime", "Point", "int"]


class Unchecked(BaseTool):
    name: str = "unchecked"
    description: str = ""

    def _run(self, color: Color, n: int = 2) -> list[Any]:
        return [type(color).__name__, n]


def test_a_subclass_without_a_schema_is_validated_too():
    assert both(Unchecked(), {"color": "red"}).value == ["Color", 2]
    reply = both(Unchecked(), {"color": "grey"})
    assert reply.error == "unchecked(): the argument 'color' is not valid: input should be 'red' (got 'grey')."
    assert reply.error_type == "ValueError"


def test_an_argument_named_type_is_an_argument():
    def run(type: str, args: list[int], id: str = "x", name: str = "y") -> list[Any]:  # noqa: A002 - the point
        return [type, args, id, name]

    assert both(run, {"type": "tool_call", "args": [1]}).value == ["tool_call", [1], "x", "y"]


def test_what_is_injected_cannot_be_passed():
    @tool
    def run(a: int, user: Annotated[str, InjectedToolArg] = "nobody") -> str:
        """Run."""
        return user

    assert both(run, {"a": 1}).value == "nobody"
    reply = both(run, {"a": 1, "user": "root"})
    assert reply == ToolReply(error="run(): got an unexpected argument 'user'. It takes: a.", error_type="TypeError")


def test_none_for_a_default_of_none_is_the_default():
    def run(n: int = None) -> bool:  # noqa: RUF013 - people write this
        return n is None

    assert both(run, {"n": None}).value is True


def test_an_alias_is_bound():
    class Args(pydantic.BaseModel):
        from_: str = pydantic.Field(alias="from")

    one = StructuredTool(name="t", description="", args_schema=Args, func=lambda from_: from_)
    assert both(one, {"from_": "a"}).value == "a"
    assert both(one, {"from": "a"}).value == "a"


def test_a_tool_with_a_json_schema_gets_its_own_names():
    async def serve(**kwargs):
        return [{"type": "text", "text": str(kwargs)}], {"raw": 1}

    one = StructuredTool(
        name="mcp",
        description="",
        args_schema={"properties": {"page-size": {"type": "integer"}, "q": {"type": "string"}}, "required": ["q"]},
        coroutine=serve,
        response_format="content_and_artifact",
    )
    assert both(one, {"q": "a", "page_size": 3}).value == "{'q': 'a', 'page-size': 3}"
    assert both(one, {"q": 1}).error == "mcp(): the argument 'q' must be str, not int."


def test_a_tool_of_one_text_takes_it_by_name():
    one = Tool(name="old", func=lambda question: question.upper(), description="")
    assert both(one, {"question": "a"}).value == "A"
    assert both(one, {"__arg1": "a"}).value == "A"


def test_the_arguments_of_the_caller_are_left_alone():
    @tool
    def run(a: int, call_id: Annotated[str, InjectedToolCallId]) -> str:
        """Run."""
        return call_id

    args = {"a": 1}
    assert make_toolbox([run]).call("run", args).value.startswith("call_")
    assert args == {"a": 1}


# -- failures ------------------------------------------------------------------------------------------------------


def fail(kind: str = "value") -> str:
    if kind == "value":
        raise ValueError("no such row")
    if kind == "inner":
        Place.model_validate({})
    raise ToolException("not today")


def test_an_exception_is_a_reply():
    assert both(fail, {}) == ToolReply(error="no such row", error_type="ValueError")
    assert both(fail, {"kind": "tool"}) == ToolReply(error="not today", error_type="ToolException")


def test_a_validation_error_inside_the_tool_is_not_about_the_arguments():
    assert both(fail, {"kind": "inner"}) == ToolReply(error="city: Field required", error_type="ValidationError")


def test_what_the_author_does_with_an_error_is_the_result():
    one = StructuredTool.from_function(fail, description="", handle_tool_error=lambda error: f"handled: {error}")
    assert both(one, {"kind": "tool"}).value == "handled: not today"
    assert both(one, {}).error == "no such row"


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError("own timeout")], ids=["exit", "cancelled"])
def test_a_tool_that_wants_to_end_the_program_or_is_cancelled_inside_has_failed(error):
    def run() -> None:
        raise error

    async def arun() -> None:
        raise error

    toolbox = make_toolbox([run, arun])
    assert toolbox.call("run", {}).error_type == type(error).__name__
    assert toolbox.call("arun", {}).error_type == type(error).__name__


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_what_is_no_failure_passes_through(error):
    def run() -> None:
        raise error

    async def arun() -> None:
        raise error

    toolbox = make_toolbox([run, arun])
    for name in ("run", "arun"):
        with pytest.raises(error):
            toolbox.call(name, {})


class State(TypedDict, total=False):
    answer: Any


@pytest.mark.parametrize("is_async", [False, True], ids=["sync tool", "async tool"])
def test_an_interrupt_of_the_graph_passes_through_and_is_resumed(is_async):
    def approve(amount: int) -> str:
        return interrupt({"amount": amount})

    async def aapprove(amount: int) -> str:
        return interrupt({"amount": amount})

    toolbox = make_toolbox([approve, aapprove])
    name = "aapprove" if is_async else "approve"

    def act(state: State, config: RunnableConfig) -> State:
        return {"answer": toolbox.call(name, {"amount": 3}, config).value}

    builder = StateGraph(State)
    builder.add_node("act", act)
    builder.add_edge(START, "act")
    builder.add_edge("act", END)
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    assert graph.invoke({}, config)["__interrupt__"][0].value == {"amount": 3}
    assert graph.invoke(Command(resume="yes"), config) == {"answer": "yes"}


# -- results -------------------------------------------------------------------------------------------------------


def anything(kind: str) -> Any:
    return {
        "place": lambda: [Place(city="Rome")],
        "message": lambda: ToolMessage([{"type": "text", "text": "hi"}], tool_call_id="1"),
        "failed": lambda: ToolMessage("no luck", tool_call_id="1", status="error"),
        "generator": lambda: (n for n in range(3)),
        "nested": lambda: {"rows": [threading.Lock()]},
        "large": lambda: ["x" * 1000] * 2000,
        "command": lambda: Command(goto="x"),
        "coroutine": lambda: asyncio.sleep(0),
        "broken": Broken,
    }[kind]()


class Broken(dict):
    def items(self):
        raise OSError("disk is gone")


DATA = "return numbers, text, bytes, or lists and dicts of them."


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        ("place", ToolReply(value=[{"city": "Rome"}])),
        ("message", ToolReply(value="hi")),
        ("failed", ToolReply(error="no luck", error_type="ToolException")),
        (
            "generator",
            ToolReply(error=f"anything ran, but its result (generator) is not data: {DATA}", error_type="TypeError"),
        ),
        (
            "nested",
            ToolReply(
                error=f"anything ran, but its result (lock at ['rows'][0]) is not data: {DATA}", error_type="TypeError"
            ),
        ),
        (
            "large",
            ToolReply(
                error="anything ran, but its result has at least 1.0 MiB, and the most is 1.0 MiB: "
                "ask for less, or return a part of it.",
                error_type="ValueError",
            ),
        ),
        (
            "command",
            ToolReply(
                error=f"anything ran, but its result (Command) steers a LangGraph graph and is not data: {DATA}",
                error_type="TypeError",
            ),
        ),
        (
            "coroutine",
            ToolReply(error=f"anything ran, but its result (coroutine) is not data: {DATA}", error_type="TypeError"),
        ),
        (
            "broken",
            ToolReply(
                error="anything ran, but its result (Broken) cannot be read: disk is gone", error_type="TypeError"
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_result_is_data_or_an_error_that_says_what_to_return(kind, reply):
    assert both(anything, {"kind": kind}, max_result_bytes=1024 * 1024) == reply


def test_a_hundred_megabytes_are_named_and_not_sent():
    reply = both(huge, {})
    assert reply.error.startswith("huge ran, but its result has at least 95.4 MiB, and the most is 16.0 MiB")


def huge() -> str:
    return "x" * 10**8


def test_an_open_socket_is_not_data():
    with socket.socket() as one:

        def connect() -> Any:
            return one

        assert "its result (socket) is not data" in both(connect, {}).error


# -- threads, loops and contexts -----------------------------------------------------------------------------------


async def where() -> list[Any]:
    return [threading.get_ident(), asked_by.get()]


def where_sync() -> list[Any]:
    return [threading.get_ident(), asked_by.get()]


def test_an_async_tool_runs_under_call_even_where_a_loop_runs():
    toolbox = make_toolbox([where])

    async def main():
        return toolbox.call("where", {}).value

    token = asked_by.set("the caller")
    try:
        thread, name = asyncio.run(main())
    finally:
        asked_by.reset(token)
    assert thread != threading.get_ident()
    assert name == "the caller"


async def release(event):
    event.set()


@pytest.mark.anyio
async def test_a_sync_tool_does_not_block_the_loop():
    done = threading.Event()

    def wait() -> str:
        return "done" if done.wait(30) else "nobody came"

    class Wait(BaseTool):
        name: str = "wait_too"
        description: str = ""

        def _run(self) -> str:
            return wait()

    toolbox = make_toolbox([wait, Wait()])
    for name in ("wait", "wait_too"):
        done.clear()
        # If the tool held the loop, the second coroutine could only release it after it had given up.
        reply, _ = await asyncio.gather(toolbox.acall(name, {}), release(done))
        assert reply.value == "done"


@pytest.mark.anyio
async def test_a_sync_tool_runs_in_another_thread_with_the_context_of_its_caller():
    token = asked_by.set("the caller")
    try:
        thread, name = (await make_toolbox([where_sync]).acall("where_sync", {})).value
    finally:
        asked_by.reset(token)
    assert thread != threading.get_ident()
    assert name == "the caller"


class SyncAtHeart(BaseTool):
    name: str = "sync_at_heart"
    description: str = ""

    def _run(self) -> str:
        return "sync"

    async def _arun(self) -> str:
        raise NotImplementedError("async is not supported")


class AsyncAtHeart(BaseTool):
    name: str = "async_at_heart"
    description: str = ""

    def _run(self) -> str:
        raise NotImplementedError("use the async way")

    async def _arun(self) -> str:
        return "async"


def test_a_tool_of_one_way_serves_both_callers():
    assert both(SyncAtHeart(), {}).value == "sync"
    assert both(AsyncAtHeart(), {}).value == "async"


@pytest.mark.anyio
async def test_a_cancelled_caller_cancels_an_async_tool():
    going, cancelled = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        going.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.create_task(make_toolbox([forever]).acall("forever", {}))
    await going.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


# -- callbacks -----------------------------------------------------------------------------------------------------


class Seen(BaseCallbackHandler):
    def __init__(self):
        self.events = []

    def on_tool_start(self, serialized, _input_str, *, inputs=None, **_):
        self.events.append((serialized["name"], inputs))

    def on_tool_end(self, output, **_):
        self.events.append(output)

    def on_tool_error(self, error, **_):
        self.events.append(type(error).__name__)


class SeenAsync(AsyncCallbackHandler):
    def __init__(self):
        self.events = []

    async def on_tool_end(self, output, **_):
        self.events.append(output)


@tool
def double(n: int) -> int:
    """Twice a number."""
    return 2 * n


async def adouble(n: int) -> int:
    return 2 * n


@pytest.mark.parametrize("name", ["double", "adouble"])
def test_tracers_see_the_call_with_its_raw_result(name):
    seen, seen_async = Seen(), SeenAsync()
    toolbox = make_toolbox([double, adouble])
    config = {"callbacks": [seen, seen_async]}
    toolbox.call(name, {"n": 2}, config)
    asyncio.run(from_loop(toolbox, name, {"n": 2}, config))
    assert seen.events == [(name, {"n": 2}), 4] * 2
    assert seen_async.events == [4, 4]


def test_tracers_see_a_failure():
    seen = Seen()
    make_toolbox([fail]).call("fail", {}, {"callbacks": [seen]})
    assert seen.events == [("fail", {}), "ValueError"]
