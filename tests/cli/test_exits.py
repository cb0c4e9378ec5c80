from typing import get_args

import pytest

from lumo_graph.cli.exits import code_of_error, code_of_outcome
from lumo_graph.errors import (
    ConfigurationError,
    DivergenceError,
    ExecutorError,
    IsolationError,
    LumoGraphError,
    ModelError,
    SnapshotError,
)
from lumo_graph.types import Outcome


def test_every_outcome_has_its_exit_code():
    assert {outcome: code_of_outcome(outcome) for outcome in get_args(Outcome)} == {
        "answered": 0,
        "max_steps": 3,
        "max_debug_attempts": 3,
        "budget": 3,
        "interrupted": 130,
        "cancelled": 130,
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ConfigurationError, 2),
        (ModelError, 4),
        (ExecutorError, 5),
        (IsolationError, 5),
        (SnapshotError, 5),
        (DivergenceError, 5),
        (LumoGraphError, 1),
    ],
)
def test_every_error_has_its_exit_code(kind, code):
    assert code_of_error(kind("x")) == code
