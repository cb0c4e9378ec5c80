"""One component dumped: in one pass if it can be, else with what fails left out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lumo_graph.executors.worker.deep import call_on_deep_stack
from lumo_graph.executors.worker.envelope import CLASS, VARIABLE, Envelope, Root, component_id
from lumo_graph.executors.worker.identity import is_scalar, numpy_array_type, plain_reach
from lumo_graph.executors.worker.pickling import SessionPickler, Sink, TooLargeError
from lumo_graph.executors.worker.surroundings import Surroundings
from lumo_graph.executors.worker.unpickling import load_value
from lumo_graph.executors.worker.unsaved import Unsaved, describe_error, find_paths


class NotSavedError(Exception):
    """A component cannot be saved as a whole; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is remembered of a component that was stored."""

    id: str
    roots: tuple[Root, ...]
    digest: bytes
    """Empty for a component that is stored but was not found again."""
    size: int = 0
    needs: tuple[str, ...] = ()
    views: frozenset[int] = frozenset()
    """Ids of the arrays whose views were written as views."""
    unsaved: Mapping[str, str] = field(default_factory=dict[str, str])
    scalar: object = None
    """The value itself if it is a scalar: the same object needs no new dump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A component as it is now."""

    stored: Stored
    packed: bytes | None
    """Bytes to store; None if they are those already stored, or if keeping them took too much memory."""
    shared: Mapping[int, object] = field(default_factory=dict[int, object])
    """Objects whose identity matters, by id. Holding them keeps the ids valid."""
    bases: Mapping[int, tuple[object, Collection[int]]] = field(
        default_factory=dict[int, tuple[object, Collection[int]]]
    )
    """Arrays that others are views of, by id, each with the ids of those views."""

    @property
    def roots(self) -> tuple[Root, ...]:
        """What the component restores."""
        return self.stored.roots

    @property
    def id(self) -> str:
        """The component's id."""
        return self.stored.id


