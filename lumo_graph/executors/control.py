"""What the host says to whoever guards a session and hears from there: of actions, and of the session's end."""

import contextlib
import select
import time
from collections import deque

from lumo_graph.executors.worker import orders

_END_SECONDS = 5.0
_REST_SECONDS = 5.0


class EndedError(Exception):
    """The session's end of a stream is closed."""


class Control:
    """The host's end of the stream of orders. Owned by one thread, but `interrupt` and `kill` are for any."""

    def __init__(self) -> None:
        self.supervised = False
        """Whether somebody in the session takes orders about its actions."""
        self.freezes = False
        """Whether the session freezes copies of itself."""
        self.answers = False
        """Whether the session says if it is still there at the end of an action."""
        self.over = False
        """Whether the action has used more processor time than it may."""
        self._stream, self._their_stream = orders.make_stream()
        self._status: int | None = None
        self._word = ""
        self._heard: deque[bytes] = deque()

    def fileno(self) -> int:
        """The descriptor that is readable when something was said."""
        return self._stream.fileno()

    def theirs(self) -> int:
        """The descriptor of the session's end."""
        return self._their_stream.fileno()

    def give_away(self) -> None:
        """Close the session's end here."""
        self._their_stream.close()

    def close(self) -> None:
        """Close this end."""
        self._stream.close()

    def interrupt(self) -> None:
        """Send the session SIGINT."""
        self._order(orders.INTERRUPT)

    def kill(self) -> None:
        """Send the session SIGKILL."""
        self._order(orders.KILL)

    def begin(self, word: str) -> None:
        """Announce an action, before which the session may freeze a copy of itself.

        Args:
            word: the copy is known by it, so no code of an earlier action may be able to know it.
        """
        self._word = word
        self.over = False
        if self.supervised:
            self._order(orders.BEGIN + word.encode())

    def rouse(self) -> None:
        """Announce something else, for which the session's processes must run."""
        if self.supervised:
            self._order(orders.ROUSE)

    def rest(self, seconds: float = _REST_SECONDS) -> None:
        """Say that nothing is asked of the session any more: its processes are held still until something is.

        Raises:
            EndedError: it was ended for what it had used, or says nothing for `seconds`. `death` knows more.
        """
        if not self.supervised:
            return
        self._order(orders.END)
        if not self.answers:
            return
        until = time.monotonic() + seconds
        while (message := self._hear(until - time.monotonic())) != orders.END:
            if message is None or message == b"" or message.startswith(orders.DIED):
                self._heard.extend([message] if message else ())
                raise EndedError

    def thaw(self, data: int, seconds: float) -> bool:
        """Put the copy from before the last action in the place of the session.

        Args:
            data: descriptor of its new stream.
            seconds: for all of it.

        Returns:
            Whether there was such a copy.
        """
        self._status = None
        try:
            orders.send(self._stream, orders.THAW + self._word.encode(), data)
        except OSError:
            return False
        until = time.monotonic() + seconds
        while (message := self._hear(until - time.monotonic())) not in (b"", None):
            if message.startswith(orders.THAW):
                return message == orders.THAW + b"1"
        return False

    def overhear(self) -> bool:
        """Take what was said, for whoever asks for it next; whether more may come."""
        message, descriptors, _ = orders.receive(self._stream)
        orders.discard(descriptors)
        if not self._is_over(message):
            self._heard.append(message)
        return bool(message)

    def death(self, seconds: float) -> tuple[int | None, str]:
        """Wait for the session's process to end.

        Returns:
            Its exit status, negative for a signal, None if it does not end in time; what it was ended for: `memory`,
            `disk`, or nothing.
        """
        message = self._hear(seconds)
        self._status = _status(message)
        return self._status, message.decode("ascii", "replace").partition(" ")[2] if message else ""

    def end(self, seconds: float = _END_SECONDS) -> int | None:
        """Wait until the session has ended and, as long as time is left, until everything it started is gone.

        A second call returns at once what the first one has found.

        Returns:
            Its exit status, negative for a signal; None if it is not known, or still alive after `seconds`.
        """
        until = time.monotonic() + seconds
        if self._status is None:
            while message := self._hear(until - time.monotonic()):
                if (status := _status(message)) is not None:
                    self._status = status
        return self._status

    def _order(self, message: bytes) -> None:
        orders.tell(self._stream, message)

    def _hear(self, seconds: float) -> bytes | None:
        # Empty: there is nobody any more. None: nothing was said in time.
        if self._heard:
            return self._heard.popleft()
        poll = select.poll()
        poll.register(self._stream, select.POLLIN)
        until = time.monotonic() + seconds
        while poll.poll(max(until - time.monotonic(), 0.0) * 1000):
            message, descriptors, _ = orders.receive(self._stream)
            orders.discard(descriptors)
            if not self._is_over(message):
                return message
        return None

    def _is_over(self, message: bytes) -> bool:
        # What is said of an earlier action comes too late.
        if message[:1] == orders.OVER and message[1:] == self._word.encode():
            self.over = True
        return message[:1] == orders.OVER


def _status(message: bytes | None) -> int | None:
    if message and message.startswith(orders.DIED):
        with contextlib.suppress(ValueError, IndexError):
            return int(message[1:].split()[0])
    return None
