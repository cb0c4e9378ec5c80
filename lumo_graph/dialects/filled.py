"""Which values of an action are certainly not empty: a loop over one of them turns at least once."""

import ast
import re
from collections.abc import Mapping

from lumo_graph.dialects.bindings import Bindings, names_read

_FILLED = re.compile(r"(?:list|tuple|set|frozenset|dict) \([1-9]")
_PASSING_ON = frozenset({"enumerate", "list", "reversed", "set", "sorted", "tuple"})
_VIEWS = frozenset({"items", "keys", "values"})


class Filled:
    """Names of what is certainly not empty, as an action goes on.

    Args:
        bindings: of the action.
        variables: of the session: name to description.
    """

    def __init__(self, bindings: Bindings, variables: Mapping[str, str]) -> None:
        self._bindings = bindings
        self._variables = variables
        self._names: set[str] = set()
        if not bindings.read_in_functions & variables.keys():
            filled = {name for name, text in variables.items() if _FILLED.match(text)}
            self._names |= filled - bindings.count.keys()

    def assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        """Take note of an assignment."""
        match targets:
            case [ast.Name(id=name)] if self._bindings.count[name] == 1 and self.holds(value):
                if name not in self._bindings.read_in_functions:  # they may empty it whenever they run
                    self._names.add(name)
            case _:
                pass

    def forget(self, name: str) -> None:
        """Take note of a use that may change what the name holds."""
        self._names.discard(name)

    def forget_inherited(self) -> None:
        """Take note of the use of a variable of the session: the others may share what it holds."""
        self._names -= self._variables.keys()

    def kept_by_iteration(self, expression: ast.expr) -> set[str]:
        """The names in an expression that are not empty, and are not so because they were iterated over."""
        return (self._names & names_read([expression])) - self._variables.keys()

    def remember(self, names: set[str]) -> None:
        """Take the word back for these names that they were used."""
        self._names |= names

    def copy(self) -> set[str]:
        """The names now."""
        return set(self._names)

    def restrict(self, names: set[str]) -> None:
        """Keep no other names than these."""
        self._names &= names

    def holds(self, expression: ast.expr) -> bool:
        """Whether iterating over an expression gives at least one item."""
        match expression:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return any(not isinstance(item, ast.Starred) for item in items)
            case ast.Dict(keys=keys):
                return any(key is not None for key in keys)
            case ast.Constant(value=str(text)):
                return bool(text)
            case ast.Name(id=name):
                return name in self._names
            case ast.Call():
                return self._call_holds(expression)
            case _:
                return False

    def _call_holds(self, call: ast.Call) -> bool:
        match call:
            case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(stop))], keywords=[]):
                return stop > 0 and not self._is_rebound("range")
            case ast.Call(func=ast.Name(id=name), args=[inner]) if name in _PASSING_ON:
                return not self._is_rebound(name) and self.holds(inner)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=view), args=[], keywords=[]):
                return view in _VIEWS and name in self._names
            case _:
                return False

    def _is_rebound(self, name: str) -> bool:
        return bool(self._bindings.count[name]) or name in self._variables
