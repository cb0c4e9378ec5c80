"""A person who is asked inside an agent is asked by the parent, and a parent that is killed goes on inside it."""

import asyncio
import signal
import subprocess
import sys

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

from lumo_graph import create_lumo_agent
from lumo_graph.checkpoints import aopen_checkpointer, open_checkpointer
from lumo_graph.testing import ScriptedModel
from tests.composition.agents import APPROVE, THREAD, below, both_ways, calling, code, coder, invoke, last, say


@pytest.fixture
def charge(sent):
    """A tool that a person must allow."""

    def charge(amount: int) -> int:
        """Charge an amount."""
        sent.append(f"charged {amount}")
        return amount

    return charge


BY_CODE = [code("told = send('first')\npaid = charge(5)\nfinal_answer([told, paid])")]
BY_CALLS = [calling("send", text="first"), calling("charge", amount=5), '["first was sent", 5]']


@pytest.mark.parametrize("memory", [None, True])
@pytest.mark.parametrize(("kind", "replies"), [("code-agent", BY_CODE), ("function-calling", BY_CALLS)])
@both_ways
def test_the_parent_asks_and_its_answer_goes_on_inside(how, kind, replies, memory, send, charge, sent):  # noqa: PLR0917
    agent = create_lumo_agent(
        ScriptedModel(replies), [send, charge], agent_type=kind, interrupt_on={"charge": True}, checkpointer=memory
    )
    graph = below(agent, InMemorySaver())
    (asked,) = invoke(graph, say("go"), THREAD, how=how)["__interrupt__"]
    assert asked.value["action_requests"][0]["args"] == {"amount": 5}
    assert sent == ["first"]
    values = invoke(graph, Command(resume=APPROVE), THREAD, how=how)
    assert last(values) == '["first was sent", 5]'
    assert sent == ["first", "charged 5"]


def test_an_answer_may_say_otherwise(send, charge, sent):
    agent = coder(*BY_CODE, tools=[send, charge], interrupt_on={"charge": True})
    graph = below(agent, InMemorySaver())
    graph.invoke(say("go"), THREAD)
    edited = {"type": "edit", "edited_action": {"name": "charge", "args": {"amount": 7}}}
    assert last(graph.invoke(Command(resume=edited), THREAD)) == '["first was sent", 7]'
    assert sent == ["first", "charged 7"]


def test_two_levels_down_it_is_the_same(send, charge, sent):
    agent = coder(*BY_CODE, tools=[send, charge], interrupt_on={"charge": True})
    graph = below(below(agent), InMemorySaver(), node="outer")
    assert len(graph.invoke(say("go"), THREAD)["__interrupt__"]) == 1
    assert last(graph.invoke(Command(resume=APPROVE), THREAD)) == '["first was sent", 5]'
    assert sent == ["first", "charged 5"]


def test_several_questions_one_after_the_other_make_no_call_again(charge, sent):
    replies = [code("paid = [charge(n) for n in range(4)]\nfinal_answer(sum(paid))")]
    graph = below(coder(*replies, tools=[charge], interrupt_on={"charge": True}), InMemorySaver())
    graph.invoke(say("go"), THREAD)
    for count in range(1, 5):
        values = graph.invoke(Command(resume=APPROVE), THREAD)
        assert len(sent) == count
    assert last(values) == "6"


@both_ways
def test_another_process_may_answer(store, how, send, charge, sent):
    def graph(saver, *replies):
        return below(coder(*replies, tools=[send, charge], interrupt_on={"charge": True}), saver)

    async def go():
        async with aopen_checkpointer(store) as saver:
            assert "__interrupt__" in await graph(saver, *BY_CODE).ainvoke(say("go"), THREAD)
        async with aopen_checkpointer(store) as saver:  # a new agent: nothing of the first is left
            return await graph(saver).ainvoke(Command(resume=APPROVE), THREAD)

    if how == "async":
        values = asyncio.run(go())
    else:
        with open_checkpointer(store) as saver:
            assert "__interrupt__" in graph(saver, *BY_CODE).invoke(say("go"), THREAD)
        with open_checkpointer(store) as saver:
            values = graph(saver).invoke(Command(resume=APPROVE), THREAD)
    assert last(values) == '["first was sent", 5]'
    assert sent == ["first", "charged 5"]


def test_the_parent_may_stop_before_the_agent_and_the_agent_before_its_code(send, sent):
    agent = coder(code("final_answer(send('x'))"), tools=[send])
    builder = StateGraph(MessagesState)
    builder.add_node("analyst", agent.copy({"interrupt_before_nodes": ["execute"]}))
    builder.add_edge(START, "analyst")
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["analyst"])
    graph.invoke(say("go"), THREAD)
    assert graph.get_state(THREAD).next == ("analyst",)
    graph.invoke(None, THREAD)
    assert graph.get_state(THREAD, subgraphs=True).tasks[0].state.next == ("execute",)
    assert sent == []
    assert last(graph.invoke(None, THREAD)) == "x was sent"


KILLED = '''
import asyncio, os, pathlib, signal, sys

from langgraph.graph import START, MessagesState, StateGraph

from lumo_graph import create_lumo_agent
from lumo_graph.checkpoints import aopen_checkpointer, open_checkpointer
from lumo_graph.testing import ScriptedModel

FOLDER, what, store = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
memory = {"None": None, "True": True}[sys.argv[5]]
THREAD = {"configurable": {"thread_id": "t"}}


def note(text: str) -> str:
    """Note a text."""
    with open(FOLDER / "notes", "a") as file:
        file.write(text + "\\n")
    if text == "die" and not (FOLDER / "died").exists():
        (FOLDER / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return text


codes = ["kept = note('a')", "kept += note('b')\\nkept += note('die')", "final_answer(kept)"]
replies = [f"```python\\n{code}\\n```" for code in codes]
agent = create_lumo_agent(
    ScriptedModel(replies if what == "run" else replies[2:]), [note], agent_type="code-agent", checkpointer=memory
)
builder = StateGraph(MessagesState)
builder.add_node("before", lambda _: note("before") and {})
builder.add_node("analyst", agent)
builder.add_edge(START, "before").add_edge("before", "analyst")
given = {"messages": [("user", "go")]} if what == "run" else None


async def go():
    async with aopen_checkpointer(store) as saver:
        return await builder.compile(checkpointer=saver).ainvoke(given, THREAD)


if sys.argv[4] == "async":
    values = asyncio.run(go())
else:
    with open_checkpointer(store) as saver:
        values = builder.compile(checkpointer=saver).invoke(given, THREAD)
print(values["messages"][-1].text)
'''


@pytest.mark.parametrize(("how", "memory"), [("sync", None), ("async", True)])
def test_a_parent_that_is_killed_inside_an_action_goes_on_there_in_another_process(tmp_path, store, how, memory):
    def drive(what):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), what, store, how, str(memory)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout.strip(), done.stderr

    assert drive("run")[0] == -signal.SIGKILL
    status, said, errors = drive("resume")
    assert (status, said) == (0, "abdie"), errors
    # The call that the kill cut short is made again; those that had returned, in this action too, are not.
    assert (tmp_path / "notes").read_text().split() == ["before", "a", "b", "die", "die"]
