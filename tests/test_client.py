"""Lumo's client in process, and Lumo's own client over HTTP: one program, the same results."""

import json
import warnings

import anyio
import pytest
from langchain_core.messages import AIMessage

import lumo_graph
import lumo_graph.client as ours
from lumo_graph.testing import Fault, ScriptedModel, ScriptedOpenAI
from tests.server.conftest import TOOLS, folder_with_tools, starting

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it is written for an older pydantic
    import lumo_sdk

SCRIPTS = {
    "code": ("code-agent", ["Twice.\n```python\nx = double(21)\n```", "```python\nfinal_answer(f'It is {x}.')\n```"]),
    "calls": (None, [AIMessage("", tool_calls=[{"name": "double", "args": {"n": 21}, "id": "a"}]), "It is 42."]),
    "data": ("code-agent", ["```python\nfinal_answer({'a': [1, 2.5, None], 'b': 'é'})\n```"]),
    "repair": ("code-agent", ["```python\n1 / 0\n```", "```python\nfinal_answer(1)\n```"]),
    "limit": ("code-agent", ["```python\nx = 1\n```", "```python\nx = 2\n```", "Enough."]),
    "wrong": ("coder", []),
    "refused": (None, [Fault(status=401, message="no such key")]),
    "later": ("code-agent", ["```python\nx = 1\n```", Fault(status=401, message="no such key")]),
}


def program(client, base_url, agent_type, message_class):
    """What a user of Lumo has written: every result and every error, field by field."""
    asked = {
        "task": "Double 21", "model": "gpt-4.1-nano", "base_url": base_url, "tools": ["double"],
        "agent_type": agent_type, "max_steps": 2, "history": [message_class(role="user", content="Hello.")],
    }  # fmt: skip
    told = []
    try:
        done = client.run_task(**asked)
        usage = done.token_usage
        told += [done.final_answer, usage.prompt_tokens, usage.completion_tokens, usage.total_tokens]
        for step in done.steps:
            told += [step.llm_output, step.token_usage]
            for call in step.tool_calls:
                told += [call.id, call.type, call.function.name, json.dumps(call.function.arguments)]
    except Exception as error:
        told += [type(error).__name__, str(error), error.status_code, error.response["error"]]
    return told


