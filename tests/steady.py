"""An event loop whose clock stands still while it works, so that a busy machine brings no timer forward.

Time limits and spacing count how long the loop has waited for something. What needs a hundred turns of the loop is
done before a timer of 20 ms, however slow those turns are; a timer that is waited for takes as long as ever. A turn
counts for a tenth of a millisecond, so that tasks that never rest do not stop the clock.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import Final

from .clocked import Clocked

TURN: Final = 0.0001


class _Waiting(Clocked):
    """Moves the clock on by the time that the loop has slept, and by turns."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        begin = time.monotonic()
        events = self.inner.select(timeout)
        slept = time.monotonic() - begin
        self.now += TURN + (slept if timeout is None else min(slept, max(timeout, 0.0)))  # woken late: no longer asleep
        return events


def count_only_waiting() -> None:
    """Let the clock of the running loop stand still while it works, from now on."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop._selector, _Waiting):  # type: ignore[attr-defined]
        _Waiting.install(loop)
