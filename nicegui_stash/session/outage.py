"""What all sessions of a process know about a store that is away: a few probe it for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

FAILURES = 3
"""Failures in a row, over all sessions, until the store counts as away."""
LONGEST = 1.0
"""Seconds between two sessions that probe whether it is back, at most."""
PACE = 0.001
"""Seconds between two sessions that resume when it is back."""


class Outage:
    """A queue of sessions that failed to read or put and wait for the store.

    Without it a thousand sessions would each retry on their own: a thousand attempts a second at first, and up to five
    seconds of delay when the store is back.
    """

    __slots__ = ('_failures', '_random', '_timer', '_waiting')

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0
        self._waiting: dict[asyncio.Future[None], bool] = {}
        """The longest waiting first, each with whether it resumes soon."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_failures(self) -> bool:
        """Whether the last attempt failed, so that the next answer is news."""
        return bool(self._failures)

    @property
    def lasts(self) -> bool:
        return self._failures >= FAILURES

    def failed(self) -> None:
        """Count a failed attempt."""
        self._failures += 1

    def over(self) -> None:
        """Note an answer of the store: all waiting sessions resume, spread over time.

        A store that answers now and then says so often, so a session that resumes already gets no second timer.
        """
        if not self.has_failures:
            return
        self._failures = 0
        loop = asyncio.get_running_loop()
        for number, (waker, resumes) in enumerate(self._waiting.items()):
            if not resumes:
                self._waiting[waker] = True
                loop.call_later(number * PACE, _wake, waker)

    def join(self, waker: asyncio.Future[None]) -> None:
        """Set `waker` when it is this session's turn to probe, or when the store is back. Others may set it earlier."""
        self._waiting[waker] = False
        waker.add_done_callback(lambda done: self._waiting.pop(done, None))
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is None and self._waiting:
            seconds = min(LONGEST, 0.01 * 2 ** min(self._failures, 20)) * (0.5 + self._random() / 2)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._next)

    def _next(self) -> None:
        """Let the longest waiting session probe. The next does not wait for its answer, which may never come."""
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
