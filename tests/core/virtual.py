"""An event loop in which waiting takes no time: its clock jumps to the next timer when nothing else is to be done.

Time limits, backoff and spacing are tested in their own units, and a test that would wait for ever fails at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar('T')


class Deadlock(AssertionError):
    """Nothing is ready, no timer runs, and no thread is waited for: this test would never end."""


class _Jumping:
    """Stands for the selector of an event loop: where that would sleep, the loop's clock is moved on."""

    def __init__(self, inner: selectors.BaseSelector, now: float) -> None:
        self._inner = inner
        self.now = now

    def time(self) -> float:
        return self.now

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        self.now += max(timeout, 0)
        return self._inner.select(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def take_no_time(loop: asyncio.AbstractEventLoop, begin: float | None = None) -> asyncio.AbstractEventLoop:
    """Let a loop jump, which then can wait for timers and tasks alone: no threads, sockets or processes.

    With `begin` its clock starts there, so that what is done twice takes the same course to the last digit.
    """
    jumping = _Jumping(loop._selector, loop.time() if begin is None else begin)  # type: ignore[attr-defined]
    loop._selector = jumping  # type: ignore[attr-defined]
    loop.time = jumping.time  # type: ignore[method-assign]
    return loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=lambda: take_no_time(asyncio.new_event_loop())) as runner:
        return runner.run(work)


async def idle() -> None:
    """Let everything go on that can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)
