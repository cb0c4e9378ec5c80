import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.sandbox import OURS, PARTS, Results, find_missed, judge, show
from tests.benchmarks.sandbox_rows import GROUPS, Row
from tests.benchmarks.subjects import Subject

ROOT = Path(__file__).parents[2]
ROWS = [row for group in GROUPS for row in group.rows]


@pytest.mark.timeout(600)  # seconds on a machine that is idle; it starts interpreters one after the other
def test_the_sandbox_benchmark_measures_our_code_in_every_row():
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.sandbox", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Isolation tier" in done.stdout
    figures = {cells[1].strip(): cells[2].strip() for cells in _cells(done.stdout)}
    hidden = {"memory", "memory, copy"} if os.geteuid() != 0 else set[str]()
    for row in ROWS:
        if row.key not in hidden | {"warm"} and "frozen copy" in done.stdout.partition("|")[0]:
            number, unit = figures[row.what].split()
            assert float(number) > 0, row
            assert unit == "MiB" if row.unit == "memory" else unit in {"us", "ms", "s"}, row


def test_every_row_has_a_key_and_words_of_its_own_and_a_floor_that_is_a_row_or_plain_work():
    assert len({row.key for row in ROWS}) == len({row.what for row in ROWS}) == len(ROWS)
    keys = {row.key for row in ROWS}
    assert all(row.floor in keys or row.floor == f"plain {row.key}" for row in ROWS if row.floor is not None)


def test_what_is_over_its_budget_is_told_with_its_reason_and_nothing_else_is():
    results = Results()
    results.take(OURS, "1", {"memory": 13 << 20, "memory, copy": 14 << 20, "execute": 0.0001, "thaw": 0.03})
    told = [*find_missed(results)]
    assert len(told) == 2
    assert told[0].startswith("- Budget missed: memory of one of 50 (PSS) (13.0 MiB instead of 12.0 MiB); memory of")
    assert "reference counts" in told[0]
    assert told[1].endswith("(30.0 ms instead of 25.0 ms). No reason is known: measure again when the machine is idle.")


def test_a_row_shows_the_median_of_its_rounds():
    results = Results()
    for figure in (0.5, 0.1, 0.2):
        results.take(OURS, "1", {"crowd": figure})
    assert results.ours("crowd") == 0.2
    assert results.ours("first") is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0000143, "14.3 us"), (0.000131, "131 us"), (0.0276, "27.6 ms"), (0.00099996, "1000 us"), (2.0634, "2.06 s")],
)
def test_a_time_is_shown_in_three_digits_and_a_unit_that_fits(seconds, text):
    assert show(Row(key="key", what="what"), seconds) == text


def test_a_budget_is_met_up_to_all_of_it():
    row = Row(key="key", what="what", budget=0.010)
    assert judge(row, 0.010) == "yes, 100 %"
    assert judge(row, 0.0106) == "**no**, 106 %"
    assert judge(row, None) == ""


def test_a_library_that_fails_leaves_its_last_words_instead_of_figures():
    results = Results()
    broken = Subject(label="broken", script="no_such_script.py")
    results.measure(broken, "starts", [])
    assert list(results.failures) == ["broken, starts"]
    assert "No such file" in results.failures["broken, starts"]
    assert results.figure(broken, "first") is None


def test_every_part_of_every_library_can_be_asked_for_by_name():
    for part, subjects in PARTS.items():
        for subject in subjects:
            script = (Path(__file__).parent / "peers" / subject.script).read_text(encoding="utf-8")
            assert f'"{part}": measure_' in script, (part, subject.label)


def _cells(output):
    return [line.split("|") for line in output.splitlines() if line.startswith("| ")]
