"""How much memory processes have. Shared pages are shared out between those that have them (PSS)."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.watching import processes_below

_SAMPLE_SECONDS = 0.5


@dataclass(slots=True, kw_only=False)
class Memory:
    """The most memory that a server and its sessions have had, in MiB: shared pages are shared out (PSS)."""

    pid: int
    server: float = field(default=0.0, init=False)
    sessions: float = field(default=0.0, init=False)
    most: int = field(default=0, init=False)
    """Processes of sessions."""

    async def watch(self) -> None:
        """Look, again and again."""
        while True:
            below = await asyncio.to_thread(processes_below, self.pid)
            self.server = max(self.server, mib(self.pid))
            self.sessions = max(self.sessions, sum(map(mib, below)))
            self.most = max(self.most, len(below))
            await asyncio.sleep(_SAMPLE_SECONDS)


def mib(pid: int) -> float:
    """Of one process, in MiB; 0 if it is gone."""
    with suppress(OSError):
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0
    return 0.0
