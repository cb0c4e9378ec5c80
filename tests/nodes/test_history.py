import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from lumo_graph import run
from lumo_graph.errors import ConfigurationError
from lumo_graph.nodes.history import check_history
from lumo_graph.testing import ScriptedModel


def call(arguments, call_id="c1"):
    return {"id": call_id, "type": "function", "function": {"name": "add", "arguments": arguments}}


TOOL = {"role": "tool", "content": "2", "tool_call_id": "c1"}


def test_the_four_roles_of_a_request_are_messages():
    found = check_history(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "1 + 1?", "tool_calls": None, "tool_call_id": None},
            {"role": "assistant", "content": "", "tool_calls": [call('{"a": 1}')]},
            TOOL,
        ]
    )
    assert [message.type for message in found] == ["system", "human", "ai", "tool"]
    assert found[2].tool_calls[0]["args"] == {"a": 1}
    assert found[3].tool_call_id == "c1"


@pytest.mark.parametrize(
    "assistant",
    [
        pytest.param({"tool_calls": [call('{"a": 1}')]}, id="no content"),
        pytest.param({"content": None, "tool_calls": [call('{"a": 1}')]}, id="null content"),
        pytest.param({"content": "", "tool_calls": [call({"a": 1})]}, id="arguments as data"),
        pytest.param({"content": "", "tool_calls": [{"id": "c1", "name": "add", "args": {"a": 1}}]}, id="LangChain's"),
        pytest.param(
            {"content": "", "tool_calls": [{"id": "c1", "name": "add", "arguments": '{"a": 1}'}]}, id="flat arguments"
        ),
    ],
)
def test_tool_calls_are_read_in_every_form_they_are_written_in(assistant):
    (message, told) = check_history([{"role": "assistant", **assistant}, TOOL])
    assert (message.content, message.tool_calls[0]["name"], message.tool_calls[0]["args"]) == ("", "add", {"a": 1})
    assert message.additional_kwargs == {}
    assert told.text == "2"


def test_arguments_that_are_no_json_and_numbers_that_nothing_holds_are_kept_as_a_call_that_was_invalid():
    (broken, _) = check_history([{"role": "assistant", "content": "", "tool_calls": [call('{"a')]}, TOOL])
    assert (broken.tool_calls, broken.invalid_tool_calls[0]["args"]) == ([], '{"a')
    (large, _) = check_history([{"role": "assistant", "content": "", "tool_calls": [call('{"a": %d}' % 10**30)]}, TOOL])  # noqa: UP031 - JSON has braces
    assert large.invalid_tool_calls[0]["id"] == "c1"


def test_a_call_that_nobody_answered_gets_its_tool_message():
    found = check_history([{"role": "assistant", "content": "", "tool_calls": [call("{}")]}, HumanMessage("and?")])
    assert [type(message) for message in found] == [AIMessage, ToolMessage, HumanMessage]
    assert found[1].status == "error"
    assert check_history(found) == found


@pytest.mark.parametrize(
    ("history", "message"),
    [
        pytest.param([TOOL], "no message before the tool's has the call 'c1'", id="an answer to nothing"),
        pytest.param([{"role": "tool", "content": "2"}], "needs the tool_call_id", id="no id"),
        pytest.param([{"role": "user", "content": "x", "tool_calls": [call("{}")]}], "only an assistant's", id="user"),
        pytest.param([{"role": "assistant", "tool_calls": "x"}], "tool_calls must be a list", id="no list"),
        pytest.param([{"role": "assistant", "tool_calls": [5]}], "needs an id and a name", id="no call"),
        pytest.param([{"role": "nobody", "content": "x"}], "Unexpected message type", id="role"),
        pytest.param([{"role": "user", "content": 5}], "history must be a list", id="content"),
        pytest.param([{"content": "x"}], "history must be a list", id="no role"),
        pytest.param("hello", "it is of class str", id="text"),
        pytest.param({"role": "user"}, "it is of class dict", id="a message"),
    ],
)
def test_what_is_no_history_is_one_sentence(history, message):
    with pytest.raises(ConfigurationError) as caught:
        check_history(history)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_goes_on_from_a_history_with_tool_calls_and_a_later_one_from_both(tmp_path):
    history = [
        {"role": "user", "content": "1 + 1?"},
        {"role": "assistant", "content": None, "tool_calls": [call('{"a": 1}')]},
        TOOL,
        {"role": "assistant", "content": "It is 2."},
    ]
    options = {"checkpointer": f"sqlite:///{tmp_path}/t.db", "thread_id": "t"}
    with ScriptedModel(["Doubled it is 4."]) as model:
        run("Double it.", model, history=history, **options)
    assert [message.type for message in model.calls[0]] == ["system", "human", "ai", "tool", "ai", "human"]
    with ScriptedModel(["8."]) as model:
        result = run("Again.", model, **options)
    assert [message.text for message in model.calls[0][1:]] == [
        "1 + 1?", "", "2", "It is 2.", "Double it.", "Doubled it is 4.", "Again.",
    ]  # fmt: skip
    assert result.answer == "8."
