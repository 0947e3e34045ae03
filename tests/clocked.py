"""Event loops whose time is what a test says it is: a selector in the place of the loop's own has the clock."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any, Self


class Clocked:
    """Stands for the selector of an event loop, which then has the time from it. It stands still until `now` is set."""

    def __init__(self, inner: selectors.BaseSelector, now: float) -> None:
        self.inner = inner
        self.now = now

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    @classmethod
    def install(cls, loop: asyncio.AbstractEventLoop, begin: float | None = None) -> Self:
        """Let a loop have its time from one of these. Without `begin` its clock goes on from where it is."""
        clocked = cls(loop._selector, loop.time() if begin is None else begin)  # type: ignore[attr-defined]
        loop._selector = clocked  # type: ignore[attr-defined]
        loop.time = clocked.time  # type: ignore[method-assign]
        return clocked
