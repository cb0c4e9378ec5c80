"""What a session says it saves is bounded, in bytes and in names, whatever it sends."""

import pytest

from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.saving import Ledger, Parts


def ledger(**sizes):
    return Ledger("a namespace of", sizes, most_bytes=100, most_names=3)


def test_parts_are_put_together():
    parts = Parts(ledger())
    for name, part in (("x", b"ab"), ("x", b"c"), ("empty", b""), ("gone", None)):
        parts.add(name, part)
    assert parts.whole() == {"x": b"abc", "empty": b"", "gone": None}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([("x", b"a" * 60), ("x", b"a" * 60)], id="bytes"),
        pytest.param([(str(number), b"") for number in range(4)], id="names"),
        pytest.param([("x", b"")] * 101, id="parts without bytes"),
        pytest.param([("x", None), ("x", b"a")], id="gone and there"),
    ],
)
def test_too_much_is_refused_before_it_is_kept(sent):
    parts = Parts(ledger())
    for name, part in sent[:-1]:
        parts.add(name, part)
    with pytest.raises(FrameError):
        parts.add(*sent[-1])


def test_what_was_saved_before_counts_too():
    saved = ledger(a=50)
    saved.take_in({"b": b"b" * 50})
    with pytest.raises(FrameError, match="3 parts"):
        saved.take_in({"c": b"c"})
    saved.take_in({"a": None, "c": b"c" * 50})


def test_what_is_refused_is_not_noted():
    saved = ledger()
    with pytest.raises(FrameError):
        saved.take_in({"a": b"a" * 101})
    saved.take_in({"b": b"b" * 100})
