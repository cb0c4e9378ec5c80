"""Tools of the batches under test; every effect is a line in a file. Loaded as a file, as a user's are."""

import os
import signal
import time
from pathlib import Path


def charge(task: str, amount: int) -> int:
    """Charge.

    Args:
        task: whose.
        amount: euros.
    """
    with Path(os.environ["EFFECTS"]).open("a", encoding="utf-8") as effects:
        effects.write(f"{task} {amount}\n")
    return amount


def stumble(task: str) -> str:
    """Kill the process that makes the call, once for the tasks that are to stumble."""
    if task in os.environ.get("STUMBLE", "").split(","):
        fallen = Path(f"{os.environ['EFFECTS']}.{task}.fallen")
        if not fallen.exists():
            fallen.touch()
            time.sleep(0.2)
            os.kill(os.getpid(), signal.SIGKILL)
    return "stands"


def wait(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)
