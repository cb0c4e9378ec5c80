"""Three tools over the sunspot numbers beside this file. They run in the host process, not in the sandbox."""

import csv
from pathlib import Path

_DATA = Path(__file__).with_name("sunspots.csv")
_MOST_YEARS = 100


def coverage() -> dict[str, int]:
    """First and last year with a sunspot number."""
    years = list(_numbers())
    return {"first": years[0], "last": years[-1]}


def sunspot_numbers(first: int, last: int) -> list[float]:
    """Yearly mean sunspot numbers from one year to another, at most 100 years in one call.

    Args:
        first: the first year.
        last: the last year, included.
    """
    if not 0 <= last - first < _MOST_YEARS:
        raise ValueError(f"From {first} to {last} are not 1 to {_MOST_YEARS} years. Ask for less at once.")
    return [number for year, number in _numbers().items() if first <= year <= last]


def note(text: str) -> int:
    """Append a line to notes.md in the current folder. Returns how many lines it has now."""
    notes = Path("notes.md")
    with notes.open("a", encoding="utf-8") as file:
        file.write(f"- {' '.join(text.split())}\n")
    return len(notes.read_text(encoding="utf-8").splitlines())


def _numbers() -> dict[int, float]:
    with _DATA.open(encoding="utf-8", newline="") as file:
        return {int(row["year"]): float(row["sunspots"]) for row in csv.DictReader(file)}
