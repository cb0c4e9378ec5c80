"""Components as bytes, and their ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.executors.worker.envelope import DamagedError, Envelope, component_id, unpack

ROOTS = st.lists(st.tuples(st.sampled_from(["variable", "class"]), st.text()), min_size=1, max_size=4, unique=True)


@given(roots=ROOTS, parts=st.lists(st.binary()), buffers=st.lists(st.tuples(st.binary(), st.booleans())))
def test_what_is_packed_is_unpacked(roots, parts, buffers):
    envelope = Envelope(
        roots=tuple(roots),
        needs=("A",),
        parts=parts,
        buffers=tuple(data for data, _ in buffers),
        readonly=tuple(flag for _, flag in buffers),
    )
    found = unpack(envelope.pack(envelope.digest()))
    assert found.roots == envelope.roots
    assert b"".join(found.parts) == b"".join(parts)
    assert (found.buffers, found.readonly) == (envelope.buffers, envelope.readonly)


@given(one=ROOTS, other=ROOTS)
def test_ids_are_equal_only_for_equal_sets_of_roots(one, other):
    assert (component_id(one) == component_id(other)) == (sorted(one) == sorted(other))
    assert component_id(one) != ""


@given(data=st.binary())
def test_other_bytes_are_damaged(data):
    with pytest.raises(DamagedError):
        unpack(data)
