import anyio
import pytest

from lumo_graph import create_lumo_agent, resume, run
from lumo_graph.checkpoints import afork_thread, fork_thread, hold_thread, list_checkpoints, open_checkpointer
from lumo_graph.errors import ConfigurationError, ModelError, ThreadBusyError
from lumo_graph.models import RetryPolicy
from lumo_graph.testing import ScriptedModel

REST = "final_answer([rows, rows is alias, word, 'gone' in globals(), open('notes').read()])"


def code(text):
    return f"```python\n{text}\n```"


def answer(store, thread_id, text=REST):
    return resume(thread_id, ScriptedModel([code(text)]), checkpointer=store).answer


def before_model(store, nth):
    """The checkpoint at which the model was asked for the n-th time."""
    asked = [one for one in list_checkpoints(store, "t") if one.next == ("generate_code",)]
    return asked[-nth]


def test_a_fork_goes_on_with_the_variables_and_files_of_its_step(everywhere, make_thread):
    make_thread(everywhere)
    before = list_checkpoints(everywhere, "t")
    for nth, seen in [(2, [[1], True, "one", True, "a"]), (3, [[1, 2], True, "one", False, "ac"])]:
        fork = fork_thread(everywhere, "t", at=str(before_model(everywhere, nth).number))
        assert answer(everywhere, fork.thread_id) == seen
    assert list_checkpoints(everywhere, "t") == before
    assert answer(everywhere, "t") == [[1, 2], True, "two", False, "ac"]


def test_two_forks_and_their_thread_do_not_see_each_other(everywhere, make_thread):
    make_thread(everywhere)
    at = before_model(everywhere, 3).checkpoint_id
    for name in ("left", "right"):
        assert fork_thread(everywhere, "t", at=at, new_thread_id=name).thread_id == name
    grow = [
        "rows.append('{0}')\nopen('notes', 'a').write('{0}')\nown_{0} = 1",
        "final_answer([rows, sorted(globals())])",
    ]
    seen = {}
    for name in ("left", "right", "t"):
        model = ScriptedModel([code(text.format(name)) for text in grow])
        seen[name] = resume(name, model, checkpointer=everywhere).answer
    assert {name: rows for name, (rows, _) in seen.items()} == {name: [1, 2, name] for name in seen}
    for name, (_, variables) in seen.items():
        assert [one for one in variables if one.startswith("own_")] == [f"own_{name}"]
    for name in seen:  # and each of them goes on from what it stored
        ask = ScriptedModel([code("final_answer([rows, open('notes').read()])")])
        more = run("more", ask, agent_type="code-agent", checkpointer=everywhere, thread_id=name)
        assert more.answer == [[1, 2, name], f"ac{name}"]


def test_a_fork_has_one_checkpoint_that_says_what_it_is(everywhere, make_thread):
    make_thread(everywhere)
    origin = before_model(everywhere, 2)
    fork = fork_thread(everywhere, "t", at=origin.checkpoint_id[:-2])
    assert (fork.from_thread_id, fork.origin) == ("t", origin)
    assert fork.thread_id.startswith("t-fork-")
    (only,) = list_checkpoints(everywhere, fork.thread_id)
    assert (only.source, only.parent_id, only.number, only.next) == ("fork", None, origin.number, origin.next)
    assert only.checkpoint_id == fork.checkpoint_id != origin.checkpoint_id
    assert only.created_at > origin.created_at
    assert fork_thread(everywhere, fork.thread_id, at=str(only.number)).from_thread_id == fork.thread_id


def test_every_checkpoint_can_be_forked_and_goes_on(url, make_thread):
    make_thread(url)
    # The variables that there are when the model is asked next: an action that was chosen runs before that.
    made = [[], ["rows", "word"], ["rows", "word"], ["extra", "rows", "word"]]
    for one in list_checkpoints(url, "t"):
        fork = fork_thread(url, "t", at=one.checkpoint_id)
        seen = answer(url, fork.thread_id, "final_answer(sorted(globals().keys() & {'rows', 'word', 'extra'}))")
        assert (one.next, seen) == (one.next, made[one.steps])


def test_an_action_that_is_forked_calls_its_tools_again(url):
    made = []

    def charge(amount: int) -> int:
        """Charge it."""
        made.append(amount)
        return len(made)

    options = {"tools": [charge], "checkpointer": url}
    model = ScriptedModel([code("paid = charge(5)"), code("final_answer(paid)")])
    assert run("go", model, agent_type="code-agent", thread_id="t", **options).answer == 1
    chosen = [one for one in list_checkpoints(url, "t") if one.next == ("execute",)]
    fork = fork_thread(url, "t", at=chosen[-1].checkpoint_id)
    assert resume(fork.thread_id, ScriptedModel([code("final_answer(paid)")]), **options).answer == 2
    assert made == [5, 5]


