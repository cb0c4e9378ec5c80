"""Every attack, behind every jail that this machine gives, as root and as an ordinary user: what the jail holds."""

import os
import sys
from collections import Counter

import pytest

from tests.attacks.attacks import JAILED, NAMESPACED, load_attacks
from tests.attacks.jails import JAILS
from tests.attacks.rows import ROWS
from tests.attacks.running import run_driver
from tests.users import ordinary_user, own_python, reachable_python

ATTACKS = {attack.id: attack for attack in load_attacks()}
USERS = ("root", "ordinary user") if os.geteuid() == 0 else ("ordinary user",)


def runner_for(user, jail):
    if user == "ordinary user":
        return ordinary_user()
    # As root a private root makes an interpreter reachable that is not. Without one there must be another.
    return own_python() if jail in NAMESPACED else reachable_python()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a jail")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("jail", JAILED)
@pytest.mark.parametrize("user", USERS)
def test_the_jail_holds(user, jail, record_property):
    outcome = run_driver(runner_for(user, jail), jail)
    if "missing" in outcome:
        pytest.skip(outcome["missing"])
    results = outcome["results"]
    record_property("attacks", len(results))
    record_property("runs", sum(result["runs"] for result in results))
    record_property("seconds", outcome["seconds"])
    assert {result["id"] for result in results} == {name for name, attack in ATTACKS.items() if attack.runs_at(jail)}
    for kind in ("faults", "late"):
        assert {result["id"]: result[kind] for result in results if result[kind]} == {}
    escaped = {result["id"]: result["escapes"] for result in results if result["escapes"]}
    assert {name: found for name, found in escaped.items() if jail not in ATTACKS[name].open_at} == {}
    assert outcome["left"] == []


def test_the_corpus_says_of_every_attack_what_it_is():
    attacks = load_attacks()
    assert [name for name, count in Counter(attack.id for attack in attacks).items() if count > 1] == []
    assert len(attacks) >= 118
    assert {attack.row for attack in attacks} == set(ROWS)
    for attack in attacks:
        assert attack.escape, attack.id
        assert attack.code.strip(), attack.id
        assert set(attack.open_at) <= set(JAILS), attack.id
        assert set(attack.only) <= set(JAILS), attack.id
