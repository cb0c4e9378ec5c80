"""The parts of an observation, as a model tells them apart: by lines that stand at the margin."""

import re

_HEADING = re.compile(
    r"^(Observation:|stdout:|stderr:|value of the last expression \(.*\):|answer given \(.*\):|error: .*|traceback:"
    r"|note:|These variables could not be .*:|These values will be lost .*:)$"
)


def headings(observation: str) -> list[str]:
    """The lines of an observation that begin a part of it."""
    return [line for line in re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", observation) if _HEADING.match(line)]
