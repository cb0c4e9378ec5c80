"""LangGraph's Agent Server serves our graphs: driven from outside through its own SDK."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from tests.platform.agent_server import running_agent_server
from tests.watching import has_ended, processes_below, until

pytestmark = pytest.mark.timeout(300)  # a server that starts on a busy machine takes its time

GRAPHS = ["code_agent", "function_calling", "research_team", "desk", "office"]


def code(text):
    return f"```python\n{text}\n```"


def kill_sessions(server):
    """Kill every jailed process of the server, as a machine short of memory does."""
    for zygote in processes_below(server.process.pid):
        with suppress(OSError):  # it may end while we look
            if "lumo_graph.executors.worker.zygote" in Path(f"/proc/{zygote}/cmdline").read_text():
                for process in (zygote, *processes_below(zygote)):
                    os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="module")
def started(platform_bin, tmp_path_factory):
    options = ["--no-reload", "--n-jobs-per-worker", "4"]
    with running_agent_server(platform_bin, tmp_path_factory.mktemp("agent_server") / "home", options) as server:
        yield server


@pytest.fixture
def server(started):
    """The server, of which nothing may have blocked the event loop."""
    before = len(started.log)
    yield started
    assert "Blocking call" not in started.log[before:]


@pytest.fixture
def thread(server):
    return server.client.threads.create()["thread_id"]


def test_blocking_calls_would_be_noticed(started):
    before = len(started.log)
    result = started.client.runs.wait(None, "blocking", input={"messages": []}, raise_error=False)
    assert result["__error__"]["error"] == "BlockingError"
    assert "Blocking call to time.sleep" in started.log[before:]


@pytest.mark.parametrize("graph", GRAPHS)
def test_its_schemas_say_what_every_field_is(server, graph):
    assistant = server.client.assistants.search(graph_id=graph)[0]
    schemas = server.client.assistants.get_schemas(assistant["assistant_id"])
    for kind, fields in {
        "input_schema": {"task", "messages", "agent_type", "history", "limits"},
        "output_schema": {"answer", "outcome", "steps", "messages", "usage", "isolation", "artifacts"},
        "context_schema": {"agent_type", "limits", "system_prompt"},
        "config_schema": {"agent_type", "limits", "system_prompt"},
    }.items():
        schema = schemas[kind]
        assert set(schema["properties"]) == fields
        assert schema["description"]
        assert all(field.get("description") for field in schema["properties"].values()), kind
    assert {"run", "counters", "namespace", "variables", "messages"} <= set(schemas["state_schema"]["properties"])


def test_assistants_of_one_graph_work_each_in_its_own_way(server):
    create = server.client.assistants.create
    brief = create("code_agent", context={"agent_type": "function-calling", "system_prompt": "Be brief."})
    careful = create("code_agent", context={"limits": {"max_steps": 1}})
    older = create("code_agent", config={"configurable": {"agent_type": "function-calling"}})
    with server.scripted("42", code("x = 1"), "Nothing yet.", "43") as model:
        first = server.client.runs.wait(None, brief["assistant_id"], input={"task": "6 * 7?"})
        second = server.client.runs.wait(None, careful["assistant_id"], input={"task": "6 * 7?"})
        third = server.client.runs.wait(None, older["assistant_id"], input={"task": "6 * 7 + 1?"})
    assert (first["answer"], first["outcome"]) == ("42", "answered")
    assert "Be brief." in model.requests[0].body["messages"][0]["content"]
    assert "Be brief." not in model.requests[1].body["messages"][0]["content"]
    assert (second["answer"], second["outcome"]) == ("Nothing yet.", "max_steps")
    assert (third["answer"], third["outcome"]) == ("43", "answered")


def test_a_context_that_cannot_be_used_is_named(server):
    wrong = server.client.assistants.create("code_agent", context={"agent_type": "coder"})
    result = server.client.runs.wait(None, wrong["assistant_id"], input={"task": "x"}, raise_error=False)
    assert "Unknown agent_type 'coder'" in str(result["__error__"])


def test_variables_last_from_run_to_run_of_one_thread(server, thread):
    other = server.client.threads.create()["thread_id"]
    with server.scripted(
        code("x = [20]\nfinal_answer(x)"),
        code("x.append(1)\nfinal_answer(sum(x))"),
        code("final_answer('x' in globals())"),
    ):
        results = [
            server.client.runs.wait(place, "code_agent", input={"task": "next"}) for place in (thread, thread, other)
        ]
    assert [result["answer"] for result in results] == [[20], 21, False]
    assert results[1]["isolation"]["tier"] in {"full", "reduced", "basic", "none"}


def test_they_come_back_from_the_checkpoint_where_the_session_is_gone(server, thread):
    add = code("final_answer(x + 1)")
    with server.scripted(code("x = 20\nfinal_answer(x)"), add, add):
        server.client.runs.wait(thread, "code_agent", input={"task": "keep it"})
        kill_sessions(server)
        result = server.client.runs.wait(thread, "code_agent", input={"task": "add one"})
    assert (result["answer"], result["steps"][-1]["restore"]) == (21, "snapshot")


def test_runs_at_once_do_not_meet(server):
    def double(body):
        return code(f"import time\ntime.sleep(0.2)\nfinal_answer(2 * {body['messages'][-1]['content']})")

    threads = [server.client.threads.create()["thread_id"] for _ in range(6)]
    with server.scripted(*[double] * 6):
        runs = [
            server.client.runs.create(thread, "code_agent", input={"task": str(number)})
            for number, thread in enumerate(threads)
        ]
        results = [server.client.runs.join(thread, run["run_id"]) for thread, run in zip(threads, runs, strict=True)]
    assert [result["answer"] for result in results] == [0, 2, 4, 6, 8, 10]


def test_every_mode_streams(server, thread):
    modes = ["values", "updates", "custom", "messages-tuple"]
    with server.scripted(code("print('on its way')\nfinal_answer(42)")):
        parts = [
            *server.client.runs.stream(
                thread, "code_agent", input={"task": "x"}, stream_mode=modes, stream_subgraphs=True
            )
        ]
    kinds = [part.event for part in parts]
    assert {"metadata", "values", "updates", "messages", "custom"} == set(kinds)
    nodes = [node for part in parts if part.event == "updates" for node in part.data]
    assert nodes == ["prepare", "plan", "generate_code", "execute", "observe", "answer"]
    assert [part.data for part in parts if part.event == "values"][-1]["answer"] == 42
    tokens = [part.data[0] for part in parts if part.event == "messages"]
    said = [token["content"] for token in tokens if token["type"] == "AIMessageChunk"]
    assert "".join(said) == code("print('on its way')\nfinal_answer(42)")
    assert len(said) > 3


def test_a_person_is_asked_in_the_middle_of_code_and_nothing_happens_twice(server, thread):
    before = server.sent
    with server.scripted(code("first = send('tea')\nsecond = send('cake')\nfinal_answer([first, second])")):
        server.client.runs.wait(thread, "desk", input={"task": "order"})
        state = server.client.threads.get_state(thread)
        [question] = [interrupt["value"] for interrupt in state["interrupts"]]
        assert [request["name"] for request in question["action_requests"]] == ["send"]
        assert (state["next"], server.sent) == (["execute"], before)
        assert server.client.threads.get(thread)["status"] == "interrupted"
        server.client.runs.wait(thread, "desk", command={"resume": {"type": "approve"}})
        assert server.sent == [*before, "tea"]
        edit = {"type": "edit", "edited_action": {"name": "send", "args": {"text": "bread"}}}
        result = server.client.runs.wait(thread, "desk", command={"resume": edit})
    assert result["answer"] == ["tea was sent", "bread was sent"]
    assert server.sent == [*before, "tea", "bread"]
    assert [call["replayed"] for call in result["steps"][0]["calls"]] == [True, False]


def test_function_calls_are_made_at_once_and_asked_about_too(server, thread):
    before = server.sent
    calls = [
        {"name": "look_up", "args": {"name": "ada"}, "id": "c1"},
        {"name": "wait", "args": {"seconds": 0.01}, "id": "c2"},
        {"name": "send", "args": {"text": "hello"}, "id": "c3"},
    ]
    with server.scripted(AIMessage("", tool_calls=calls), "All done."):
        given = {"task": "x", "agent_type": "function-calling"}
        server.client.runs.wait(thread, "desk", input=given)
        assert server.sent == before
        result = server.client.runs.wait(thread, "desk", command={"resume": {"type": "approve"}})
    assert (result["answer"], server.sent) == ("All done.", [*before, "hello"])
    assert [call["name"] for call in result["steps"][0]["calls"]] == ["look_up", "wait", "send"]


def test_a_run_goes_on_from_an_old_checkpoint_with_the_variables_of_then(server, thread):
    with server.scripted(
        code("x = 1"), code("x += 1"), code("final_answer(x)"), code("x += 10"), code("final_answer(x)")
    ):
        first = server.client.runs.wait(thread, "code_agent", input={"task": "count"})
        history = server.client.threads.get_history(thread, limit=50)
        then = [state for state in history if state["next"] == ["generate_code"]][1]
        assert set(then["values"]["variables"]) == {"x"}
        forked = server.client.runs.wait(thread, "code_agent", input=None, checkpoint=then["checkpoint"])
    assert (first["answer"], forked["answer"]) == (2, 11)
    assert [state["next"] for state in history][-1] == ["__start__"]


def test_a_team_answers_through_its_agents(server, thread):
    with server.scripted(
        code("facts = researcher('6 * 7?')\nfinal_answer(writer(f'Say {facts}.'))"),
        code("final_answer(6 * 7)"),
        "It is 42.",
    ) as model:
        parts = [
            *server.client.runs.stream(
                thread, "research_team", input={"task": "x"}, stream_mode="updates", stream_subgraphs=True
            )
        ]
    places = {part.event.partition("|")[2].rpartition("|")[2].partition(":")[0] for part in parts}
    assert {"", "researcher", "writer"} <= places
    assert server.client.threads.get_state(thread)["values"]["answer"] == "It is 42."
    assert model.requests[2].body["messages"][-1]["content"] == "Say 42."


def test_a_person_is_asked_by_an_agent_that_was_called(server, thread):
    before = server.sent
    with server.scripted(
        code("final_answer(clerk('send tea'))"),
        code("final_answer([send('tea'), send('cake')])"),
        code("final_answer('tea only')"),
    ):
        server.client.runs.wait(thread, "office", input={"task": "x"})
        asked = server.client.threads.get_state(thread)["interrupts"]
        assert [request["args"] for request in asked[0]["value"]["action_requests"]] == [{"text": "tea"}]
        server.client.runs.wait(thread, "office", command={"resume": {"type": "approve"}})
        result = server.client.runs.wait(thread, "office", command={"resume": {"type": "reject", "message": "no"}})
    assert server.sent == [*before, "tea"]
    assert (result["answer"], result["steps"][0]["calls"][0]["name"]) == ("tea only", "clerk")


def test_a_run_that_is_cancelled_leaves_its_thread_to_the_next_one(server, thread):
    with server.scripted(code("x = 1"), code("import time\ntime.sleep(25)"), code("final_answer(x)")) as model:
        run = server.client.runs.create(thread, "code_agent", input={"task": "x"})
        assert until(lambda: len(model.requests) == 2 and model.wait_until_idle(0))
        server.client.runs.cancel(thread, run["run_id"], wait=True)
        result = server.client.runs.wait(thread, "code_agent", input={"task": "and now?"})
    assert result["answer"] == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_process_is_left_when_the_server_ends(platform_bin, tmp_path, number):
    with running_agent_server(platform_bin, tmp_path / "home") as server:
        thread = server.client.threads.create()["thread_id"]
        with server.scripted(code("x = 1\nfinal_answer(x)"), code("import time\ntime.sleep(25)")) as model:
            server.client.runs.wait(thread, "code_agent", input={"task": "x"})
            server.client.runs.create(thread, "code_agent", input={"task": "x"})
            assert until(lambda: len(model.requests) == 2)
            running = processes_below(server.process.pid)
            assert len(running) > 2
            server.end(number)
        assert until(lambda: all(has_ended(process) for process in running))
    assert (tmp_path / "home/.langgraph_api").exists()
