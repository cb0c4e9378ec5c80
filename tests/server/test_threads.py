"""Threads over HTTP: what waits for a person, what goes on without its client, forks and what is deleted."""

import pytest
from langchain_core.messages import AIMessage

from lumo_graph.testing import Fault, ScriptedOpenAI
from tests.server.conftest import Server, folder_with_tools, starting
from tests.watching import until

SENDING = ["```python\nreply = send('Ada')\nprint(reply)\n```", "```python\nfinal_answer(reply)\n```"]
WAITING = [AIMessage("", tool_calls=[{"name": "wait", "args": {}, "id": "a"}]), "Done."]


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    """A server that asks before letters are sent."""
    with starting() as start:
        folder = folder_with_tools(tmp_path_factory.mktemp("careful"))
        yield start(folder, "--checkpointer", "sqlite:///runs.db", "--interrupt-on", "send")


def asked(upstream, **more):
    return {"task": "Write to Ada", "model": "m", "base_url": upstream.base_url, "agent_type": "code-agent", **more}


def test_a_call_waits_for_a_decision_and_is_made_once(careful: Server):
    with ScriptedOpenAI(SENDING) as upstream:
        first = careful.call("POST", "/run", asked(upstream, tools=["send"], system_prompt="Be polite.")).json()
        assert (first["outcome"], first["final_answer"]) == ("interrupted", "")
        (question,) = first["pending"]
        assert question["action_requests"][0]["args"] == {"to": "Ada"}
        path = f"/threads/{first['thread_id']}"
        known = careful.call("GET", path).json()
        assert (known["status"], known["pending"]) == ("waiting", first["pending"])
        edited = {"type": "edit", "edited_action": {"name": "send", "args": {"to": "Bob"}}}
        wrong = careful.call("POST", f"{path}/resume", {"decision": edited, "question": "0" * 32})
        assert (wrong.status_code, "does not wait" in wrong.json()["message"]) == (400, True)
        done = careful.call("POST", f"{path}/resume", {"decision": edited, "question": question["id"][:8]}).json()
        assert (done["outcome"], done["answer"]) == ("answered", "sent to Bob")
        assert "Be polite." in upstream.requests[-1].body["messages"][0]["content"]
    assert (careful.folder / "sent").read_text() == "Bob\n"
    ended = careful.call("GET", path).json()
    assert (ended["status"], ended["answer"], len(ended["steps"])) == ("ended", "sent to Bob", 2)
    again = careful.call("POST", f"{path}/resume", {}).json()
    assert again["answer"] == "sent to Bob"
    late = careful.call("POST", f"{path}/resume", {"decision": {"type": "approve"}})
    assert late.status_code == 400


def test_a_stream_tells_of_the_question_and_a_resume_streams_too(careful: Server):
    with ScriptedOpenAI(SENDING) as upstream:
        frames = careful.frames("/stream", asked(upstream, tools=["send"]))
        assert frames[0]["type"] == "thread"
        (approval,) = [frame for frame in frames if frame["type"] == "approval"]
        assert frames[-1]["type"] == "done"
        assert frames[-1]["pending"][0]["id"] == approval["request"]["id"]
        path = f"/threads/{frames[0]['thread_id']}/resume"
        instead = {"stream": True, "decision": {"type": "respond", "message": "Ada has moved."}}
        resumed = careful.frames(path, instead)
    assert {"thread", "token", "step"} <= {frame["type"] for frame in resumed}
    assert (resumed[-1]["type"], resumed[-1]["answer"]) == ("done", "Ada has moved.")


def test_a_run_in_the_background_needs_no_client(server: Server):
    with ScriptedOpenAI(["```python\nx = 20\n```", "```python\nfinal_answer(x + 1)\n```"]) as upstream:
        started = server.call("POST", "/run", asked(upstream, background=True, thread_id="background-1"))
        assert (started.status_code, started.json()) == (202, {"thread_id": "background-1", "status": "running"})
        assert until(lambda: server.status_of("background-1") == "ended")
    found = server.call("GET", "/threads/background-1").json()
    assert (found["answer"], found["outcome"], found["failure"]) == (21, "answered", None)
    assert "background-1" in {one["thread_id"] for one in server.call("GET", "/threads").json()["threads"]}


