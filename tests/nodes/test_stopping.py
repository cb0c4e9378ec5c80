import asyncio
import threading

import pytest
from langgraph.errors import GraphDrained

from lumo_graph.nodes.stopping import Stopping

pytestmark = pytest.mark.anyio


async def test_a_node_that_waits_is_cancelled_from_another_thread_and_nothing_around_it():
    stopping = Stopping()

    async def node():
        async with stopping.cancellable():
            threading.Thread(target=stopping.stop).start()
            await asyncio.sleep(60)

    with pytest.raises(GraphDrained):
        await node()
    await asyncio.sleep(0)  # the task is not cancelled
    assert asyncio.current_task().cancelling() == 0


async def test_a_cancellation_from_outside_and_a_timeout_of_its_own_stay_what_they_are():
    stopping = Stopping()

    async def node():
        async with stopping.cancellable():
            await asyncio.sleep(60)

    task = asyncio.create_task(node())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError, match="mine"):
        async with stopping.cancellable():
            raise TimeoutError("mine")


async def test_a_node_that_was_over_before_is_left_alone():
    stopping = Stopping()
    async with stopping.cancellable():
        pass
    stopping.stop()
    await asyncio.sleep(0)


async def test_only_an_action_that_was_undone_by_it_is_refused():
    stopping = Stopping()
    undone, done = {"execution": {"rolled_back": True}}, {"execution": {"rolled_back": False}}
    began = stopping.times
    for update in (undone, done, {}, {"execution": None}):
        stopping.check(update, began)
    stopping.stop()
    for update in (done, {}, {"execution": None}):
        stopping.check(update, began)
    with pytest.raises(GraphDrained):
        stopping.check(undone, began)
    stopping.check(undone, stopping.times)  # it began afterwards, and was undone for a reason of its own
