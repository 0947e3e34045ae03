"""An event loop in which waiting takes no time: its clock jumps to the next timer when nothing else is to be done.

Time limits, backoff and spacing are tested in their own units, and a test that would wait for ever fails at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
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


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: take_no_time(asyncio.new_event_loop())) as runner:
        return runner.run(work)


async def idle() -> None:
    """Let everything go on that can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)