def test_a_run_in_the_background_that_fails_says_why_and_can_be_gone_on_with(server: Server):
    replies = ["```python\nx = 20\n```", Fault(status=401, message="no"), "```python\nfinal_answer(x)\n```"]
    with ScriptedOpenAI(replies) as upstream:
        server.call("POST", "/run", asked(upstream, background=True, thread_id="background-2"))
        assert until(lambda: server.status_of("background-2") == "stopped")
        found = server.call("GET", "/threads/background-2").json()
        assert found["failure"]["error"] == "Model failed"
        done = server.call("POST", "/threads/background-2/resume", {}).json()
    assert (done["answer"], done["thread_id"]) == (20, "background-2")
    assert server.call("GET", "/threads/background-2").json()["failure"] is None


def test_a_thread_goes_on_with_its_variables_and_one_run_drives_it(server: Server):
    replies = ["```python\nfinal_answer(x := 5)\n```", "```python\nfinal_answer(x + 1)\n```"]
    with ScriptedOpenAI(replies) as upstream:
        assert server.call("POST", "/run", asked(upstream, thread_id="long")).json()["answer"] == 5
        assert server.call("POST", "/run", asked(upstream, thread_id="long")).json()["answer"] == 6
    with ScriptedOpenAI(WAITING) as upstream:
        body = asked(upstream, thread_id="long", tools=["wait"], agent_type=None, background=True)
        assert server.call("POST", "/run", body).status_code == 202
        assert until((server.folder / "waiting").exists)
        for path, more in (("/run", body), ("/stream", {**body, "background": False}), ("/threads/long/resume", {})):
            busy = server.call("POST", path, more)
            assert (busy.status_code, busy.json()["error"]) == (409, "Thread in use")
            assert str(server.process.pid) not in busy.text
        assert server.call("DELETE", "/threads/long").status_code == 409
        (server.folder / "go").touch()
        assert until(lambda: server.status_of("long") == "ended")
    assert server.call("GET", "/threads/long").json()["failure"] is None


def test_a_fork_begins_where_its_thread_stood(server: Server):
    replies = ["```python\nx = 1\n```", "```python\nfinal_answer(x)\n```", "```python\nfinal_answer(x + 100)\n```"]
    with ScriptedOpenAI(replies) as upstream:
        assert server.call("POST", "/run", asked(upstream, thread_id="root")).json()["answer"] == 1
        moments = server.call("GET", "/threads/root/history").json()["checkpoints"]
        at = next(one["checkpoint_id"] for one in moments if one["next"] == ["generate_code"] and one["steps"] == 1)
        made = server.call("POST", "/threads/root/fork", {"at": at, "new_thread_id": "branch"})
        assert (made.status_code, made.json()["from_thread_id"]) == (201, "root")
        assert server.call("POST", "/threads/branch/resume", {}).json()["answer"] == 101
    again = server.call("POST", "/threads/root/fork", {"new_thread_id": "branch"})
    assert (again.status_code, "exists already" in again.json()["message"]) == (400, True)
    assert server.call("POST", "/threads/root/fork", {}).status_code == 201


def test_a_thread_that_is_deleted_is_gone(server: Server):
    with ScriptedOpenAI(["Hello."]) as upstream:
        server.call("POST", "/run", asked(upstream, thread_id="gone", agent_type=None))
    assert server.call("DELETE", "/threads/gone").status_code == 204
    for method, path in (
        ("GET", "/threads/gone"),
        ("DELETE", "/threads/gone"),
        ("GET", "/threads/gone/history"),
        ("POST", "/threads/gone/resume"),
        ("POST", "/threads/gone/fork"),
    ):
        missing = server.call(method, path, {} if method == "POST" else None)
        told = {"error": "Not found", "message": "There is no thread 'gone'."}
        assert (missing.status_code, missing.json()) == (404, told)


def test_a_decision_may_be_given_in_the_background(careful: Server):
    with ScriptedOpenAI(SENDING) as upstream:
        first = careful.call("POST", "/run", asked(upstream, tools=["send"], thread_id="later")).json()
        body = {"decision": {"type": "respond", "message": "Done."}, "question": first["pending"][0]["id"]}
        wrong = careful.call("POST", "/threads/later/resume", {**body, "question": "0" * 32, "background": True})
        assert wrong.status_code == 400
        assert careful.status_of("later") == "waiting"
        taken = careful.call("POST", "/threads/later/resume", {**body, "background": True})
        assert (taken.status_code, taken.json()["thread_id"]) == (202, "later")
        assert until(lambda: careful.status_of("later") == "ended")
    assert careful.call("GET", "/threads/later").json()["answer"] == "Done."
    again = careful.call("POST", "/threads/later/resume", {"background": True})
    assert again.status_code == 202
    assert until(lambda: careful.status_of("later") == "ended")
