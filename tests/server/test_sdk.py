"""Lumo's own client against `lumo serve`."""

import lumo_sdk
import pytest
from langchain_core.messages import AIMessage
from lumo_sdk import (
    LumoAPIError,
    LumoAuthenticationError,
    LumoClient,
    LumoRateLimitError,
    LumoServerError,
    Message,
    StreamDoneEvent,
    StreamStepEvent,
    StreamTokenEvent,
)

from lumo_graph.testing import Fault, ScriptedOpenAI
from tests.server.conftest import KEY

CODE = ["Doubling.\n```python\nx = double(21)\nprint(x)\n```", "```python\nfinal_answer(f'It is {x}.')\n```"]
CALLS = [AIMessage("", tool_calls=[{"name": "double", "args": {"n": 21}, "id": "a"}]), "It is 42."]


@pytest.mark.parametrize("agent_type", ["code-agent", "function-calling", None])
def test_run_task_answers_with_its_steps(server, agent_type):
    replies = CODE if agent_type == "code-agent" else CALLS
    with ScriptedOpenAI(replies) as upstream:
        done = server.client.run_task(
            task="Double 21", model="gpt-4.1-nano", base_url=f"{upstream.base_url}/chat/completions",
            tools=["double"], agent_type=agent_type,
        )  # fmt: skip
    assert done.final_answer == "It is 42."
    (call, *_) = done.steps[0].tool_calls
    if agent_type == "code-agent":
        assert (call.function.name, call.type) == ("python_interpreter", "function")
        assert call.function.arguments == {"code": "x = double(21)\nprint(x)"}
        assert done.steps[0].tool_calls[1].function.name == "double"
        assert done.steps[0].llm_output == "Doubling."
    else:
        assert (call.function.name, call.function.arguments) == ("double", {"n": 21})
    assert done.token_usage.total_tokens == done.token_usage.prompt_tokens + done.token_usage.completion_tokens > 0


@pytest.mark.parametrize(("agent_type", "replies"), [("code-agent", CODE), ("function-calling", CALLS)])
def test_stream_task_tells_tokens_and_steps_and_ends_with_done(server, agent_type, replies):
    with ScriptedOpenAI(replies) as upstream:
        events = list(
            server.client.stream_task(
                task="Double 21", model="gpt-4.1-nano", base_url=upstream.base_url, tools=["double"],
                agent_type=agent_type,
            )
        )  # fmt: skip
    kinds = [type(event) for event in events]
    assert {StreamTokenEvent, StreamStepEvent, StreamDoneEvent} == set(kinds)
    assert kinds.count(StreamDoneEvent) == 1
    assert isinstance(events[-1], StreamDoneEvent)
    assert events[-1].final_answer == "It is 42."
    assert events[-1].token_usage.total_tokens > 0
    tokens = "".join(event.content for event in events if isinstance(event, StreamTokenEvent))
    assert replies[-1] in tokens


def test_the_conversation_before_the_task_reaches_the_model(server):
    call = lumo_sdk.ToolCall(id="a", type="function", function={"name": "double", "arguments": {"n": 1}})
    history = [
        Message(role="system", content="Be short."),
        Message(role="user", content="Double 1."),
        Message(role="assistant", content="", tool_calls=[call]),
        Message(role="tool", content="2", tool_call_id="a"),
        Message(role="assistant", content="Two."),
    ]
    with ScriptedOpenAI(["Four."]) as upstream:
        done = server.client.run_task(task="Again", model="m", base_url=upstream.base_url, history=history)
        sent = upstream.requests[0].body["messages"]
    assert done.final_answer == "Four."
    told = [(message["role"], message.get("content")) for message in sent]
    assert [one for one in told if one[0] != "system" and one[1]] == [
        ("user", "Double 1."),
        ("tool", "2"),
        ("assistant", "Two."),
        ("user", "Again"),
    ]


def test_max_steps_ends_a_run_with_an_answer(server):
    with ScriptedOpenAI(["```python\n1\n```", "```python\n2\n```", "I have no more steps."]) as upstream:
        done = server.client.run_task(
            task="Go", model="m", base_url=upstream.base_url, agent_type="code-agent", max_steps=2
        )
    assert (done.final_answer, len(done.steps)) == ("I have no more steps.", 2)


