import re

from tests.benchmarks.durability import main


def test_the_durability_benchmark_prints_its_tables(capsys):
    main(["--quick"])
    lines = capsys.readouterr().out.splitlines()
    for label in ("living session", "frozen copy", "snapshot of 1 MB", "replay of 20 calls, SQLite", "SQLite, bytes"):
        (row,) = [line for line in lines if line.strip().startswith(label)]
        assert re.search(r"\d", row.removeprefix(label))
