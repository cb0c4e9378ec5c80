"""MCP servers in whole runs, in both branches."""

import asyncio
import re
import sqlite3

import pytest
from langchain_core.messages import AIMessage

from lumo_graph import arun, astream, resume, run, stream
from lumo_graph.errors import ConfigurationError, ModelError
from lumo_graph.events import Answered, StepEnded, ToolEnded, ToolStarted
from lumo_graph.testing import ScriptedModel
from tests.mcp.conftest import eventually, processes


def code(text):
    return f"```python\n{text}\n```"


def calls(*named):
    return AIMessage("", tool_calls=[{"name": n, "args": a, "id": str(i)} for i, (n, a) in enumerate(named)])


def test_code_calls_the_tools_as_typed_functions(server, mark):
    replies = [code("city = find_city(name='Oslo')\nfinal_answer([add(1, 2), add(left=5), city['people']])")]
    with ScriptedModel(replies) as model:
        result = run("go", model, agent_type="code", mcp_servers=[server("useful")])
    assert result.answer == [3, 6, 4]
    told = model.calls[0][0].text
    assert "def add(left: int, right: int = 1) -> int:" in told
    assert "def list_words(text: str) -> list[str]:" in told
    assert "Keys of the result: {name: str, people: int = 0}" in told
    assert not processes(mark)


def test_a_model_calls_them_as_functions_several_at_once(server, mark):
    asked = calls(("add", {"left": 1}), ("list_words", {"text": "a b"}), ("find_city", {"name": "Rom"}))
    with ScriptedModel([asked, "done"]) as model:
        result = run("go", model, agent_type="mcp", mcp_servers={"useful": server("useful")})
    assert result.answer == "done"
    assert {"add", "useful_print", "final_answer"} - {"final_answer"} <= set(model.tools[0])
    assert [message.text for message in model.calls[1][-3:]] == ["2", '["a", "b"]', '{"name": "Rom", "people": 3}']
    assert not processes(mark)


@pytest.mark.anyio
@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
async def test_they_work_in_arun(server, mark, agent_type):
    replies = [code("final_answer(add(1, 2))")] if agent_type == "code-agent" else [calls(("add", {"left": 2})), "3"]
    with ScriptedModel(replies) as model:
        result = await arun("go", model, agent_type=agent_type, mcp_servers=[server("useful")])
    assert str(result.answer) == "3"
    assert not processes(mark)


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_run_has_one_process_of_a_server_for_all_its_calls(server, agent_type):
    ask = "print('pid:', environment()['pid'])"
    replies = [code(ask), code(ask), code("final_answer(1)")]
    if agent_type == "function-calling":
        replies = [calls(("environment", {}), ("environment", {})), calls(("environment", {})), "1"]
    result = run("go", ScriptedModel(replies), agent_type=agent_type, mcp_servers=[server("useful")])
    seen = " ".join(step.observation for step in result.steps)
    pids = re.findall(r"pid: (\d+)" if agent_type == "code-agent" else r'"pid": "(\d+)"', seen)
    assert len(pids) == (2 if agent_type == "code-agent" else 3)
    assert len(set(pids)) == 1


def test_a_tool_that_fails_raises_in_code_and_is_told_to_the_model(server):
    replies = [code("try:\n    fail(why='bad luck')\nexcept Exception as error:\n    final_answer(str(error))")]
    assert "bad luck" in run("go", ScriptedModel(replies), agent_type="code", mcp_servers=[server("useful")]).answer
    with ScriptedModel([calls(("fail", {"why": "bad luck"})), "so it goes"]) as model:
        run("go", model, mcp_servers=[server("useful")])
    assert model.calls[1][-1].text == "Error (ToolException): Error executing tool fail: bad luck"
    assert model.calls[1][-1].status == "error"


def test_code_hears_of_a_dead_server_and_goes_on_with_the_next_one(server, tmp_path):
    log = str(tmp_path / "log")
    replies = [
        code(f"note_and_die(path={log!r}, text='a')"),
        code(f"note(path={log!r}, text='b')\nfinal_answer('alive')"),
    ]
    with ScriptedModel(replies) as model:
        result = run("go", model, agent_type="code", mcp_servers=[server("useful")])
    assert result.answer == "alive"
    assert result.steps[0].error == "ConnectionError"
    assert "was ended by SIGKILL" in model.calls[1][-1].text
    assert (tmp_path / "log").read_text() == "a\nb\n"


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_call_that_hangs_ends_with_its_action_and_the_server_hears_of_it(server, tmp_path, agent_type):
    told = tmp_path / "told"
    hang = {"seconds": 60, "path": str(told)}
    replies = [code(f"wait(**{hang!r})"), code("final_answer(1)")]
    if agent_type == "function-calling":
        replies = [calls(("wait", hang)), "1"]
    limits = {"action_seconds": 2}
    seen = []
    for event in stream(
        "go", ScriptedModel(replies), agent_type=agent_type, limits=limits, mcp_servers=[server("useful")]
    ):
        if isinstance(event, StepEnded) and event.step.number == 1:
            eventually(told.exists, "the server was not told")
            seen.append(event.step.observation)
    assert len(seen) == 1
    assert "2 s" in seen[0] or "2 seconds" in seen[0]


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_stream_that_is_left_early_leaves_no_process(server, mark, agent_type):
    wait = {"seconds": 60}
    replies = [code(f"wait(**{wait})")] if agent_type == "code-agent" else [calls(("wait", wait))]
    limits = {"action_seconds": 3}  # without an event loop a function call is waited for
    events = stream("go", ScriptedModel(replies), agent_type=agent_type, limits=limits, mcp_servers=[server("useful")])
    assert any(isinstance(event, ToolStarted) for event in events)
    assert processes(mark)
    events.close()
    assert not processes(mark)


