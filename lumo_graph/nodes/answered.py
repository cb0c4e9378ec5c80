"""Which questions a person has answered, as the records of a checkpoint have it. Pure."""

from collections.abc import Iterable
from typing import Any

from lumo_graph.nodes.records import DECIDED, WAVES


def answered_questions(writes: Iterable[tuple[str, str, Any]]) -> frozenset[str]:
    """Ids of the questions whose answer is noted.

    Args:
        writes: task id, channel and value of every pending write of a checkpoint.
    """
    asked: dict[tuple[str, int], str] = {}
    decided: set[tuple[str, int]] = set()
    for name, channel, value in writes:
        task = name.partition(":")[0]  # branches of a fan-out share a checkpoint
        if channel == WAVES:
            asked[task, value["place"]] = value["question"].get("id", "")
        elif channel == DECIDED:
            decided.add((task, value["place"]))
    return frozenset(question for where, question in asked.items() if where in decided)
