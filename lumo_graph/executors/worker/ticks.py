"""The times that an action has read from its clocks, as bytes that can be given to it again.

Each entry is a byte, the clock and whether times like it follow; the difference to the last time of that clock; and how
many more there are. Numbers are in groups of seven bits, the lowest first. Bytes may be added at any time.
"""

from collections import deque
from collections.abc import Iterable

CLOCKS = 4
MOST = 4096
"""Times of one action that are kept: enough for a program; a loop that does nothing but look at the time has more. The
host takes no more than 64 KiB, and each of them is at most 11 bytes."""

_REPEATED = 0x10
_GROUP, _MORE = 0x7F, 0x80
_LONGEST = 10


class Ticks:
    """Writes times, and reads them again."""

    def __init__(self) -> None:
        self._last = [0] * CLOCKS

    def write(self, times: Iterable[tuple[int, int]]) -> bytes:
        """The bytes for these times, each with its clock; they belong behind all that were written or read before."""
        written = bytearray()
        head, repeats = -1, 0
        entry = bytearray()
        for clock, time in times:
            difference = time - self._last[clock]
            if difference == 0 and head == clock:
                repeats += 1
                continue
            _finish(written, entry, repeats)
            self._last[clock] = time
            head, repeats, entry = clock, 0, bytearray([clock])
            _write_number(entry, -2 * difference - 1 if difference < 0 else 2 * difference)
        _finish(written, entry, repeats)
        return bytes(written)

    def read(self, data: bytes) -> tuple[list[deque[int]], int]:
        """The times in these bytes, for each clock in their order, and how many there are.

        Bytes that mean nothing end them: they come from a session.
        """
        times: list[deque[int]] = [deque() for _ in range(CLOCKS)]
        count, place = 0, 0
        try:
            while place < len(data) and count < MOST:
                head = data[place]
                clock = head & ~_REPEATED
                folded, place = _read_number(data, place + 1)
                repeats, place = _read_number(data, place) if head & _REPEATED else (0, place)
                last = self._last[clock] + ((folded >> 1) ^ -(folded & 1))
                number = min(1 + repeats, MOST - count)
                self._last[clock] = last
                times[clock].extend([last] * number)
                count += number
        except IndexError:
            pass
        return times, count


def _finish(written: bytearray, entry: bytearray, repeats: int) -> None:
    if repeats:
        entry[0] |= _REPEATED
        _write_number(entry, repeats)
    written += entry


def _write_number(target: bytearray, number: int) -> None:
    while number > _GROUP:
        target.append(number & _GROUP | _MORE)
        number >>= 7
    target.append(number)


def _read_number(data: bytes, place: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 7 * _LONGEST, 7):
        group = data[place]
        place += 1
        number |= (group & _GROUP) << shift
        if group < _MORE:
            return number, place
    raise IndexError
