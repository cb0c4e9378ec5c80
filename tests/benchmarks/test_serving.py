import re

from tests.benchmarks.serving import main


def test_the_benchmark_of_the_server_prints_its_table_and_loses_no_run(capsys):
    main(["--quick"])
    lines = capsys.readouterr().out.splitlines()
    for label in ("answered", "seconds of one: p50, p99", "MiB of its sessions, at most", "answered after the restart"):
        (row,) = [line for line in lines if re.match(rf"{re.escape(label)}  ", line.strip())]
        assert re.search(r"\d", row)
