from collections import Counter

import anyio
import pytest
from langgraph.graph import END, START, MessagesState, StateGraph

from lumo_graph import create_lumo_agent, run
from lumo_graph.checkpoints import (
    alist_checkpoints,
    aopen_checkpointer,
    list_checkpoints,
    open_checkpointer,
    prune_threads,
)
from lumo_graph.checkpoints.history import find_checkpoint
from lumo_graph.errors import ConfigurationError
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


def states(url, thread_id="t"):
    with open_checkpointer(url) as saver:
        agent = create_lumo_agent(ScriptedModel([]), checkpointer=saver)
        return [*agent.get_state_history({"configurable": {"thread_id": thread_id}})]


def test_the_history_is_the_graphs_own_with_what_the_nodes_have_changed(everywhere, make_thread):
    make_thread(everywhere)
    found, known = list_checkpoints(everywhere, "t"), states(everywhere)
    assert [one.checkpoint_id for one in found] == [state.config["configurable"]["checkpoint_id"] for state in known]
    assert [one.next for one in found] == [state.next for state in known]
    assert [one.created_at for one in found] == [state.created_at for state in known]
    assert [one.number for one in found] == [*range(len(known) - 1, -1, -1)]
    assert [one.parent_id for one in found] == [one.checkpoint_id for one in found[1:]] + [None]
    assert [one.changed for one in found if one.changed] == [
        ("extra", "later", "os", "word"),
        ("alias, rows", "gone"),
        ("alias, rows", "gone", "word"),
    ]
    assert {one.task for one in found} == {"the task", ""}
    assert (found[0].steps, found[0].outcome, found[0].waiting) == (3, None, False)


def test_the_history_can_be_read_on_an_event_loop_from_a_url_and_from_an_open_saver(store, make_thread):
    make_thread(store)

    async def both():
        async with aopen_checkpointer(store) as saver:
            return await alist_checkpoints(saver, "t"), await alist_checkpoints(store, "t")

    assert anyio.run(both) == (list_checkpoints(store, "t"),) * 2


def test_the_end_of_a_run_and_a_question_are_told_apart(url):
    def send(to: str) -> str:
        """Send it."""
        return to

    options = {"tools": [send], "interrupt_on": {"send": True}, "checkpointer": url, "agent_type": "code-agent"}
    run("x", ScriptedModel([code("final_answer(1)")]), thread_id="ended", **options)
    run("x", ScriptedModel([code("send('ann')")]), thread_id="asked", **options)
    ended, asked = (list_checkpoints(url, name)[0] for name in ("ended", "asked"))
    assert (ended.next, ended.outcome, ended.waiting) == ((), "answered", False)
    assert (asked.next, asked.outcome, asked.waiting) == (("execute",), None, True)


def test_what_pruning_has_left_is_a_history_too(url, make_thread):
    make_thread(url)
    whole = list_checkpoints(url, "t")
    prune_threads(url, keep=4)
    left = list_checkpoints(url, "t")
    assert [one.number for one in left] == [one.number for one in whole[:4]]
    assert left[-1].parent_id is None


def test_a_checkpoint_is_named_by_its_number_its_id_or_the_beginning_of_it(url, make_thread):
    make_thread(url)
    found = list_checkpoints(url, "t")
    for one in found:
        assert find_checkpoint(found, str(one.number), "t") is one
        assert find_checkpoint(found, one.checkpoint_id, "t") is one
        assert find_checkpoint(found, f" {one.checkpoint_id[:-1]}\n", "t") is one


@pytest.mark.parametrize("named", ["", "99", "zz", "-1", "1.5", "²"])
def test_a_name_of_no_checkpoint_is_refused_with_those_that_there_are(url, make_thread, named):
    make_thread(url)
    found = list_checkpoints(url, "t")
    with pytest.raises(ConfigurationError, match="no checkpoint") as raised:
        find_checkpoint(found, named, "t")
    assert f"{found[0].number} ({found[0].checkpoint_id})" in str(raised.value)
    assert "lumo history t" in str(raised.value)


def test_a_name_of_several_checkpoints_is_refused_with_all_of_them(url, make_thread):
    make_thread(url)
    with open_checkpointer(url) as saver:
        agent = create_lumo_agent(ScriptedModel([code("final_answer(1)")]), checkpointer=saver)
        agent.invoke(None, states(url)[4].config)
    found = list_checkpoints(url, "t")
    (number, count), *_ = Counter(one.number for one in found).most_common()
    assert count == 2
    twice = [one.checkpoint_id for one in found if one.number == number]
    for named, ids in ((str(number), twice), (found[0].checkpoint_id[:4], [found[0].checkpoint_id])):
        with pytest.raises(ConfigurationError, match="several checkpoints") as raised:
            find_checkpoint(found, named, "t")
        assert all(one in str(raised.value) for one in ids)


def test_a_thread_that_is_not_there_is_refused_with_those_that_are(everywhere, make_thread):
    with pytest.raises(ConfigurationError, match="no thread|no checkpoint file"):
        list_checkpoints(everywhere, "nosuch")
    make_thread(everywhere, "mine")
    with pytest.raises(ConfigurationError, match="no thread 'nosuch' in this store. It has 'mine'"):
        list_checkpoints(everywhere, "nosuch")


def test_another_graphs_thread_is_left_to_it(url):
    class Other(MessagesState):
        total: int

    builder = StateGraph(Other)
    builder.add_node("count", lambda _: {"total": 1})
    builder.add_edge(START, "count")
    builder.add_edge("count", END)
    with open_checkpointer(url) as saver:
        builder.compile(checkpointer=saver).invoke({"messages": []}, {"configurable": {"thread_id": "theirs"}})
    with pytest.raises(ConfigurationError, match="of another graph: it has total"):
        list_checkpoints(url, "theirs")
