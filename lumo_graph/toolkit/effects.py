"""What a look at the web leaves behind: nothing there, but a result here that another look may not give again."""

from typing import Any


def recorded() -> dict[str, Any]:
    """Metadata of a tool whose results are recorded although it only reads.

    When an action runs again, after a crash or a decision, its code must see what it saw before: with other results it
    could take another path than the one that its recorded calls belong to. A call of which nobody knows whether it was
    made is simply made.
    """
    return {"effects": "some", "on_unknown": "rerun"}
