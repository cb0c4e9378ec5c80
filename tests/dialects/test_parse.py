from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from lumo_graph.dialects import (
    Action,
    Answer,
    CallTools,
    RunCode,
    Unparsable,
    parse_code_reply,
    parse_tool_reply,
    thought_of,
)
from lumo_graph.types import Parameter, ToolSpec

TOOLS = [
    ToolSpec(name="search", parameters=(Parameter(name="query", annotation="str"),)),
    ToolSpec(name="fetch", parameters=(Parameter(name="url", annotation="str"),), is_async=True),
]


def parse(content: Any, **fields: Any) -> Action:
    return parse_code_reply(AIMessage(content, **fields), TOOLS)


def native(*calls: tuple[str, dict[str, Any]], text: str = "") -> AIMessage:
    return AIMessage(
        text,
        tool_calls=[
            {"name": name, "args": args, "id": str(number), "type": "tool_call"}
            for number, (name, args) in enumerate(calls)
        ],
    )


def malformed(name: str, args: str) -> AIMessage:
    return AIMessage(
        "",
        invalid_tool_calls=[{"name": name, "args": args, "id": "1", "error": "not JSON", "type": "invalid_tool_call"}],
    )


def reason_of(action: Action) -> str:
    assert isinstance(action, Unparsable), action
    return action.reason


# -- code in the text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Thought: look.\n```python\nx = 1\n```", "x = 1"),
        ("```python\nx = 1\n```\nthen\n```py\ny = 2\n```\nand\n```\nprint(x)\n```", "x = 1\ny = 2\nprint(x)"),
        ("```python\r\nx = 1\r\ny = 2\r\n```", "x = 1\ny = 2"),
        ("```python\nx = 1\n```<end_code>\nObservation: 1\n```python\ny\n```", "x = 1"),
        ("<think>```python\nbad\n```</think>```python\nx = 1\n```", "x = 1"),
        ("bad idea\n```python\nbad\n```\n</think>\n<code>\nx = 1\n</code>", "x = 1"),
        ("```bash\nls\n```\n```python\nx = 1\n```\n```json\n{}\n```", "x = 1"),
        ("```python\nx = 1\n```\nObservation: 5\nThe answer is 5.", "x = 1"),
        ("Observation: I dreamt this.\n```python\nx = 1\n```", "x = 1"),
        ("Total:\n```python\nfinal_answer(3)\n```", "final_answer(3)"),
        ("```python\nx = (\n```", "x = ("),
        ("```python\nx = 1", "x = 1"),
    ],
    ids=[
        "one block", "several blocks", "windows line ends", "end marker", "code in reasoning", "lone end of reasoning",
        "other languages beside it", "made-up observation after", "made-up observation before", "final_answer",
        "code that does not parse", "unclosed fence",
    ],
)  # fmt: skip
def test_the_code_of_a_reply_is_run(text: str, code: str) -> None:
    assert parse(text) == RunCode(code)


def test_code_in_content_blocks_is_run() -> None:
    content = [
        {"type": "thinking", "thinking": "```python\nbad\n```"},
        {"type": "text", "text": "I look."},
        {"type": "text", "text": "```python\nx = 1\n```"},
    ]
    assert parse(content) == RunCode("x = 1")


