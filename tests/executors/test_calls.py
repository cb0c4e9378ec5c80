import asyncio
import contextvars
import threading
import weakref

import pytest

from lumo_graph.executors.calls import MAX_THREADS, Calls, Threads
from lumo_graph.executors.checking import CallMessage
from lumo_graph.types import Limits, ToolReply
from tests.executors.conftest import TOOLS
from tests.watching import until


def test_positional_and_keyword_arguments_bind_to_names(driver):
    done = driver.do("rank(['a'], 2, key='size')\nrank(items=['b'])")
    assert [dict(call.args) for call in done.calls] == [{"items": ["a"], "top": 2, "key": "size"}, {"items": ["b"]}]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("rank()", "missing a required argument: 'items'"),
        ("rank([], 1, 'size')", "too many positional arguments"),
        ("rank([], tpo=1)", "tpo"),
    ],
    ids=["missing", "keyword-only", "misspelt"],
)
def test_a_wrong_call_shows_the_usage(driver, call, says):
    error = driver.error(call)
    assert error.kind == "TypeError"
    assert says in error.message
    assert "Usage: rank(items: list[str], top: int = 3, *, key: str = 'name') -> Any" in error.message


@pytest.mark.parametrize(
    ("argument", "arrives"),
    [
        ("(1, (2,))", [1, [2]]),
        ("{3, 1, 2}", [1, 2, 3]),
        ("__import__('datetime').date(2024, 5, 1)", "2024-05-01"),
        ("__import__('decimal').Decimal('1.50')", "1.50"),
        ("__import__('pathlib').Path('a/b')", "a/b"),
        ("__import__('numpy').arange(3)", [0, 1, 2]),
        ("__import__('numpy').float64(0.5)", 0.5),
        ("__import__('pandas').DataFrame({'a': [1]})", [{"a": 1}]),
        ("__import__('enum').Enum('Color', 'RED').RED", 1),
        ("b'\\x00'", b"\x00"),
        ("{'a': 1}.keys()", ["a"]),
        ("-(2**63)", -(2**63)),
        ("2**64 - 1", 2**64 - 1),
    ],
    ids=["tuple", "set", "date", "decimal", "path", "array", "numpy", "frame", "enum", "bytes", "keys", "min", "max"],
)
def test_arguments_cross_as_plain_data(driver, argument, arrives):
    assert driver.do(f"rank({argument})").calls[0].args["items"] == arrives


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("[object()]", "items[0]: 'object' is not plain data"),
        ("{'rows': [1, {'h': (n for n in [])}]}", "items['rows'][1]['h']: 'generator' is not plain data; make a list"),
        ("2**64", "over 64 bits"),
        ("loop", "contains itself"),
        ("deep", "levels deep"),
        ("'\\ud800'", "surrogate"),
        ("{(1, 2): 3}", "its key is a tuple"),
    ],
    ids=["object", "generator", "big", "cycle", "deep", "surrogate", "key"],
)
def test_what_is_no_data_is_refused_by_its_path(driver, argument, says):
    driver.do("loop = []\nloop.append(loop)\ndeep = []\nfor _ in range(1000):\n    deep = [deep]")
    error = driver.error(f"rank({argument})")
    assert error.kind == "TypeError"
    assert says in error.message


def test_arguments_over_the_cap_are_refused_with_their_size(driver):
    error = driver.error("rank(['a' * (9 << 20)])")
    assert error.kind == "ValueError"
    assert "9.0 MiB" in error.message
    assert "8.0 MiB" in error.message


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ("x" * (33 << 20), "ValueError", "33.0 MiB is more than the 32.0 MiB"),
        (object(), "TypeError", "search() is not plain data"),
        (2**70, "TypeError", "search() is not plain data"),
        ("\ud800", "TypeError", "search() is not plain data"),
    ],
    ids=["too large", "object", "big", "surrogate"],
)
def test_a_result_that_cannot_be_sent_is_an_error_in_the_code(driver, value, kind, says):
    done = driver.do("search('x')", serve=lambda _: ToolReply(value=value))
    assert done.error.kind == kind
    assert says in done.error.message
    assert not done.calls[0].ok


def test_a_result_near_the_cap_arrives(driver):
    done = driver.do("len(search('x'))", serve=lambda _: ToolReply(value="x" * (31 << 20)))
    assert done.value.json == 31 << 20
    assert len(done.calls[0].preview) < 1000


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("KeyError", "KeyError"),
        ("UnicodeDecodeError", "ToolError"),
        ("SystemExit", "ToolError"),
        ("KeyboardInterrupt", "ToolError"),
        ("print", "ToolError"),
        ("HTTPError", "ToolError"),
    ],
)
def test_only_ordinary_exceptions_are_raised_by_name(driver, kind, raised):
    serve = lambda _: ToolReply(error="no such page", error_type=kind)
    code = "try:\n    search('x')\nexcept Exception as error:\n    caught = type(error).__name__\ncaught"
    assert driver.value(code, serve=serve) == raised


def test_the_line_of_a_call_is_that_of_the_action(driver):
    lines = []

    def serve(request):
        lines.append((request.seq, request.line))
        return ToolReply()

    driver.do("def ask():\n    return search('x')", serve=serve)
    driver.do("\nsearch('x')\nask()\nawait fetch('y')", serve=serve)
    assert lines == [(0, 2), (1, 3), (2, 4)]


def test_calls_are_recorded_with_what_came_of_them(driver):
    def serve(request):
        if request.args["query"] == "bad":
            return ToolReply(error="no such page", error_type="ValueError")
        return ToolReply(value=[1, 2])

    done = driver.do("search('good')\ntry:\n    search('bad')\nexcept ValueError:\n    pass", serve=serve)
    assert [(call.ok, call.preview) for call in done.calls] == [(True, "[1, 2]"), (False, "no such page")]
    assert all(call.seconds >= 0 for call in done.calls)