def stream_program(client, base_url, agent_type, message_class):
    """The same, as a stream."""
    asked = {"task": "Double 21", "model": "gpt-4.1-nano", "base_url": base_url, "tools": ["double"]}
    told = []
    try:
        for event in client.stream_task(**asked, agent_type=agent_type, max_steps=2):
            match event.type:
                case "token":
                    told.append(event.content)
                case "step":
                    step = event.step
                    told += [step.llm_output, [(call.id, call.function.name) for call in step.tool_calls]]
                case "done":
                    told += [event.final_answer, event.token_usage and event.token_usage.total_tokens]
    except Exception as error:
        told += [type(error).__name__, str(error), error.status_code]
    return told


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the tools of the tests."""
    with starting() as start:
        folder = folder_with_tools(tmp_path_factory.mktemp("server"))
        yield start(folder, "--checkpointer", "sqlite:///runs.db")


@pytest.fixture(scope="module")
def tools():
    """The same tools in this process."""
    found = {}
    exec(TOOLS, found)  # noqa: S102 - our own text
    return [found[name] for name in ("double", "send", "wait")]


@pytest.mark.parametrize("written", [program, stream_program])
@pytest.mark.parametrize("name", SCRIPTS)
def test_one_program_gets_the_same_from_both(server, tools, tmp_path, written, name):
    agent_type, replies = SCRIPTS[name]
    with ScriptedOpenAI(replies) as upstream:
        theirs = written(server.client, upstream.base_url, agent_type, lumo_sdk.Message)
        sent = [one.body for one in upstream.requests]
    with ScriptedOpenAI(replies) as upstream:
        client = ours.LumoClient(tools=tools, checkpointer=f"sqlite:///{tmp_path}/runs.db")
        mine = written(client, upstream.base_url, agent_type, ours.Message)
        sent_too = [one.body for one in upstream.requests]
    assert mine == theirs
    assert theirs
    assert [one["messages"] for one in sent_too] == [one["messages"] for one in sent]


def test_every_name_of_the_sdk_is_there():
    assert {name for name in lumo_sdk.__all__ if not hasattr(ours, name)} == set()
    assert lumo_graph.LumoClient is ours.LumoClient
    for name in ("LumoAPIError", "LumoAuthenticationError", "LumoRateLimitError", "LumoServerError"):
        assert [kind.__name__ for kind in getattr(lumo_sdk, name).__mro__ if kind.__name__.startswith("LumoE")] == [
            kind.__name__ for kind in getattr(ours, name).__mro__ if kind.__name__.startswith("LumoE")
        ]


def test_arguments_are_taken_in_the_order_of_the_sdk():
    from inspect import signature

    for name in ("run_task", "stream_task"):
        theirs = list(signature(getattr(lumo_sdk.LumoClient, name)).parameters)
        for mine in (name, f"a{name}"):
            assert list(signature(getattr(ours.LumoClient, mine)).parameters)[: len(theirs)] == theirs
    assert ours.LumoClient("key", "https://api.example").api_key == "key"


def test_a_task_runs_on_an_event_loop_with_a_model_and_tools_of_its_own():
    def triple(n: int) -> int:
        """Three times the number."""
        return 3 * n

    async def both():
        replies = ["```python\nfinal_answer(triple(2))\n```"]
        client = ours.LumoClient()
        done = await client.arun_task("Go", ScriptedModel(replies), tools=[triple], agent_type="code")
        events = [
            event
            async for event in client.astream_task("Go", ScriptedModel(replies), tools=[triple], agent_type="code")
        ]
        return done, events

    done, events = anyio.run(both)
    assert (done.answer, done.final_answer, events[-1].result.answer) == (6, "6", 6)


def test_what_waits_is_decided_and_goes_on(tmp_path, monkeypatch, tools):
    monkeypatch.chdir(tmp_path)
    client = ours.LumoClient(tools=tools, checkpointer="sqlite:///runs.db", interrupt_on={"send": True})
    replies = ["```python\nfinal_answer(send('Ada'))\n```"]
    first = client.run_task("Write", ScriptedModel(replies), tools=["send"], agent_type="code-agent")
    assert (first.outcome, first.final_answer) == ("interrupted", "")
    done = client.resume(
        first.thread_id, ScriptedModel([]), tools=["send"],
        decision={"type": "approve"}, question=first.pending[0]["id"],
    )  # fmt: skip
    assert (done.final_answer, (tmp_path / "sent").read_text()) == ("sent to Ada", "Ada\n")
    again = anyio.run(lambda: client.aresume(first.thread_id, ScriptedModel([]), tools=["send"]))
    assert again.final_answer == "sent to Ada"


def test_a_failure_later_in_a_stream_is_told_before_its_end():
    model = ScriptedModel(["```python\nx = 1\n```", PermissionError("no")])
    *_, error, done = ours.LumoClient().stream_task("Go", model, agent_type="code-agent")
    assert (type(error), type(done), done.final_answer) == (ours.StreamErrorEvent, ours.StreamDoneEvent, None)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "m"}, "needs its base_url"),
        ({"model": ScriptedModel([]), "base_url": "http://x/v1"}, "for a model given by name"),
        ({"model": "m", "base_url": "https://api.openai.com/v1"}, "OPENAI_API_KEY"),
        ({"model": "m", "base_url": "http://x/v1", "max_step": 1}, "max_step: there is no such field"),
        ({"model": "m", "base_url": "http://x/v1", "tools": ["none"]}, "no tool 'none'"),
        ({"model": "m", "base_url": "http://0177.0.0.1/v1"}, "not an address"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_runs(asked, words):
    with pytest.raises(ours.LumoAPIError, match=words) as raised:
        ours.LumoClient(environ={}).run_task("Go", **asked)
    assert raised.value.status_code == 400
    assert isinstance(raised.value, lumo_graph.LumoGraphError)


def test_a_key_goes_to_its_own_provider_only():
    keys = {"OPENAI_API_KEY": "sk-secret-of-openai"}
    with ScriptedOpenAI(["Hello."]) as upstream:
        ours.LumoClient(environ=keys).run_task("Go", "m", f"{upstream.base_url}/chat/completions")
        (sent,) = upstream.requests
    assert "secret" not in json.dumps(dict(sent.headers))
