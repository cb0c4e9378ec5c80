"""Who drives a thread, and what the one who comes second is told."""

import json
import os
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from lumo_graph.errors import ThreadBusyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that drives a thread."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC, to the second."""

    @classmethod
    def this(cls) -> "Holder":
        """The process that asks."""
        return cls(pid=os.getpid(), host=socket.gethostname(), since=second(datetime.now(UTC)))

    @classmethod
    def from_json(cls, text: str) -> "Holder | None":
        """What `to_json` wrote; None for anything else, such as a text that is not complete yet."""
        try:
            found = json.loads(text)
            return cls(pid=int(found["pid"]), host=str(found["host"]), since=str(found["since"]))
        except (ValueError, TypeError, KeyError):
            return None

    def to_json(self) -> str:
        """As a line of text."""
        return json.dumps(asdict(self)) + "\n"


def second(moment: datetime) -> str:
    """A moment as text, to the second."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="seconds").replace("+00:00", " UTC")


def busy(thread_id: str, holder: Holder | None) -> ThreadBusyError:
    """The error for the one who comes second."""
    who = (
        f"process {holder.pid} on {holder.host} has driven it since {holder.since}" if holder else "another run has it"
    )
    return ThreadBusyError(
        f"Thread {thread_id!r} is in use: {who}. Wait until that run has ended, or end that process: what it holds is "
        "free as soon as it is gone. Another thread can be used at any time."
    )
