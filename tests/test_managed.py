"""Agents that call agents: in code and by function calling, through crashes, approvals and limits."""

import signal
import subprocess
import sys
import threading

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from lumo_graph import Limits, arun, create_lumo_agent, resume, run, stream
from lumo_graph.draining import request_drain
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.managed import Agent
from lumo_graph.testing import ScriptedModel


def code(text):
    return f"```python\n{text}\n```"


def asking(*tasks, name="helper"):
    return AIMessage("", tool_calls=[{"name": name, "args": {"task": t}, "id": f"c{n}"} for n, t in enumerate(tasks)])


def coder(*replies, tools=(), **options):
    return create_lumo_agent(ScriptedModel(list(replies)), tools, agent_type="code-agent", **options)


def helper(*replies, **options):
    return Agent("helper", "Helps with sums.", coder(*replies, **options))


def test_code_calls_an_agent_as_a_function_and_gets_its_answer_as_a_python_object():
    model = ScriptedModel([code("found = helper('two primes')\nfinal_answer(sum(found['primes']))")])
    agents = [helper(code("final_answer({'primes': [2, 3]})"))]
    result = run("x", model, agents=agents, agent_type="code-agent")
    assert result.answer == 5
    assert [(call.name, call.args) for call in result.steps[0].calls] == [("helper", {"task": "two primes"})]
    assert "def helper(task: str)" in model.calls[0][0].text
    assert "Helps with sums." in model.calls[0][0].text


def test_a_function_calling_model_calls_several_at_once():
    inner = helper(*[lambda messages: code(f"final_answer('{messages[-1].text} done')") for _ in range(2)])
    model = ScriptedModel([asking("a", "b"), "Both are done."])
    result = run("x", model, agents=[inner])
    assert result.answer == "Both are done."
    assert sorted(call.preview for call in result.steps[0].calls) == ["'a done'", "'b done'"] or sorted(
        call.preview for call in result.steps[0].calls
    ) == ["a done", "b done"]


@pytest.mark.anyio
async def test_they_work_on_an_event_loop():
    model = ScriptedModel([code("final_answer([helper(task) for task in 'ab'])")])
    agents = [helper(code("final_answer(1)"), code("final_answer(2)"))]
    assert (await arun("x", model, agents=agents, agent_type="code-agent")).answer == [1, 2]


