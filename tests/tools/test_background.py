import asyncio
import contextvars
import os
import signal
import threading

import pytest

from lumo_graph.tools.background import run_in_background

asked_by = contextvars.ContextVar("asked_by", default="nobody")


async def where():
    return threading.get_ident(), id(asyncio.get_running_loop())


def test_every_call_runs_on_one_loop_in_another_thread():
    first, second = run_in_background(where), run_in_background(where)
    assert first == second
    assert first[0] != threading.get_ident()


def test_it_works_where_a_loop_already_runs():
    async def main():
        return run_in_background(where), await where()

    outside, inside = asyncio.run(main())
    assert outside != inside


def test_the_context_of_the_caller_is_there():
    async def ask():
        return asked_by.get()

    token = asked_by.set("the caller")
    try:
        assert run_in_background(ask) == "the caller"
    finally:
        asked_by.reset(token)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_is_raised_arrives_and_the_loop_lives_on(error):
    async def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        run_in_background(fail)
    assert caught.value is error
    assert run_in_background(where) == run_in_background(where)


def test_a_call_from_inside_the_loop_does_not_wait_for_itself():
    async def outer():
        return run_in_background(where), await where()

    inner, outer_place = run_in_background(outer)
    assert inner != outer_place


def test_a_call_that_blocks_the_loop_through_another_thread_does_not_wait_for_itself():
    async def outer():
        context = contextvars.copy_context()
        found = []
        thread = threading.Thread(target=lambda: context.run(lambda: found.append(run_in_background(where))))
        thread.start()
        thread.join()
        return found

    assert len(run_in_background(outer)) == 1


def test_many_threads_share_the_loop():
    barrier = threading.Barrier(8)
    found = []

    def work():
        barrier.wait()
        found.append(run_in_background(where))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_loop_of_its_own():
    run_in_background(where)
    child = os.fork()
    if child == 0:
        try:
            run_in_background(where)
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert run_in_background(where) == run_in_background(where)


def test_an_interrupted_caller_cancels_the_coroutine():
    cancelled = threading.Event()
    started = threading.Event()

    async def forever():
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def interrupt():
        started.wait()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run_in_background(forever)
    thread.join()
    assert cancelled.wait(10)