@pytest.mark.anyio
@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
async def test_an_async_stream_that_is_left_early_leaves_none(server, mark, agent_type):
    wait = {"seconds": 60}
    replies = [code(f"wait(**{wait})")] if agent_type == "code-agent" else [calls(("wait", wait))]
    events = astream("go", ScriptedModel(replies), agent_type=agent_type, mcp_servers=[server("useful")])
    async for event in events:
        if isinstance(event, ToolStarted):
            break
    assert processes(mark)
    await events.aclose()
    assert not processes(mark)


@pytest.mark.anyio
async def test_a_run_that_is_cancelled_leaves_none(server, mark):
    running = asyncio.create_task(
        arun("go", ScriptedModel([calls(("wait", {"seconds": 60}))]), mcp_servers=[server("useful")])
    )
    await asyncio.to_thread(eventually, lambda: processes(mark), "it was not started")
    await asyncio.sleep(2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not processes(mark)


def test_a_run_that_fails_leaves_none(server, mark):
    with pytest.raises(ModelError):
        run("go", ScriptedModel([RuntimeError("no")]), mcp_servers=[server("useful")])
    assert not processes(mark)


def test_servers_are_checked_before_the_store_is_made(tmp_path):
    with pytest.raises(ConfigurationError, match="unknown field 'comand'. Did you mean 'command'"):
        run(
            "go",
            ScriptedModel([]),
            checkpointer=f"sqlite:///{tmp_path}/t.db",
            mcp_servers=[{"comand": "x"}],
        )
    assert not (tmp_path / "t.db").exists()


def test_a_tool_of_ones_own_keeps_its_name_beside_a_servers(server):
    def add(left: int) -> str:
        """My own."""
        return f"mine {left}"

    replies = [code("final_answer([add(1), maths_add(1)])")]
    with ScriptedModel(replies) as model:
        result = run("go", model, agent_type="code", tools=[add], mcp_servers={"maths": server("useful")})
    assert result.answer == ["mine 1", 2]


def test_the_calls_are_seen_in_the_stream_and_in_the_steps(server):
    events = list(stream("go", ScriptedModel([calls(("add", {"left": 1})), "2"]), mcp_servers=[server("useful")]))
    ended = [event for event in events if isinstance(event, ToolEnded)]
    assert [(event.name, event.ok, event.preview) for event in ended] == [("add", True, "2")]
    assert isinstance(events[-1], Answered)
    assert events[-1].result.steps[0].calls[0].name == "add"


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling"])
def test_a_call_waits_for_a_person_and_is_made_once_after_the_approval(server, store, tmp_path, mark, agent_type):
    log = str(tmp_path / "log")
    first, second = {"path": log, "text": "first"}, {"path": log, "text": "second"}
    servers = {"a": server("useful", tools=["note"]), "b": server("useful", tools=["note"], prefix="x_")}
    replies = [code(f"note(**{first})\nprint(x_note(**{second}))")]
    if agent_type == "function-calling":
        replies = [calls(("note", first)), calls(("x_note", second))]
    options = {"checkpointer": store, "mcp_servers": servers, "interrupt_on": {"x_note": True}}
    waiting = run("go", ScriptedModel(replies), thread_id="t", agent_type=agent_type, **options)
    assert waiting.outcome == "interrupted"
    assert waiting.pending[0]["action_requests"][0]["name"] == "x_note"
    assert (tmp_path / "log").read_text() == "first\n"
    assert not processes(mark)
    last = code("final_answer('done')") if agent_type == "code-agent" else "done"
    result = resume("t", ScriptedModel([last]), decision={"type": "approve"}, **options)
    assert result.answer == "done"
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


def test_what_a_server_says_of_its_effects_changes_nothing(server, tmp_path):
    # `hinted` says that it only reads, and even names our own words for that: its call is recorded like any other.
    store, log = f"sqlite:///{tmp_path}/t.db", str(tmp_path / "log")
    replies = [code(f"hinted(path={log!r})\nadd(left=1)")]
    options = {"checkpointer": store, "mcp_servers": [server("useful")], "interrupt_on": {"add": True}}
    run("go", ScriptedModel(replies), thread_id="t", agent_type="code", **options)
    again = resume("t", ScriptedModel([code("final_answer(1)")]), decision={"type": "approve"}, **options)
    assert again.answer == 1
    assert (tmp_path / "log").read_text() == "hinted\n"


def test_the_state_stores_the_type_by_its_own_name(tmp_path):
    store = f"sqlite:///{tmp_path}/t.db"
    run("go", ScriptedModel([code("final_answer(1)")]), checkpointer=store, thread_id="t", agent_type="code")
    with sqlite3.connect(tmp_path / "t.db") as database:
        stored = b"".join(row[0] for row in database.execute("select checkpoint from checkpoints"))
    database.close()
    assert b"code-agent" in stored
    with pytest.raises(ConfigurationError, match="'code' for 'code-agent', 'mcp' for 'function-calling'"):
        run("go", ScriptedModel([]), agent_type="codes")
