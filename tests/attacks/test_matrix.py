"""The table in README says what is known, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.attacks.attacks import JAILED, UNCONTAINED, load_attacks
from tests.attacks.jails import JAILS
from tests.attacks.matrix import BLOCK, COMMITTED, judge, render
from tests.attacks.rows import ROWS
from tests.attacks.running import run_driver
from tests.users import ordinary_user

README = Path(__file__).parents[2] / "README.md"
WATCHED = {"memory"}
"""Ended soon after it is over its limit, mostly before an attack calls it a success; not contained all the same."""
VERDICTS = json.loads(COMMITTED.read_text(encoding="utf-8"))


def test_the_table_in_the_readme_is_the_one_that_was_measured():
    match = BLOCK.search(README.read_text(encoding="utf-8"))
    assert match is not None
    assert match[2] == render(VERDICTS), "python -m tests.attacks.matrix --update README.md"
    assert list(VERDICTS) == list(ROWS)


def test_what_the_corpus_knows_to_be_open_is_not_called_contained():
    attacks = load_attacks()
    known = {jail: {attack.id for attack in attacks if jail in attack.open_at} for jail in JAILS}
    judged = judge(known, attacks)
    for jail in JAILED:
        assert {row: judged[row][jail] for row in ROWS} == {row: VERDICTS[row][jail] for row in ROWS}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("jail", UNCONTAINED)
def test_what_is_called_not_contained_without_a_jail_is_not(jail):
    # One attack of each such row that may be tried: it gets out. So the column is no guess.
    attacks = [attack for attack in load_attacks() if attack.runs_at(jail) and not VERDICTS[attack.row][jail]]
    outcome = run_driver(ordinary_user(), jail, [attack.id for attack in attacks])
    if "missing" in outcome:
        pytest.skip(outcome["missing"])
    rows = {attack.id: attack.row for attack in attacks}
    got_out = {rows[result["id"]] for result in outcome["results"] if result["escapes"] or result["faults"]}
    dangerous = {attack.row for attack in load_attacks() if not attack.runs_at(jail)}
    assert {row for row in ROWS if not VERDICTS[row][jail]} - dangerous - WATCHED <= got_out
