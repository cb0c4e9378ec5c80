import sys
from itertools import pairwise
from pathlib import Path

import pytest

from lumo_graph.errors import ConfigurationError, SnapshotError
from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.components import names_in
from lumo_graph.executors.sealing import SEAL_ID
from lumo_graph.types import Limits, ToolReply

ROOT = Path(__file__).parents[2]
KEY, OTHER = b"k" * 32, b"o" * 32
LIMITS = Limits(memory_mb=512, disk_mb=8)
CODE = "class Point:\n    pass\nrows = [1, 2]\nalias = rows\npoint = Point()\nword = 'canary'"


def do(session, code):
    done = session.execute(code, seconds=20, serve=lambda _: ToolReply())
    assert done.error is None, done.error
    return done.value and done.value.json


def opened(namespace=None, key=KEY):
    return ProcessExecutor(require="none", snapshot_key=key).open(namespace, limits=LIMITS)


def actions(*codes, namespace=None, key=KEY):
    """The merged snapshots of a session that runs actions, after each of them."""
    merged = dict(namespace or {})
    session = opened(namespace, key)
    try:
        for code in codes:
            do(session, code)
            for name, blob in session.snapshot().changed.items():
                if blob is None:
                    merged.pop(name, None)
                else:
                    merged[name] = blob
            yield dict(merged)
    finally:
        session.close()


@pytest.fixture(scope="module")
def namespace():
    (found,) = actions(CODE)
    return found


def value(namespace, code, key=KEY):
    session = opened(namespace, key)
    try:
        assert session.lost == {}
        return do(session, code)
    finally:
        session.close()


def test_what_is_signed_is_opened_with_the_key_and_goes_on(namespace):
    assert value(namespace, "[rows, rows is alias, word, type(point).__name__]") == [[1, 2], True, "canary", "Point"]
    history = [namespace, *actions("rows.append(3)", "del word", "x = 1", "y = 2", namespace=namespace)]
    assert value(history[1], "[rows, word]") == [[1, 2, 3], "canary"]
    assert value(history[-1], "[rows, 'word' in globals(), x + y]") == [[1, 2, 3], False, 3]
    for before, after in pairwise(history):
        assert before[SEAL_ID] != after[SEAL_ID]


def test_an_action_that_changes_nothing_stores_nothing(namespace):
    session = opened(namespace)
    try:
        do(session, "1 + 1")
        assert session.snapshot().changed == {}
    finally:
        session.close()


def test_a_changed_byte_anywhere_is_found(namespace):
    for name, blob in namespace.items():
        for at in {0, 5, 12, 20, 30, 51, 52, len(blob) // 2, len(blob) - 1}:
            damaged = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
            with pytest.raises(SnapshotError, match="othing was loaded"):
                opened({**namespace, name: damaged})
        for cut in (b"", blob[:40], blob[:-1], blob + b"x"):
            with pytest.raises(SnapshotError, match="othing was loaded"):
                opened({**namespace, name: cut})


def test_none_can_be_taken_away_added_renamed_or_come_from_another_moment(namespace):
    (later,) = actions("word = 'later'\nrows.append(3)", namespace=namespace)
    for name in namespace:
        less = {key: blob for key, blob in namespace.items() if key != name}
        with pytest.raises(SnapshotError, match="not those that were signed together"):
            opened(less)
    for mixed in (
        {**later, "word": namespace["word"]},
        {**namespace, "word": later["word"]},
        {**namespace, SEAL_ID: later[SEAL_ID]},
        {**namespace, **{key: blob for key, blob in later.items() if key not in namespace}, "word": later["word"]},
    ):
        with pytest.raises(SnapshotError, match="not those that were signed together"):
            opened(mixed)
    with pytest.raises(SnapshotError, match="changed after it was signed"):
        opened({**namespace, "other": namespace["word"]})


def test_another_key_is_told_from_damage(namespace):
    with pytest.raises(SnapshotError, match="signed with another key: its fingerprint is [0-9a-f]{16}") as raised:
        opened(namespace, OTHER)
    assert "ProcessExecutor(snapshot_key=...)" in str(raised.value)
    assert "LUMO_SNAPSHOT_KEY" in str(raised.value)


def test_without_the_key_what_is_signed_is_not_opened(namespace):
    with pytest.raises(SnapshotError, match="this executor has no key") as raised:
        opened(namespace, ())
    assert "ProcessExecutor(snapshot_key=...)" in str(raised.value)


def test_with_a_key_what_is_not_signed_is_not_opened():
    (bare,) = actions("x = 1", key=())
    assert value(bare, "x", key=()) == 1
    with pytest.raises(SnapshotError, match="is not signed") as raised:
        opened(bare)
    assert "begin a new thread" in str(raised.value)


def test_a_new_key_takes_over_and_the_old_one_still_opens(namespace):
    (after,) = actions("new = 5", namespace=namespace, key=[OTHER, KEY])
    assert value(after, "[word, new]", key=[OTHER, KEY]) == ["canary", 5]
    with pytest.raises(SnapshotError, match="another key"):
        opened(after, KEY)


def test_nothing_is_started_for_what_is_refused(namespace, tmp_path):
    log = tmp_path / "starts"
    launch = ["sh", "-c", f'echo x >> {log}; PYTHONPATH={ROOT} exec "$@"', "sh", sys.executable]
    executor = ProcessExecutor(require="none", launch=launch, snapshot_key=KEY)
    executor.open(namespace, limits=LIMITS).close()
    started = log.read_text()
    assert started
    (poison,) = actions("class P:\n    def __reduce__(self):\n        return print, ()\nword = P()", key=())
    for bad in (poison, {**namespace, "word": poison["word"]}, {**namespace, "word": namespace["word"][:-1]}):
        with pytest.raises(SnapshotError):
            executor.open(bad, limits=LIMITS)
    assert log.read_text() == started


def test_the_names_in_a_signed_component_can_be_read(namespace):
    found = {name: names_in(name, blob) for name, blob in namespace.items()}
    assert set(found["alias, rows"]) == {"alias", "rows"}
    assert found["word"] == ("word",)


def test_a_key_is_shown_nowhere():
    executor = ProcessExecutor(require="none", snapshot_key=b"canary-canary-canary")
    assert "canary" not in repr(executor)


@pytest.mark.parametrize("key", ["k" * 32, b"short", [b"k" * 32, "x" * 32], [5], 5, None])
def test_what_is_no_key_is_refused_without_being_shown(key):
    with pytest.raises(ConfigurationError, match="snapshot_key must be") as raised:
        ProcessExecutor(snapshot_key=key)
    assert "kkkk" not in str(raised.value)
    assert "short" not in str(raised.value)
