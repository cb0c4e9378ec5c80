"""Processor time of all processes of this machine: that of jailed ones does not reach who has started them."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Seconds that the machine's processors have worked since it was started. A quiet machine is needed."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + softirq) / _TICKS
