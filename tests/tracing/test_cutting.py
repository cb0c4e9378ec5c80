import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.tracing.cutting import fitted
from lumo_graph.tracing.messages import said

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def test_what_fits_is_told_whole():
    assert json.loads(fitted([said("user", "hello")], 1000)) == [said("user", "hello")]


def test_long_texts_are_cut_and_short_ones_are_not():
    told = json.loads(fitted([said("user", "short"), said("assistant", "a" * 5000), said("user", "b" * 9000)], 4000))
    texts = [message["parts"][0]["content"] for message in told]
    assert texts[0] == "short"
    assert all("characters left out" in text for text in texts[1:])
    assert texts[1].startswith("aaa")
    assert texts[2].endswith("bbb")


def test_of_too_many_messages_the_middle_is_left_out():
    told = json.loads(fitted([said("user", f"number {n}") for n in range(1000)], 2000))
    assert told[0] == said("user", "number 0")
    assert told[-1] == said("user", "number 999")
    assert told[2]["parts"][0]["content"] == "[996 messages left out]"


def test_of_too_many_values_that_are_no_messages_the_middle_is_left_out_too():
    assert json.loads(fitted(list(range(10_000)), 2000)) == [0, 1, "[9,996 left out]", 9_998, 9_999]


@pytest.mark.parametrize("text", ['"' * 5000, "\\" * 5000, "\n" * 5000, "\x00" * 5000, "ü" * 5000])
def test_characters_that_json_writes_longer_are_counted_as_written(text):
    told = fitted([said("user", text)], 1000)
    assert len(told) <= 1000
    assert json.loads(told)[0]["role"] == "user"


@given(JSON, st.integers(2, 300))
def test_it_is_always_json_and_never_longer(value, limit):
    told = fitted(value, limit)
    assert len(told) <= limit
    json.loads(told)
