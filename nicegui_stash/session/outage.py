"""What the sessions of a process know together of a store that is away: few ask for all of them whether it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FAILURES = 3
"""Failures in a row, of whichever sessions, from which on the store counts as away for all of them."""
LONGEST = 1.0
"""Seconds between two sessions that ask whether it is back."""
PACE = 0.001
"""Seconds between two sessions that go on when it is."""


class Outage:
    """A queue of sessions that have something to read or to put, and have failed already.

    Without it a thousand sessions would try a thousand times a second at first, and each find out by itself, up to five
    seconds late, that the store is back.
    """

    __slots__ = ('_failures', '_random', '_timer', '_waiting')

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_failures(self) -> bool:
        """Whether the last attempt failed, so that the next answer is news."""
        return bool(self._failures)

    @property
    def lasts(self) -> bool:
        return self._failures >= FAILURES

    def failed(self) -> None:
        """Count an attempt on a store that was away."""
        self._failures += 1

    def over(self) -> None:
        """Count an answer: everybody may go on, not all in the same moment."""
        if not self.has_failures:
            return
        self._failures = 0
        loop = asyncio.get_running_loop()
        for number, waker in enumerate(self._waiting):
            loop.call_later(number * PACE, _wake, waker)

    def join(self, waker: asyncio.Future[None]) -> None:
        """Set `waker` when it is this session's turn to ask, or when the store is back; whoever sets it earlier may."""
        self._waiting[waker] = None
        waker.add_done_callback(lambda done: self._waiting.pop(done, None))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._waiting:
            seconds = min(LONGEST, 0.01 * 2 ** min(self._failures, 20)) * (0.5 + self._random() / 2)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._next)

    def _next(self) -> None:
        """Let the one that waits longest ask. The next one does not wait for its answer, which may never come."""
        self._timer = None
        for waker in self._waiting:
            if _wake(waker):
                break
        asyncio.get_running_loop().call_soon(self._schedule)  # when it has left the queue


def _wake(waker: asyncio.Future[None]) -> bool:
    if waker.done():
        return False
    waker.set_result(None)
    return True
