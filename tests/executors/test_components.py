import os

import msgpack
import pytest

from lumo_graph.executors import ProcessExecutor
from lumo_graph.executors.components import names_in
from lumo_graph.types import Limits, ToolReply

CODE = """\
rows = [1]
alias = rows
class Point:
    pass
point = Point()
übermaß = 5
globals()['a, b'] = 6
globals()['x' * 200] = 7
array = bytes(300_000)
"""


def test_the_names_are_those_of_the_variables_and_classes():
    session = ProcessExecutor(require="none").open(limits=Limits())
    try:
        assert session.execute(CODE, seconds=20, serve=lambda _: ToolReply()).error is None
        changed = session.snapshot().changed
    finally:
        session.close()
    found = [names_in(name, blob) for name, blob in changed.items() if name and blob is not None]
    flat = sorted(name for names in found for name in names)
    assert flat == sorted(["rows", "alias", "Point", "class Point", "point", "übermaß", "a, b", "x" * 200, "array"])
    assert {"alias", "rows"} in map(set, found)


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\xc1",
        b"lumo monty 1.4",
        os.urandom(500),
        msgpack.packb([1, 2, 3, 4, 5, 6]),
        msgpack.packb([b"", [["variable"]], [], b"", [], []]),
        msgpack.packb([b"", [], [], b"", [], []]),
        msgpack.packb([b"", {"variable": "x"}, [], b"", [], []])[:5],
        b"\x96" + b"\xdd\xff\xff\xff\xff" * 100,
        b"\x96\xc0" + b"\x91" * 60_000,
        b"\x96\xc6\xff\xff\xff\xff" + bytes(100),
    ],
)
def test_what_is_no_component_is_known_as_a_whole(blob):
    assert names_in("some id", blob) == ("component some id",)
