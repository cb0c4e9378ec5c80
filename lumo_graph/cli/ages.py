"""How long ago, as an option says it."""

import re
from datetime import timedelta

from lumo_graph.errors import ConfigurationError

_AGE = re.compile(r"(\d+)([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def parse_age(option: str, text: str) -> timedelta:
    """The time that an option names.

    Raises:
        ConfigurationError: it names none.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f"{option} must be a number with h, d or w, such as 30d, not {text!r}.")
    try:
        return timedelta(**{_UNITS[found[2]]: int(found[1])})
    except (OverflowError, ValueError):
        raise ConfigurationError(f"{option} {text!r} is longer than there are dates.") from None