def test_a_fork_of_a_question_asks_it_again(url):
    def send(to: str) -> str:
        """Send it."""
        return to

    options = {"tools": [send], "interrupt_on": {"send": True}, "checkpointer": url}
    run("x", ScriptedModel([code("sent = send('ann')")]), agent_type="code-agent", thread_id="t", **options)
    fork = fork_thread(url, "t", at=list_checkpoints(url, "t")[0].checkpoint_id)
    assert not list_checkpoints(url, fork.thread_id)[0].waiting
    asked = resume(fork.thread_id, ScriptedModel([]), **options)
    assert (asked.outcome, len(asked.pending)) == ("interrupted", 1)
    last = ScriptedModel([code("final_answer(sent)")])
    assert resume(fork.thread_id, last, decision={"type": "approve"}, **options).answer == "ann"
    assert list_checkpoints(url, "t")[0].waiting


def test_a_fork_is_made_on_an_event_loop(store, make_thread):
    make_thread(store)
    at = str(before_model(store, 2).number)
    fork = anyio.run(lambda: afork_thread(store, "t", at=at, new_thread_id="new"))
    assert answer(store, fork.thread_id) == [[1], True, "one", True, "a"]


def test_a_name_that_is_taken_or_in_use_is_refused_and_nothing_happens(url, make_thread):
    make_thread(url)
    make_thread(url, "other")
    before = list_checkpoints(url, "other")
    with pytest.raises(ConfigurationError, match="'other' exists already"):
        fork_thread(url, "t", at="3", new_thread_id="other")
    with open_checkpointer(url) as saver, hold_thread(saver, "busy"), pytest.raises(ThreadBusyError):
        fork_thread(url, "t", at="3", new_thread_id="busy")
    for bad in ("", "\ud800"):
        with pytest.raises(ConfigurationError, match="new_thread_id"):
            fork_thread(url, "t", at="3", new_thread_id=bad)
    assert list_checkpoints(url, "other") == before


def test_a_thread_that_runs_can_be_forked(url, make_thread):
    make_thread(url)
    with open_checkpointer(url) as saver, hold_thread(saver, "t"):
        fork = fork_thread(url, "t", at=before_model(url, 2).checkpoint_id)
    assert answer(url, fork.thread_id) == [[1], True, "one", True, "a"]


def test_time_travel_in_one_thread_has_the_variables_of_that_step(everywhere, make_thread):
    make_thread(everywhere)
    with open_checkpointer(everywhere) as saver:
        model = ScriptedModel([code(REST)] * 3)
        agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=saver)
        newest = {"configurable": {"thread_id": "t"}}
        history = [*agent.get_state_history(newest)]
        asked = [state.config for state in history if state.next == ("generate_code",)][::-1]
        assert agent.invoke(None, asked[1])["answer"] == [[1], True, "one", True, "a"]
        assert agent.invoke(None, asked[3])["answer"] == [[1, 2], True, "two", False, "ac"]
        assert agent.invoke(None, asked[2])["answer"] == [[1, 2], True, "one", False, "ac"]
        assert agent.get_state(newest).values["answer"] == [[1, 2], True, "one", False, "ac"]
        old = [agent.get_state(state.config).values for state in history]
    assert old == [state.values for state in history]


def test_a_branch_of_time_travel_can_be_forked_into_a_thread(everywhere, make_thread):
    make_thread(everywhere)
    with open_checkpointer(everywhere) as saver:
        model = ScriptedModel([code("rows.append('travelled')"), ConnectionError("down")])
        once = RetryPolicy(attempts=1)
        agent = create_lumo_agent(model, agent_type="code-agent", checkpointer=saver, retry=once)
        asked = [
            state.config
            for state in agent.get_state_history({"configurable": {"thread_id": "t"}})
            if state.next == ("generate_code",)
        ]
        with pytest.raises(ModelError):
            agent.invoke(None, asked[-2], durability="sync")
    newest = list_checkpoints(everywhere, "t")[0]
    fork = fork_thread(everywhere, "t", at=newest.checkpoint_id)
    assert answer(everywhere, fork.thread_id) == [[1, "travelled"], True, "one", True, "a"]
