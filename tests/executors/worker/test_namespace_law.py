"""The law: merged snapshots, restored, are the namespace, aliases included."""

from types import CellType, FunctionType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NAMES = st.sampled_from("abcdef")
SCALARS = st.one_of(st.integers(-5, 5), st.sampled_from(["", "x", "ü" * 40, None, True, 1.5, b"raw", 2**70]))
BODIES = {
    "function": "def {0}(): return {1}",
    "default": "def {0}(x={1}): return x",
    "closure": "{0} = (lambda held: lambda: held)({1})",
    "counter": "def make(n):\n def up(): nonlocal n; n = n + 1; return n\n return [up, lambda: n]\n{0} = make(0)",
    "class": "class {0}:\n held = {1}\n def get(self): return self.held",
    "subclass": "{0} = type('Sub', ({1},) if isinstance({1}, type) else (), dict(own=[1]))",
    "instance": "{0} = {1}() if isinstance({1}, type) else {1}",
    "method": "{0} = {1}.get if hasattr(type({1}), 'get') and type({1}) is not dict else {1}",
}
EDITS = {
    "alias": "{0} = {1}",
    "list": "{0} = [{1}, {1}]",
    "tuple": "{0} = ({1}, [])",
    "dict": "{0} = {{'k': {1}, 'n': {{}}}}",
    "set": "{0} = {{1, 'two', (3,)}}",
    "append": "{0}.append({1}) if type({0}) is list else None",
    "put": "{0}.__setitem__('p', {1}) if type({0}) is dict else None",
    "pop": "{0}.clear() if hasattr({0}, 'clear') else None",
    "attribute": "setattr({0}, 'extra', {1}) if hasattr({0}, '__dict__') else None",
    "delete": "del {0}",
    **BODIES,
}
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("scalar"), NAMES, SCALARS),
        st.tuples(st.sampled_from(sorted(EDITS)), NAMES, NAMES),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, min_size=1, max_size=8))
def test_merged_snapshots_restore_to_the_namespace_they_were_taken_of(notebook, actions):
    original = notebook()
    for action in actions:
        for edit, name, operand in action:
            code = f"{name} = {operand!r}" if edit == "scalar" else EDITS[edit].format(name, operand)
            try:
                exec(code, original.namespace)  # noqa: S102
            except (NameError, TypeError, AttributeError):
                continue  # a name that does not exist yet
        first = original.snapshot()
        assert first.unsaved == {}
        assert original.snapshot().changed == {}
        restored = original.restored()
        assert restored.tracker.unsaved == {}
        assert_same_graph(original.namespace, restored.namespace)
        assert restored.snapshot().changed == {}


def assert_same_graph(left, right):
    """Two namespaces hold equal objects, and the same pairs of references mean one object in both."""
    globals_of = {id(left): right}
    partners, taken = {}, {}
    waiting = [(visible(left), visible(right))]
    pins = []
    while waiting:
        one, other = waiting.pop()
        pins.append((one, other))
        assert type(one) is type(other) or isinstance(one, type) or type(type(one)) is type
        if isinstance(one, (int, float, str, bytes, type(None), bool)) or one == ():
            assert one == other
            continue
        assert (id(one) in partners) == (id(other) in taken)
        if id(one) in partners:
            assert partners[id(one)] is other
            continue
        partners[id(one)], taken[id(other)] = other, one
        waiting += parts(one, other, globals_of)


def parts(one, other, globals_of):  # noqa: PLR0911 - one kind of object after the other
    if isinstance(one, dict):
        assert list(one) == list(other) or one.keys() == other.keys()
        return [(one[key], other[key]) for key in one]
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        return list(zip(one, other, strict=True))
    if isinstance(one, set):
        assert one == other
        return []
    if isinstance(one, FunctionType):
        assert globals_of[id(one.__globals__)] is other.__globals__
        assert one.__code__ == other.__code__
        return [
            (one.__closure__, other.__closure__),
            (one.__defaults__, other.__defaults__),
            (one.__dict__, other.__dict__),
        ]
    if isinstance(one, CellType):
        return [(one.cell_contents, other.cell_contents)]
    if isinstance(one, type):
        assert one.__name__ == other.__name__
        return (
            [(one.__bases__, other.__bases__), (visible(vars(one)), visible(vars(other)))] if one is not object else []
        )
    if hasattr(one, "__func__"):
        return [(one.__func__, other.__func__), (one.__self__, other.__self__)]
    return [(type(one), type(other)), (visible(vars(one)), visible(vars(other)))]


def visible(members):
    return {name: members[name] for name in sorted(members) if not name.startswith("__")}