class Dumper:
    """Dumps components of one look at a namespace.

    Args:
        surroundings: what the picklers share.
        stored: what is stored already, by component id.
        max_bytes: bytes of one component, and of all that is kept in memory to be stored.
        keep: make the bytes to store; without it only digests are computed.
    """

    def __init__(
        self, surroundings: Surroundings, stored: Mapping[str, Stored], *, max_bytes: int, keep: bool = True
    ) -> None:
        self._surroundings = surroundings
        self._stored = stored
        self._max_bytes = max_bytes
        self.keep = keep
        self._kept_bytes = 0

    def dump(self, roots: Sequence[Root], views: Collection[int] = ()) -> Dump:
        """One component.

        Raises:
            NotSavedError: it cannot be saved.
        """
        roots = tuple(sorted(roots))
        values = tuple(self.value_of(root) for root in roots)
        own = {name for kind, name in roots if kind == CLASS}
        sink, pickler, guarded = self._write(values, own, views)
        self._refuse_failed_roots(values, pickler)
        envelope = Envelope(
            roots=roots,
            needs=tuple(sorted(pickler.needs)),
            parts=sink.parts,
            buffers=sink.buffers,
            readonly=tuple(buffer.readonly for buffer in sink.buffers),
        )
        digest = envelope.digest()
        key = component_id(roots)
        known = self._stored.get(key)
        unchanged = known is not None and known.digest == digest
        if guarded and not unchanged:
            self._try_load(envelope, pickler)
        stored = Stored(
            id=key,
            roots=roots,
            digest=digest,
            size=sink.size,
            needs=envelope.needs,
            views=frozenset(views).intersection(pickler.bases),
            unsaved=known.unsaved if known and unchanged else self._paths(roots, values, pickler),
            scalar=values[0] if is_scalar(values[0]) else None,
        )
        return Dump(
            stored=stored,
            packed=None if unchanged else self._pack(envelope, digest),
            shared=self._reached(values, pickler),
            bases=pickler.bases,
        )

    def value_of(self, root: Root) -> Any:
        """The live object of a root."""
        kind, name = root
        return self._surroundings.namespace[name] if kind == VARIABLE else self._surroundings.names[name]

    def again(self, dump: Dump) -> Dump:
        """The same component with its bytes, which were not kept.

        Raises:
            NotSavedError: it can no longer be saved.
        """
        self._kept_bytes = 0
        return self.dump(dump.roots, dump.stored.views)

    def _write(
        self, values: tuple[Any, ...], own: Collection[str], views: Collection[int]
    ) -> tuple[Sink, SessionPickler, bool]:
        try:
            for guarded in (False, True):
                try:
                    return *self._write_at_depth(values, own, views, guarded=guarded), guarded
                except TooLargeError:
                    raise
                except BaseException:
                    if guarded:
                        raise
        except TooLargeError:
            raise NotSavedError(f"it takes more than the {self._max_bytes} bytes that a namespace may have") from None
        except RecursionError:
            raise NotSavedError("it is nested too deeply") from None
        except BaseException as error:  # noqa: BLE001 - the session's objects may raise anything; only this value is lost
            raise NotSavedError(describe_error(error)) from None
        raise AssertionError

    def _write_at_depth(
        self, values: tuple[Any, ...], own: Collection[str], views: Collection[int], *, guarded: bool
    ) -> tuple[Sink, SessionPickler]:
        def write(*, deep: bool) -> tuple[Sink, SessionPickler]:
            sink = Sink(self._max_bytes)
            pickler = SessionPickler(sink, self._surroundings, own=own, views=views, guarded=guarded, deep=deep)
            pickler.write(values)
            return sink, pickler

        try:
            return write(deep=False)
        except RecursionError:
            return call_on_deep_stack(lambda: write(deep=True))

    def _refuse_failed_roots(self, values: tuple[Any, ...], pickler: SessionPickler) -> None:
        failed = {id(value): reason for value, reason in pickler.left_out if type(value) is not Unsaved}
        for value in values:
            if id(value) in failed:
                raise NotSavedError(failed[id(value)])

    def _paths(self, roots: tuple[Root, ...], values: tuple[Any, ...], pickler: SessionPickler) -> dict[str, str]:
        if not pickler.left_out:
            return {}
        wanted = {id(value) for value, _ in pickler.left_out}
        closed = set(self._surroundings.memo)
        found: dict[int, str] = {}
        for (_, name), value in zip(roots, values, strict=True):
            found |= {**find_paths(value, name, wanted - found.keys(), closed), **found}
        names = " or ".join(name for _, name in roots[:3])
        paths: dict[str, str] = {}
        for place, (value, reason) in enumerate(pickler.left_out):
            paths[found.get(id(value), f"{names}.<hidden part {place}>")] = reason
        return paths

    def _try_load(self, envelope: Envelope, pickler: SessionPickler) -> None:
        # What was put in a value's place may not fit there: a class cannot have it as a base.
        try:
            buffers = [bytearray(buffer) for buffer in envelope.buffers]
            load_value(
                b"".join(envelope.parts), buffers, self._surroundings.namespace, self._surroundings.names.__getitem__
            )
        except BaseException:  # noqa: BLE001 - loading runs the session's code
            reasons = [reason for _, reason in pickler.left_out]
            raise NotSavedError(f"a part that it needs cannot be saved: {reasons[0] if reasons else '?'}") from None

    def _pack(self, envelope: Envelope, digest: bytes) -> bytes | None:
        size = sum(map(len, envelope.parts)) + sum(memoryview(buffer).nbytes for buffer in envelope.buffers)
        if not self.keep or self._kept_bytes + size > self._max_bytes:
            return None
        self._kept_bytes += size
        return envelope.pack(digest)

    def _reached(self, values: tuple[Any, ...], pickler: SessionPickler) -> dict[int, object]:
        known = self._surroundings.memo
        shared = None
        if not pickler.left_out and not pickler.bases:
            shared = plain_reach(values, known, numpy_array_type())
        if shared is None:
            shared = pickler.reached()
        return shared
