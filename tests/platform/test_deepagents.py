"""Our interpreter in agents of deepagents, which live in an environment of their own."""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "deep_agent.py"


@pytest.fixture
def outcome_of(platform_bin, tmp_path):
    """What a case of the script printed; whatever it warns of is an error there too."""

    def run(*arguments):
        done = subprocess.run(
            [platform_bin / "python", "-W", "error", SCRIPT, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LANGSMITH_TRACING": "false"},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture
def effects(tmp_path):
    """What the tools have done, in order."""
    return lambda: (tmp_path / "effects").read_text().splitlines()


def value(kind, text):
    return f"value of the last expression ({kind}):\n{text}"


def test_variables_last_from_turn_to_turn_and_tools_are_functions(outcome_of, effects):
    outcome = outcome_of("turns")
    assert outcome["told"] == [value("float", "6.5"), value("float", "13.0")]
    assert (outcome["last"], outcome["knows_price"]) == ("It is 13.", True)
    assert effects() == ["price tea", "price cake"]


def test_it_stands_beside_files_and_todos(outcome_of):
    outcome = outcome_of("beside_its_own_tools")
    assert outcome["told"] == [value("float", "6.5")]
    assert (outcome["files"], outcome["todos"]) == (["/notes.txt"], ["add"])
    assert "tea and cake" in outcome["read"][0]


def test_a_question_in_the_middle_is_answered_in_another_process_and_nothing_happens_twice(outcome_of, effects):
    assert outcome_of("ask", "store.db") == {"asks": [{"text": "tea costs 2.5"}]}
    assert effects() == ["price tea"]
    outcome = outcome_of("go_on", "store.db")
    assert outcome["told"] == [value("str", "'tea costs 2.5 was sent'")]
    assert effects() == ["price tea", "send tea costs 2.5"]


def test_a_sub_agent_has_an_interpreter_of_its_own(outcome_of, effects):
    outcome = outcome_of("sub_agent")
    assert outcome["task"] == ["Cake costs 4."]
    assert outcome["told"] == [value("int", "1"), value("tuple", "(1, False)")]
    assert effects() == ["price cake"]