def test_more_calls_than_threads_are_all_served(driver):
    calls = "await asyncio.gather(*(fetch(str(n)) for n in range(200)))"
    code = f"import asyncio\n[got['url'] for got in {calls}]"
    assert driver.value(code) == [str(n) for n in range(200)]


def test_too_many_calls_at_once_are_refused(driver):
    error = driver.error("import asyncio\nawait asyncio.gather(*(fetch(str(n)) for n in range(1001)))")
    assert "at the same time" in error.message


def test_too_many_calls_of_one_action_are_refused(driver):
    done = driver.do("for n in range(10_001):\n    search('x')", seconds=100)
    assert "more than 10000 tool calls" in done.error.message
    assert len(done.calls) == 10_000
    assert driver.do("search('x')").error is None


def test_a_late_result_does_not_reach_the_next_action(driver):
    release = threading.Event()

    def serve(request):
        if request.args["url"] == "slow":
            release.wait(30)
        return ToolReply(value=request.args["url"])

    code = "import asyncio\ntask = asyncio.ensure_future(fetch('slow'))\nawait asyncio.sleep(0)"
    first = driver.do(code, serve=serve)
    assert [(call.ok, call.finished) for call in first.calls] == [(False, False)]
    assert "may still take effect" in first.calls[0].preview
    release.set()
    assert driver.value("await fetch('quick')", serve=serve) == "quick"


def test_an_async_host_can_serve_from_its_loop(driver):
    async def main():
        loop = asyncio.get_running_loop()

        async def find(query):
            await asyncio.sleep(0)
            return query.upper()

        def serve(request):
            answer = asyncio.run_coroutine_threadsafe(find(request.args["query"]), loop)
            return ToolReply(value=answer.result(30))

        return await asyncio.to_thread(driver.value, "search('x')", serve=serve)

    assert asyncio.run(main()) == "X"


def test_an_unawaited_call_is_not_made_and_names_its_line(driver):
    done = driver.do("x = 1\npage = fetch('a')")
    assert done.error.line == 2
    assert "await fetch(...)" in done.error.message
    assert done.calls == ()
    assert done.stderr == ""


def test_awaiting_a_sync_tool_in_a_function_works(driver):
    assert driver.value("async def main():\n    return await search('x')\nawait main()") == {"query": "x"}


def test_tasks_can_be_made_before_the_line_that_awaits_them(driver):
    code = "import asyncio\ntasks = [asyncio.create_task(fetch(u)) for u in 'ab']\nawait asyncio.gather(*tasks)"
    assert driver.value(code) == [{"url": "a"}, {"url": "b"}]


def test_records_keep_short_arguments_and_previews_of_long_ones(driver):
    given = []

    def serve(request):
        given.append(sum(map(len, request.args.values())))
        return ToolReply()

    code = "search('short')\nsearch('x' * 1_000_000)\nrank(['a'] * 100_000, top='', key='')"
    done = driver.do(code, serve=serve)
    assert given == [5, 1_000_000, 100_000]
    short, long, many = (call.args for call in done.calls)
    assert short == {"query": "short"}
    assert len(long["query"]) < 1000
    assert len(many["items"]) < 1000


def test_calls_of_too_many_bytes_end_the_session(driver):
    done = driver.do("for n in range(20):\n    search('x' * (4 << 20))")
    assert done.rolled_back
    assert "64.0 MiB" in done.error.message
    assert len(done.calls) < 20


UNREAD = """
import gc, threading, time
[channel] = [found for found in gc.get_objects() if type(found).__name__ == "Channel"]
[caller] = [found for found in gc.get_objects() if type(found).__name__ == "ToolCaller"]
channel.send(["call", caller._action, 77, "search", {"query": "big"}, 1, True, b"", b""])
time.sleep(0.3)
channel.receive = lambda: time.sleep(1000)
"""


def test_results_that_are_not_taken_end_the_session_with_its_action(driver):
    done = driver.do(UNREAD, seconds=1, serve=lambda _: ToolReply(value="x" * (8 << 20)))
    assert done.rolled_back
    assert "does not take the results" in done.error.message
    assert done.seconds < 2.5


def test_a_session_that_is_closed_while_a_tool_runs_keeps_its_threads(executor):
    release, serving = threading.Event(), threading.Event()
    session = executor.open(tools=TOOLS, limits=Limits())

    def serve(_):
        serving.set()
        release.wait(30)
        return ToolReply(value="late")

    runner = threading.Thread(target=lambda: session.execute("search('x')", seconds=30, serve=serve))
    runner.start()
    serving.wait(30)
    session.close()
    runner.join(30)
    release.set()
    assert not runner.is_alive()


def test_calls_that_were_never_begun_are_forgotten_with_their_arguments():
    class Large(list[int]):
        pass

    go_on, threads = threading.Event(), Threads()
    calls = Calls(
        serve=lambda _: ToolReply(value=go_on.wait(30)), context=contextvars.copy_context(), threads=threads,
        send=lambda _: None, wake=lambda: None,
    )  # fmt: skip
    given = [Large([number] * 1_000) for number in range(MAX_THREADS + 8)]
    seen = [weakref.ref(one) for one in given]
    for key, one in enumerate(given):
        calls.submit(CallMessage(action=1, key=key, name="wait", args={"rows": one}, line=1, parts=1, in_order=True))
    del given, one
    assert len(calls.close()) == MAX_THREADS + 8
    try:
        assert until(lambda: sum(ref() is not None for ref in seen) <= MAX_THREADS)
    finally:
        go_on.set()
        threads.close()
