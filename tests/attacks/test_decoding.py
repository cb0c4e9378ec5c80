"""Whatever bytes a session sends, the host makes messages of them or refuses them, in bounded memory."""

import tracemalloc

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumo_graph.executors.checking import check_keys, check_plain, parse_call, parse_done
from lumo_graph.executors.frames import TO_HOST_CAP, FrameError, Frames, pack
from tests.attacks.decoding import CAP, DONE, TOOLS, VALID, agree, decode, encode, frame, valid_stream

QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.one_of(st.text(max_size=8), st.integers(-9, 9), st.binary(max_size=4), st.none(), st.booleans(), st.floats())
DATA = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 64) - 1), st.floats(), st.text(max_size=20),
        st.binary(max_size=20),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=6), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=30,
)  # fmt: skip
HEADS = (b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9", b"\xc7\x00\x05", b"\xd8\xff", b"\xc1", b"\x92\xa4done\xdf")


def paths(value, here=()):
    """Every place in a message."""
    yield here
    if isinstance(value, (list, dict)):
        for at, inner in enumerate(value) if isinstance(value, list) else value.items():
            yield from paths(inner, (*here, at))


def put(value, path, new):
    """The message with another value at one place."""
    if not path:
        return new
    changed = list(value) if isinstance(value, list) else dict(value)
    changed[path[0]] = put(value[path[0]], path[1:], new)
    return changed


@st.composite
def changed_messages(draw):
    """A valid message with something else at up to three places, or with a field too many or too few."""
    message = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 3))):
        if not isinstance(message, list):
            break
        message = put(message, draw(st.sampled_from(list(paths(message)))), draw(DATA))
    if isinstance(message, list) and draw(st.booleans()):
        message = draw(st.sampled_from([[*message, None], message[:-1]]))
    return message


@given(st.lists(changed_messages(), max_size=4), st.integers(1, 40))
@QUICK
def test_changed_messages_are_taken_or_refused_however_they_arrive(messages, step):
    stream = b"".join(frame(msgpack.packb(message)) for message in messages)
    whole = decode([stream])
    pieces = decode(stream[at : at + step] for at in range(0, len(stream), step))
    assert agree(whole, pieces)
    assert whole[-1:] == ["refused"] or len(whole) == len(messages)


@given(st.binary(max_size=200), st.sampled_from([b"", *HEADS]))
@QUICK
def test_bytes_that_are_no_message_are_refused(body, head):
    made = decode([frame(head + body)])
    assert len(made) == 1


@given(st.data())
@QUICK
def test_a_stream_in_which_bytes_are_changed_is_taken_or_refused(data):
    stream = bytearray(valid_stream())
    for _ in range(data.draw(st.integers(1, 6))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(stream)))
    assert agree(decode([bytes(stream)]), decode([bytes(stream[:cut]), bytes(stream[cut:])]))


def test_a_stream_is_the_same_cut_at_every_byte():
    stream = valid_stream()
    expected = repr(decode([stream]))
    assert "refused" not in expected
    for cut in range(len(stream)):
        assert repr(decode([stream[:cut], stream[cut:]])) == expected


def test_a_stream_that_ends_early_gives_what_was_complete():
    stream = valid_stream()
    counts = [len(decode([stream[:cut]])) for cut in range(len(stream))]
    assert counts == sorted(counts)
    assert counts[-1] == len(VALID) - 1


@given(st.integers(CAP + 1, (1 << 32) - 1), st.binary(max_size=50))
@QUICK
def test_a_length_over_the_cap_is_refused_at_once(size, rest):
    with pytest.raises(FrameError, match="cap"):
        Frames(CAP).feed(size.to_bytes(4, "big") + rest)


@pytest.mark.parametrize("code", [-1, 0, 5, 127])
@pytest.mark.parametrize("size", [0, 1, 2, 4, 8, 12, 16, 300])
def test_extension_types_are_refused_wherever_they_stand(code, size):
    extension = msgpack.ExtType(code, bytes(size)) if code >= 0 else None
    raw = msgpack.packb(extension) if extension else b"\xc7" + bytes([size % 256]) + b"\xff" + bytes(size)
    for before, behind in ((b"\x92\xa1a", b""), (b"\x92\xa1a\x81\xa1k", b""), (b"\x92\xa1a\x81", b"\x01")):
        assert decode([frame(before + raw + behind)]) == ["refused"]


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_is_no_unicode_is_refused(text):
    for message in (
        ["refused", text],
        ["done", 1, {**DONE, "variables": {text: "x"}}],
        ["call", 1, 1, text, {}, None, True, b"", b""],
    ):
        assert decode([encode(message)]) == ["refused"]


def test_of_a_key_that_comes_twice_one_value_is_left_and_checked():
    one = msgpack.packb("variables") + msgpack.packb({"x": "int"})
    other = msgpack.packb("variables") + msgpack.packb({"x": 5})
    rest = b"".join(msgpack.packb(name) + msgpack.packb(value) for name, value in DONE.items() if name != "variables")
    for first, second in ((one, other), (other, one)):
        body = b"\x93" + msgpack.packb("done") + b"\x01\x88" + first + second + rest
        (made,) = decode([frame(body)])
        assert made == "refused" or dict(made.variables) == {"x": "int"}


@given(DATA, st.booleans())
@QUICK
def test_data_is_checked_without_other_errors(data, binary):
    try:
        check_plain(data, binary=binary)
        check_keys(data)
        parse_call(["call", 1, 1, "search", {"query": data}, None, True, b"", b""], TOOLS)
        parse_done(["done", 1, {**DONE, "value": {"kind": "x", "preview": "", "json": data}}])
    except FrameError:
        pass


def nest(depth, inner=b"\xc0"):
    return b"\x91" * depth + inner


# Each is as large as a message may be, and of a kind that grows when it is decoded.
LARGE = {
    "empty dicts": b"\xdd" + (TO_HOST_CAP - 60).to_bytes(4, "big") + b"\x80" * (TO_HOST_CAP - 60),
    "nested": b"\xdd" + (100_000).to_bytes(4, "big") + nest(60) * 100_000,
    "said to be many": b"\xdd\xff\xff\xff\xff" + b"\x01" * 1000,
    "dict said to be large": b"\xdf\xff\xff\xff\xff" + b"\xa1k\x01" * 1000,
    "text said to be long": b"\xdb\xff\xff\xff\xff" + b"x" * 1000,
    "very deep": nest(900_000),
    "one text": b"\xdb" + (8_000_000).to_bytes(4, "big") + b"x" * 8_000_000,
}


@pytest.mark.parametrize("inner", LARGE.values(), ids=LARGE)
def test_memory_stays_within_a_bound_whatever_is_decoded(inner):
    stream = frame(b"\x98\xa4call\x01\x02\xa6search\x81\xa5query" + inner + b"\xc0\xc4\x00\xc4\x00")
    pieces = [stream[at : at + (1 << 16)] for at in range(0, len(stream), 1 << 16)]
    tracemalloc.start()
    try:
        decode(pieces, TO_HOST_CAP)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The buffer, its body, and a million small objects at most.
    assert peak < 3 * TO_HOST_CAP + 100 * 1_000_000


def test_many_small_messages_are_taken_one_by_one():
    stream = pack(["a"], CAP) * 20_000
    frames = Frames(CAP)
    tracemalloc.start()
    try:
        count = sum(len(frames.feed(stream)) for _ in range(2))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 16 << 20
