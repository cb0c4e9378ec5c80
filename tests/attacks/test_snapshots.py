"""Snapshots that were damaged, mixed up or made by an attacker: never wrong variables, never more than an error."""

from itertools import pairwise

import pytest

from lumo_graph.errors import SnapshotError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.types import Limits, ToolReply

LIMITS = Limits(memory_mb=512, disk_mb=8)
CODE = (
    "import datetime\nclass Point:\n    def __init__(self, x):\n        self.x = x\n"
    "def double(n):\n    return 2 * n\n"
    "rows, shared = [1, 2, {'k': 'v'}], [0]\nalias = [shared, shared]\n"
    "point, when = Point(5), datetime.date(2024, 2, 29)\n"
    "text = 'x' * 5000"
)
EXPECTED = {"rows": "[1, 2, {'k': 'v'}]", "alias": "[[0], [0]]", "point.x": "5", "double(4)": "8", "len(text)": "5000"}


@pytest.fixture(scope="module")
def executor():
    return ProcessExecutor(require="none")


def do(session, code):
    return session.execute(code, seconds=10, serve=lambda _: ToolReply())


def saved(executor, code):
    session = executor.open(limits=LIMITS)
    try:
        assert do(session, code).error is None
        return {name: blob for name, blob in session.snapshot().changed.items() if blob is not None}
    finally:
        session.close()


@pytest.fixture(scope="module")
def namespace(executor):
    return saved(executor, CODE)


def restored(executor, namespace):
    """What of the expected values there is, and what the session says it has lost; None if it was refused."""
    try:
        session = executor.open(namespace, limits=LIMITS)
    except SnapshotError:
        return None
    try:
        names = ", ".join(f"{code!r}: lambda: {code}" for code in EXPECTED)
        done = do(
            session,
            f"found = {{}}\nfor name, get in {{{names}}}.items():\n    try:\n        found[name] = repr(get())\n"
            "    except Exception:\n        pass\nfound",
        )
        assert done.error is None, done.error
        assert done.value is not None
        return done.value.json, dict(session.lost)
    finally:
        session.close()


def is_whole_or_says_so(executor, namespace):
    """Whether every value is the right one, is missing and told, or the whole was refused."""
    found = restored(executor, namespace)
    if found is None:
        return True
    values, lost = found
    return values.items() <= EXPECTED.items() and (values == EXPECTED or bool(lost))


def test_what_is_intact_is_whole(executor, namespace):
    assert is_whole_or_says_so(executor, namespace)


@pytest.mark.parametrize("place", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_byte_that_was_changed_in_any_component_is_noticed(executor, namespace, place):
    for name, blob in namespace.items():
        at = round(place * (len(blob) - 1))
        changed = blob[:at] + bytes([blob[at] ^ 0x41]) + blob[at + 1 :]
        assert is_whole_or_says_so(executor, {**namespace, name: changed}), (name, at)


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_component_that_was_cut_off_is_noticed(executor, namespace, kept):
    for name, blob in namespace.items():
        assert is_whole_or_says_so(executor, {**namespace, name: blob[: int(len(blob) * kept)]}), name


def test_of_a_component_that_is_missing_nothing_is_left_and_the_rest_is_right(executor, namespace):
    # A variable that code deletes is gone from the store in the same way: its absence is no damage.
    for name in namespace:
        rest = {other: blob for other, blob in namespace.items() if other != name}
        found = restored(executor, rest)
        assert found is None or found[0].items() <= EXPECTED.items(), name


def test_components_that_stand_in_each_others_place_are_noticed(executor, namespace):
    names = sorted(namespace)
    for one, other in pairwise(names):
        mixed = {**namespace, one: namespace[other], other: namespace[one]}
        assert is_whole_or_says_so(executor, mixed), (one, other)


def test_a_component_of_another_thread_is_noticed_or_is_that_of_the_other(executor, namespace):
    # Both threads are the same user's: a store that mixes them up gives a variable of the other, never half of one.
    other = saved(executor, "rows = ['of the other thread']\nforeign = 1")
    session = executor.open({**namespace, "rows": other["rows"]}, limits=LIMITS)
    try:
        done = do(session, "[globals().get('rows', 'missing'), point.x, 'foreign' in globals()]")
        assert done.value is not None
        assert done.value.json in (
            [["of the other thread"], 5, False],
            ["missing", 5, False],
        )
    finally:
        session.close()


@pytest.mark.parametrize("header", [b"", b"\x80", b"\xff" * 40, b"\x81\xa6format\x63", b"\x93\x01\x02\x03"])
def test_another_header_is_refused(executor, namespace, header):
    with pytest.raises(SnapshotError):
        executor.open({**namespace, "": header}, limits=LIMITS).close()


@pytest.mark.parametrize("name", ["", "rows", "class Point", "x" * 5000, "\x00", "a, b"])
def test_bytes_that_are_no_snapshot_are_refused_or_told(executor, name):
    try:
        session = executor.open({name: b"\x80\x05cos\nsystem\n."}, limits=LIMITS)
    except SnapshotError:
        return
    assert session.lost
    session.close()
