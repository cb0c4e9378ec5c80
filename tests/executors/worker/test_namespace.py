# ruff: noqa: E501, ISC004 - tables of code snippets, one kind a row
"""What a namespace holds survives: kind by kind, in the same process and in a fresh one."""

import gc
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from lumo_graph.executors.worker.namespace import NamespaceTracker, RestoreError, restore_namespace

# name: (code of an action, code of an action after the restore, expression that must then be true)
# Pickling recurses in C, and how deep C may recurse is fixed in Python 3.12 and 3.13.
DEPTH = "500" if (3, 12) <= sys.version_info < (3, 14) else "5000"

KINDS = {
    "scalars": ("a, b, c, d = 1, 'ü\\n', 2**100, 1j; n = None", "", "(a, b, c, d, n) == (1, 'ü\\n', 2**100, 1j, None)"),
    "a function sees later globals": ("def f(): return g()", "def g(): return 7", "f() == 7 and f.__globals__ is globals()"),
    "a recursive function": ("def fact(n): return n * fact(n - 1) if n else 1", "", "fact(5) == 120"),
    "a closure that holds itself": (
        "def outer():\n def fact(n): return n * fact(n - 1) if n else 1\n return fact\nfact = outer()", "", "fact(5) == 120",
    ),
    "closures that share a cell": (
        "def make():\n n = 0\n def up():\n  nonlocal n\n  n += 1\n return up, lambda: n\nup, get = make()\nup()",
        "up()", "get() == 2",
    ),
    "a cell of its own": ("cell = (lambda held: lambda: held)([1]).__closure__[0]", "", "cell.cell_contents == [1]"),
    "function members": (
        "def f(x: int = 3, *, y: list = [1]) -> str:\n 'doc'\nf.tag = {}", "",
        "(f.__annotations__['return'], f.__doc__, f.__kwdefaults__, f.tag, f.__name__) == (str, 'doc', {'y': [1]}, {}, 'f')",
    ),
    "a decorated function": (
        "import functools\ndef twice(f):\n @functools.wraps(f)\n def w(*a): return 2 * f(*a)\n return w\n"
        "@twice\ndef one(): return 1", "", "one() == 2 and one.__wrapped__() == 1",
    ),
    "a function with a cache": (
        "import functools\n@functools.lru_cache(maxsize=5)\ndef fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)", "",
        "fib(20) == 6765 and fib.cache_info().maxsize == 5",
    ),
    "a library's wrapper": (
        "import contextlib\n@contextlib.contextmanager\ndef held():\n yield 5", "",
        "held().__enter__() == 5 and held.__globals__ is vars(contextlib)",
    ),
    "a function with globals of its own": (
        "env = {}\nexec('y = 1\\ndef f():\\n global y; y += 1; return y', env)\nf = env['f']", "f()",
        "env['y'] == 2 and f.__globals__ is env",
    ),
    "single dispatch": (
        "import functools\n@functools.singledispatch\ndef f(x): return 'any'\n@f.register\ndef _(x: int): return 'int'", "",
        "(f(1), f('')) == ('int', 'any')",
    ),
    "coroutine functions": ("async def f(): return 1\nasync def g(): yield 2", "import asyncio", "asyncio.run(f()) == 1"),
    "a class and its instances": (
        "class A:\n def __init__(self): self.x = []\n def m(self): return self.x\na, b = A(), A()\nbound, plain = a.m, A.m",
        "c = A()", "type(a) is type(b) is type(c) is A and bound() is a.x and plain(b) is b.x",
    ),
    "super, slots, properties, class and static methods": (
        "class A:\n __slots__ = ('q',)\n @property\n def p(self): return 1\n @staticmethod\n def s(): return 2\n"
        " @classmethod\n def c(cls): return cls\nclass B(A):\n @property\n def p(self): return super().p + 1\n"
        "b = B(); b.q = 9; c = B.c", "", "(b.p, B.s(), c() is B, b.q, B.__bases__) == (2, 2, True, 9, (A,))",
    ),
    "classes that need each other": (
        "class A: pass\nclass B: pass\nA.b, B.a = B(), A()\nx = A()", "", "type(x.b) is B and type(B.a) is A and A.b.a is B.a",
    ),
    "two classes of one name": (
        "def make():\n class L: pass\n return L\nL1, L2 = make(), make()\na, b = L1(), L2()", "",
        "type(a) is L1 and type(b) is L2 and L1 is not L2",
    ),
    "a metaclass": (
        "class M(type):\n def __call__(cls):\n  o = super().__call__(); o.tag = 1; return o\nclass A(metaclass=M): pass\na = A()",
        "", "type(A) is M and a.tag == A().tag == 1",
    ),
    "abstract and registered classes": (
        "import abc\nclass A(abc.ABC):\n @abc.abstractmethod\n def f(self): ...\n@A.register\nclass R: pass\n"
        "class B(A):\n def f(self): return 1", "", "B().f() == 1 and issubclass(R, A)",
    ),
    "enums": (
        "import enum\nclass C(enum.Enum):\n RED = 1\n @property\n def low(self): return self.name.lower()\n"
        "F = enum.Flag('F', 'a b')\nx, y = [C.RED], F.a | F.b", "", "x[0] is C.RED and y is F.a | F.b and C.RED.low == 'red'",
    ),
    "dataclasses": (
        "from dataclasses import *\n@dataclass\nclass D:\n x: int\n y: list = field(default_factory=list)\n"
        "@dataclass(slots=True, frozen=True)\nclass S:\n x: int\nd, s = D(1), S(2)",
        "@dataclass\nclass E(D):\n z: int = 3\ne = E(1)",
        "replace(d, x=2) == D(2) and fields(D)[0].default is MISSING and s == S(2) and e.y == []",
    ),
    "typing": (
        "from typing import *\nclass P(NamedTuple):\n x: int = 1\nT = TypeVar('T')\nclass G(Generic[T]): pass\n"
        "class D(TypedDict):\n a: int\nS = ParamSpec('S'); N = NewType('N', int); p = P(); g = G[int]()", "",
        "type(p) is P and p.x == 1 and isinstance(g, G) and G.__parameters__ == (T,) and N(3) == 3",
    ),
    "exceptions with an init of their own": (
        "class E(Exception):\n def __init__(self, a, b): super().__init__(a); self.b = b\ne = E(1, 2); o = OSError(2, 'no')",
        "", "e.args == (1,) and e.b == 2 and type(e) is E and o.errno == 2",
    ),
    "modules by name": (
        "import xml.dom.minidom\nimport os.path as osp", "", "osp.join('a', 'b') == 'a/b' and xml.dom.minidom.parseString is not None",
    ),
    "objects of modules by reference": (
        "from os import environ\nfrom random import random, randint\nfrom dataclasses import MISSING\nfrom sys import stdout",
        "import os, sys, dataclasses, random as r",
        "environ is os.environ and random.__self__ is r._inst and randint.__self__ is r._inst and stdout is sys.stdout "
        "and MISSING is dataclasses.MISSING",
    ),
    "locks that are free": (
        "import threading, queue\nlock, rlock = threading.Lock(), threading.RLock()\nq = queue.Queue(); q.put(1)\n"
        "cond = threading.Condition(lock)", "", "q.get() == 1 and cond._lock is lock and rlock.acquire() and not lock.locked()",
    ),
    "views of dicts and buffers": (
        "import types\nd = {'a': 1}; keys, proxy = d.keys(), types.MappingProxyType(d)\nba = bytearray(b'abc'); mv = memoryview(ba)",
        "d['b'] = 2; mv[0] = 65", "list(keys) == ['a', 'b'] and proxy['b'] == 2 and ba == b'Abc'",
    ),
    "weak collections": (
        "import weakref\nclass A: pass\na = A()\nws, wk = weakref.WeakSet([a]), weakref.WeakKeyDictionary({a: 1})", "",
        "a in ws and wk[a] == 1",
    ),
    "sets, partials and iterators": (
        "import functools\ns = {1, 'a', (2, frozenset([3]))}\np = functools.partial(max, 1)\nit = iter([1, 2, 3]); next(it)", "",
        "s == {1, 'a', (2, frozenset([3]))} and p(0) == 1 and next(it) == 2",
    ),
    "the namespace itself": ("me = globals(); held = [globals()]", "new = 1", "me is globals() and held[0] is me and me['new'] == 1"),
    "a tuple under two names": ("t = (1, [2]); u = t; v = (t, t)", "", "t is u and v[0] is v[1] is t"),
    "deep nesting": (
        "x = y = None\nclass N:\n def __init__(self, n): self.n = n\nfor _ in range(DEPTH): x, y = [x], N(y)".replace("DEPTH", DEPTH), "",
        "len(x) == 1 and type(y.n.n) is N",
    ),
    "numpy views": (
        "import numpy as np\na = np.arange(10.0); v = a[2:5]; w = a.reshape(2, 5).T\nf = np.asfortranarray(np.ones((3, 4)))\n"
        "fv = f[1:, ::2]\nbig = np.zeros(100_000); bv = big[::2]\nt = np.array(['2020-01-01'], 'M8[D]'); tv = t[:]",
        "v[0] = 99; w[0, 1] = 77; fv[0, 0] = 5; bv[1] = 3; tv[0] = np.datetime64('2021-01-01')",
        "a[2] == 99 and a[5] == 77 and f[1, 0] == 5 and big[2] == 3 and t[0] == tv[0]",
    ),
    "numpy arrays stay writeable, or read-only": (
        "import numpy as np\nsmall, large = np.zeros(3), np.zeros(100_000)\nro = np.zeros(100_000); ro.flags.writeable = False\n"
        "o = np.array([[1], None], dtype=object)",
        "small[0] = large[0] = 1", "large[0] == 1 and not ro.flags.writeable and o[0] == [1]",
    ),
    "pandas": (
        "import pandas as pd\ndf = pd.DataFrame({'a': range(5), 'b': list('abcde')}); same = df; s = df['a']\n"
        "t = pd.Series([1.5], index=pd.to_datetime(['2020-01-01'])); c = df['b'].astype('category')",
        "df.loc[0, 'a'] = 9", "same is df and df.a.sum() == 19 and t.iloc[0] == 1.5 and list(c) == list('abcde')",
    ),
    "pydantic models": (
        "from pydantic import BaseModel\nclass M(BaseModel):\n x: int\nm = M(x=1)", "", "m == M(x=1) and isinstance(m, M)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_restored_behaves_as_before(notebook, kind):
    code, later, expression = KINDS[kind]
    original = notebook()
    assert original.run(code).unsaved == {}
    assert original.snapshot().changed == {}
    restored = original.restored()
    assert restored.tracker.unsaved == {}
    assert restored.snapshot().changed == {}
    again = restored.restored()
    assert again.snapshot().changed == {}
    again.run(later)
    assert again.evaluate(expression)


def test_a_fresh_process_restores_every_kind(notebook, tmp_path):
    stores = {}
    for kind, (code, later, expression) in KINDS.items():
        original = notebook()
        original.run(code)
        stores[kind] = (original.store, later, expression)
    (tmp_path / "stores").write_bytes(pickle.dumps(stores))
    program = (
        "import pickle, sys\n"
        "from lumo_graph.executors.worker.namespace import restore_namespace\n"
        "for kind, (store, later, expression) in pickle.load(open(sys.argv[1], 'rb')).items():\n"
        "    space = {'__name__': '__main__'}\n"
        "    tracker = restore_namespace(store, space)\n"
        "    changed = tracker.snapshot()[0]\n"
        "    exec(later, space)\n"
        "    if tracker.unsaved or changed or not eval(expression, space): print(kind, tracker.unsaved, list(changed))\n"
    )
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program, str(tmp_path / "stores")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_one_helper_does_not_drag_in_the_namespace(notebook):
    book = notebook()
    book.run("data = list(range(10_000))\ndef total(): return sum(data)")
    assert set(book.store) == {"", "data", "total"}
    assert len(book.store["total"]) < 2_000
    assert set(book.run("data.append(1)").changed) == {"data"}


def test_only_what_changed_is_written(notebook):
    book = notebook()
    book.run("class A: pass\nrows = [[n] for n in range(100)]\nn, text = 5, 'x'\na = A()")
    assert set(book.store) == {"", "rows", "n", "text", "a", "A", "class A"}
    assert set(book.run("rows[3].append(1)").changed) == {"rows"}
    assert set(book.run("a.x = 1; n = 6").changed) == {"a", "n"}
    assert book.run("del rows, a").changed == {"rows": None, "a": None}
    assert set(book.run("A.tag = 1").changed) == {"class A"}
    assert book.run("del A").changed == {"A": None, "class A": None}


def test_aliases_are_stored_together_and_apart_again_when_they_part(notebook):
    book = notebook()
    book.run("a = [1]; b = [a]; c = [2]")
    assert set(book.store) == {"", "a, b", "c"}
    assert set(book.run("c.append(a)").changed) == {"a, b", "c", "a, b, c"}
    changed = book.run("b[0] = [1]; c.pop()").changed
    assert {key: data is not None for key, data in changed.items()} == {
        "a, b, c": False,
        "a": True,
        "b": True,
        "c": True,
    }


def test_equal_content_that_becomes_aliased_is_noticed(notebook):
    book = notebook()
    book.run("a = [[1], [1]]; b = [[1]]")
    assert set(book.run("b[0] = a[0]").changed) == {"a", "b", "a, b"}
    assert book.restored().evaluate("b[0] is a[0]")


def test_a_small_view_does_not_store_the_large_array_it_was_taken_from(notebook):
    book = notebook()
    book.run("import numpy as np\nx = np.zeros(100_000)[:5]")
    assert len(book.store["x"]) < 1_000


def test_equal_frames_do_not_share_a_component(notebook):
    book = notebook()
    book.run("import pandas as pd\none = pd.DataFrame({'a': ['x']}); other = pd.DataFrame({'a': ['x']})")
    assert {"one", "other"} <= set(book.store)


def test_a_class_that_nothing_refers_to_any_more_is_dropped(notebook):
    book = notebook()
    book.run("shared = []\nclass A: held = shared")
    assert "A" in book.store
    book.run("del A")
    assert set(book.store) == {"", "shared"}


NAMES = ["", "a b", "глобал", "\ud800", "x, y", "class A", "x" * 5000, "#", "ﬁ", "\0"]


def test_names_may_be_any_string(notebook):
    book = notebook()
    book.namespace |= {name: [place] for place, name in enumerate(NAMES)}
    book.run("class A: pass\nx, y = [1], [2]")
    restored = book.restored()
    assert [restored.namespace[name] for name in NAMES] == [[place] for place in range(len(NAMES))]
    assert all(len(key) < 100 for key in book.store)
    assert restored.snapshot().changed == {}


def test_private_and_reserved_names_are_not_saved_but_referred_to(notebook):
    book = notebook(reserved=["search"])
    book.namespace["search"] = lambda query: query
    book.run("__hidden = 1; _kept = 2; held = [search]; alias = search")
    restored = book.restored(reserved=["search"])
    assert set(restored.variables) == {"_kept", "held", "alias"}
    with pytest.raises(RuntimeError, match="'search' is not available"):
        restored.evaluate("alias('x')")
    namespace = {"search": print}
    restore_namespace(book.store, namespace, reserved=["search"])
    assert namespace["alias"] is print
    assert namespace["held"] == [print]


def test_a_reserved_name_is_never_overwritten(notebook):
    book = notebook()
    book.run("search = 'mine'")
    namespace = {"search": print}
    restore_namespace(book.store, namespace, reserved=["search"])
    assert namespace == {"search": print}


def test_collection_is_off_while_dumping_and_on_again_afterwards(notebook):
    book = notebook()
    book.run("import gc\nseen = []\nclass A:\n def __getstate__(self): seen.append(gc.isenabled()); return {}\na = A()")
    assert set(book.evaluate("seen")) == {False}
    assert gc.isenabled()


def test_an_empty_namespace_stores_nothing():
    assert NamespaceTracker({}).snapshot() == ({}, {})
    assert restore_namespace({}, {}).snapshot() == ({}, {})


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="max_bytes must be 0 or more, not -1"):
        NamespaceTracker({}, max_bytes=-1)


def damage(store, key, edit):
    return {**store, key: edit(store[key])}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda store: damage(store, "x", lambda data: data[:-1]), "'x' is damaged"),
        (lambda store: damage(store, "x", lambda data: data[:40] + b"!" + data[41:]), "'x' is damaged"),
        (lambda store: damage(store, "x", lambda _: b""), "'x' is damaged"),
        (lambda store: {**store, "y": store["x"]}, "'y' is damaged: it holds 'x'"),
        (lambda store: damage(store, "", lambda _: b"\xc1"), "header is damaged"),
        (lambda store: {"x": store["x"]}, "no header"),
        (lambda store: damage(store, "", lambda data: data.replace(b"format\x01", b"format\x07")), "format 7.*format 1"),
        (lambda store: damage(store, "", lambda data: data.replace(b"python\xa43.", b"python\xa42.")), "python '2.*python '3"),
        (lambda store: damage(store, "", lambda data: data.replace(b"\xa7CPython", b"\xa7CPithon")), "'CPithon'"),
    ],
)  # fmt: skip
def test_a_store_that_does_not_fit_is_refused_before_anything_is_loaded(notebook, edit, message):
    book = notebook()
    book.run("x = [1, 'some text that is long enough']")
    namespace = {}
    with pytest.raises(RestoreError, match=message):
        restore_namespace(edit(book.store), namespace)
    assert namespace == {}
