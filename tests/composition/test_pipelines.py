"""An agent as a Runnable: in chains, in batches, with retries and fallbacks, and copies of it."""

import asyncio
import copy
import pickle

import pytest
from langchain_core._api import LangChainBetaWarning
from langchain_core.runnables import RunnableLambda, RunnableParallel
from langgraph.checkpoint.memory import InMemorySaver

from lumo_graph.errors import ModelError
from lumo_graph.lumo_agent import LumoAgent
from lumo_graph.models import RetryPolicy
from tests.composition.agents import THREAD, below, both_ways, code, coder, last, say

ONCE = RetryPolicy(attempts=1)


def echo(messages):
    return code(f"final_answer({messages[-1].text!r})")


def asking(number):
    return {"task": f"t{number}"}


def answer(values):
    return values["answer"]


@pytest.fixture
def chain():
    return RunnableLambda(asking) | coder(*[echo] * 12) | answer


@both_ways
def test_a_chain_gets_its_answers(how, chain):
    assert (chain.invoke(1) if how == "sync" else asyncio.run(chain.ainvoke(1))) == "t1"


@both_ways
def test_a_chain_in_batches_keeps_the_order(how, chain):
    few = {"max_concurrency": 2}
    batch = chain.batch(range(5), few) if how == "sync" else asyncio.run(chain.abatch(range(5), few))
    assert batch == [f"t{number}" for number in range(5)]


@both_ways
def test_a_chain_in_batches_as_they_are_done_says_which_is_which(how, chain):
    async def go():
        return [done async for done in chain.abatch_as_completed(range(5))]

    done = list(chain.batch_as_completed(range(5))) if how == "sync" else asyncio.run(go())
    assert sorted(done) == [(number, f"t{number}") for number in range(5)]


@both_ways
def test_a_chain_that_is_streamed_gets_the_whole_result_too(how, chain):
    """LangGraph's own graphs hand the next part of a streamed chain the update of their last node."""

    async def go():
        return [part async for part in chain.astream(1)]

    assert (list(chain.stream(1)) if how == "sync" else asyncio.run(go())) == ["t1"]


def test_a_chain_of_two_agents(chain):
    assert (chain | (lambda text: {"task": text + "!"}) | coder(echo) | answer).invoke(1) == "t1!"


def test_one_that_fails_in_a_batch_is_an_error_in_its_place():
    def fails(messages):
        return ConnectionError("down") if messages[-1].text == "t1" else echo(messages)

    agent = coder(*[fails] * 3, retry=ONCE)
    results = agent.batch([asking(number) for number in range(3)], return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["dict", "ModelError", "dict"]


def test_agents_beside_each_other_and_over_a_list(chain):
    assert RunnableParallel(one=chain, two=chain).invoke(1) == {"one": "t1", "two": "t1"}
    assert chain.map().invoke([1, 2]) == ["t1", "t2"]
    assert coder(echo).pick("answer").invoke(asking(3)) == "t3"
    assert coder(echo).assign(count=lambda values: len(values["steps"])).invoke(asking(3))["count"] == 1


@both_ways
def test_a_chain_is_a_node_too(how, chain):
    def ask(state):
        return int(last(state))

    node = RunnableLambda(ask) | chain | say
    graph = below(node, InMemorySaver())
    values = graph.invoke(say("7"), THREAD) if how == "sync" else asyncio.run(graph.ainvoke(say("7"), THREAD))
    assert last(values) == "t7"


def test_a_retry_makes_a_new_run():
    agent = coder(code("x = 1"), ConnectionError("down"), code("final_answer('x' in globals())"), retry=ONCE)
    retried = agent.with_retry(retry_if_exception_type=(ModelError,), wait_exponential_jitter=False)
    assert retried.invoke(asking(1))["answer"] is False


def test_with_a_thread_a_retry_goes_on_in_it():
    agent = coder(
        code("x = 1"), ConnectionError("down"), code("final_answer(x)"), retry=ONCE, checkpointer=InMemorySaver()
    )
    retried = agent.with_retry(wait_exponential_jitter=False)
    assert retried.invoke(asking(1), THREAD)["answer"] == 1


@both_ways
def test_another_agent_takes_over_where_one_fails(how):
    chain = coder(ConnectionError("down"), retry=ONCE).with_fallbacks([coder(echo)])
    values = chain.invoke(asking(1)) if how == "sync" else asyncio.run(chain.ainvoke(asking(1)))
    assert values["answer"] == "t1"


def test_bound_arguments_and_types_are_passed_on():
    modes = coder(echo).bind(stream_mode="updates").invoke(asking(1))
    assert "prepare" in modes[0]
    assert coder(echo).with_types(input_type=dict).invoke(asking(1))["answer"] == "t1"


def test_as_a_tool_it_takes_a_task():
    with pytest.warns(LangChainBetaWarning):
        tool = coder(echo).as_tool(name="asks", description="Asks an agent.", arg_types={"task": str})
    assert list(tool.args) == ["task"]
    assert tool.invoke({"task": "t1"})["answer"] == "t1"


def test_its_fields_are_no_choices_of_langchains():
    """Only what derives from RunnableSerializable has them, and no graph does: choose with a branch or an input."""
    assert not hasattr(coder(), "configurable_fields")
    assert not hasattr(coder(), "configurable_alternatives")


def test_with_another_config_it_is_an_agent_still():
    agent = coder(code("final_answer(1)"), name="analyst", checkpointer=InMemorySaver())
    bound = agent.with_config(configurable={"thread_id": "t"}, tags=["mine"])
    assert isinstance(bound, LumoAgent)
    assert (bound.name, bound.checkpointer) == ("analyst", agent.checkpointer)
    assert bound.invoke(asking(1))["answer"] == 1
    assert agent.get_state(THREAD).values["answer"] == 1


@pytest.mark.parametrize("copied", [lambda agent: agent.copy(), copy.copy, copy.deepcopy])
def test_a_copy_is_an_agent_on_the_same_threads(copied):
    agent = coder(code("held = (n for n in range(9))"), code("final_answer(next(held))"), checkpointer=InMemorySaver())
    with pytest.raises(Exception, match="Recursion limit"):
        agent.invoke(asking(1), {**THREAD, "recursion_limit": 6})
    other = copied(agent)
    assert type(other) is LumoAgent
    assert other.invoke(None, THREAD)["answer"] == 0  # the session is the same one: a generator cannot be stored


def test_a_copy_may_have_another_store():
    saver = InMemorySaver()
    agent = coder(code("final_answer(1)")).copy({"checkpointer": saver})
    agent.invoke(asking(1), THREAD)
    assert saver.get_tuple(THREAD) is not None


def test_pickling_says_what_to_do_instead():
    with pytest.raises(TypeError, match="'analyst' cannot be pickled: .* Create it in every process"):
        pickle.dumps(coder(name="analyst"))


def test_it_is_drawn_within_its_parent():
    graph = below(coder(), node="analyst").get_graph(xray=True)
    assert {f"analyst:{name}" for name in ("prepare", "execute", "answer")} <= set(graph.nodes)
    assert "subgraph analyst" in graph.draw_mermaid()
    assert set(below(coder()).get_graph().nodes) == {"__start__", "analyst", "__end__"}
