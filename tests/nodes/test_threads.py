import asyncio
import contextvars
import threading

import pytest

from lumo_graph.nodes.threads import await_thread, in_thread

VARIABLE = contextvars.ContextVar("variable", default="unset")


def test_the_work_sees_the_context_of_its_caller():
    VARIABLE.set("mine")
    assert in_thread(VARIABLE.get).result() == "mine"


def test_what_the_work_raises_is_raised_to_who_waits():
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_thread(fail).result()


@pytest.mark.anyio
async def test_a_cancelled_wait_stops_the_work_and_sees_it_end():
    begun, stopped, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        stopped.wait(10)
        ended.set()

    task = asyncio.ensure_future(await_thread(work, stop=stopped.set))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.anyio
async def test_a_wait_that_is_cancelled_twice_sees_the_work_end_too():
    begun, ended = threading.Event(), threading.Event()
    asked = []

    def work():
        begun.set()
        while len(asked) < 3:
            threading.Event().wait(0.01)
        ended.set()

    task = asyncio.ensure_future(await_thread(work, stop=lambda: asked.append(1)))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.anyio
async def test_many_waits_are_not_limited_by_a_pool():
    barrier = threading.Barrier(20)
    await asyncio.gather(*(await_thread(lambda: barrier.wait(10), stop=barrier.abort) for _ in range(20)))