def test_an_agent_may_be_any_graph_with_messages():
    def reply(state):
        return {"messages": [AIMessage(f"You said {state['messages'][-1].text}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("reply", reply)
    builder.add_edge(START, "reply")
    builder.add_edge("reply", END)
    agents = [Agent("parrot", "Repeats.", builder.compile())]
    model = ScriptedModel([code("final_answer(parrot('hello'))")])
    assert run("x", model, agents=agents, agent_type="code-agent").answer == "You said hello."


def test_agents_of_agents():
    lead = Agent(
        "lead", "Leads.", coder(code("final_answer(helper('one') + 1)"), agents=[helper(code("final_answer(1)"))])
    )
    assert (
        run("x", ScriptedModel([code("final_answer(lead('two') + 1)")]), agents=[lead], agent_type="code-agent").answer
        == 3
    )


def test_an_agent_that_fails_is_an_error_that_the_code_sees():
    model = ScriptedModel([code("try:\n    helper('x')\nexcept Exception as error:\n    final_answer(str(error))")])
    agents = [helper("three", "still three", limits=Limits(max_steps=1), response_format=int)]
    result = run("x", model, agents=agents, agent_type="code-agent")
    assert result.answer == "helper has stopped without an answer (max_steps)."


def test_what_they_use_counts_for_the_caller():
    agents = [helper(code("1"), code("final_answer(1)"))]
    result = run("x", ScriptedModel([code("final_answer(helper('x'))")]), agents=agents, agent_type="code-agent")
    alone = run("x", ScriptedModel([code("final_answer(1)")]), agent_type="code-agent")
    assert result.usage.model_calls == 3
    assert result.usage.total_tokens > 2 * alone.usage.total_tokens


def test_they_may_use_what_the_caller_has_left(send, sent):
    agents = [helper(code("send('a')\nsend('b')\nsend('c')"), "No more.", tools=[send])]
    model = ScriptedModel([code("print(helper('x'))"), "Over."])
    result = run("x", model, agents=agents, agent_type="code-agent", limits=Limits(max_tool_calls=3))
    assert sent == ["a", "b"]
    assert result.outcome == "budget"


def test_the_time_they_take_is_not_time_of_the_action():
    slow = [lambda _: threading.Event().wait(1.0) or code("final_answer(1)")]
    limits = Limits(action_seconds=0.6)
    model = ScriptedModel([code("final_answer(helper('x'))")])
    assert run("x", model, agents=[helper(*slow)], agent_type="code-agent", limits=limits).answer == 1
    model = ScriptedModel([asking("x"), "One."])
    assert run("x", model, agents=[helper(*slow)], limits=limits).steps[0].calls[0].ok


def test_code_that_goes_on_after_an_agent_still_has_a_limit():
    model = ScriptedModel([code("helper('x')\nwhile True: pass"), "So be it."])
    agents = [helper(lambda _: threading.Event().wait(0.5) or code("final_answer(1)"))]
    result = run("x", model, agents=agents, agent_type="code-agent", limits=Limits(action_seconds=0.4))
    assert result.steps[0].error == "TimeoutError"
    assert 0.8 < result.steps[0].seconds < 10


def test_a_call_that_has_returned_is_not_made_again_and_one_that_was_cut_short_goes_on_where_it_was(send, sent):
    saver, crash = InMemorySaver(), [True]

    def fragile(n: int) -> int:
        """Fragile."""
        sent.append(f"fragile {n}")
        if crash.pop() if crash else False:
            raise KeyboardInterrupt
        return n

    def agents():
        return [
            Agent("first", "First.", coder(code("send('first')\nfinal_answer(1)"), tools=[send])),
            Agent(
                "second",
                "Second.",
                coder(code("kept = 5\nsend('second')"), code("final_answer(fragile(kept))"), tools=[send, fragile]),
            ),
        ]

    options = {"checkpointer": saver, "agents": agents()}
    with pytest.raises(KeyboardInterrupt):
        run(
            "x",
            ScriptedModel([code("final_answer([first('a'), second('b')])")]),
            agent_type="code-agent",
            thread_id="t",
            **options,
        )
    assert sent == ["first", "second", "fragile 5"]
    result = resume("t", ScriptedModel([]), **options)
    assert result.answer == [1, 5]
    assert sent == ["first", "second", "fragile 5", "fragile 5"]
    assert [call.replayed for call in result.steps[0].calls] == [True, False]
    assert result.usage.model_calls == 4


def test_who_is_asked_inside_is_asked_by_the_caller(send, sent):
    inner = helper(code("final_answer(send('hello'))"), tools=[send], interrupt_on={"send": True})
    options = {"agents": [inner], "checkpointer": InMemorySaver()}
    asked = run(
        "x",
        ScriptedModel([code("a = 1\nfinal_answer(helper('say hello'))")]),
        agent_type="code-agent",
        thread_id="t",
        **options,
    )
    assert asked.outcome == "interrupted"
    assert asked.pending[0]["agent"] == "helper"
    assert asked.pending[0]["action_requests"][0]["args"] == {"text": "hello"}
    done = resume("t", ScriptedModel([]), decision={"type": "approve"}, question=asked.pending[0]["id"], **options)
    assert (done.answer, sent) == ("hello was sent", ["hello"])


def test_an_answer_goes_to_the_agent_that_asked_and_not_to_the_caller(send, sent):
    """Both have a rule, and call at once."""
    inner = helper(code("final_answer(send('inner'))"), tools=[send], interrupt_on={"send": True})
    program = """
import threading
threads = [threading.Thread(target=helper, args=("x",)), threading.Thread(target=send, args=("outer",))]
for thread in threads: thread.start()
for thread in threads: thread.join()
final_answer("done")
"""
    options = {"agents": [inner], "tools": [send], "checkpointer": InMemorySaver(), "interrupt_on": {"send": True}}
    result = run("x", ScriptedModel([code(program)]), agent_type="code-agent", thread_id="t", **options)
    asked = []
    for _ in range(2):
        (waiting,) = result.pending
        asked.append((waiting.get("agent"), waiting["action_requests"][0]["args"]["text"]))
        result = resume("t", ScriptedModel([]), decision={"type": "approve"}, **options)
        assert {*sent} <= {text for _, text in asked}
    assert result.answer == "done"
    assert sorted(asked, key=str) == [("helper", "inner"), (None, "outer")]
    assert sorted(sent) == ["inner", "outer"]


def test_one_that_was_rejected_inside_is_an_error_there(send, sent):
    inner = helper(
        code("try:\n    send('hello')\nexcept Exception as error:\n    final_answer(str(error))"),
        tools=[send], interrupt_on={"send": True},
    )  # fmt: skip
    options = {"agents": [inner], "checkpointer": InMemorySaver()}
    run("x", ScriptedModel([asking("x"), "No."]), thread_id="t", **options)
    done = resume("t", ScriptedModel(["No."]), decision={"type": "reject", "message": "too loud"}, **options)
    assert (done.answer, sent) == ("No.", [])
    assert "too loud" in done.steps[0].calls[0].preview


def test_two_agents_at_once_may_both_ask_and_each_gets_its_own_answer(send, sent):
    names, rule = ("ann", "bob"), {"send": True}
    agents = [
        Agent(name, "Says its name.", coder(code(f"final_answer(send('{name}'))"), tools=[send], interrupt_on=rule))
        for name in names
    ]
    options = {"agents": agents, "checkpointer": InMemorySaver()}
    both = AIMessage("", tool_calls=[{"name": name, "args": {"task": "x"}, "id": name} for name in names])
    result = run("x", ScriptedModel([both]), thread_id="t", **options)
    for _ in names:
        who = result.pending[0]["agent"]
        answer = {"type": "respond", "message": f"for {who}"}
        result = resume("t", ScriptedModel(["Done."]), decision=answer, question=result.pending[0]["id"], **options)
    assert result.answer == "Done."
    assert {call.name: call.preview for call in result.steps[0].calls} == {"ann": "for ann", "bob": "for bob"}
    assert sent == []


def test_a_graph_of_ones_own_that_asks_by_itself_is_answered_too():
    def ask(state):
        return {"messages": [AIMessage(f"A person said {interrupt('What now?')}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    agent = coder(
        code("final_answer([oracle('a'), oracle('b')])"),
        agents=[Agent("oracle", "Asks.", builder.compile())],
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "t"}}
    agent.invoke({"task": "x"}, config)
    agent.invoke(Command(resume="go"), config)
    state = agent.invoke(Command(resume="stop"), config)
    assert state["answer"] == ["A person said go.", "A person said stop."]


def test_without_a_store_an_agent_that_must_ask_cannot_be_had(send):
    inner = helper(code("final_answer(send('x'))"), tools=[send], interrupt_on={"send": True})
    with pytest.raises(ConfigurationError, match="interrupt_on needs a checkpointer"):
        run("x", ScriptedModel([code("helper('x')")]), agents=[inner], agent_type="code-agent")


@pytest.mark.parametrize("reply", [code("final_answer(helper('x'))"), asking("x")], ids=["code", "function-calling"])
def test_when_a_provider_fails_inside_the_run_ends_and_goes_on_there(reply):
    def fail(_):
        raise RuntimeError("no answer")

    kind = "code-agent" if isinstance(reply, str) else "function-calling"
    options = {"checkpointer": InMemorySaver()}
    with pytest.raises(ModelError) as failure:
        run(
            "x", ScriptedModel([reply]), agent_type=kind, agents=[helper(code("a = 1"), fail)], thread_id="t", **options
        )
    assert failure.value.thread_id == "t"
    later = ScriptedModel([] if kind == "code-agent" else ["1"])
    result = resume("t", later, agents=[helper(code("final_answer(a)"))], **options)
    assert result.answer in {1, "1"}
    assert result.usage.model_calls == 3 + len(later.calls)


@pytest.mark.parametrize("reply", [code("final_answer(helper('x'))"), asking("x")], ids=["code", "function-calling"])
@pytest.mark.parametrize("kept", ["agent", "nothing"])
def test_a_question_from_inside_is_not_lost_where_what_led_to_it_is_missing(send, sent, reply, kept):
    def agents(*tools):
        rule = {"send": True} if tools else None
        return [helper(code("final_answer(send('hello'))"), tools=tools, interrupt_on=rule)]

    kind, saver = "code-agent" if isinstance(reply, str) else "function-calling", InMemorySaver()
    run("x", ScriptedModel([reply]), agent_type=kind, agents=agents(send), checkpointer=saver, thread_id="t")
    approve = {"decision": {"type": "approve"}, "checkpointer": saver}
    with pytest.raises(ConfigurationError, match="resume with the tools that the run was started with"):
        resume("t", ScriptedModel([]), agents=agents() if kept == "agent" else [], **approve)
    later = ScriptedModel([] if kind == "code-agent" else ["Sent."])
    assert resume("t", later, agents=agents(send), **approve).outcome == "answered"
    assert sent == ["hello"]


@pytest.mark.parametrize("first", ["helper", "send"])
def test_below_a_graph_that_names_no_question_an_answer_goes_to_who_has_asked(send, sent, first):
    """A parent's answer has no id; both the agent and the one that it calls would take it."""
    waits = {"helper": 0.0, "send": 0.0, first: 0.3}  # who asks later is there first when the action runs again

    def slow(_):
        threading.Event().wait(0.6)
        return code("final_answer(send('inner'))")

    inner = helper(slow, tools=[send], interrupt_on={"send": True})
    program = f"""
import threading, time
done = {{}}
def call(wait, tool, text):
    time.sleep(wait)
    done[text] = tool(text)
threads = [threading.Thread(target=call, args=args) for args in [
    ({waits["helper"]}, helper, "task"), ({waits["send"]}, send, "outer")]]
for thread in threads: thread.start()
for thread in threads: thread.join()
final_answer([done["task"], done["outer"]])
"""
    rule = {"send": True}
    lead = coder(code(program), tools=[send], agents=[inner], interrupt_on=rule, response_format=list[str])
    builder = StateGraph(MessagesState)
    builder.add_node("lead", lead)
    builder.add_edge(START, "lead")
    builder.add_edge("lead", END)
    graph, config = builder.compile(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "t"}}
    state, asked = graph.invoke({"messages": [("user", "go")]}, config), []
    while waiting := state.get("__interrupt__"):
        asked.append(waiting[0].value.get("agent"))
        assert len(asked) <= 2
        answer = {"type": "respond", "message": f"for {asked[-1]}"}
        state = graph.invoke(Command(resume=answer), config)
    assert sorted(asked, key=str) == [None, "helper"]
    assert state["messages"][-1].text == '["for helper", "for None"]'
    assert sent == []


def test_events_say_whose_they_are(send):
    program = "print('inside')\nfinal_answer(send('x'))"
    model = ScriptedModel([code("print('outside')\nhelper('x')"), "Done."])
    agents = [helper(code(program), tools=[send])]
    events = [e for e in stream("x", model, agents=agents, agent_type="code-agent") if hasattr(e, "agent")]
    assert [(e.agent, e.type) for e in events if e.agent] == [
        ("helper", kind) for kind in ("code", "output", "tool_call", "tool_result")
    ]
    assert [e.code for e in events if e.type == "code" and e.agent] == [program]
    assert [(e.agent, e.name) for e in events if e.type == "tool_call"] == [(None, "helper"), ("helper", "send")]
    assert [e.text.strip() for e in events if e.type == "output" and not e.agent] == ["outside"]


@pytest.mark.parametrize(
    ("agents", "says"),
    [
        ("helper", "must be a list of Agent"),
        ([coder()], "is not an agent that can be called"),
        ([Agent("helper", "Helps.", object())], "is not a compiled graph but object"),
        ([Agent("helper", " ", coder())], "has no description"),
        ([Agent("my helper", "Helps.", coder())], "is not a Python name"),
        ([Agent("print", "Prints.", coder())], "builtin"),
        ([Agent("a", "A.", coder()), Agent("a", "A.", coder())], "Two tools are named 'a'"),
        ([Agent(5, "Helps.", coder())], "must be a Python name, such as 'researcher', not 5"),
        ([Agent("helper", "Helps.", coder(checkpointer=InMemorySaver()))], "has a checkpointer of its own"),
        ([Agent("helper", "Helps.", coder(checkpointer=False))], r"checkpointer of its own \(checkpointer=False\)"),
    ],
)
def test_what_cannot_be_called_is_refused_before_any_work(agents, says):
    with pytest.raises(ConfigurationError, match=says):
        create_lumo_agent(ScriptedModel([]), agents=agents)


def test_a_graph_of_ones_own_may_keep_what_it_likes_under_the_names_that_an_agent_uses():
    class Own(MessagesState):
        usage: dict[str, int]
        steps: list[str]

    builder = StateGraph(Own)
    builder.add_node("work", lambda _: {"messages": [AIMessage("Done.")], "usage": {"pages": 3}, "steps": ["read"]})
    builder.add_edge(START, "work")
    builder.add_edge("work", END)
    model = ScriptedModel([code("final_answer(reader('x'))")])
    agents = [Agent("reader", "Reads.", builder.compile())]
    assert run("x", model, agents=agents, agent_type="code-agent").answer == "Done."


def test_an_empty_task_is_an_error_that_the_model_can_mend():
    model = ScriptedModel([code("helper(' ')"), "Nothing to do."])
    result = run("x", model, agents=[helper()], agent_type="code-agent")
    assert "The task of helper is empty." in result.steps[0].observation


@pytest.mark.parametrize("limits", [Limits(max_tokens=100), Limits(max_seconds=0.2)], ids=["tokens", "seconds"])
def test_where_nothing_is_left_no_agent_is_called(limits):
    program = """
import time
time.sleep(0.3)
for _ in range(5):
    try:
        helper("x")
    except RuntimeError as error:
        print(error)
"""
    inner = ScriptedModel([])
    agents = [Agent("helper", "Helps.", create_lumo_agent(inner, agent_type="code-agent"))]
    model = ScriptedModel([code(program), *(["Over."] if limits.max_tokens is None else [])])
    result = run("x", model, agents=agents, agent_type="code-agent", limits=limits)
    assert (inner.calls, result.outcome) == ([], "budget")
    assert result.steps[0].observation.count("is reached, so helper was not called") == 5


def test_an_agent_that_was_drained_works_on_as_before(sent):
    """Its actions are stopped, not the agent: a later one that takes too long is told to the model."""

    def wait() -> None:
        """Wait."""
        if not sent:
            sent.append("drained")
            request_drain(grace_seconds=0)
            threading.Event().wait(1.0)

    replies = [code("wait()\nimport time\ntime.sleep(0.5)"), code("while True: pass"), code("final_answer('fine')")]
    agents = [helper(*replies, tools=[wait], limits=Limits(action_seconds=2))]
    options = {"agents": agents, "checkpointer": InMemorySaver()}
    model = ScriptedModel([code("final_answer(helper('x'))")])
    assert run("x", model, agent_type="code-agent", thread_id="t", **options).outcome == "interrupted"
    assert resume("t", ScriptedModel([]), **options).answer == "fine"


@pytest.mark.parametrize("why", ["left", "undone"])
def test_an_agent_that_nobody_waits_for_any_more_is_ended(send, sent, why):
    """A stream is left, or the action that calls is undone: nothing of the agent goes on behind its back."""
    asked = []

    def begin(_):
        return code("import time\nsend('begun')\ntime.sleep(1.5)\nsend('later')")

    def go_on(_):
        asked.append("again")
        return code("final_answer(1)")

    agents = [helper(begin, go_on, tools=[send])]
    program = "import os, threading, time\nthreading.Thread(target=helper, args=('x',)).start()\n" + (
        "time.sleep(60)" if why == "left" else "while not begun(): time.sleep(0.02)\nos._exit(1)"
    )

    def begun() -> bool:
        """Whether it has begun."""
        return bool(sent)

    options = {"agents": agents, "tools": [begun], "checkpointer": InMemorySaver()}
    events = stream("x", ScriptedModel([code(program), "Over."]), agent_type="code-agent", thread_id="t", **options)
    for event in events:
        if why == "left" and event.type == "tool_result" and event.agent:
            events.close()
    threading.Event().wait(2.5)
    assert (sent, asked) == (["begun"], [])


@pytest.mark.parametrize("stored", [True, False])
def test_an_agent_that_a_function_call_waits_for_takes_no_next_step_when_the_stream_is_left(send, sent, stored):
    asked = []

    def go_on(_):
        asked.append("again")
        return code("final_answer(1)")

    inner = helper(code("import time\nsend('begun')\ntime.sleep(0.5)"), go_on, tools=[send])
    options = {"checkpointer": InMemorySaver(), "thread_id": "t"} if stored else {}
    events = stream("x", ScriptedModel([asking("x"), "Over."]), agents=[inner], **options)
    for event in events:
        if event.type == "tool_result" and event.agent:
            events.close()
    threading.Event().wait(1.0)
    assert (sent, asked) == (["begun"], [])


KILLED = '''
import asyncio, os, pathlib, signal, sys

from lumo_graph import arun, create_lumo_agent, resume, run
from lumo_graph.managed import Agent
from lumo_graph.runs import aresume
from lumo_graph.testing import ScriptedModel

FOLDER, store, loop = pathlib.Path(sys.argv[1]), sys.argv[3], sys.argv[4] == "async"


def code(text):
    return f"```python\\n{text}\\n```"


def note(text: str) -> str:
    """Note a text."""
    with open(FOLDER / "notes", "a") as file:
        file.write(text + "\\n")
    if text == "die" and not (FOLDER / "died").exists():
        (FOLDER / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return text


first = [code("kept = note('inner')"), code("kept += note('die')"), code("final_answer(kept)")]
inner = first if sys.argv[2] == "run" else first[2:]
agents = [Agent("helper", "Helps.", create_lumo_agent(ScriptedModel(inner), [note], agent_type="code-agent"))]
options = {"tools": [note], "agents": agents, "checkpointer": store}
if sys.argv[2] == "run":
    outer = [code("before = note('outer')\\nfinal_answer(before + helper('x'))")]
    options = {"task": "x", "model": ScriptedModel(outer), "agent_type": "code-agent", "thread_id": "t", **options}
    asyncio.run(arun(**options)) if loop else run(**options)
else:
    options = {"thread_id": "t", "model": ScriptedModel([]), **options}
    result = asyncio.run(aresume(**options)) if loop else resume(**options)
    print(result.answer, result.usage.model_calls)
'''


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_process_that_is_killed_inside_an_agent_goes_on_there_in_another(tmp_path, store, how):
    def drive(what):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(tmp_path), what, store, how],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return done.returncode, done.stdout.strip(), done.stderr

    assert drive("run")[0] == -signal.SIGKILL
    status, said, errors = drive("resume")
    assert (status, said) == (0, "outerinnerdie 4"), errors
    # The call that was cut short by the kill is made again, with its key; those that had returned are not.
    assert (tmp_path / "notes").read_text().split() == ["outer", "inner", "die", "die"]
