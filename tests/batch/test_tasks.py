"""The tasks of a batch are read and checked before anything runs."""

import pytest

from lumo_graph.batch.results import unfinished
from lumo_graph.batch.tasks import BatchTask, check_batch_name, parse_lines, tasks_of
from lumo_graph.errors import ConfigurationError


def test_a_task_is_a_text_or_an_object_and_has_its_number_for_a_name():
    lines = [
        '"Add."',
        "",
        '{"task": "Go.", "agent_type": "code"}',
        '{"id": 7, "task": "Sum."}',
        '{"id": "x", "task": "T"}',
    ]
    assert [(task.id, task.task, dict(task.options)) for task in parse_lines(lines)] == [
        ("1", "Add.", {}),
        ("3", "Go.", {"agent_type": "code"}),
        ("7", "Sum.", {}),
        ("x", "T", {}),
    ]
    given = ["a", {"task": "b"}, BatchTask(id="c", task="c", options={"limits": {"max_steps": 1}})]
    assert [task.id for task in tasks_of(given)] == ["1", "2", "c"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], "Line 1 is no JSON"),
        (["", "5"], "Line 2 must be a text"),
        (["[]"], "Line 1 must be a text"),
        (['{"id": "a"}'], "Line 1 says not what to do"),
        (['{"task": " "}'], "Line 1 says not what to do"),
        (['{"task": "a", "model": "m"}'], "Line 1 has 'model'. A task has: id, task, agent_type"),
        (['{"task": "a", "id": ""}'], "Line 1 has the id ''"),
        (['{"task": "a", "id": true}'], "Line 1 has the id True"),
        (['{"task": "a", "id": "x\\ny"}'], "has the id 'x\\ny'"),
        (['{"task": "a", "id": 2}', '"b"'], "Line 2 has the id '2' of line 1"),
        ([], "There is no task in the batch"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_number(lines, message):
    with pytest.raises(ConfigurationError) as caught:
        parse_lines(lines)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["", "a:b", None, "a\nb", "x" * 201])
def test_a_batch_has_a_name_that_its_threads_can_have(name):
    with pytest.raises(ConfigurationError, match="A batch needs a name"):
        check_batch_name(name)


def line(task, status, **changes):
    return {"id": task.id, "thread_id": f"b:{task.id}", "status": status, "task": task.digest, **changes}


def test_the_last_line_of_a_task_says_whether_it_is_finished():
    tasks = {task.id: task for task in tasks_of([{"id": name, "task": name} for name in "abcde"])}
    told = [("a", "failed"), ("b", "answered"), ("a", "answered"), ("c", "waiting"), ("d", "limit"), ("b", "failed")]
    lines = [line(tasks[name], status) for name, status in told]
    assert [task.id for task in unfinished(list(tasks.values()), "b", lines)] == ["b", "c", "e"]


def test_results_of_another_batch_or_of_another_task_finish_nothing():
    (task,) = tasks_of(["completely new"])
    with pytest.raises(ConfigurationError, match="tell of the thread 'other:1'.*Name the file of this batch"):
        unfinished([task], "b", [line(task, "answered", thread_id="other:1")])
    (before,) = tasks_of(["what it was"])
    with pytest.raises(ConfigurationError, match="another task with the id '1'"):
        unfinished([task], "b", [line(before, "answered")])
