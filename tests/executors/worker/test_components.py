"""Graph work: sets that merge, and cycles."""

from hypothesis import given
from hypothesis import strategies as st

from lumo_graph.executors.worker.components import DisjointSets, strongly_connected


def test_sets_merge_and_keep_the_order_keys_were_seen_in():
    sets = DisjointSets()
    for key in "abcde":
        sets.find(key)
    sets.union("d", "b")
    sets.union("b", "e")
    assert sets.groups() == [["a"], ["b", "d", "e"], ["c"]]


def test_cycles_are_one_part_and_come_before_what_points_to_them():
    assert strongly_connected({1: [2], 2: [3], 3: [2], 4: [4]}) == [[2, 3], [1], [4]]


def test_a_long_chain_needs_no_recursion():
    chain = {place: [place + 1] for place in range(50_000)} | {50_000: []}
    assert strongly_connected(chain)[0] == [50_000]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7))))
def test_two_nodes_are_in_one_part_if_each_reaches_the_other(pairs):
    edges = {node: [] for node in range(8)}
    for start, end in pairs:
        edges[start].append(end)
    parts = strongly_connected(edges)
    reach = {node: reachable(edges, node) for node in edges}
    for part in parts:
        for node in edges:
            mutual = all(node in reach[other] and other in reach[node] for other in part)
            assert (node in part) == mutual
    place = {node: index for index, part in enumerate(parts) for node in part}
    assert all(place[end] <= place[start] for start, end in pairs)


def reachable(edges, start):
    seen, waiting = {start}, [start]
    while waiting:
        for node in edges[waiting.pop()]:
            if node not in seen:
                seen.add(node)
                waiting.append(node)
    return seen
