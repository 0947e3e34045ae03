"""Removes expired objects: sessions not seen for `ttl`, old tombstones, quarantined copies and left-over trials.

Several stores ignore a conditional delete, so an object is removed in two steps. A put that replaces the etag read
marks it as *closing*; then it is deleted. A visitor who returns before the mark makes that put fail. One who returns
between mark and delete reads the mark, and waits until the object is gone or the mark is old (`loading.fetch`). No one
puts over a fresh mark, so the delete hits nothing else. A sweep that stops in between leaves a tombstone for the next.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from ..errors import MalformedDocument, StoreError, UnknownFormat
from ..model.document import FORMAT, Document, to_bytes
from ..model.sealing import outline_of
from ..session.clock import Clock
from ..session.keys import is_document_key, is_left_over_key
from ..session.loading import is_closing, quarantine_key
from ..session.store_io import MustRead, Read, Stored, read, write
from ..stores.base import ETag, ObjectInfo, Replace, Store, StoredObject

Fate = Literal['kept', 'expired', 'erased', 'copy', 'trial', 'contested', 'foreign', 'malformed', 'failed']
REMOVED: Final[frozenset[Fate]] = frozenset({'expired', 'erased', 'copy', 'trial'})
SLACK = 1.1
"""An open page refreshes its session after a tenth of `ttl`; and clocks differ."""
LISTED_AT_ONCE: Final = 500
"""After how many rows of a listing other tasks have their turn."""
DELETE_PATIENCE = 10.0
"""Seconds within which the delete follows the mark, and within which it must be answered."""
SWEEPERS = 16
"""How many objects are treated at the same time."""
FAILURES: Final = 2 * SWEEPERS
"""How many objects in a row may fail until a sweep gives up: the store is away."""


class Watcher(Protocol):
    """Shows how many objects of a store were treated."""

    def show(self, done: int, total: int) -> None: ...


@dataclass(slots=True)
class Tally:
    """The result of a sweep: objects by fate, the first keys of each, and the bytes removed."""

    objects: int = 0
    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    examples: dict[Fate, list[str]] = field(default_factory=dict[Fate, list[str]])
    bytes_removed: int = 0
    error: StoreError | None = None
    """The last failure of the store."""

    @property
    def removed(self) -> int:
        return sum(self.fates[fate] for fate in REMOVED)

    def add(self, row: ObjectInfo, fate: Fate) -> None:
        self.fates[fate] += 1
        self.examples[fate] = sorted({*self.examples.get(fate, ()), row.key})[:3]
        if fate in REMOVED:
            self.bytes_removed += row.size


@dataclass(slots=True)
class Sweep:
    """One pass over the objects below a prefix. `ttl` is in seconds; `wall` tells seconds since the epoch.

    Age is judged by the store's time, see `Clock`. With `dry_run` everything is read and no document is written. In a
    second at most `per_second` objects are read or removed, 0 for as many as the store can.
    """

    store: Store
    prefix: str
    ttl: float
    wall: Callable[[], float]
    dry_run: bool = False
    per_second: float = 0.0
    clock: Clock = field(init=False)
    _next: float = 0.0
    _failures: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(self.store, self.wall, self.prefix)

    async def run(self, tally: Tally, watcher: Watcher) -> None:
        """Read every object, remove the expired ones, and count.

        Raises `StoreError` if the listing fails, many objects in a row fail, or the store does not tell its time.
        """
        if failure := await self.clock.ask():
            raise failure
        rows = [row async for row in self._rows(tally)]
        if self.clock.relies_on_writers:
            await self._hear_writers(rows)
        self._failures, done, waiting = 0, tally.objects - len(rows), iter(rows)

        async def work() -> None:
            nonlocal done
            for row in waiting:
                await self._pace()
                treatment = asyncio.ensure_future(self._treat(row, tally))
                try:
                    await asyncio.shield(treatment)
                finally:  # also when cancelled: what was marked and not deleted would stay for another ttl
                    await asyncio.wait({treatment})
                    tally.add(row, treatment.result())
                done += 1
                watcher.show(done, tally.objects)
                self._failures = self._failures + 1 if treatment.result() == 'failed' else 0
                if self._failures >= FAILURES:
                    return

        async with asyncio.TaskGroup() as group:
            for _ in range(SWEEPERS):
                group.create_task(work())
        if self._failures >= FAILURES and tally.error is not None:
            raise tally.error

    async def _rows(self, tally: Tally) -> AsyncIterator[ObjectInfo]:
        """List what is to be read; what is kept by the look of its row is counted, and not held in memory."""
        prefixes = (f'{self.prefix}/', f'quarantine/{self.prefix}/') if self.prefix else ('',)
        is_judged_later = self.clock.relies_on_writers  # by all rows
        for prefix in prefixes:
            async for row in self.store.list(prefix):
                if not self._is_ours(row):
                    continue
                tally.objects += 1
                if not is_judged_later and self._is_young(row):
                    tally.add(row, 'kept')
                else:
                    yield row
                if tally.objects % LISTED_AT_ONCE == 0:
                    await asyncio.sleep(0)  # a store may list without waiting

    async def _pace(self) -> None:
        if self.per_second:
            now = asyncio.get_running_loop().time()
            self._next = max(self._next, now) + 1 / self.per_second
            await asyncio.sleep(self._next - now)

    async def _hear_writers(self, rows: list[ObjectInfo]) -> None:
        """Find out when the newest object was put."""
        for row in rows:
            if row.modified is not None:
                self.clock.saw(row.modified)
            elif is_document_key(row.key, self.prefix):
                outcome = await read(self.store, row.key)
                if isinstance(outcome, Read) and isinstance(outcome.found, StoredObject):
                    with suppress(MalformedDocument, UnknownFormat):
                        self.clock.saw(outline_of(outcome.found.body).seen / 1000)

    def _is_ours(self, row: ObjectInfo) -> bool:
        return is_document_key(row.key, self.prefix) or self._is_copy(row) or is_left_over_key(row.key, self.prefix)

    def _is_copy(self, row: ObjectInfo) -> bool:
        return row.key.startswith('quarantine/') and is_document_key(_original(row.key), self.prefix)

    @property
    def _limit(self) -> float:
        return self.clock.certain() - self.ttl * SLACK

    def _is_young(self, row: ObjectInfo) -> bool:
        """Whether it was put, and so seen, after what is too old."""
        return row.modified is not None and row.modified >= self._limit

    async def _treat(self, row: ObjectInfo, tally: Tally) -> Fate:
        if self._is_young(row):
            return 'kept'
        if self._is_copy(row):
            return await self._treat_copy(row, tally)
        if is_left_over_key(row.key, self.prefix):
            return await self._treat_trial(row, tally)
        outcome = await read(self.store, row.key)
        if not isinstance(outcome, Read):
            return _failed(tally, outcome.error)
        if not isinstance(outcome.found, StoredObject):
            return 'contested'  # somebody else removed it meanwhile
        return await self._treat_document(row.key, outcome.found, tally)

    async def _treat_document(self, key: str, found: StoredObject, tally: Tally) -> Fate:
        try:
            document = outline_of(found.body)
        except UnknownFormat:
            return 'foreign'
        except MalformedDocument:
            return 'malformed'
        if is_closing(document, int(self.clock.now() * 1000)):
            return 'contested'  # another sweep is about to delete it; the second delete could hit what comes after it
        if document.seen >= self._limit * 1000:
            return 'kept'
        fate: Fate = 'erased' if document.erased else 'expired'
        return fate if self.dry_run else await self._remove(key, document, found.etag, fate, tally)

    async def _remove(self, key: str, document: Document, etag: ETag, fate: Fate, tally: Tally) -> Fate:
        """Mark the object as closing, unless it has changed since it was read; then delete it."""
        begin, since = self.clock.now(), self.wall()
        mark = Document(FORMAT, document.epoch, document.seen, {}, {}, erased=True, closing=int(begin * 1000))
        match await write(self.store, key, to_bytes(mark), Replace(etag)):
            case Stored():
                pass
            case MustRead():
                return 'contested'  # somebody came back, or the answer was lost: the next sweep sees which
            case failure:
                return _failed(tally, failure.error)
        if not 0 <= self.wall() - since <= DELETE_PATIENCE:
            return 'contested'  # this process stood still: who has waited for the delete may wait no more
        return await self._delete(key, fate, tally)

    async def _treat_copy(self, row: ObjectInfo, tally: Tally) -> Fate:
        """Remove a quarantined copy, unless its age is unknown or its original is still there as it was."""
        if row.modified is None:
            return 'kept'
        outcome = await read(self.store, _original(row.key))
        if not isinstance(outcome, Read):
            return _failed(tally, outcome.error)
        found = outcome.found
        if isinstance(found, StoredObject) and quarantine_key(_original(row.key), found.body) == row.key:
            return 'kept'
        return 'copy' if self.dry_run else await self._delete(row.key, 'copy', tally)

    async def _treat_trial(self, row: ObjectInfo, tally: Tally) -> Fate:
        """Remove an object that a probe or `doctor` left behind when it died, unless its age is unknown."""
        if row.modified is None:
            return 'kept'
        return 'trial' if self.dry_run else await self._delete(row.key, 'trial', tally)

    async def _delete(self, key: str, fate: Fate, tally: Tally) -> Fate:
        try:
            async with asyncio.timeout(DELETE_PATIENCE):
                await self.store.delete(key)
        except StoreError as error:
            return _failed(tally, error)
        except TimeoutError as error:
            failure = StoreError('delete', key, f'no answer within {DELETE_PATIENCE:g} s')
            failure.__cause__ = error
            return _failed(tally, failure)
        return fate


def _failed(tally: Tally, error: StoreError) -> Fate:
    tally.error = error
    return 'failed'


def _original(copy: str) -> str:
    """Return the key of the original of a copy under `quarantine/`."""
    return copy.removeprefix('quarantine/').rpartition('/')[0]