# -- tool calls instead of code ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (native(("python_interpreter", {"code": "x = 1"})), "x = 1"),
        (native(("python_interpreter", {"source": "x = 1"})), "x = 1"),
        (native(("python_interpreter", {"code": "```python\nx = 1\n```"})), "x = 1"),
        (native(("python", {"code": "x = 1"}), text="```python\nignored\n```"), "x = 1"),
        (malformed("python_interpreter", "x = 1\nprint(x)"), "x = 1\nprint(x)"),
        (malformed("python_interpreter", '{"code": "x = 1\nprint(x)"}'), "x = 1\nprint(x)"),
        (native(("search", {"query": 'it\'s "x"'})), "search(query='it\\'s \"x\"')"),
        (native(("functions.search", {"query": None})), "search(query=None)"),
        (native(("search", {"query": [True, float("inf")]})), "search(query=[True, float('inf')])"),
        (native(("search", {"from": 1})), "search(**{'from': 1})"),
        (native(("search", {})), "search()"),
        (native(("fetch", {"url": "u"})), "await fetch(url='u')"),
        (
            native(("search", {"query": "a"}), ("fetch", {"url": "u"})),
            "print(search(query='a'))\nprint(await fetch(url='u'))",
        ),
        (
            native(("python_interpreter", {"code": "x = 1"}), ("final_answer", {"answer": {"n": 1}})),
            "x = 1\nfinal_answer({'n': 1})",
        ),
        (native(("final_answer", {"answer": "done"})), "final_answer('done')"),
        (native(("final_answer", {"name": "Ada", "age": 36})), "final_answer({'name': 'Ada', 'age': 36})"),
        (native(("final_answer", {})), "final_answer(None)"),
    ],
)
def test_a_native_tool_call_becomes_code(reply: AIMessage, code: str) -> None:
    assert parse_code_reply(reply, TOOLS) == RunCode(code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"name": "search", "arguments": {"query": "x"}}', "search(query='x')"),
        ('{"tool": "search", "args": {"query": "x"}}', "search(query='x')"),
        ('{"function": "search", "parameters": {"query": "x"}}', "search(query='x')"),
        ('{"name": "search", "arguments": "{\\"query\\": \\"x\\"}"}', "search(query='x')"),
        ('{"type": "function", "function": {"name": "search", "arguments": "{}"}}', "search()"),
        ('Action:\n{"action": "search", "action_input": "x"}', "search('x')"),
        ('Action: {"action": "search", "action_input": ["x"]}', "search('x')"),
        ('I search.\n```json\n{"name": "search",\n "arguments": {"query": "x"}}\n```', "search(query='x')"),
        ('```python\n{"name": "search", "arguments": {"query": "x"}}\n```', "search(query='x')"),
        ('<tool_call>\n{"name": "search", "arguments": {"query": "x"}}\n</tool_call>', "search(query='x')"),
        ('<|python_tag|>{"name": "search", "parameters": {"query": "x"}}', "search(query='x')"),
        ('[TOOL_CALLS][{"name": "search", "arguments": {"query": "x"}}]', "search(query='x')"),
        ('{"name": "python_interpreter", "arguments": {"code": "x = 1"}}', "x = 1"),
        ('{"name": "python_interpreter", "arguments": "x = 1"}', "x = 1"),
        ('{"name": "final_answer", "arguments": {"answer": 3}}', "final_answer(3)"),
        (
            (
                '<tool_call>{"name": "search", "arguments": {"query": "a"}}</tool_call>\n'
                '<tool_call>{"name": "search", "arguments": {"query": "b"}}</tool_call>'
            ),
            "print(search(query='a'))\nprint(search(query='b'))",
        ),
        (
            (
                '{"name": "search", "arguments": {"query": "a"}}\nObservation: nothing\n'
                '{"name": "search", "arguments": {"query": "b"}}'
            ),
            "search(query='a')",
        ),
    ],
)
def test_a_json_tool_call_in_the_text_becomes_code(text: str, code: str) -> None:
    assert parse(text) == RunCode(code)


@pytest.mark.parametrize(
    "reply",
    [
        native(("google", {"q": "x"})),
        AIMessage('{"name": "google", "arguments": {"q": "x"}}'),
        AIMessage('```json\n{"tool": "google", "args": {"q": "x"}}\n```'),
    ],
    ids=["native", "text", "fence"],
)
def test_a_call_of_an_unknown_tool_names_the_known_ones(reply: AIMessage) -> None:
    reason = reason_of(parse_code_reply(reply, TOOLS))
    assert reason == "There is no tool 'google'. The tools are: search, fetch, final_answer. Call them in Python code."


def test_arguments_that_cannot_be_read_are_told_to_the_model() -> None:
    reason = reason_of(parse_code_reply(malformed("search", '{"query": "x'), TOOLS))
    assert "'search'" in reason
    assert '{"query": "x' in reason


def test_a_call_of_the_interpreter_without_code_is_told_to_the_model() -> None:
    assert "holds no code" in reason_of(parse_code_reply(native(("python_interpreter", {})), TOOLS))


# -- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "The answer is 42.",
        '{"total": 42}',
        '[{"name": "Ada", "age": 36}]',
        'Here it is:\n```json\n{"total": 42}\n```',
        "Run this:\n```bash\npip install numpy\n```",
        "The table:\n```\n| a | b |\n|---|---|\n```",
        "The total:\n```\n42\n```",
        "Use the `<think>` tag, or `print(1)`.",
        "Summary.\nObservation: sales rose.",
    ],
)
def test_a_reply_without_code_is_the_answer(text: str) -> None:
    assert parse(text) == Answer(text)


def test_reasoning_is_no_part_of_the_answer() -> None:
    assert parse("<think>hm</think>\n\n42 ") == Answer("42")


def test_a_refusal_is_the_answer() -> None:
    assert parse([{"type": "refusal", "refusal": "I cannot help."}]) == Answer("I cannot help.")


# -- replies nothing can be done with ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "The reply is empty. Write a short thought and one ```python block."),
        (" \n\t", "The reply is empty. Write a short thought and one ```python block."),
        ([], "The reply is empty. Write a short thought and one ```python block."),
        ("<think>hm</think>", "The reply holds only reasoning. Write a short thought and one ```python block."),
        ("<think>hm", "The reply holds only reasoning. Write a short thought and one ```python block."),
        (
            "Now:\n```python\n\n```",
            "The code block is empty. Write the Python to run, or `final_answer(...)` if the task is done.",
        ),
        (
            "```bash\nls -l\n```",
            (
                "Only Python runs here, not a shell. "
                "Write Python; to answer with this text, give it to `final_answer(...)`."
            ),
        ),
    ],
)
def test_a_reply_that_asks_for_nothing_says_what_to_do(content: Any, reason: str) -> None:
    assert parse(content) == Unparsable(reason)


