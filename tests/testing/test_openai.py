import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import AIMessage

from lumo_graph.testing import Disconnect, Endless, Fault, ScriptedOpenAI, ScriptError

CALL = AIMessage(content="Adding.", tool_calls=[{"name": "add", "args": {"a": 1, "b": "two words"}, "id": "c1"}])


def send(server, method="POST", path="/v1/chat/completions", body=None, **fields):
    """One request with nothing but the standard library: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
    try:
        if body is None and method == "POST":
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "12345678"}], **fields})
        connection.request(method, path, body=body, headers={"X-Test": "yes"})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def events(data):
    lines = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


def test_a_plain_request_gets_a_completion():
    with ScriptedOpenAI(["Seven."]) as server:
        status, headers, data = send(server)
    answer = json.loads(data)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert (answer["object"], answer["id"], answer["model"]) == ("chat.completion", "chatcmpl-1", "m")
    choice = answer["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("Seven.", "stop")
    assert answer["usage"] == {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}


def test_a_completion_carries_tool_calls():
    with ScriptedOpenAI([CALL]) as server:
        choice = json.loads(send(server)[2])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("c1", "function", "add")
    assert json.loads(call["function"]["arguments"]) == {"a": 1, "b": "two words"}


def test_a_streamed_reply_ends_with_usage_if_asked():
    with ScriptedOpenAI(["One two three."] * 2) as server:
        plain = events(send(server, stream=True)[2])
        counted = events(send(server, stream=True, stream_options={"include_usage": True})[2])
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in plain)
    assert text == "One two three."
    assert plain[-1]["choices"][0]["finish_reason"] == "stop"
    assert (counted[-1]["choices"], counted[-1]["usage"]["total_tokens"]) == ([], 6)


def test_a_streamed_tool_call_comes_in_pieces():
    with ScriptedOpenAI([CALL]) as server:
        deltas = [event["choices"][0]["delta"] for event in events(send(server, stream=True)[2])]
    parts = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert (parts[0]["id"], parts[0]["function"]) == ("c1", {"name": "add", "arguments": ""})
    assert json.loads("".join(part["function"]["arguments"] for part in parts)) == {"a": 1, "b": "two words"}
    assert len(parts) > 2


@pytest.mark.parametrize("wait", [None, 0, 2.5, "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_fault_has_a_status_a_body_and_perhaps_a_wait(wait):
    with ScriptedOpenAI([Fault(status=429, message="slow", code="busy", retry_after=wait)]) as server:
        status, headers, data = send(server, stream=True)
    error = json.loads(data)["error"]
    assert (status, error["message"], error["code"]) == (429, "slow", "busy")
    assert headers["retry-after"] == (None if wait is None else str(wait))


def test_a_disconnect_breaks_off_before_or_within_the_reply():
    with ScriptedOpenAI([Disconnect(), Disconnect(after_chunks=2, reply="One two three.")]) as server:
        with pytest.raises(http.client.RemoteDisconnected):
            send(server, stream=True)
        with pytest.raises(http.client.IncompleteRead) as caught:
            send(server, stream=True)
    assert caught.value.partial.count(b"data: ") == 2


def test_an_endless_reply_ends_when_the_client_hangs_up():
    with ScriptedOpenAI([Endless(text="more ")]) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [], "stream": True}))
        response = connection.getresponse()
        assert response.read(5000).count(b"more ") > 5
        response.close()
        connection.close()
        assert server.wait_until_idle()


def test_an_endless_reply_does_not_keep_the_server_from_stopping():
    with ScriptedOpenAI([Endless()]) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [], "stream": True}))
        response = connection.getresponse()
        assert not server.wait_until_idle(0)
        response.close()
    connection.close()


def test_a_client_that_says_nothing_does_not_keep_the_server_from_stopping():
    with ScriptedOpenAI(["Seven."]) as server:
        silent = http.client.HTTPConnection(urlsplit(server.base_url).netloc, timeout=10)
        silent.connect()
        send(server)
    silent.close()


def test_requests_are_kept_with_headers_and_body():
    with ScriptedOpenAI(["Seven."]) as server:
        send(server, "GET", "/v1/models")
        send(server)
    models, chat = server.requests
    assert (models.method, models.path, models.body) == ("GET", "/v1/models", None)
    assert (chat.method, chat.headers["x-test"], chat.body["model"]) == ("POST", "yes", "m")


def test_the_models_are_listed_without_using_up_a_reply():
    with ScriptedOpenAI([]) as server:
        status, _, data = send(server, "GET", "/v1/models")
    assert (status, json.loads(data)["object"]) == (200, "list")


def test_a_function_answers_from_the_request():
    with ScriptedOpenAI([lambda body: body["messages"][0]["content"][::-1]]) as server:
        assert json.loads(send(server)[2])["choices"][0]["message"]["content"] == "87654321"


@pytest.mark.parametrize(
    ("replies", "request_", "complaint"),
    [
        ([], {}, "asked a 1st time, the script has 0 replies"),
        ([], {"path": "/v1/embeddings"}, "there is no POST /v1/embeddings"),
        ([], {"body": "not json"}, "a request without messages"),
        ([], {"body": "[]"}, "a request without messages"),
        ([lambda body: body["nothing"]], {}, "the function for reply 1 raised KeyError"),
        ([Endless()], {}, "needs a streaming request"),
    ],
    ids=["too-many", "path", "not-json", "no-object", "function", "endless"],
)
def test_an_unexpected_request_gets_a_500_and_fails_the_context(replies, request_, complaint):
    answers = []
    with pytest.raises(ScriptError, match=complaint), ScriptedOpenAI(replies) as server:
        answers.append(send(server, **request_))
    status, _, data = answers[0]
    assert status == 500
    assert complaint in json.loads(data)["error"]["message"]


def test_a_reply_that_is_not_asked_for_fails_the_context():
    with pytest.raises(ScriptError, match="1 of 1 replies were not asked for; next: Seven"), ScriptedOpenAI(["Seven."]):
        pass


def test_the_error_inside_the_context_is_not_hidden_and_the_server_is_gone():
    server = ScriptedOpenAI(["Seven."])
    with pytest.raises(ZeroDivisionError), server:
        raise ZeroDivisionError
    with pytest.raises(ScriptError, match="only inside its context"):
        _ = server.base_url


def test_no_thread_and_no_port_stays():
    before = set(threading.enumerate())
    with ScriptedOpenAI(["Seven.", Disconnect()]) as server:
        address = urlsplit(server.base_url)
        send(server)
        with pytest.raises(http.client.RemoteDisconnected):
            send(server)
    assert set(threading.enumerate()) == before
    refused = http.client.HTTPConnection(address.netloc, timeout=10)
    with pytest.raises(ConnectionRefusedError):
        refused.connect()
