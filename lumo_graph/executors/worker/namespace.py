"""The namespace of a session as bytes: what changed since the last look, and the way back.

Loading runs code. Both directions belong in the contained process; for the host the bytes are opaque.
"""

import gc
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any, cast

from lumo_graph.executors.worker.classes import ClassNames
from lumo_graph.executors.worker.deep import shallow_recursion
from lumo_graph.executors.worker.dumping import Dumper, Stored
from lumo_graph.executors.worker.envelope import CLASS, VARIABLE, DamagedError, Envelope, component_id, unpack
from lumo_graph.executors.worker.header import (
    HEADER_ID,
    Header,
    HeaderError,
    import_all,
    submodules_of,
    unpack_header,
)
from lumo_graph.executors.worker.surroundings import Surroundings
from lumo_graph.executors.worker.survey import Survey, take_survey
from lumo_graph.executors.worker.unpickling import load_value
from lumo_graph.executors.worker.unsaved import describe_error

MAX_BYTES = 256 * 1024 * 1024
_MAX_LISTED = 500


class RestoreError(ValueError):
    """Stored components cannot be loaded here: they are damaged, or another interpreter made them."""


class NamespaceTracker:
    """Knows what of a namespace is stored, and says what has changed since.

    Names that start with two underscores are not saved. Merging every `changed` of `snapshot` into one dict, and
    deleting what is None, gives what `restore_namespace` takes.

    Args:
        namespace: the live namespace; it is read, never changed.
        reserved: names that are not saved, such as those of tools. Where a saved value holds the object of such a
            name, the restored one gets the object that has the name then.
        max_bytes: size of all components together; what lies beyond is not saved, and listed.
    """

    def __init__(
        self, namespace: dict[str, Any], *, reserved: Collection[str] = (), max_bytes: int = MAX_BYTES
    ) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must be 0 or more, not {max_bytes!r}.")
        self._namespace = namespace
        self._reserved = frozenset(reserved)
        self._max_bytes = max_bytes
        self._stored: dict[str, Stored] = {}
        self._classes = ClassNames()
        self._header: bytes | None = None
        self._unsaved: dict[str, str] = {}

    @property
    def unsaved(self) -> dict[str, str]:
        """What the last snapshot did not save, or what is missing after a restore: path to reason."""
        return dict(self._unsaved)

    def snapshot(self) -> tuple[dict[str, bytes | None], dict[str, str]]:
        """What changed since the last snapshot.

        Returns:
            Component id to its bytes, or to None if the component is gone; and the path of every value that is not
            saved to the reason, such as `{"rows[3].handle": "cannot pickle 'generator' object"}`.
        """
        with _no_collection():
            survey, header, unsaved = self._look(keep=True)
            changed: dict[str, bytes | None] = {key: None for key in self._stored if key not in survey.components}
            changed |= survey.packed
            if header != self._header and (survey.components or unsaved or self._header):
                changed[HEADER_ID] = header
                self._header = header
            self._stored = dict(survey.components)
            self._classes = survey.classes
            self._unsaved = unsaved
            return changed, dict(unsaved)

    def _look(self, *, keep: bool) -> tuple[Survey, bytes, dict[str, str]]:
        variables, unsaved = self._variables()
        names = ClassNames(self._classes.known)
        surroundings = Surroundings(self._namespace, reserved=self._reserved, names=names)
        dumper = Dumper(surroundings, self._stored, max_bytes=self._max_bytes, keep=keep)
        with shallow_recursion():
            survey = take_survey(variables, self._stored, dumper, names, max_bytes=self._max_bytes)
        unsaved = _bounded({**unsaved, **survey.unsaved})
        header = Header(imports=submodules_of(variables.values()), unsaved=unsaved).pack()
        return survey, header, unsaved

    def _variables(self) -> tuple[dict[str, Any], dict[str, str]]:
        variables: dict[str, Any] = {}
        unsaved: dict[str, str] = {}
        for name, value in [*cast("dict[Any, Any]", self._namespace).items()]:
            if type(name) is not str:
                unsaved[f"<{type(name).__name__}>"] = "the name of a variable must be a str"
            elif not name.startswith("__") and name not in self._reserved:
                variables[name] = value
        return variables, unsaved

    def _adopt(self, envelopes: Mapping[str, Envelope], classes: Mapping[str, type], unsaved: dict[str, str]) -> None:
        """Take the namespace as it stands now for what is stored."""
        self._classes = ClassNames(classes)
        survey, header, _ = self._look(keep=False)
        # A component that is stored but was not found again has no digest: the next snapshot replaces or deletes it.
        self._stored = {
            key: survey.components.get(key, Stored(id=key, roots=envelope.roots, digest=b""))
            for key, envelope in envelopes.items()
        }
        self._classes = survey.classes
        self._header = header
        self._unsaved = unsaved