CUT = {"finish_reason": "length"}
CUT_TEXT = "The reply was cut off because it was too long. Write less."


@pytest.mark.parametrize(
    "text",
    ["```python\nx = 1", "I will", "<think>hm", "```json\n{", ""],
    ids=["in code", "in prose", "in reasoning", "in json", "before anything"],
)
def test_a_reply_that_was_cut_is_not_acted_on(text: str) -> None:
    assert "cut off" in reason_of(parse(text, response_metadata=CUT))


def test_a_native_call_that_was_cut_is_not_acted_on() -> None:
    reply = malformed("python_interpreter", '{"code": "x =')
    reply.response_metadata = {"lumo_graph_cut": "too long"}
    assert "cut off" in reason_of(parse_code_reply(reply, TOOLS))


def test_code_that_was_complete_before_the_cut_is_run() -> None:
    assert parse("```python\nx = 1\n```\nAnd then I", response_metadata=CUT) == RunCode("x = 1")
    assert parse("```python\nx = 1\n```\n```python\ny = ", response_metadata=CUT) == RunCode("x = 1")


# -- the function-call branch --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        (native(("search", {"query": "x"})), CallTools()),
        (native(("search", {}), ("final_answer", {"answer": 1})), CallTools()),
        (native(("no_such_tool", {})), CallTools()),
        (malformed("search", "{"), CallTools()),
        (native(("final_answer", {"answer": {"n": 1}}), text="Done."), CallTools()),
        (AIMessage("42"), Answer("42")),
        (AIMessage("<think>hm</think>42"), Answer("42")),
        (AIMessage("```python\nprint(1)\n```"), Answer("```python\nprint(1)\n```")),
        (AIMessage([{"type": "refusal", "refusal": "No."}]), Answer("No.")),
        (AIMessage(""), Unparsable("The reply is empty. Call a tool, or write the answer.")),
        (AIMessage("<think>hm"), Unparsable("The reply holds only reasoning. Call a tool, or write the answer.")),
        (
            AIMessage("I", response_metadata=CUT),
            Unparsable("The reply was cut off because it was too long. Write less."),
        ),
    ],
)
def test_a_reply_in_the_function_call_branch(reply: AIMessage, action: Action) -> None:
    assert parse_tool_reply(reply) == action


def test_a_tool_call_written_as_text_is_not_the_answer() -> None:
    reply = AIMessage('<tool_call>\n{"name": "search", "arguments": {}}\n</tool_call>')
    assert "function-calling" in reason_of(parse_tool_reply(reply))


# -- thoughts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "thought"),
    [
        ("Thought: I look.\nCode:\n```python\nx\n```\nThen I wait.", "I look.\n\nThen I wait."),
        ("<think>secret</think>**Thought:** I look.\n<code>\nx\n</code>", "I look."),
        ("I look.\n```python\nx\n```\nObservation: 1\nSo it is 1.", "I look."),
        ('I search.\n<tool_call>\n{"name": "search", "arguments": {"query": "x"}}\n</tool_call>', "I search."),
        ('I search.\n```json\n{"name": "search", "arguments": {}}\n```', "I search."),
        ("The data:\n```json\n{}\n```\n```python\nx\n```", "The data:\n\n```json\n{}\n```"),
        ("42", "42"),
        ("", ""),
    ],
)
def test_the_thought_is_what_stands_around_the_action(text: str, thought: str) -> None:
    assert thought_of(AIMessage(text)) == thought


def test_the_thought_of_a_native_call_is_its_text() -> None:
    assert thought_of(native(("search", {"query": "x"}), text="I search.")) == "I search."


# -- anything at all -----------------------------------------------------------------------------------------------

PIECES = [
    "```", "```python", "~~~", "<code>", "</code>", "<think>", "</think>", '"""', "'''", "x = 1", "Observation:",
    "<end_code>", '{"name": "search", "arguments": {"query": "x"}}', "{", "[", "\n", "\n", " ", "`", "\r\n",
    "\ud800", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from([{}, CUT]))
def test_no_text_breaks_the_parser(text: str, metadata: dict[str, Any]) -> None:
    reply = AIMessage(text, response_metadata=metadata)
    action = parse_code_reply(reply, TOOLS)
    assert isinstance(action, RunCode | Answer | Unparsable)
    if isinstance(action, RunCode):
        assert action.code.strip()
    assert isinstance(parse_tool_reply(reply), Answer | Unparsable)
    assert isinstance(thought_of(reply), str)


@pytest.mark.parametrize(
    "piece", [" ", "\t\n", "<think>", "```", "```\n", "- ", "[\n", '{"a":', '"""\n```\n', "`", "**"]
)
def test_a_reply_that_repeats_itself_for_ever_is_parsed(piece: str) -> None:
    reply = AIMessage(piece * (200_000 // len(piece)))
    assert isinstance(parse_code_reply(reply, TOOLS), RunCode | Answer | Unparsable)
    assert isinstance(thought_of(reply), str)
