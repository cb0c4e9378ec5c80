"""BFCL v4 multi-turn: the tasks, their gold calls and their stateful APIs, read from the installed wheel `bfcl-eval`.

The wheel is installed without its dependencies. Its packages are empty `__init__` files, so the few modules that are
used here import alone; of the dependencies they need only mpmath. Nothing of the wheel is copied.
"""

import ast
import inspect
import itertools
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, cast

DISTRIBUTION = "bfcl-eval"
CATEGORIES = ("multi_turn_base", "multi_turn_miss_param")

Method = Callable[..., Any]

_MPMATH_RESULT = re.compile(r"\{'result': mpf\('([^']*)'\)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One conversation: what the user asks turn by turn, and the calls that are right."""

    id: str
    category: str
    prompts: tuple[str, ...]
    """What the user says, one text a turn."""
    gold: tuple[tuple[str, ...], ...]
    """Source of the right calls, one tuple a turn. Empty where the user has not said enough to act on."""
    classes: tuple[str, ...]
    """Names of the APIs."""
    config: Mapping[str, Any]
    """What each API is loaded with, by class name."""


def version() -> str:
    """Version of the installed wheel.

    Raises:
        ModuleNotFoundError: the wheel or mpmath is missing.
    """
    try:
        metadata.version("mpmath")
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name!r} is not installed, and the BFCL tasks are read from {DISTRIBUTION!r}. "
            f"Install both without dependencies: pip install --no-deps {DISTRIBUTION} mpmath"
        ) from error


def load_tasks(categories: Sequence[str] = CATEGORIES) -> list[Task]:
    """The tasks of the categories, in the order of the files."""
    version()
    return [task for category in categories for task in _load_category(category)]


def spread(tasks: Sequence[Task], count: int) -> list[Task]:
    """`count` of the tasks: the last of each of that many equal parts, so the choice is the same every time."""
    count = min(count, len(tasks))
    return [tasks[(index + 1) * len(tasks) // count - 1] for index in range(count)]


def open_apis(task: Task) -> dict[str, object]:
    """New instances of the task's APIs by class name, loaded by the original harness."""
    return Harness().run(task, ())[1]


class Harness:
    """The original harness: evaluates the source of calls on API instances that are its own."""

    # It keeps instances under a name for the life of the process: a name used twice would find used instances.
    _numbers = itertools.count()

    def __init__(self) -> None:
        self._name = f"replay_{next(self._numbers)}"

    def run(self, task: Task, calls: Sequence[str]) -> tuple[list[str], dict[str, object]]:
        """Texts of the results of the calls, and the instances after them."""
        run: Method = _harness_module("multi_turn_utils").execute_multi_turn_func_call
        return run(
            func_call_list=list(calls),
            initial_config=task.config,
            involved_classes=list(task.classes),
            model_name=self._name,
            test_entry_id=task.id,
        )


def bind_methods(apis: Mapping[str, object]) -> dict[str, Method]:
    """The public methods of the instances by name, each with an annotation that gold keeps.

    Raises:
        ValueError: two of the APIs have a method of one name.
    """
    methods: dict[str, Method] = {}
    for api in apis.values():
        for name, method in inspect.getmembers(api, inspect.ismethod):
            if name.startswith("_"):
                continue
            if name in methods:
                raise ValueError(f"Both {methods[name].__qualname__!r} and {method.__qualname__!r} are named {name!r}.")
            methods[name] = method
    if "TicketAPI" in apis:
        methods["close_ticket"] = _close_ticket_of(apis["TicketAPI"])
    return methods


def parse_call(source: str, methods: Mapping[str, Method]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a call whose arguments are literals; positional ones get their parameters' names."""
    call = ast.parse(source, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id not in methods:
        raise ValueError(f"{source!r} is not a call of one of {sorted(methods)}.")
    positional = [ast.literal_eval(argument) for argument in call.args]
    named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    return call.func.id, inspect.signature(methods[call.func.id]).bind(*positional, **named).arguments


def read_result(text: str) -> Any:
    """The data in the harness's text of a result: JSON, or the source of a Python value.

    A number of mpmath has no such form: it becomes a Decimal with the digits that are written.
    """
    try:
        return json.loads(text)
    except ValueError:
        if digits := _MPMATH_RESULT.fullmatch(text):
            return {"result": Decimal(digits[1])}
        return ast.literal_eval(text)


def same_data(found: Any, wanted: Any) -> bool:
    """Whether plain data is what `read_result` gave, down to the types and the order of keys.

    mpmath writes fewer digits than a number has, so such a number is compared in those.
    """
    same = repr(found) == repr(wanted)
    if isinstance(found, dict) and isinstance(wanted, dict):
        ours, theirs = cast("dict[str, Any]", found), cast("dict[str, Any]", wanted)
        return [*ours] == [*theirs] and all(same_data(ours[name], theirs[name]) for name in theirs)
    if isinstance(wanted, Decimal):
        digits = len(wanted.as_tuple().digits)
        return isinstance(found, float) and Decimal(f"{found:.{digits}g}") == wanted
    return same


def differences(ours: Mapping[str, object], gold: Mapping[str, object]) -> list[str]:
    """Where the states differ: what the original harness finds, and every private attribute (position, generator)."""
    verdict = _harness_module("multi_turn_checker").state_checker(ours, gold)
    found = [] if verdict["valid"] else [str(verdict["error_message"])]
    for name, right in gold.items():
        for attribute, value in vars(right).items():
            mine = getattr(ours[name], attribute, None)
            if _comparable(mine) != _comparable(value):
                found.append(f"{name}.{attribute} is {mine!r}, not {value!r}")
    return found


def _close_ticket_of(api: Any) -> Method:
    # Its own annotation says int, yet tickets are loaded with ids like "ticket_001", and gold closes them by those.
    # An agent's tools are checked against their annotations: with the narrow one it could not do what gold does.
    def close_ticket(ticket_id: int | str) -> dict[str, str]:
        return api.close_ticket(ticket_id)

    close_ticket.__doc__ = api.close_ticket.__doc__
    return close_ticket


def _comparable(value: Any) -> Any:
    return value.getstate() if isinstance(value, random.Random) else value


def _harness_module(name: str) -> Any:
    return import_module(f"bfcl_eval.eval_checker.multi_turn_eval.{name}")


def _load_category(category: str) -> list[Task]:
    if category not in CATEGORIES:
        raise ValueError(f"Unknown category {category!r}. Categories are: {', '.join(CATEGORIES)}.")
    gold = {entry["id"]: entry["ground_truth"] for entry in _read(f"possible_answer/BFCL_v4_{category}.json")}
    return [
        Task(
            id=entry["id"],
            category=category,
            prompts=tuple(turn[0]["content"] for turn in entry["question"]),
            gold=tuple(tuple(turn) for turn in gold[entry["id"]]),
            classes=tuple(entry["involved_classes"]),
            config=entry["initial_config"],
        )
        for entry in _read(f"BFCL_v4_{category}.json")
    ]


def _read(name: str) -> list[Any]:
    path = Path(str(metadata.distribution(DISTRIBUTION).locate_file(f"bfcl_eval/data/{name}")))
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