def test_the_wrong_key_is_an_authentication_error(server):
    stranger = LumoClient(api_key="wrong", base_url=server.url)
    with pytest.raises(LumoAuthenticationError, match="Invalid or missing API key") as raised:
        stranger.run_task(task="Go", model="m", base_url="http://127.0.0.1:1/v1")
    assert raised.value.response["error"] == "Invalid or missing API key"
    with pytest.raises(LumoAuthenticationError):
        list(stranger.stream_task(task="Go", model="m", base_url="http://127.0.0.1:1/v1"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tools": ["nothing"]}, r"no tool 'nothing'.*double, send, wait"),
        ({"agent_type": "coder"}, r"'coder'.*'code-agent'"),
        ({"task": " "}, "task: it is empty"),
        ({"max_steps": 0}, "max_steps: .*greater than or equal to 1"),
        ({"base_url": "ftp://x"}, "not an http or https address"),
        ({"base_url": "https://api.openai.com/v1"}, "OPENAI_API_KEY is not set"),
    ],
)
def test_what_cannot_be_used_is_a_bad_request_that_says_what(server, given, words):
    asked = {"task": "Go", "model": "m", "base_url": "http://127.0.0.1:1/v1", **given}
    with pytest.raises(LumoAPIError, match=rf"(?s)^Bad Request: .*{words}") as raised:
        server.client.run_task(**asked)
    assert raised.value.status_code == 400
    with pytest.raises(LumoAPIError, match="^Bad Request: "):
        list(server.client.stream_task(**asked))


def test_a_request_that_is_too_large_is_refused(serve):
    server = serve("--max-body-mb", "1", "--checkpointer", "memory://")
    with pytest.raises(LumoAPIError, match="413") as raised:
        server.client.run_task(task="x" * (2 << 20), model="m", base_url="http://127.0.0.1:1/v1")
    assert raised.value.status_code == 413


def test_a_model_that_fails_is_a_server_error_also_in_a_stream(server):
    refusal = Fault(status=401, message="no such key sk-abcdefghijkl")
    with ScriptedOpenAI([refusal, refusal]) as upstream:
        asked = {"task": "Go", "model": "m", "base_url": upstream.base_url}
        with pytest.raises(LumoServerError, match="401") as raised:
            server.client.run_task(**asked)
        assert "sk-abc" not in str(raised.value)
        with pytest.raises(LumoServerError, match="401"):
            list(server.client.stream_task(**asked))


def test_a_model_that_fails_later_ends_the_stream_with_done(server):
    replies = ["```python\nx = 1\n```", Fault(status=401, message="no more")]
    with ScriptedOpenAI(replies) as upstream:
        events = list(
            server.client.stream_task(task="Go", model="m", base_url=upstream.base_url, agent_type="code-agent")
        )
    assert isinstance(events[-1], StreamDoneEvent)
    assert events[-1].final_answer is None


def test_more_runs_than_may_wait_are_told_to_come_again(serve, folder):
    server = serve("--concurrency", "1", "--queue", "0", "--checkpointer", "sqlite:///runs.db")
    call = AIMessage("", tool_calls=[{"name": "wait", "args": {}, "id": "a"}])
    with ScriptedOpenAI([call, "Done."]) as upstream:
        asked = {"task": "Go", "model": "m", "base_url": upstream.base_url, "tools": ["wait"]}
        events = server.client.stream_task(**asked)
        from tests.watching import until

        first = []
        import threading

        reader = threading.Thread(target=lambda: first.extend(events))
        reader.start()
        assert until((folder / "waiting").exists)
        with pytest.raises(LumoRateLimitError, match="busy"):
            server.client.run_task(**asked)
        (folder / "go").touch()
        reader.join()
    assert first[-1].final_answer == "Done."


def test_an_answer_that_is_data_is_text_for_the_client(server):
    with ScriptedOpenAI(["```python\nfinal_answer({'a': [1, float('nan')], 'é': 'ü'})\n```"]) as upstream:
        done = server.client.run_task(task="Go", model="m", base_url=upstream.base_url, agent_type="code-agent")
    assert done.final_answer.startswith('{"a":[1,')


def test_text_with_every_kind_of_line_end_comes_whole(server):
    text = "a\u2028b\u2029c\x85d\x0be\x0cfg\x1ch é"
    with ScriptedOpenAI([text, text]) as upstream:
        asked = {"task": "Go", "model": "m", "base_url": upstream.base_url}
        assert server.client.run_task(**asked).final_answer == text
        assert [*server.client.stream_task(**asked)][-1].final_answer == text


def test_the_call_that_lumo_s_users_have_works_as_it_is(serve):
    server = serve("--checkpointer", "memory://", EXA_API_KEY="a-key-of-exa")
    names = "sorted({'exa_search', 'visit_website'} & {*globals()})"
    replies = [f"```python\nfinal_answer({names})\n```"]
    with ScriptedOpenAI(replies) as upstream:
        done = LumoClient(api_key=KEY, base_url=server.url).run_task(
            task="Search for the top 5 AI companies and get their current stock prices",
            model="gpt-4.1-nano",
            base_url=f"{upstream.base_url}/chat/completions",
            tools=["ExaSearchTool", "VisitWebsite"],
            agent_type="code-agent",
        )
        told = upstream.requests[0].body["messages"][0]["content"]
    assert done.final_answer == '["exa_search","visit_website"]'
    assert "def exa_search(query: str" in told
    assert "a-key-of-exa" not in told
