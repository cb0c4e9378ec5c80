"""Going back to the copy that a session froze before an action."""

import time

from lumo_graph.executors.checking import parse_thawed
from lumo_graph.executors.control import EndedError
from lumo_graph.executors.frames import FrameError
from lumo_graph.executors.link import Link

_SWITCH_SECONDS = 4.0
_WAKE_SECONDS = 0.6


def thaw(link: Link) -> tuple[str, ...] | None:
    """Put the copy from before the last action in the place of its session.

    Returns:
        Names of the threads that are lost. None: there was no such copy; the session must be ended.
    """
    if not link.control.freezes:
        return None
    if not link.thaw(_SWITCH_SECONDS):
        return None
    until = time.monotonic() + _WAKE_SECONDS
    try:
        while (left := until - time.monotonic()) > 0:
            if link.wait_for_messages(left):
                for message in link.receive():
                    threads = parse_thawed(message)
                    link.control.rest()
                    return threads
    except (EndedError, FrameError):
        pass
    return None
