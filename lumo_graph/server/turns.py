"""How many runs go on at once, and how many may wait for their turn."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class TooManyRunsError(Exception):
    """Nobody may wait any more."""


class Turns:
    """The turns of runs.

    Args:
        concurrency: runs at once.
        queue: that may wait.
    """

    def __init__(self, *, concurrency: int, queue: int) -> None:
        self._most = concurrency + queue
        self._turns = asyncio.Semaphore(concurrency)
        self._there = 0

    @property
    def there(self) -> int:
        """Runs that go on or wait."""
        return self._there

    def enter(self) -> None:
        """Take a place among those that go on or wait; `leave` gives it back.

        Raises:
            TooManyRunsError: there is none.
        """
        if self._there >= self._most:
            raise TooManyRunsError
        self._there += 1

    def leave(self) -> None:
        """Give the place back."""
        self._there -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Wait for a turn, and have it for the length of a `with` block."""
        async with self._turns:
            yield
