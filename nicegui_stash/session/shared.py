"""What the sessions of one registry share."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..model.limits import Policy
from ..model.recovery import Reason, Status
from ..model.schema import Schema
from ..model.sealing import UNSEALED, Sealing
from ..stores.base import Store
from .clock import Clock
from .journal import BeforeRead, Journal
from .new_sessions import NewSessions
from .outage import Outage
from .record import Puts, Record

log = logging.getLogger('nicegui_stash')

QUIET = 10.0
"""Seconds without a failure after which the next failure is logged again."""

LARGE: Final = 50_000
"""Bytes from which on the puts of a document count among those that `WRITE_BUDGET` limits."""
SPACING_OF_LARGE: Final = 0.1
"""Seconds between two puts of a document of that size, at least; a smaller one waits for less in proportion."""
WRITE_BUDGET: Final = 2_000_000
"""Bytes per second that all large documents of a process may be put with, but for those that `flush` waits for."""


@dataclass(slots=True)
class Shared:
    """The store and the counts of all sessions. Clock, randomness and task creation are passed in here.

    `writer` names this process in a document's `applied`. `sequence` numbers its operations over all sessions, so a
    session that is loaded again goes on counting. `schemas` holds this process's classes by stored name. `closed` says
    why nothing is written any more, if that is so. `look_around` is called when the store turns out to have lost a
    document: it may have lost others, too. `journal` keeps on this host what is not in the store yet; `before_read` is
    awaited before a document is read for the first time. `record` is kept while somebody may inspect the process.
    `new_sessions` says when a document may be put that is in the store not yet. `by_class` counts durable values.
    `sealing` opens what is stored, and seals it, if it is to be sealed.
    """

    store: Store
    policy: Policy
    writer: str
    wall: Callable[[], float]
    random: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    prefix: str = ''
    sealing: Sealing = UNSEALED
    sequence: int = 0
    pending_bytes: int = 0
    closed: str = ''
    journal: Journal | None = None
    before_read: BeforeRead | None = None
    record: Record | None = None
    counts: Counter[str] = field(default_factory=Counter[str])
    recoveries: dict[tuple[Status, Reason], int] = field(default_factory=dict[tuple[Status, Reason], int])
    by_class: dict[str, Puts] = field(default_factory=dict[str, Puts])
    max_keys: dict[str, int] = field(default_factory=dict[str, int])
    schemas: dict[str, Schema] = field(default_factory=dict[str, Schema])
    new_sessions: NewSessions = field(default_factory=NewSessions)
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
        return self._copy(closed=why, journal=None)

    def of_writer(self, writer: str, sequence: int) -> Shared:
        """Return a copy for sessions of a process that ended: they go on under its name, after this sequence."""
        return self._copy(writer=writer, sequence=sequence, journal=None, before_read=None, new_sessions=NewSessions())

    def _copy(self, **changes: Any) -> Shared:
        copy = replace(self, **changes, pending_bytes=0, _said={})
        copy.clock = self.clock
        return copy

    @property
    def put_interval(self) -> float:
        """Seconds between two puts of one session: what the store asks for, while a journal cannot be written."""
        if self.journal is not None and self.journal.is_failing:
            return min(self.policy.flush_interval, self.store.flush_interval)
        return self.policy.flush_interval

    def spacing(self, size: int) -> float:
        """Return how many seconds after a put of `size` bytes the next put of its document may follow.

        The more there is to write, the longer it waits. Each large put spends of the budget of the process, so that
        many large documents wait longer than one. An interval of 0 switches spacing off.
        """
        interval = self.put_interval
        if not interval:
            return 0.0
        interval = max(interval, SPACING_OF_LARGE * min(size / LARGE, 1.0))
        if size < LARGE:
            return interval
        now = asyncio.get_running_loop().time()
        self._budget_from = max(self._budget_from, now) + size / WRITE_BUDGET
        return max(interval, self._budget_from - now)

    def next_sequence(self) -> int:
        self.sequence += 2  # the number between two is that of what is put again before the later one
        return self.sequence

    def now(self) -> int:
        """Return the time in milliseconds since the epoch, as in documents."""
        return int(self.clock.now() * 1000)

    def accepted(self) -> int:
        """Return the time of a change in a journal, in ms: negative by this host's clock, which may be days wrong."""
        return self.now() if self.clock.is_known else -int(self.wall() * 1000)

    def has_expired(self, accepted: int) -> bool:
        """Whether a change in a journal of this host is older than `ttl`, by the clock that told its time."""
        age = self.certain() - accepted if accepted > 0 else int(self.wall() * 1000) + accepted
        return age > self.policy.ttl * 1000

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
