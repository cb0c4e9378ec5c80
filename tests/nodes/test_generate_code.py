from langchain_core.messages import AIMessage, InvalidToolCall

from lumo_graph.dialects import Answer, CodeDialect, RunCode, Unparsable
from lumo_graph.nodes.generate_code import as_text

SPEECH = CodeDialect()


def test_a_plain_reply_is_kept_as_it_is():
    reply = AIMessage("It is 2.", id="a")
    assert as_text(reply, Answer("It is 2."), SPEECH) is reply


def test_a_native_call_is_kept_as_the_code_it_stands_for():
    call = {"name": "python_interpreter", "args": {"code": "1 + 1"}, "id": "x"}
    reply = AIMessage("I add.", id="a", tool_calls=[call], response_metadata={"model_name": "m"})
    kept = as_text(reply, RunCode("1 + 1"), SPEECH)
    assert kept.text == "I add.\n```python\n1 + 1\n```"
    assert (kept.tool_calls, kept.id, kept.response_metadata) == ([], "a", {"model_name": "m"})


def test_a_malformed_call_leaves_no_call_behind():
    call = InvalidToolCall(name="search", args="{", id="x", error="no JSON", type="invalid_tool_call")
    kept = as_text(AIMessage("", id="a", invalid_tool_calls=[call]), Unparsable("no"), SPEECH)
    assert (kept.text, kept.invalid_tool_calls) == ("(empty reply)", [])


def test_an_empty_reply_is_never_sent_back_empty():
    assert as_text(AIMessage(" \n", id="a"), Unparsable("no"), SPEECH).text == "(empty reply)"
