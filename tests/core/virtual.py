"""An event loop in which waiting takes no time: its clock jumps to the next timer when nothing else is to be done.

Time limits, backoff and spacing are tested in their own units, and a test that would wait for ever fails at once.
"""

from __future__ import annotations

import asyncio
import heapq
import selectors
from asyncio.events import Handle, TimerHandle
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

from tests.clocked import Clocked

T = TypeVar('T')


class Deadlock(AssertionError):
    """Nothing is ready, no timer runs, and no thread is waited for: this test would never end."""


class _Jumping(Clocked):
    """Moves the clock on where the loop would sleep; to ask the system in vain takes a tenth of a simulation's CPU."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            self.now += timeout
        return []


def take_no_time(loop: asyncio.AbstractEventLoop, begin: float | None = None) -> asyncio.AbstractEventLoop:
    """Let a loop jump, which then can wait for timers and tasks alone: no threads, sockets or processes.

    With `begin` its clock starts there, so that what is done twice takes the same course to the last digit.
    """
    _Jumping.install(loop, begin)
    return loop


class LeanLoop(asyncio.BaseEventLoop):
    """A loop of timers and tasks alone whose time jumps, for lives by the thousand.

    It has no selector, and nothing checks what debug mode would: half of what asyncio's own loop costs.
    """

    _ready: deque[Handle]

    def __init__(self, begin: float = 0.0) -> None:
        super().__init__()
        self.now = begin
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Handle:
        handle = Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        handle = TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> TimerHandle:
        return self.call_at(self.now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Leave it where it is: it is passed over when its time comes."""

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not ready:
            if not timers:
                raise Deadlock
            self.now = max(self.now, timers[0][0])
        while timers and timers[0][0] <= self.now:
            ready.append(heapq.heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: take_no_time(asyncio.new_event_loop())) as runner:
        return runner.run(work)


async def idle() -> None:
    """Let everything go on that can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)
