"""What the sessions of one registry share."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..model.limits import Policy
from ..model.schema import Schema
from ..stores.base import Store
from .clock import Clock
from .outage import Outage

log = logging.getLogger('nicegui_stash')

QUIET = 10.0
"""Seconds without a failure after which the next failure is logged again."""

LARGE: Final = 50_000
"""Bytes from which on the puts of a document count among those that `WRITE_BUDGET` limits."""
WRITE_BUDGET: Final = 2_000_000
"""Bytes per second that all large documents of a process may be put with, but for those that `flush` waits for."""


@dataclass(slots=True)
class Shared:
    """The store and the counts of all sessions. Clock, randomness and task creation are passed in here.

    `writer` names this process in a document's `applied`. `sequence` numbers its operations over all sessions, so a
    session that is loaded again goes on counting. `schemas` holds this process's classes by stored name. `closed` says
    why nothing is written any more, if that is so. `look_around` is called when the store turns out to have lost a
    document: it may have lost others, too.
    """

    store: Store
    policy: Policy
    writer: str
    wall: Callable[[], float]
    random: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    prefix: str = ''
    sequence: int = 0
    pending_bytes: int = 0
    closed: str = ''
    counts: Counter[str] = field(default_factory=Counter[str])
    max_keys: dict[str, int] = field(default_factory=dict[str, int])
    schemas: dict[str, Schema] = field(default_factory=dict[str, Schema])
    outage: Outage = field(init=False)
    clock: Clock = field(init=False)
    look_around: Callable[[], None] = lambda: None
    _budget_from: float = 0.0
    _said: dict[str, float] = field(default_factory=dict[str, float])
    _over: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.outage = Outage(self.random)
        self.clock = Clock(self.store, self.wall, self.prefix)

    def apart(self, why: str) -> Shared:
        """Return a copy for a session whose changes are no longer written."""
        copy = replace(self, closed=why, pending_bytes=0, _said={})
        copy.clock = self.clock
        return copy

    def spacing(self, size: int) -> float:
        """Return how many seconds after a put of `size` bytes the next put of its document may follow.

        Each large put spends of the budget of the process, so that many large documents wait longer than one. An
        interval of 0 switches spacing off.
        """
        if size < LARGE or not self.policy.flush_interval:
            return self.policy.flush_interval
        now = asyncio.get_running_loop().time()
        self._budget_from = max(self._budget_from, now) + size / WRITE_BUDGET
        return max(self.policy.flush_interval, self._budget_from - now)

    def next_sequence(self) -> int:
        self.sequence += 2  # the number between two is that of what is put again before the later one
        return self.sequence

    def now(self) -> int:
        """Return the time in milliseconds since the epoch, as in documents."""
        return int(self.clock.now() * 1000)

    def certain(self) -> int:
        """Return a time in ms that has passed for certain, to judge age by: 0 if none is known."""
        return int(self.clock.certain() * 1000)

    def backoff(self, failures: int, longest: float) -> float:
        """Return how many seconds to wait after so many failures: doubling from 10 ms, with jitter."""
        return min(longest, 0.01 * 2 ** min(failures, 20)) * (0.5 + self.random() / 2)

    def say_once(self, what: str, message: str, *args: object) -> None:
        """Log a condition of the store once: not per session, nor again while it comes and goes."""
        now = asyncio.get_running_loop().time()
        since = self._said.get(what)
        self._said[what] = now
        over = what in self._over
        self._over.discard(what)
        if since is None or (over and now - since >= QUIET):
            log.warning(message, *args)

    def say_again(self, what: str) -> None:
        """Note that a condition is over: it is logged again if it returns after a quiet time."""
        if what in self._said:
            self._over.add(what)
