"""One look at a namespace: which components it falls into now, and which of them changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import BuiltinFunctionType, ModuleType
from typing import Any

from lumo_graph.executors.worker.classes import ClassNames
from lumo_graph.executors.worker.components import DisjointSets, strongly_connected
from lumo_graph.executors.worker.dumping import Dump, Dumper, NotSavedError, Stored
from lumo_graph.executors.worker.envelope import CLASS, VARIABLE, Root
from lumo_graph.executors.worker.identity import is_scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a namespace consists of."""

    components: Mapping[str, Stored]
    packed: Mapping[str, bytes]
    """Bytes of the components that changed."""
    unsaved: Mapping[str, str]
    """Path of a value that is not saved to the reason."""
    classes: ClassNames


@dataclass(slots=True)
class _Findings:
    dumps: list[Dump] = field(default_factory=list[Dump])
    unchanged: dict[str, Stored] = field(default_factory=dict[str, Stored])
    failed: dict[Root, str] = field(default_factory=dict[Root, str])


def take_survey(
    variables: Mapping[str, Any], stored: Mapping[str, Stored], dumper: Dumper, names: ClassNames, *, max_bytes: int
) -> Survey:
    """Find the components of a namespace.

    Args:
        variables: what is to be saved, in the namespace's order.
        stored: what is stored already, by component id.
        dumper: dumps components.
        names: the names of the session's classes.
        max_bytes: bytes of all components together; what lies beyond is not saved.
    """
    found = _Findings()
    singles = _dump_known(variables, stored, dumper, found)
    for name in singles:
        _dump_or_fail([(VARIABLE, name)], dumper, found)
    _dump_classes(dumper, found)
    dumps = _join(found, dumper, variables)
    components = dict(found.unchanged)
    components |= {dump.id: dump.stored for dump in dumps}
    _drop_dependents(components, found)
    _drop_beyond(max_bytes, components, found, list(variables))
    packed = _pack(dumps, components, stored, dumper, found) if dumper.keep else {}
    unsaved = {path: why for component in components.values() for path, why in component.unsaved.items()}
    unsaved |= {_path_of(root): why for root, why in found.failed.items()}
    used = [name for component in components.values() for kind, name in component.roots if kind == CLASS]
    return Survey(components=components, packed=packed, unsaved=unsaved, classes=names.only(used))


def _dump_known(
    variables: Mapping[str, Any], stored: Mapping[str, Stored], dumper: Dumper, found: _Findings
) -> Iterable[str]:
    """Settle what is as it was; returns the variables that must be looked at one by one."""
    waiting = dict.fromkeys(variables)
    for key, known in stored.items():
        names = [name for _, name in known.roots]
        if (
            not known.digest
            or any(kind == CLASS for kind, _ in known.roots)
            or any(name not in waiting for name in names)
        ):
            continue
        if known.scalar is not None and variables[names[0]] is known.scalar:
            found.unchanged[key] = known
        elif not _has_structure(known) or not _settle(known, dumper, found):
            continue
        for name in names:
            del waiting[name]
    return waiting


def _has_structure(known: Stored) -> bool:
    return len(known.roots) > 1 or bool(known.views)


def _settle(known: Stored, dumper: Dumper, found: _Findings) -> bool:
    """Dump a component with the variables and views it had; keep the dump only if nothing changed."""
    try:
        dump = dumper.dump(known.roots, known.views)
    except NotSavedError:
        return False
    if dump.stored.digest != known.digest:
        return False
    found.dumps.append(dump)
    return True


def _dump_or_fail(roots: Sequence[Root], dumper: Dumper, found: _Findings) -> None:
    try:
        found.dumps.append(dumper.dump(roots))
    except NotSavedError as why:
        found.failed |= dict.fromkeys(roots, str(why))


def _dump_classes(dumper: Dumper, found: _Findings) -> None:
    """Dump every class that a dumped component refers to, and those that these refer to.

    One by one each time: a class that nothing refers to any more must not stay only because it shares something.
    """
    covered: set[str] = set()
    place = 0
    while place < len(found.dumps):
        for name in found.dumps[place].stored.needs:
            if name not in covered:
                covered.add(name)
                _dump_or_fail([(CLASS, name)], dumper, found)
        place += 1


