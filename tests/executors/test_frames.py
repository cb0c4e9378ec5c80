import io

import msgpack
import pytest

from lumo_graph.executors.frames import TO_HOST_CAP, FrameError, Frames, FrameTooLargeError, pack


def framed(body):
    return len(body).to_bytes(4, "big") + body


def test_messages_come_out_as_they_went_in_however_the_stream_is_cut():
    messages = [["a", 1, None], ["b", {"k": [b"\x00", 2.5, {3: "é"}]}], ["c", "x" * 5000]]
    stream = b"".join(pack(message, 10_000) for message in messages)
    for step in (1, 3, 4096, len(stream)):
        frames = Frames(10_000)
        out = [message for at in range(0, len(stream), step) for message in frames.feed(stream[at : at + step])]
        assert out == messages


def test_a_message_over_the_cap_is_not_packed():
    with pytest.raises(FrameTooLargeError) as caught:
        pack(["a", b"x" * 100], 50)
    assert caught.value.cap == 50


@pytest.mark.parametrize(
    "stream",
    [
        b"\xff\xff\xff\xff",
        framed(b""),
        framed(b"\x01"),
        framed(msgpack.packb({"a": 1})),
        framed(msgpack.packb([])),
        framed(msgpack.packb([1, 2])),
        framed(msgpack.packb(["a"]) + b"\x00"),
        framed(msgpack.packb(["a", msgpack.ExtType(5, b"x")])),
        framed(msgpack.packb(["a", msgpack.ExtType(5, b"")])),
        framed(msgpack.packb(["a", msgpack.Timestamp(1)])),
        framed(b"\x92\xa1a\xa1\xff"),
        framed(b"\x92\xa1a\x81\x91\x01\x02"),
        framed(b"\x91" * 5000),
        framed(b"\x92\xa1a\xdd\xff\xff\xff\xff"),
        framed(b"\xc1"),
    ],
    ids=[
        "length", "nothing", "number", "map", "empty", "no kind", "rest", "extension", "empty extension", "timestamp",
        "no utf-8", "list as key", "nested", "huge count", "reserved",
    ],
)  # fmt: skip
def test_a_stream_that_is_none_is_refused(stream):
    with pytest.raises(FrameError):
        Frames(1 << 20).feed(stream)


def test_the_cap_is_checked_before_the_body_arrives():
    with pytest.raises(FrameError, match="cap"):
        Frames(100).feed((101).to_bytes(4, "big"))


@pytest.mark.parametrize("part", [b"\x80", b"\x90", b"\x01", b"\xcc\x01", b"\xa0", b"\xc4\x00", b"\xde\x00\x00"])
def test_a_message_of_too_many_parts_is_refused_before_it_is_decoded(part):
    body = b"\x92\xa4call\xdd" + (1_200_000).to_bytes(4, "big") + part * 1_200_000
    with pytest.raises(FrameError, match="more than 1000000 parts"):
        Frames(TO_HOST_CAP).feed(len(body).to_bytes(4, "big") + body)


def test_a_large_message_of_few_parts_arrives():
    message = ["call", {"text": "x" * 3_000_000, "raw": b"y" * 3_000_000, "rows": [[1, 2.5, None, "z"]] * 150_000}]
    assert Frames(TO_HOST_CAP).feed(pack(message, TO_HOST_CAP)) == [message]


def test_a_reader_can_stop_at_the_end_of_a_message():
    stream = io.BytesIO(pack(["first", "x" * 1000], 2000) + b"not a message")
    frames = Frames(2000)
    messages = []
    while not messages:
        messages = frames.feed(stream.read(frames.missing))
    assert messages == [["first", "x" * 1000]]
    assert stream.read() == b"not a message"
