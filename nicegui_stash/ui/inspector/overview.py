"""What the sessions of a process do at one moment: gathered once for all who look, in steps that hold nobody up."""

from __future__ import annotations

import asyncio
import heapq
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ...session.registry import Registry, Statistics
from ...session.session import Session

STEP: Final = 500
"""How many sessions are looked at before the event loop has its turn."""
MOST: Final = 100
"""How many sessions a table has at most."""
FRESH: Final = 1.0
"""Seconds for which an overview holds, at least."""
SHARE: Final = 20
"""It also holds this many times as long as it worked, so that looking costs a twentieth of the process at most."""

T = TypeVar('T')


@dataclass(frozen=True, slots=True)
class Row:
    """One session in memory. `since`: when its oldest pending change was accepted, in s since the epoch, or 0."""

    key: str
    size: int
    changes: int
    since: float
    activity: str
    problem: str
    session: weakref.ref[Session] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Overview:
    """The counts, the sessions with something pending, oldest first, and the largest ones."""

    statistics: Statistics
    pending: list[Row]
    largest: list[Row]


class _Largest(Generic[T]):
    """Keeps the items with the highest ranks, of any number that it is shown."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, T]] = []
        self._count = 0

    def offer(self, rank: float, make: Callable[[], T]) -> None:
        """Take an item if it is among the highest; only then it is made."""
        self._count += 1
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, (rank, self._count, make()))
        elif rank > self._heap[0][0]:
            heapq.heapreplace(self._heap, (rank, self._count, make()))

    def items(self) -> list[T]:
        return [item for _, _, item in sorted(self._heap, key=lambda each: -each[0])]


class Overviews:
    """Gathers overviews of a registry, one at a time and never more often than it pays."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._latest: Overview | None = None
        self._valid_until = 0.0
        self._gathering: asyncio.Task[None] | None = None

    async def look(self, timeout: float) -> Overview | None:
        """Return a fresh overview; after `timeout` seconds, or while it is valid, the latest one."""
        if time.monotonic() >= self._valid_until:
            if self._gathering is None or self._gathering.done():
                self._gathering = self._registry.spawn(self._gather())
            await asyncio.wait({self._gathering}, timeout=timeout)
        return self._latest

    async def _gather(self) -> None:
        began, worked = time.thread_time(), 0.0
        pending, largest, busy = _Largest[Row](MOST), _Largest[Row](MOST), 0
        for number, session in enumerate(self._registry.live()):
            if number % STEP == STEP - 1:
                worked += time.thread_time() - began
                await asyncio.sleep(0)
                began = time.thread_time()
            largest.offer(session.size, lambda session=session: row_of(session))
            if (since := session.pending_since) is not None:
                busy += 1
                pending.offer(-since, lambda session=session: row_of(session))
        self._latest = Overview(self._registry.statistics(busy), pending.items(), largest.items())
        worked += time.thread_time() - began
        self._valid_until = time.monotonic() + max(FRESH, SHARE * worked)


def row_of(session: Session) -> Row:
    """Return what is shown of a session: its object's key, which opens nothing, and never its id."""
    since = session.pending_since
    if since is not None:
        since = time.time() - (asyncio.get_running_loop().time() - since)
    return Row(
        session.key,
        session.size,
        session.pending,
        round(since or 0.0, 1),
        session.activity,
        session.problem or '',
        weakref.ref(session),
    )
