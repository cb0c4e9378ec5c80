"""The work that every library's sessions are given: pure Python, and the standard library's C code."""

from collections.abc import Callable

from sandbox_timing import Figures, median_of

_ROUNDS = 1_000_000
_ROWS = 20_000
_TIMES = 3


def make_workloads(share: float) -> dict[str, str]:
    """Source text by key.

    Args:
        share: how much of the whole work to do.
    """
    rounds, rows = int(_ROUNDS * share), int(_ROWS * share)
    return {
        "loop": f"total = 0\nfor number in range({rounds}):\n    total += number\n",
        "comprehension": f"squares = [number * number for number in range({rounds})]\n",
        "json and regex": (
            "import json\nimport re\n"
            f"rows = [{{'id': number, 'name': f'item {{number}}', 'tags': ['a', 'b']}} for number in range({rows})]\n"
            "text = json.dumps(rows)\n"
            "same = json.loads(text)\n"
            "found = len(re.findall(r'item (\\d+)5', text))\n"
        ),
    }


def measure_workloads(execute: Callable[[str], object], *, quick: bool, share: float = 1.0) -> Figures:
    """Seconds for the whole of each.

    Args:
        execute: runs source text; raises if that fails.
        quick: do very little.
        share: do only so much, and multiply: for what would take minutes.
    """
    share = 0.01 if quick else share
    times = _TIMES if share == 1.0 else 1
    return {
        key: median_of(times, lambda code=code: execute(code)) / share for key, code in make_workloads(share).items()
    }