def restore_namespace(
    components: Mapping[str, bytes],
    namespace: dict[str, Any],
    *,
    reserved: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
    announce: Callable[[str | None], None] | None = None,
) -> NamespaceTracker:
    """Load stored components into a namespace.

    A component that is intact but fails to load, because a package is missing or a class of the session raises, is
    left out; the tracker's `unsaved` says so.

    Args:
        components: the merged snapshots of another tracker; may be empty.
        namespace: gets the variables; what it holds already stays, unless a variable has the same name.
        reserved: as for NamespaceTracker; a stored variable of such a name is not loaded.
        max_bytes: as for NamespaceTracker.
        announce: is told the id of every component before it is loaded, and None after the last: the code of
            any component may end or block this process.

    Returns:
        A tracker for which everything loaded is unchanged.

    Raises:
        RestoreError: the components are damaged or do not fit this interpreter. The namespace is as it was.
    """
    tracker = NamespaceTracker(namespace, reserved=reserved, max_bytes=max_bytes)
    if not components:
        return tracker
    if HEADER_ID not in components:
        raise RestoreError("The stored namespace has no header: some of its components are missing.")
    try:
        header = unpack_header(components[HEADER_ID])
    except HeaderError as error:
        raise RestoreError(str(error)) from error
    envelopes = {key: _opened(key, data) for key, data in components.items() if key != HEADER_ID}
    order = _load_order(envelopes)
    with _no_collection():
        if announce is not None:
            announce(HEADER_ID)
        import_all(header.imports)
        classes, failed = _load(envelopes, order, namespace, frozenset(reserved), announce)
        if announce is not None:
            announce(None)
        tracker._adopt(envelopes, classes, {**header.unsaved, **failed})  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its second constructor
    return tracker


def _opened(key: str, data: bytes) -> Envelope:
    try:
        envelope = unpack(data)
    except DamagedError as error:
        raise RestoreError(f"The stored component {key!r} is damaged: {error}.") from error
    if component_id(envelope.roots) != key:
        raise RestoreError(f"The stored component {key!r} is damaged: it holds {component_id(envelope.roots)!r}.")
    return envelope


def _load_order(envelopes: Mapping[str, Envelope]) -> list[str]:
    """Components with the classes that others need before those others."""
    home = {name: key for key, envelope in envelopes.items() for kind, name in envelope.roots if kind == CLASS}
    graph = {key: {home[need] for need in envelope.needs if need in home} for key, envelope in envelopes.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise RestoreError(f"The stored components are damaged: they need each other: {error.args[1]!r}.") from error


def _load(
    envelopes: Mapping[str, Envelope],
    order: list[str],
    namespace: dict[str, Any],
    reserved: Collection[str],
    announce: Callable[[str | None], None] | None,
) -> tuple[dict[str, type], dict[str, str]]:
    classes: dict[str, type] = {}
    failed: dict[str, str] = {}
    for key in order:
        envelope = envelopes[key]
        if announce is not None:
            announce(key)
        pairs = zip(envelope.buffers, envelope.readonly, strict=True)
        buffers = [buffer if readonly else bytearray(buffer) for buffer, readonly in pairs]
        try:
            values = load_value(b"".join(envelope.parts), buffers, namespace, classes.__getitem__)
            loaded = list(zip(envelope.roots, values, strict=True))
        except BaseException as error:  # noqa: BLE001 - loading runs the session's code, which may raise anything
            reason = f"it could not be restored: {describe_error(error)}"
            failed |= {name if kind == VARIABLE else f"{kind} {name}": reason for kind, name in envelope.roots}
            continue
        for (kind, name), value in loaded:
            if kind == CLASS:
                classes[name] = value
            elif name not in reserved:
                namespace[name] = value
    return classes, failed


def _bounded(unsaved: dict[str, str]) -> dict[str, str]:
    beyond = len(unsaved) - _MAX_LISTED
    if beyond <= 0:
        return unsaved
    return {**dict(islice(unsaved.items(), _MAX_LISTED)), "…": f"{beyond} more values are not saved"}


@contextmanager
def _no_collection() -> Generator[None]:
    """No garbage collection inside: it would walk everything again and again, and may run finalisers of the session."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
