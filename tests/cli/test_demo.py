import re
from pathlib import Path

import pytest

from lumo_graph.cli.demo import find_example, true_answer

ANSWER = {"cycle_years": 10.93, "shortest": 7, "longest": 17, "highest_peak": 1957, "sunspots": 190.2}


@pytest.fixture(scope="module")
def data():
    return find_example() / "sunspots.csv"


def test_the_data_is_whole(data):
    rows = [line.split(",") for line in data.read_text().splitlines()[1:]]
    assert [int(year) for year, _ in rows] == list(range(1700, 2009))


def test_the_right_answer_is_known(data):
    assert true_answer(data) == ANSWER


def test_the_demo_fails_repairs_itself_is_killed_goes_on_and_is_right(lumo, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    done = lumo("demo", TMPDIR=str(temporary))
    assert (done.returncode, done.stderr) == (0, "")
    before, killed, after = done.stdout.partition(" is killed (SIGKILL)")
    assert killed
    for part in (
        "the model's replies are scripted",
        "$ lumo run 'How long does a sunspot cycle last",
        "> sunspot_numbers(first=1700, last=1799) -> [5.0, 11.0,",
        "| 309 years, 49.8 sunspots on average",
        "error: KeyError on line 3",
        "[debug: what the model is told]\n  Repair this",
        "| 28 peaks, from 1705 to 2000",
    ):
        assert part in before
    for part in (
        "$ lumo resume sunspots",
        "| Still here: 309 years and 28 peaks",
        '"cycle_years": 10.93',
        "✓ The answer is right",
        "✓ The variables survived the kill",
        "✓ No tool call was repeated: notes.md has 4 lines",
        "--base-url http://localhost:11434/v1",
    ):
        assert part in after
    processes = re.findall(r"^process (\d+)$", done.stdout, flags=re.MULTILINE)
    assert len(set(processes)) == 2
    assert f"process {processes[0]} is killed" in done.stdout
    assert not any(Path("/proc", process).exists() for process in processes)
    assert list(temporary.iterdir()) == []
    assert not [char for char in done.stdout if not char.isprintable() and char != "\n"]
