"""Keeping a document in memory and its object in the store equal: the half of the session actor that waits.

A task that exists only while something is to be done reads and writes the object; everything that is accepted meanwhile
goes into the next put.
"""

from __future__ import annotations

import asyncio
import logging
from typing import assert_never

from .document import (
    SESSION_PART,
    Document,
    Operation,
    Part,
    Set,
    Slice,
    SliceId,
    Touch,
    Update,
    Values,
    new_document,
    prune,
    rebase,
    settle_unread,
    stamp,
    to_bytes,
)
from .errors import Unavailable
from .pending import OperationKey, Pending
from .policy import Shared
from .reading import Condition, Fetched, Foreign, Same, erase, fetch
from .stores.base import ETag
from .subscriber import Activity, Subscriber
from .transfer import Away, Denied, MustRead, Stored, write

log = logging.getLogger('nicegui_stash')

LONGEST_BACKOFF = 5.0
"""Seconds between two attempts on a store that is away: what a returning store waits for us at most."""
REFUSED_BACKOFF = 30.0
PATIENCE = 20
"""How many puts in a row may end in having to read again until that is a failure: each loses to one that won."""


class Exchange:
    """A document, what is pending for it, and the task that brings both and the store together."""

    __slots__ = (
        '__weakref__',
        '_attempt',
        '_cells',
        '_contested',
        '_etag',
        '_failures',
        '_inherited',
        '_io',
        '_live',
        '_must_read',
        '_next_put',
        '_older_keys',
        '_pending',
        '_revalidation',
        '_shared',
        '_size',
        '_subscribers',
        '_task',
        '_urgent',
        '_waker',
        '_writing',
        'condition',
        'document',
        'key',
        'problem',
    )

    def __init__(self, key: str, older_keys: tuple[str, ...], shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False`: nothing can be stored, so that nothing is read before the first put."""
        self.key = key
        self.document: Document = new_document()
        self.condition: Condition = 'unread' if exists else 'fresh'
        self.problem: str | None = None
        self._older_keys = older_keys
        self._inherited: tuple[tuple[str, ETag], ...] = ()
        self._shared = shared
        self._etag: ETag | None = None
        self._must_read = exists
        self._pending = Pending(shared)
        self._size: int = 0
        self._subscribers: list[Subscriber] = []
        self._cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self._live: dict[tuple[SliceId, Part], int] = {}
        self._task: asyncio.Task[None] | None = None
        self._revalidation: asyncio.Task[None] | None = None
        self._io = asyncio.Lock()
        self._waker: asyncio.Future[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._urgent = False
        self._writing = False
        self._failures = 0
        self._contested = 0
        self._next_put = 0.0

    # ---- what pages ask

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self.condition not in {'unread', 'unreadable'}

    @property
    def pending(self) -> int:
        """How many changes are not durable yet."""
        return len(self._pending)

    @property
    def pending_bytes(self) -> int:
        return self._pending.size

    @property
    def activity(self) -> Activity:
        if self.problem is not None:
            return 'offline'
        if self._writing:
            return 'saving'
        return 'pending' if self._pending else 'saved'

    def attach(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)
        if not self.is_read and self._task is None:
            self._start()

    def detach(self, subscriber: Subscriber) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)

    def hold(self, slice_id: SliceId, part: Part) -> None:
        """Say that a page shows this part: while it does, the part is kept and counts as seen."""
        self._live[slice_id, part] = self._live.get((slice_id, part), 0) + 1

    def release(self, slice_id: SliceId, part: Part) -> None:
        pages = self._live.pop((slice_id, part), 0) - 1
        if pages > 0:
            self._live[slice_id, part] = pages

    # ---- what is pending

    def touch(self) -> None:
        """Renew `seen` of a document that exists, if it is older than a tenth of `ttl`."""
        age = self._shared.now() - self.document.seen
        is_stored = self._etag is not None or bool(self._inherited)
        if is_stored and not self.document.erased and age > self._shared.policy.ttl * 100:  # ttl / 10 in ms
            self._enqueue(('touch',), Touch(self._shared.next_sequence()))

    def _enqueue(self, key: OperationKey, operation: Operation) -> None:
        self._pending.add(key, operation)
        if self._task is None:
            self._start()

    # ---- waiting

    async def load(self, timeout: float) -> bool:
        """Wait until the document was read, an attempt failed or `timeout` seconds passed; tell if it is known."""
        if not self.is_read and (self._task is None or self._failures == 0):
            if self._attempt is None or self._attempt.done():
                self._attempt = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._start()
            await asyncio.wait({self._attempt}, timeout=timeout)
        return self.is_read

    async def revalidate(self, timeout: float) -> bool:
        """Look whether someone else wrote the document; after `timeout` seconds this goes on in the background."""
        if not self.is_read:
            return await self.load(timeout)
        if self._revalidation is None or self._revalidation.done():
            self._revalidation = self._shared.spawn(self._revalidate())
        done, _ = await asyncio.wait({self._revalidation}, timeout=timeout)
        return bool(done)

    async def _revalidate(self) -> None:
        async with self._io:
            self._revalidation = None  # who asks from now on is not served by a read that has begun already
            failure = await self._read(unless=self._etag)
        if isinstance(failure, Foreign):
            self._failed(failure)
            self._start()

    async def flush(self) -> None:
        """Wait until what was accepted so far is durable. Raises `StoreError` if an attempt fails; nothing is lost."""
        if self._pending:
            durable = self._pending.durable()
            self._start()
            self.hurry()
            await durable

    def hurry(self) -> None:
        """Do not space the next put, nor wait for the next attempt."""
        self._urgent = self._task is not None
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    # ---- reading and writing

    def _start(self) -> None:
        if self._task is not None:
            return
        self._task = self._shared.spawn(self._work())
        self._tell_activity()

    async def _work(self) -> None:
        """Read what must be read and put what is pending; end when there is nothing to do."""
        try:
            while self._pending or (not self.is_read and (self._subscribers or self._attempt is not None)):
                try:
                    delay = await self._step()
                except Exception as error:
                    log.exception('session %s: a step of the actor failed; what is pending is kept', self.key)
                    self._shared.counts['errors'] += 1
                    delay = self._failed(Away(Unavailable('put', self.key, f'{type(error).__name__} in this library')))
                if delay:
                    await self._pause(delay)
        finally:  # no await since the condition was looked at; or whoever shuts the app down cancelled this
            self._task = None
            self._urgent = False
            self._end_attempt()
        self._tell_activity()

    async def _step(self) -> float:
        """Read or write once, and return how many seconds to wait before the next step."""
        if not self.is_read or self._must_read:
            settled = self._pending.settled
            async with self._io:
                failure = await self._read(unless=None)
                if failure is None and self._etag is not None:
                    await self._erase_inherited()  # the put that moved it was applied, and its answer lost
            self._end_attempt()
            if failure is not None:
                return self._failed(failure)
            if self._pending.settled > settled or not self._pending:
                self._contested = 0
            return 0.0 if self._contested else self._succeeded()  # a read alone saves nothing
        wait = self._next_put - asyncio.get_running_loop().time()
        if wait > 0 and not self._urgent and not self._pending.is_awaited:
            return wait
        async with self._io:
            if self._must_read or not self._pending:  # what a revalidation found while this waited for it
                return 0.0
            return await self._write()

    def _end_attempt(self) -> None:
        if self._attempt is not None and not self._attempt.done():
            self._attempt.set_result(None)
        self._attempt = None

    async def _pause(self, delay: float) -> None:
        if not self._urgent:
            self._waker = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waker}, timeout=delay)
            self._waker = None

    def _succeeded(self) -> float:
        self._failures = 0
        if self.problem is not None:
            self.problem = None
            self._shared.say_again('away')
            self._shared.say_again('refused')
            self._tell_activity()
        return 0.0

    def _failed(self, outcome: Away | Denied | Foreign) -> float:
        """Keep everything, tell whoever waits, and return the seconds until the next attempt."""
        error = outcome.error
        self._failures += 1
        self._urgent = False
        self._shared.counts['failures'] += 1
        self._pending.fail(error)
        self.problem = error.reason
        self._tell_activity()
        refused = not isinstance(outcome, Away)
        self._shared.say_once(
            'refused' if refused else 'away',
            'the store %s; changes are kept in memory: %s',
            'refuses' if refused else 'is away',
            error,
        )
        if refused:
            return self._shared.backoff(20, REFUSED_BACKOFF)  # slowly from the first time on
        return self._shared.backoff(self._failures, LONGEST_BACKOFF)

    async def _read(self, *, unless: ETag | None) -> Away | Denied | Foreign | None:
        """Read the document and merge what is pending into it; to be called while nothing is written."""
        match await fetch(self._shared, self.key, self._older_keys, unless):
            case Fetched(etag=etag, condition='quarantined') if self.is_read:
                self._etag, self._must_read = etag, False  # what is in memory is good, and replaces what was damaged
                self._enqueue(('touch',), Touch(self._shared.next_sequence()))
            case Fetched() as fetched:
                self._merge(fetched)
            case Same():
                self._must_read = False
            case Foreign() as failure:
                self.condition = 'unreadable'
                return failure
            case Away() | Denied() as failure:
                return failure
        return None

    def _merge(self, fetched: Fetched) -> None:
        """Take a document that was just read, and apply to it what is pending."""
        document, condition = fetched.document, fetched.condition
        overruled: list[Set] = []
        brought: list[Set] = []
        operations = list(self._pending)
        if not self.is_read:
            if condition == 'found' and document.seen < self._shared.now() - self._shared.policy.ttl * 1000:
                document = Document(document.format, document.epoch + 1, document.seen, document.applied, {})
                condition = 'expired'
            if operations:  # they would make a newer slice, which hid the older one that is still to be migrated
                brought = self._bring_migrated(document)
            operations, overruled = settle_unread(document, operations)
            self.condition = 'fresh' if document.erased else condition
        held = {id(operation) for operation in rebase(document, operations, self._shared.writer)}
        self._pending.discard(lambda operation: id(operation) not in held)
        self.document, self._etag, self._must_read = document, fetched.etag, False
        self._inherited = fetched.inherited or self._inherited
        self._cells.clear()
        for operation in brought:
            self._pending.add((operation.slice, operation.part, operation.field), operation)
        self._size = fetched.size + self._pending.size
        self._pending.settle(document.applied.get(self._shared.writer, -1))
        for operation in overruled:
            for subscriber in list(self._subscribers):
                subscriber.rejected(operation)
        self._tell_replaced()

    def _bring_migrated(self, document: Document) -> list[Set]:
        """Put what pages migrate from older versions into the document; return the operations that do so elsewhere."""
        brought: list[Set] = []
        for slice_id, migrated in [pair for page in self._subscribers for pair in page.migrated(document)]:
            reset = document.ensure(slice_id).reset
            for part, values in migrated.parts():
                present = document.values(slice_id, part)
                for name, raw in values.items():
                    if present.setdefault(name, raw) is raw:
                        number = self._shared.next_sequence()
                        brought.append(Set(number, document.epoch, reset, slice_id, part, name, raw, absent=True))
        return brought

    async def _write(self) -> float:
        """Put everything that is pending; to be called while nothing is read."""
        last = self._pending.last
        body = self._snapshot(last)
        self._next_put = asyncio.get_running_loop().time() + self._shared.policy.flush_interval
        self._urgent = False
        self._writing = True
        self._tell_activity()
        self._shared.counts['puts'] += 1
        self._shared.counts['bytes_put'] += len(body)
        try:
            outcome = await write(self._shared.store, self.key, body, self._etag)
        finally:
            self._writing = False
        match outcome:
            case Stored(etag):
                self._etag = etag
                self._pending.settle(last)
                self._tell_activity()
                self._contested = 0
                await self._erase_inherited()
                return self._succeeded()
            case MustRead(error):
                self._shared.counts['conflicts'] += 1
                self._must_read = True
                self._contested += 1
                log.debug('session %s: reading again: %s', self.key, error)
                if self._contested > PATIENCE:
                    return self._failed(Away(error))
                return self._shared.backoff(self._contested, 1.0)
            case Away() | Denied():
                return self._failed(outcome)
            case _:
                assert_never(outcome)

    def _snapshot(self, last: int) -> bytes:
        """Assemble the bytes to put from values that are encoded already."""
        policy, now = self._shared.policy, self._shared.now()
        written = [operation for operation in self._pending if isinstance(operation, (Set, Update))]
        live = {(operation.slice, operation.part) for operation in written} | set(self._live)
        names = {id_ for id_, _ in live}
        stamp(self.document, self._shared.writer, last, now, live)
        prune(
            self.document,
            now,
            int(policy.ttl * 1000),
            int(policy.tab_ttl * 1000),
            self._shared.max_keys,
            lambda id_, part: (id_, part) in live or (part == SESSION_PART and id_ in names),
        )
        self._cells.clear()
        body = to_bytes(self.document)
        self._size = len(body)
        return body

    async def _erase_inherited(self) -> None:
        inherited, self._inherited = self._inherited, ()
        await erase(self._shared, inherited, self.document.epoch)

    # ---- telling

    def _tell_replaced(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.replaced()

    def _tell_activity(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.activity_changed()
