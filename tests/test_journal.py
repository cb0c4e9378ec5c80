import pytest
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lumo_graph.journal import DivergedError, Path, Record, Replay, Told, digest_args
from lumo_graph.types import ToolReply


def records_of(*calls, in_order=True):
    """The records of a first run that made these calls."""
    replay, records = Replay(), []
    for name, args, reply in calls:
        asked = replay.ask(name, args, in_order=in_order)
        assert asked.record is None
        records.append(Record.of(asked, args, reply, in_order=in_order))
    return records


def test_a_call_that_was_made_is_found_again_and_a_new_one_is_not():
    replay = Replay.of(records_of(("mail", {"to": "a"}, ToolReply(value=[1, None]))))
    assert replay.ask("mail", {"to": "a"}, in_order=True).record.reply == ToolReply(value=[1, None])
    assert replay.ask("mail", {"to": "a"}, in_order=True).record is None
    assert replay.left == []


def test_equal_calls_are_told_apart_by_their_number():
    made = [("roll", {}, ToolReply(value=value)) for value in (4, 2)]
    replay = Replay.of(records_of(*made))
    assert [replay.ask("roll", {}, in_order=True).record.reply.value for _ in range(2)] == [4, 2]


def test_calls_of_threads_may_come_in_another_order():
    made = [("post", {"n": n}, ToolReply(value=n)) for n in range(3)]
    replay = Replay.of(records_of(*made, in_order=False))
    found = [replay.ask("post", {"n": n}, in_order=False).record.reply.value for n in (2, 0, 1)]
    assert found == [2, 0, 1]


@pytest.mark.parametrize(("name", "args"), [("mail", {"to": "b"}), ("charge", {"to": "a"})])
def test_another_call_of_the_main_thread_is_a_divergence(name, args):
    replay = Replay.of(records_of(("mail", {"to": "a"}, ToolReply(value=1))))
    with pytest.raises(DivergedError, match=rf"called {name}\(\) where it had called mail\(\)"):
        replay.ask(name, args, in_order=True)
    assert [record.name for record in replay.left] == ["mail"]


def test_another_call_of_a_thread_is_a_new_call():
    replay = Replay.of(records_of(("mail", {"to": "a"}, ToolReply(value=1))))
    assert replay.ask("mail", {"to": "b"}, in_order=False).record is None


def test_the_order_of_arguments_does_not_matter():
    assert digest_args({"a": 1, "b": 2}) == digest_args({"b": 2, "a": 1}) != digest_args({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1 << 70, object(), {1, 2}], ids=["big", "object", "set"])
def test_a_result_that_cannot_be_stored_is_recorded_as_made(value):
    (record,) = records_of(("mail", {}, ToolReply(value=value)))
    assert record.reply.error_type == "RuntimeError"
    assert "could not be stored" in record.reply.error


@pytest.mark.parametrize(
    "reply", [ToolReply(value={"x": [1.5, b"raw", "é", None, {1: 2}]}), ToolReply(error="no", error_type="KeyError")]
)
def test_a_record_comes_back_from_a_strict_store(reply):
    (record,) = records_of(("mail", {"to": "a", "n": [1, 2]}, reply))
    serde = JsonPlusSerializer(allowed_msgpack_modules=None)
    again = Record.from_dict(serde.loads_typed(serde.dumps_typed(record.to_dict())))
    assert again == record
    assert (again.reply, again.arguments) == (reply, {"to": "a", "n": [1, 2]})


def paths_of(*told, trace=b"t"):
    """The path of an action that was told these values by calls that are not recorded."""
    heard = Told()
    for value in told:
        heard.add(ToolReply(value=value))
    return Path(trace=trace, told=heard.digest)


def test_a_call_of_a_thread_may_be_one_that_was_made_before_until_those_have_come():
    made = [("mail", {"to": "a"}), ("mail", {"to": "b"}), ("post", {})]
    replay = Replay.of(records_of(*((name, args, ToolReply(value=1)) for name, args in made), in_order=False))
    assert not replay.may_repeat("mail", {"to": "a"})
    assert replay.may_repeat("mail", {"to": "c"})
    assert not replay.may_repeat("fetch", {"to": "c"})
    replay.ask("mail", {"to": "b"}, in_order=False)
    assert replay.may_repeat("mail", {"to": "b"})
    replay.ask("mail", {"to": "a"}, in_order=False)
    assert not replay.may_repeat("mail", {"to": "b"})


def replayed(first, second, *, in_order=True):
    """Ask for a call that was made on one path again, on another."""
    asked = Replay().ask("mail", {}, in_order=in_order, path=first)
    record = Record.of(asked, {}, ToolReply(value=1), in_order=in_order)
    return Replay.of([record]).ask("mail", {}, in_order=in_order, path=second).record


def test_a_call_that_is_come_to_in_another_way_is_a_divergence():
    assert replayed(paths_of(1, "x"), paths_of("x", 1)) is not None
    with pytest.raises(DivergedError, match=r"came to its call of mail\(\) in another way"):
        replayed(paths_of(1), paths_of(1, trace=b"other"))


@pytest.mark.parametrize(
    "second",
    [paths_of(1, trace=b""), paths_of(2, trace=b"other"), paths_of(1, 1, trace=b"other")],
    ids=["unknown", "told otherwise", "told more"],
)
def test_another_way_is_seen_only_where_it_is_certain(second):
    assert replayed(paths_of(1), second) is not None


def test_calls_of_threads_may_be_come_to_in_any_way():
    assert replayed(paths_of(), paths_of(trace=b"other"), in_order=False) is not None
