# ruff: noqa: E501, ISC004 - tables of code snippets, one kind a row
"""What cannot be saved is left out, alone, and named."""

import gc
import sys

import pytest

from lumo_graph.executors.worker.namespace import NamespaceTracker, restore_namespace
from lumo_graph.executors.worker.unsaved import UnsavedValueError

GENERATOR = "cannot pickle 'generator' object"
# name: (code, what is listed, names that survive)
LEFT_OUT = {
    "a whole variable": ("g = (i for i in []); ok = [1]", {"g": GENERATOR}, {"ok"}),
    "a leaf": (
        "d = {'rows': [{'h': i} for i in range(1000)]}; d['rows'][999]['h'] = (i for i in [])",
        {"d['rows'][999]['h']": GENERATOR}, {"d"},
    ),
    "an attribute": ("class A: pass\na = A(); a.b = A(); a.b.gen = (i for i in [])", {"a.b.gen": GENERATOR}, {"a", "A"}),
    "an attribute of a class": ("class A: conn = (i for i in [])\na = A()", {"A.conn": GENERATOR}, {"a", "A"}),
    "a slot": ("class A: __slots__ = ('s',)\na = A(); a.s = (i for i in [])", {"a.s": GENERATOR}, {"a", "A"}),
    "a closure and a default": (
        "f = (lambda held: lambda: held)(i for i in [])\ndef q(x=(i for i in [])): pass",
        {"f.<closure held>": GENERATOR, "q.<default 0>": GENERATOR}, {"f", "q"},
    ),
    "a key": ("d = {(i for i in []): 1}", {"d.<key <generator>>": GENERATOR}, {"d"}),
    "an element of an object array": (
        "import numpy as np\no = np.array([[1, (i for i in [])]], dtype=object)", {"o[0, 1]": GENERATOR}, {"np", "o"},
    ),
    "a lock that is held": (
        "import threading\nd = {'l': threading.Lock(), 'r': threading.RLock()}\nd['l'].acquire(); d['r'].acquire()",
        {"d['l']": "cannot save a lock that is held", "d['r']": "cannot save a lock that is held"}, {"threading", "d"},
    ),
    "a part of a buffer": ("v = memoryview(b'abc')[1:]", {"v": "cannot save a memoryview of a part of a buffer"}, set()),
    "a reduction that exits": (
        "class R:\n def __reduce__(self): raise SystemExit(3)\nr = [R()]; ok = 1", {"r[0]": "SystemExit: 3"}, {"r", "R", "ok"},
    ),
    "a state that interrupts": (
        "class R:\n def __getstate__(self): raise KeyboardInterrupt\nr = R(); ok = 1", {"r": "KeyboardInterrupt"}, {"R", "ok"},
    ),
    "an error that cannot be shown": (
        "class X(BaseException):\n def __str__(self): raise X\nclass R:\n def __reduce__(self): raise X\nr = [R()]",
        {"r[0]": "an error that cannot be shown"}, {"r", "R", "X"},
    ),
    "a reduction to nonsense": (
        "class A:\n def __reduce__(self): return 5\nclass B:\n def __reduce__(self): return (1, 2)\n"
        "class C:\n def __reduce__(self): return (list, (), None, (1 / 0 for _ in [1]))\nx = [A(), B(), C()]",
        {
            "x[0]": "__reduce__ must return a string or tuple",
            "x[1]": "first item of the tuple returned by __reduce__ must be callable",
            "x[2]": "ZeroDivisionError: division by zero",
        },
        {"x", "A", "B", "C"},
    ),
    "endless recursion": (
        "class R:\n def __getstate__(self): return self.__getstate__()\nr = [R(), 1]",
        {"r[0]": "RecursionError: maximum recursion depth exceeded"}, {"r", "R"},
    ),
    "a value that lies about its class": (
        "class A:\n @property\n def __class__(self): raise ValueError('no')\n __hash__ = None\n"
        " def __eq__(self, other): raise ValueError\n def __bool__(self): raise ValueError\na = A(); del A; ok = 1",
        {"a": "ValueError: no"}, {"ok"},
    ),
    "a class whose metaclass cannot be hashed": (
        "class M(type):\n def __eq__(self, other): return True\n def __hash__(self): raise ValueError('no')\n"
        "class A(metaclass=M): pass\nl = [1, A()]",
        {"l[1]": "ValueError: no", "A": "its class 'A' could not be saved: ValueError: no", "class A": "ValueError: no"}, {"l", "M"},
    ),
    "a part that a base needs": (
        "import functools\nclass P(functools.partial):\n def __setstate__(self, state): raise ValueError\n"
        "p = [P(max, (i for i in []))]",
        {"p": f"a part that it needs cannot be saved: {GENERATOR}"}, {"functools", "P"},
    ),
    "too deep": (
        "x = None\nfor _ in range(200_000): x = [x]\nok = 1", {"x": "it is nested too deeply"}, {"_", "ok"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_only_the_value_that_fails_is_left_out(notebook, kind):
    code, listed, survivors = LEFT_OUT[kind]
    book = notebook()
    assert book.run(code).unsaved == listed
    second = book.snapshot()
    assert (second.changed, second.unsaved) == ({}, listed)
    restored = book.restored()
    assert restored.tracker.unsaved == listed
    assert set(restored.variables) == survivors
    assert restored.snapshot().changed.keys() <= {""}


def test_a_raised_recursion_limit_does_not_crash_the_dump(notebook):
    before = sys.getrecursionlimit()
    book = notebook()
    try:
        listed = book.run(
            "import sys\nsys.setrecursionlimit(10**6)\nx = None\nfor _ in range(200_000): x = {1: x}"
        ).unsaved
        assert sys.getrecursionlimit() == 10**6
    finally:
        sys.setrecursionlimit(before)
    assert listed == {"x": "it is nested too deeply"}


def test_a_leaf_is_left_out_of_deeply_nested_data(notebook):
    book = notebook()
    unsaved = book.run("x = (i for i in [])\nfor _ in range(3000): x = [x]").unsaved
    assert list(unsaved.values()) == [GENERATOR]
    assert all(path.startswith("x[0][0]") and len(path) < 200 for path in unsaved)
    assert book.restored().evaluate("len(x)") == 1


@pytest.mark.parametrize(
    "use",
    ["v()", "v.name", "v[0]", "v + 1", "1 + v", "v == 1", "bool(v)", "len(v)", "list(v)", "next(v)", "f'{v}'", "1 in v", "-v"],
)  # fmt: skip
def test_any_use_of_a_placeholder_raises_with_the_reason(notebook, use):
    book = notebook()
    book.run("d = [(i for i in [])]")
    restored = book.restored()
    restored.run("v = d[0]")
    assert repr(restored.namespace["v"]) == f"<not saved: {GENERATOR}>"
    with pytest.raises(UnsavedValueError, match=GENERATOR):
        restored.evaluate(use)


def test_a_placeholder_is_listed_as_long_as_it_stands(notebook):
    book = notebook()
    book.run("d = [(i for i in [])]; e = 1")
    restored = book.restored()
    assert restored.snapshot().unsaved == {"d[0]": GENERATOR}
    assert restored.run("d[0] = 5").unsaved == {}
    assert restored.restored().tracker.unsaved == {}


def test_what_fails_to_load_is_left_out_and_listed(notebook):
    book = notebook()
    book.run(
        "class E:\n def __init__(self): self.x = 1\n def __setstate__(self, state): raise ValueError('no')\ne = E(); ok = [1]"
    )
    restored = book.restored()
    assert restored.tracker.unsaved == {"e": "it could not be restored: ValueError: no"}
    assert set(restored.variables) == {"E", "ok"}
    assert restored.snapshot().changed == {"e": None}


def test_a_namespace_beyond_its_limit_keeps_what_fits(notebook):
    book = notebook(max_bytes=10_000)
    unsaved = book.run("a = 'a' * 4000; b = 'b' * 4000; c = 'c' * 4000; d = 'd' * 40_000; e = [1]").unsaved
    assert set(book.store) == {"", "a", "b", "e"}
    assert set(unsaved) == {"c", "d"}
    assert "the namespace may have 10000 bytes" in unsaved["c"]
    assert "10000 bytes" in unsaved["d"]
    assert book.run("del a").changed.keys() == {"a", "c", ""}


def test_what_aliases_one_large_value_counts_once(notebook):
    book = notebook(max_bytes=10_000)
    assert book.run("a = ['a' * 6000]; b = [a]; c = [a]; d = [a]").unsaved == {}
    assert set(book.store) == {"", "a, b, c, d"}


def test_a_class_beyond_the_limit_takes_its_instances_along(notebook):
    book = notebook(max_bytes=3_000)
    unsaved = book.run("class A: held = 'x' * 5000\na = A(); ok = 1").unsaved
    assert unsaved["a"].startswith("its class 'A' could not be saved: it takes more than the 3000 bytes")
    assert set(book.restored().variables) == {"ok"}


def test_many_unsaved_values_are_listed_up_to_a_bound(notebook):
    book = notebook()
    unsaved = book.run("x = [(i for i in []) for _ in range(600)]").unsaved
    assert len(unsaved) == 501
    assert unsaved["…"] == "100 more values are not saved"


class FragileDict(dict):
    """A namespace that can be made to fail in the middle of a snapshot."""

    broken = False

    def __getitem__(self, name):
        if self.broken:
            raise OSError("broken")
        return super().__getitem__(name)


def test_an_error_in_between_leaves_the_tracker_as_it_was():
    namespace = FragileDict(a=[1], b=[2])
    tracker = NamespaceTracker(namespace)
    store = dict(tracker.snapshot()[0])
    namespace["a"].append(2)
    namespace.broken = True
    with pytest.raises(OSError, match="broken"):
        tracker.snapshot()
    assert gc.isenabled()
    namespace.broken = False
    changed, _ = tracker.snapshot()
    assert set(changed) == {"a"}
    restored = {}
    restore_namespace({**store, **changed}, restored)
    assert restored == {"a": [1, 2], "b": [2]}


def test_a_file_is_left_out_and_not_read(notebook, tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("line\n" * 1000)
    book = notebook()
    with path.open() as file:
        book.namespace["held"] = [file]
        listed = book.snapshot().unsaved
        assert file.tell() == 0
    assert listed == {"held[0]": f"cannot save an open file ({str(path)!r:.80}): open it again"}


def test_names_that_are_not_strings_are_listed(notebook):
    book = notebook()
    assert book.run("globals()[5] = 1; ok = 2").unsaved == {"<int>": "the name of a variable must be a str"}
