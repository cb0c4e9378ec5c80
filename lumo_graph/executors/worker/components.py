"""Which parts of a namespace belong together: pure graph work over hashable keys."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class DisjointSets(Generic[Key]):
    """A partition of keys that only ever gets coarser."""

    def __init__(self) -> None:
        self._parents: dict[Key, Key] = {}

    def find(self, key: Key) -> Key:
        """The representative of the key's set; a key not seen before is a set of its own."""
        parents = self._parents
        if key not in parents:
            parents[key] = key
            return key
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    def union(self, one: Key, other: Key) -> None:
        """Merge the sets of two keys."""
        self._parents[self.find(other)] = self.find(one)

    def groups(self) -> list[list[Key]]:
        """Every set, and every key in its set, in the order the keys were first seen."""
        grouped: dict[Key, list[Key]] = {}
        for key in self._parents:
            grouped.setdefault(self.find(key), []).append(key)
        return list(grouped.values())


def strongly_connected(edges: Mapping[Key, Iterable[Key]]) -> list[list[Key]]:
    """The strongly connected parts of a graph, each before the parts that point to it.

    Args:
        edges: every node with the nodes it points to; all of them are keys of the mapping.

    Returns:
        Lists of nodes; together they hold every node once.
    """
    order: dict[Key, int] = {}
    lowest: dict[Key, int] = {}
    path: list[Key] = []
    on_path: set[Key] = set()
    parts: list[list[Key]] = []
    for start in edges:
        if start in order:
            continue
        visits = [(start, iter(edges[start]))]
        order[start] = lowest[start] = len(order)
        path.append(start)
        on_path.add(start)
        while visits:
            node, targets = visits[-1]
            for target in targets:
                if target not in order:
                    order[target] = lowest[target] = len(order)
                    path.append(target)
                    on_path.add(target)
                    visits.append((target, iter(edges[target])))
                    break
                if target in on_path:
                    lowest[node] = min(lowest[node], order[target])
            else:
                visits.pop()
                if visits:
                    parent = visits[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[node])
                if lowest[node] == order[node]:
                    part = [path.pop()]
                    while part[-1] != node:
                        part.append(path.pop())
                    on_path.difference_update(part)
                    parts.append(part[::-1])
    return parts