def _join(found: _Findings, dumper: Dumper, variables: Mapping[str, Any]) -> list[Dump]:
    """Dump together what shares an object, or what needs each other's classes."""
    dumps = found.dumps
    sets = DisjointSets[int]()
    owners: dict[int, int] = {}
    viewed: dict[int, set[int]] = {}
    for place, dump in enumerate(dumps):
        sets.find(place)
        own_ids = {
            id(variables[name]) for kind, name in dump.roots if kind == VARIABLE and _has_identity(variables[name])
        }
        for key in (*dump.shared, *own_ids):
            owner = owners.setdefault(key, place)
            if owner != place:
                sets.union(owner, place)
        for base, (_, views) in dump.bases.items():
            viewed.setdefault(base, set()).update(views)
    shared_bases = {base for base, views in viewed.items() if len(views) + (base in owners) > 1}
    for place, dump in enumerate(dumps):
        for base in shared_bases.intersection(dump.bases):
            sets.union(owners.setdefault(base, place), place)
    joined: list[Dump] = []
    for places in _with_cycles(dumps, sets.groups()):
        parts = [dumps[place] for place in places]
        views = shared_bases.intersection(*[set[int]().union(*(part.bases for part in parts))])
        if len(parts) == 1 and views <= parts[0].stored.views:
            joined += parts
            continue
        roots = [root for part in parts for root in part.roots]
        try:
            joined.append(dumper.dump(roots, views))
        except NotSavedError as why:
            found.failed |= dict.fromkeys(roots, str(why))
    return joined


def _has_identity(value: object) -> bool:
    kind = type(value)
    by_name = kind is ModuleType or kind is BuiltinFunctionType or issubclass(kind, type)
    empty = kind is tuple and not value
    return not (is_scalar(value) or by_name or empty)


def _with_cycles(dumps: Sequence[Dump], groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Merge groups that need each other's classes; each group comes after those whose classes it needs."""
    home: dict[str, int] = {}
    for group, places in enumerate(groups):
        for place in places:
            home |= {name: group for kind, name in dumps[place].roots if kind == CLASS}
    edges: dict[int, list[int]] = {}
    for group, places in enumerate(groups):
        needs = {name for place in places for name in dumps[place].stored.needs}
        edges[group] = sorted({home[name] for name in needs if name in home})
    return [[place for group in part for place in groups[group]] for part in strongly_connected(edges)]


def _drop_dependents(components: dict[str, Stored], found: _Findings) -> None:
    """A component whose class is not saved cannot be saved either."""
    saved = {name for component in components.values() for kind, name in component.roots if kind == CLASS}
    dropped = True
    while dropped:
        dropped = [key for key, component in components.items() if not saved.issuperset(component.needs)]
        for key in dropped:
            component = components.pop(key)
            missing = next(name for name in component.needs if name not in saved)
            why = found.failed.get((CLASS, missing), "unknown reason")
            found.failed |= dict.fromkeys(component.roots, f"its class {missing!r} could not be saved: {why}")
            saved -= {name for kind, name in component.roots if kind == CLASS}


def _drop_beyond(max_bytes: int, components: dict[str, Stored], found: _Findings, order: Sequence[str]) -> None:
    """Keep components in the namespace's order, classes first, as long as there is room."""
    total = sum(component.size for component in components.values())
    if total <= max_bytes:
        return
    rank = {(VARIABLE, name): place for place, name in enumerate(order)}
    ranked = sorted(components, key=lambda key: min(rank.get(root, -1) for root in components[key].roots))
    room = max_bytes
    for key in ranked:
        size = components[key].size
        if size <= room:
            room -= size
            continue
        why = f"its {size} bytes do not fit: the namespace may have {max_bytes} bytes, and {room} are left"
        found.failed |= dict.fromkeys(components.pop(key).roots, why)
    _drop_dependents(components, found)


def _pack(
    dumps: Sequence[Dump], components: dict[str, Stored], stored: Mapping[str, Stored], dumper: Dumper, found: _Findings
) -> dict[str, bytes]:
    packed: dict[str, bytes] = {}
    for dump in dumps:
        known = stored.get(dump.id)
        if dump.id not in components or (known and known.digest == dump.stored.digest):
            continue
        try:
            whole = dump if dump.packed is not None else dumper.again(dump)
        except NotSavedError as why:
            found.failed |= dict.fromkeys(components.pop(dump.id).roots, str(why))
            continue
        components[dump.id] = whole.stored
        if whole.packed is not None:
            packed[dump.id] = whole.packed
    return packed


def _path_of(root: Root) -> str:
    kind, name = root
    return name if kind == VARIABLE else f"{kind} {name}"
