import os
import threading

import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.zygote import close_zygotes
from lumo_graph.sessions import LiveSessions, Stored
from lumo_graph.types import Limits, ToolReply


def serve(request):
    return ToolReply(value=None)


def work(sessions, key, revision, namespace, code):
    lease = sessions.take(key, revision, Stored(namespace=namespace), Limits())
    execution = lease.session.execute(code, seconds=10, serve=serve)
    changed = lease.session.snapshot().changed
    return sessions.keep(key, lease.session, Limits()), changed, execution, lease.restored


@pytest.fixture
def sessions():
    live = LiveSessions(ProcessExecutor(), tools=(), capacity=2)
    yield live
    live.close_all()


def test_the_session_of_a_thread_is_handed_out_again_while_it_matches(sessions):
    revision, stored, _, restored = work(sessions, "t", "", {}, "x = 1\ngen = (i for i in 'ab')")
    assert not restored
    _, _, execution, restored = work(sessions, "t", revision, stored, "next(gen) + str(x)")
    assert (execution.value.plain, restored) == ("a1", False)


def test_an_older_revision_gets_a_session_with_the_variables_of_its_time(sessions):
    early, stored, _, _ = work(sessions, "t", "", {}, "x = 1")
    work(sessions, "t", early, stored, "x = 2")
    _, _, execution, restored = work(sessions, "t", early, stored, "x")
    assert (execution.value.plain, restored) == (1, True)


def test_two_who_take_the_same_thread_at_once_do_not_share_a_session(sessions):
    revision, stored, _, _ = work(sessions, "t", "", {}, "x = 1")
    first = sessions.take("t", revision, Stored(namespace=stored), Limits())
    second = sessions.take("t", revision, Stored(namespace=stored), Limits())
    assert (first.restored, second.restored) == (False, True)
    assert first.session is not second.session
    sessions.discard(first.session)
    sessions.discard(second.session)


def test_the_session_idle_for_longest_goes_when_there_are_too_many(sessions):
    kept = {key: work(sessions, key, "", {}, f"x = {key!r}") for key in ("a", "b", "c")}
    restored = {key: work(sessions, key, kept[key][0], kept[key][1], "x")[3] for key in ("b", "c", "a")}
    assert restored == {"a": True, "b": False, "c": False}


def test_a_closed_session_comes_back_from_its_namespace(sessions):
    revision, stored, _, _ = work(sessions, "t", "", {}, "x = 1")
    sessions.close("t")
    _, _, execution, restored = work(sessions, "t", revision, stored, "x")
    assert (execution.value.plain, restored) == (1, True)


@pytest.mark.parametrize("limits", [{"memory_mb": 512}, {"disk_mb": 32}, {"action_cpu_seconds": 5}])
def test_a_session_of_other_limits_is_opened_anew(sessions, limits):
    revision, stored, _, _ = work(sessions, "t", "", {}, "x = 1")
    lease = sessions.take("t", revision, Stored(namespace=stored), Limits(**limits))
    assert lease.restored
    sessions.discard(lease.session)


def test_a_forked_child_restores_its_own_sessions_and_leaves_the_parents_alone(sessions):
    revision, stored, _, _ = work(sessions, "t", "", {}, "x = 41")
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            _, _, execution, restored = work(sessions, "t", revision, stored, "x + 1")
            os.write(write, f"{execution.value.plain} {restored}".encode())
            sessions.close_all()
            close_zygotes()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"42 True"
    os.close(read)
    os.close(write)
    _, _, execution, restored = work(sessions, "t", revision, stored, "x")
    assert (execution.value.plain, restored) == (41, False)


def test_an_action_that_runs_can_be_interrupted_from_outside(sessions):
    lease = sessions.take("t", "", Stored(), Limits())
    threading.Timer(0.3, sessions.interrupt).start()
    execution = lease.session.execute("while True: pass", seconds=30, serve=serve)
    assert execution.error.kind == "KeyboardInterrupt"
    sessions.discard(lease.session)
