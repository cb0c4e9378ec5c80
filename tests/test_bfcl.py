"""BFCL v4 multi-turn through the graph: a sample of the benchmark, read from the installed wheel."""

from decimal import Decimal

import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import AGENT_TYPES
from tests.benchmarks import bfcl
from tests.benchmarks.bfcl_data import (
    CATEGORIES,
    Harness,
    bind_methods,
    differences,
    load_tasks,
    open_apis,
    parse_call,
    read_result,
    same_data,
    spread,
)
from tests.benchmarks.bfcl_replay import ASK, DONE, replay, script_code_actions, script_function_calls

SAMPLE = 20


@pytest.fixture(scope="module")
def tasks():
    return load_tasks()


@pytest.fixture(scope="module")
def sample(tasks):
    return spread(tasks, SAMPLE)


@pytest.fixture
def task(tasks):
    """A file system: gold with a positional argument, a turn without calls, and turns that build on each other."""
    return next(task for task in tasks if task.id == "multi_turn_miss_param_0")


def test_the_wheel_holds_two_hundred_tasks_of_each_category(tasks):
    assert [sum(task.category == category for task in tasks) for category in CATEGORIES] == [200, 200]
    assert all(len(task.prompts) == len(task.gold) for task in tasks)


def test_the_sample_covers_both_categories_all_eight_apis_and_turns_without_calls(sample):
    assert len({task.id for task in sample}) == SAMPLE
    assert {task.category for task in sample} == set(CATEGORIES)
    assert len({name for task in sample for name in task.classes}) == 8
    assert any(not sources for task in sample for sources in task.gold)


@pytest.mark.parametrize("agent_type", AGENT_TYPES)
def test_gold_through_the_graph_leaves_the_apis_as_the_harness_does(sample, agent_type):
    executor = ProcessExecutor()
    replays = [replay(task, agent_type, executor) for task in sample]
    assert [(each.task.id, each.mismatches) for each in replays if each.mismatches] == []
    assert sum(each.changes for each in replays) >= SAMPLE // 2
    turns = [sources for task in sample for sources in task.gold]
    acting = sum(map(bool, turns))
    calls = sum(map(len, turns))
    in_code = agent_type == "code-agent"
    assert sum(each.actions for each in replays) == (acting if in_code else calls)
    assert sum(each.replies for each in replays) == (len(turns) if in_code else calls + len(turns))


def test_a_function_calling_model_says_one_call_a_reply_and_closes_every_turn(task):
    replies = [*script_function_calls(task, bind_methods(open_apis(task)))]
    assert [reply.text for reply in replies if not reply.tool_calls] == [DONE, DONE, DONE, ASK, DONE]
    calls = [call for reply in replies for call in reply.tool_calls]
    assert len(calls) == len(replies) - 5 == sum(map(len, task.gold))
    assert [call["args"] for call in calls if call["name"] == "sort"] == [{"file_name": "final_report.pdf"}]
    assert len({call["id"] for call in calls}) == len(calls)


def test_a_code_agent_says_one_action_a_turn_that_adds_to_the_variable_of_the_turn_before(task):
    replies = [reply.text for reply in script_code_actions(task)]
    assert len(replies) == len(task.gold)
    assert replies[2] == "```python\nresults.append(sort('final_report.pdf'))\nfinal_answer(results)\n```"
    assert replies[3] == ASK
    assert [("results = []" in reply) for reply in replies] == [True, False, False, False, False]


def test_a_call_that_was_not_made_is_a_difference(task):
    untouched, gold = open_apis(task), Harness().run(task, task.gold[0])[1]
    assert differences(open_apis(task), untouched) == []
    found = differences(untouched, gold)
    assert "GorillaFileSystem" in found[0]
    assert any("GorillaFileSystem._current_dir" in line for line in found)


def test_a_random_generator_that_went_further_is_a_difference(tasks):
    task = next(task for task in tasks if "TravelAPI" in task.classes)
    ours, gold = open_apis(task), open_apis(task)
    gold["TravelAPI"]._random.random()
    assert [line.split(" ")[0] for line in differences(ours, gold)] == ["TravelAPI._random"]


def test_two_harnesses_never_share_an_instance(task):
    first, second = open_apis(task), open_apis(task)
    assert all(first[name] is not second[name] for name in task.classes)


class Left:
    def send(self):
        return "left"


class Right:
    def send(self):
        return "right"


def test_two_apis_with_a_method_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"Both 'Left.send' and 'Right.send'"):
        bind_methods({"Left": Left(), "Right": Right()})


def test_a_ticket_whose_id_is_text_can_be_closed_as_gold_does(tasks):
    task = next(task for task in tasks if task.id == "multi_turn_base_173")
    assert "close_ticket(ticket_id='ticket_001')" in task.gold[-1]
    assert replay(task, "function-calling", ProcessExecutor()).mismatches == ()


@pytest.mark.parametrize("source", ["missing()", "api.send()", "send", "send(), send()"])
def test_what_is_not_a_call_of_a_tool_is_refused(source):
    with pytest.raises(ValueError, match="is not a call of one of"):
        parse_call(source, bind_methods({"Left": Left()}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("None", None),
        ("['RMS', 'SBK']", ["RMS", "SBK"]),
        ("{'result': mpf('2.25')}", {"result": Decimal("2.25")}),
    ],
    ids=["JSON", "nothing", "a list", "a number of mpmath"],
)
def test_the_text_of_a_result_is_read_as_data(text, value):
    assert read_result(text) == value


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ({"a": 1, "b": [2.5]}, {"a": 1, "b": [2.5]}, True),
        ({"a": 1}, {"a": 1.0}, False),
        ({"a": True}, {"a": 1}, False),
        ({"b": 2, "a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (None, "None", False),
        ({"result": 1.302734375}, {"result": Decimal("1.3027")}, True),
        ({"result": 1.3028}, {"result": Decimal("1.3027")}, False),
        ({"result": "1.3027"}, {"result": Decimal("1.3027")}, False),
        ("Error", {"result": Decimal("1.3027")}, False),
    ],
    ids=["equal", "int and float", "bool and int", "order", "a key too few", "text and nothing",
         "mpmath's digits", "other digits", "text and number", "text and dict"],
)  # fmt: skip
def test_results_are_compared_with_their_types(found, wanted, same):
    assert same_data(found, wanted) is same


def test_the_benchmark_prints_a_table_and_ends_with_0_if_all_is_equal(capsys):
    assert bfcl.main(["--limit", "1", "--category", "multi_turn_base", "--agent-type", "function-calling"]) == 0
    header, row = capsys.readouterr().out.splitlines()[2:4]
    assert header.split()[:2] == ["agent", "type"]
    assert row.split()[:5] == ["function-calling", "multi_turn_base", "1", "1/1", "1/1"]


@pytest.mark.parametrize("limit", ["0", "-3", "many"])
def test_a_limit_that_is_no_number_of_tasks_is_refused(limit, capsys):
    with pytest.raises(SystemExit):
        bfcl.main(["--limit", limit])
    assert "--limit" in capsys.readouterr().err
