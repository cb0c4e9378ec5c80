"""What a worker sends comes through, or says why not."""

import threading

from lumo_graph.batch.results import BatchResult
from lumo_graph.batch.sending import received, sendable
from lumo_graph.batch.tasks import tasks_of
from lumo_graph.events import RunResult

(TASK,) = tasks_of(["go"])


def result(answer):
    return BatchResult(id="1", thread_id="b:1", result=RunResult(answer=answer, outcome="answered"), task=TASK.digest)


def test_a_result_comes_through():
    assert received(sendable(result([1, 2])), TASK, "b") == result([1, 2])


def test_an_answer_that_cannot_be_sent_fails_its_task_alone():
    sent = received(sendable(result(threading.Lock())), TASK, "b")
    assert (sent.status, sent.id, sent.thread_id, sent.task) == ("failed", "1", "b:1", TASK.digest)
    assert "its result cannot be sent" in sent.error


def test_an_answer_that_cannot_be_read_here_fails_its_task_alone():
    read = received(b"cno_such_module\nX\n.", TASK, "b")
    assert (read.status, read.id, read.thread_id, read.error_type) == ("failed", "1", "b:1", "ModuleNotFoundError")
