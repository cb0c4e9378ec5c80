import re
from importlib.util import find_spec

import pytest

from tests.benchmarks.scale import main


@pytest.mark.timeout(300)
def test_the_benchmark_of_scale_prints_its_tables_and_loses_no_task(capsys):
    main(["--quick"])
    lines = capsys.readouterr().out.splitlines()
    for label in ("1 at once", "4 at once", "live, between actions", "idle, in the store alone"):
        (row,) = [line for line in lines if re.match(rf"{re.escape(label)}  ", line.strip())]
        assert re.search(r"\d", row)
    answered = [line for line in lines if "answered" in line]
    assert len(answered) == (2 if find_spec("ray") else 1)
    assert all("8 of 8  every call once" in line for line in answered)
