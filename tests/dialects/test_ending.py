# ruff: noqa: E501 - the snapshots are as wide as what the model reads

import pytest
from inline_snapshot import snapshot

from lumo_graph.dialects import last_call_prompt


def test_the_last_call_asks_for_an_answer_from_what_there_is() -> None:
    assert last_call_prompt("max_steps") == snapshot("""\
All the steps of this run are used. Nothing more can be run, no code and no tool.

Answer the task now, from what the observations so far have shown. Write the answer itself, in the form that was asked for; a code block would not run. If something is missing or not certain, say what. Do not invent results.\
""")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("max_steps", "All the steps of this run are used."),
        ("max_debug_attempts", "The code has failed too many times in a row."),
        ("budget", "The budget of this run is used up."),
        ("cancelled", "This run must end here."),
    ],
)
def test_the_reason_is_told(outcome: str, reason: str) -> None:
    assert last_call_prompt(outcome).startswith(f"{reason} Nothing more can be run")
