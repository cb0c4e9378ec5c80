from typing import Any

import pytest
from langchain_core.messages import AIMessage

from lumo_graph.dialects.replies import answer_text, refusal_of, text_of, was_cut, without_reasoning


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<think>hm</think>\nYes.", "\nYes."),
        ("Sure. <Thinking>hm</Thinking>Yes.", "Sure. Yes."),
        ("[THINK]hm[/THINK]Yes.", "Yes."),
        ("hm</think>Yes.", "Yes."),
        ("a</think>b</think>Yes.", "Yes."),
        ("<think>a <think>b</think> c</think>Yes.", "Yes."),
        ("<think>it never ends", ""),
        ("Yes.\n<think>it never ends", "Yes.\n"),
        ("<think>try\n```python\nx\n```\nno</think>Yes.", "Yes."),
        ("try\n```python\nx\n```\nno</think>Yes.", "Yes."),
        ("try\n```python\nx\n</think>\nYes.", "\nYes."),
        ("try\n```python\nx\n</think>\n```python\ny\n```", "\n```python\ny\n```"),
        ("Use `<think>` to think.", "Use `<think>` to think."),
        ("The tag <think> opens it.", "The tag <think> opens it."),
        ("No tags.", "No tags."),
    ],
)
def test_reasoning_is_taken_out(text: str, rest: str) -> None:
    assert without_reasoning(text) == rest


@pytest.mark.parametrize(
    "code",
    [
        '```python\nclean = re.sub("<think>.*?</think>", "", text)\n```',
        '```python\nhead, _, tail = text.partition("</think>")\n```\nDone.',
        '```python\npage = """\n</think>\n"""\n```',
        '~~~\nx = "<think>"\n~~~',
    ],
)
def test_reasoning_tags_within_code_are_code(code: str) -> None:
    assert without_reasoning(code) == code


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain\r\nlines\r", "plain\nlines\n"),
        ([{"type": "text", "text": "a "}, {"type": "text", "text": "b"}], "a b"),
        (["a ", {"type": "output_text", "text": "b"}], "a b"),
        ([{"type": "reasoning", "reasoning": "```python\nx\n```"}, {"type": "text", "text": "b"}], "b"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "image_url", "image_url": {"url": "u"}}], ""),
        (
            [{"type": "text", "text": "Look:"}, {"type": "text", "text": "```python\nx\n```"}],
            "Look:\n```python\nx\n```",
        ),
        ([{"type": "refusal", "refusal": "No."}], ""),
        ([], ""),
        ("", ""),
    ],
)
def test_only_text_blocks_are_text(content: Any, text: str) -> None:
    assert text_of(AIMessage(content)) == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("```python\nx\n```<end_code>\nObservation: 1", "```python\nx\n```"),
        ("Yes.<end_action>No.", "Yes."),
        ("<end_code>Yes.", "Yes."),
        ("<think>hm</think>Yes.<end_code>", "Yes."),
    ],
)
def test_the_text_ends_where_the_model_says_that_its_action_ends(text: str, rest: str) -> None:
    assert answer_text(AIMessage(text)) == rest


def test_a_refusal_is_found_in_its_block_and_in_the_field_of_openai() -> None:
    assert refusal_of(AIMessage([{"type": "refusal", "refusal": "I cannot."}])) == "I cannot."
    assert refusal_of(AIMessage("", additional_kwargs={"refusal": "I cannot."})) == "I cannot."
    assert refusal_of(AIMessage("", additional_kwargs={"refusal": None})) == ""


@pytest.mark.parametrize(
    ("metadata", "cut"),
    [
        ({"finish_reason": "length"}, True),
        ({"stop_reason": "max_tokens"}, True),
        ({"finish_reason": "MAX_TOKENS"}, True),
        ({"done_reason": "length"}, True),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, True),
        ({"lumo_graph_cut": "repetition"}, True),
        ({"finish_reason": "stop"}, False),
        ({"finish_reason": None, "incomplete_details": None}, False),
        ({}, False),
    ],
)
def test_a_reply_that_grew_too_long_is_known(metadata: dict[str, Any], cut: bool) -> None:  # noqa: FBT001 - a table
    assert was_cut(AIMessage("x", response_metadata=metadata)) is cut


def test_a_tag_repeated_for_ever_is_text() -> None:
    text = "so <think> " * 20_000
    assert without_reasoning(text) == text
