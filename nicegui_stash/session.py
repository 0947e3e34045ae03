"""The session actor: one per document and process.

asyncio is its mailbox. Accepting a change is a plain call on the event loop, so calls are totally ordered and nothing
waits for the network; a task that exists only while something is to be done reads and writes the object.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, assert_never

from .document import (
    SESSION_PART,
    Document,
    Drop,
    Forget,
    Operation,
    Part,
    Raw,
    Reset,
    Set,
    Slice,
    SliceId,
    Touch,
    Values,
    apply,
    from_bytes,
    new_document,
    prune,
    rebase,
    settle_unread,
    stamp,
    to_bytes,
)
from .errors import Conflict, MalformedDocument, Refused, StoreError, TooMuchPending, UnknownFormat, ValueTooLarge
from .quarantine import quarantine_key
from .stores.base import ETag, NotModified, Store, StoredObject
from .transfer import Away, Denied, MustRead, Read, Stored, read, write

log = logging.getLogger('nicegui_stash')

LONGEST_BACKOFF = 5.0
"""Seconds between two attempts on a store that is away: what a returning store waits for us at most."""
REFUSED_BACKOFF = 30.0

Condition = Literal['unread', 'fresh', 'found', 'expired', 'quarantined', 'unreadable']
Activity = Literal['saved', 'pending', 'saving', 'offline']
OperationKey = tuple[object, ...]


class Subscriber(Protocol):
    """A page that shows a session's values. Called on the event loop, while a change is accepted: never raise or wait."""

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Somebody else changed one value."""

    def replaced(self) -> None:
        """The document may have changed anywhere: it was read, merged, reset or forgotten."""

    def rejected(self, operation: Set) -> None:
        """A change made before the first read was overruled by a stored value."""

    def activity_changed(self) -> None:
        """What `Session.activity` or `Session.problem` says has changed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds, sizes in bytes."""

    ttl: float = 30 * 86400.0
    tab_ttl: float = 86400.0
    flush_interval: float = 0.1
    max_value_bytes: int = 256 * 1024
    max_document_bytes: int = 1024 * 1024
    max_session_pending: int = 8 * 1024 * 1024
    max_process_pending: int = 256 * 1024 * 1024


@dataclass(slots=True)
class Shared:
    """What the sessions of one registry have in common. Clock, randomness and task creation are passed in here."""

    store: Store
    policy: Policy
    writer: str
    wall: Callable[[], float]
    random: Callable[[], float]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    sequence: int = 0
    pending_bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    said: set[str] = field(default_factory=set[str])
    max_keys: dict[str, int] = field(default_factory=dict[str, int])

    def say_once(self, what: str, message: str, *args: object) -> None:
        """Log a condition of the store, not once per session."""
        if what not in self.said:
            self.said.add(what)
            log.warning(message, *args)


class Session:
    """One browser session's document, and what is pending for it."""

    __slots__ = ('__weakref__', '_attempt', '_cells', '_durable', '_etag', '_failures', '_inherited', '_io', '_live', '_must_read',
                 '_next_put', '_older_keys', '_pending', '_pending_bytes', '_revalidation', '_shared', '_size', '_subscribers',
                 '_task', '_urgent', '_waiters', '_waker', '_writing', 'condition', 'document', 'key', 'problem')

    def __init__(self, key: str, older_keys: tuple[str, ...], shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False` says that nothing can be stored, so that nothing is read before the first put."""
        self.key = key
        self.document: Document = new_document()
        self.condition: Condition = 'unread' if exists else 'fresh'
        self.problem: str | None = None
        self._older_keys = older_keys
        self._inherited: list[tuple[str, ETag]] = []
        self._shared = shared
        self._etag: ETag | None = None
        self._must_read = exists
        self._pending: dict[OperationKey, Operation] = {}
        self._pending_bytes = 0
        self._size = 0
        self._subscribers: list[Subscriber] = []
        self._cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self._live: dict[tuple[SliceId, Part], int] = {}
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._revalidation: asyncio.Task[None] | None = None
        self._io = asyncio.Lock()
        self._waker: asyncio.Future[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._urgent = False
        self._writing = False
        self._durable = -1
        self._failures = 0
        self._next_put = 0.0

    # ---- what pages ask

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self.condition not in {'unread', 'unreadable'}

    @property
    def pending(self) -> int:
        return len(self._pending)

    @property
    def pending_bytes(self) -> int:
        return self._pending_bytes

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

    # ---- accepting

    def set(self, slice_id: SliceId, part: Part, name: str, raw: Raw, *, source: Subscriber | None = None,
            absent: bool = False) -> None:
        """Accept a field's new JSON; the same bytes are no change. Raises `ValueTooLarge` or `TooMuchPending`.

        `absent`: only where nothing is stored, here or in a document read later.
        """
        cell = self._cells.get((slice_id, part))
        if cell is None:
            values = self.document.values(slice_id, part)
            cell = self._cells[slice_id, part] = (self.document.ensure(slice_id), values)
        found, values = cell
        old = values.get(name)
        if old is not None and (absent or old == raw):
            return
        shared, size = self._shared, len(raw)
        policy, growth = shared.policy, size - (len(old) if old is not None else -len(name) - 4)
        if (size > policy.max_value_bytes or self._size + growth > policy.max_document_bytes
                or shared.pending_bytes + size > policy.max_session_pending):
            self._require_room(f'{slice_id.name}.{name}', size, growth)
        values[name] = raw
        self._size += growth
        self.document.erased = False
        shared.sequence += 1
        self._enqueue((slice_id, part, name),
                      Set(shared.sequence, self.document.epoch, found.reset, slice_id, part, name, raw, absent))
        for subscriber in self._subscribers:
            if subscriber is not source:
                subscriber.changed(slice_id, part, name)

    def adopt(self, slice_id: SliceId, migrated: Slice) -> None:
        """Accept a migrated slice under its new version, wherever nobody has written there meanwhile."""
        for part, values in migrated.parts():
            for name, raw in values.items():
                self.set(slice_id, part, name, raw, absent=True)

    def copy_part(self, slice_id: SliceId, source: Part, target: Part) -> None:
        """Give a duplicated tab the values of the one it came from, as far as it has none of its own."""
        found = self.document.slice(slice_id)
        for name, raw in list((found.values(source) or {}).items()) if found else ():
            self.set(slice_id, target, name, raw, absent=True)

    def drop(self, slice_id: SliceId, part: Part) -> None:
        """Accept that a tab's or a visit's values are no longer wanted."""
        found = self.document.slice(slice_id)
        if found is None or found.values(part) is None:
            return
        self._discard(lambda operation: isinstance(operation, Set) and (operation.slice, operation.part) == (slice_id, part))
        self._accept((slice_id, part), Drop(self._next_sequence(), self.document.epoch, found.reset, slice_id, part))

    def reset(self, slice_id: SliceId) -> None:
        """Accept that a slice is deleted."""
        self._discard(lambda operation: isinstance(operation, (Set, Drop)) and operation.slice == slice_id)
        self._accept((slice_id,), Reset(self._next_sequence(), self.document.epoch, slice_id))
        self._announce_replaced()

    def forget(self) -> None:
        """Accept that the document is erased."""
        self._discard(lambda _: True)
        self._accept((), Forget(self._next_sequence()))
        self._announce_replaced()

    def touch(self) -> None:
        """Renew `seen` of a document that exists, if it is older than a tenth of `ttl`."""
        age = self._now() - self.document.seen
        if self._etag is not None and not self.document.erased and age > self._shared.policy.ttl * 100:  # ttl / 10 in ms
            self._accept(('touch',), Touch(self._next_sequence()))

    def _next_sequence(self) -> int:
        self._shared.sequence += 1
        return self._shared.sequence

    def _accept(self, key: OperationKey, operation: Operation) -> None:
        apply(self.document, [operation])
        self._cells.clear()
        self._enqueue(key, operation)

    def _enqueue(self, key: OperationKey, operation: Operation) -> None:
        pending = self._pending
        if key in pending:
            self._account(pending.pop(key), -1)  # again at the end: the order is that of acceptance
        pending[key] = operation
        self._account(operation, 1)
        if self._task is None:
            self._start()

    def _account(self, operation: Operation, sign: int) -> None:
        if isinstance(operation, Set):
            size = sign * len(operation.raw)
            self._pending_bytes += size
            self._shared.pending_bytes += size

    def _discard(self, unwanted: Callable[[Operation], bool]) -> None:
        for key, operation in list(self._pending.items()):
            if unwanted(operation):
                self._account(self._pending.pop(key), -1)

    def _require_room(self, name: str, size: int, growth: int) -> None:
        policy = self._shared.policy
        if size > policy.max_value_bytes:
            raise ValueTooLarge(name, '$', f'{size} bytes of JSON are more than max_value_bytes={policy.max_value_bytes}')
        if growth > 0 and self._size + growth > policy.max_document_bytes:
            raise ValueTooLarge(name, '$', f'the document would exceed max_document_bytes={policy.max_document_bytes}')
        if (self._pending_bytes + size > policy.max_session_pending
                or self._shared.pending_bytes + size > policy.max_process_pending):
            self._shared.counts['refused_changes'] += 1
            self._shared.say_once('full', 'too much is pending while the store is away; further changes are refused')
            raise TooMuchPending(name, '$', 'the store is away and too much is pending')

    def _now(self) -> int:
        return int(self._shared.wall() * 1000)

    # ---- waiting

    async def load(self, timeout: float) -> bool:
        """Wait until the document was read, an attempt failed or `timeout` seconds passed; return whether it is known."""
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
            await self._read(conditional=True)

    async def flush(self) -> None:
        """Wait until everything accepted so far is durable. Raises `StoreError` if an attempt fails; nothing is lost then."""
        if not self._pending:
            return
        last = next(reversed(self._pending.values())).sequence
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((last, waiter))
        self.hurry()
        await waiter

    def hurry(self) -> None:
        """Do not space the next put, nor wait for the next attempt."""
        self._urgent = True
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
        if self._task is None and self._pending:
            self._start()

    # ---- reading and writing

    def _start(self) -> None:
        self._task = self._shared.spawn(self._work())
        self._announce_activity()

    async def _work(self) -> None:
        """Read what must be read and put what is pending; end when there is nothing to do."""
        while self._pending or (not self.is_read and (self._subscribers or self._attempt is not None)):
            try:
                delay = await self._step()
            except Exception:
                log.exception('session %s: a step of the actor failed; what is pending is kept', self.key)
                self._shared.counts['errors'] += 1
                delay = LONGEST_BACKOFF
            if delay:
                await self._pause(delay)
        self._task = None  # no await since the condition was looked at, so nothing was accepted in between
        self._urgent = False
        self._announce_activity()

    async def _step(self) -> float:
        """Read or write once, and return how many seconds to wait before the next step."""
        if not self.is_read or self._must_read:
            async with self._io:
                outcome = await self._read(conditional=False)
            if self._attempt is not None and not self._attempt.done():
                self._attempt.set_result(None)
            self._attempt = None
            return self._after(outcome)
        wait = self._next_put - asyncio.get_running_loop().time()
        if wait > 0 and not self._urgent and not self._waiters:
            return wait
        async with self._io:
            if self._must_read or not self._pending:
                return 0.0
            return await self._write()

    async def _pause(self, delay: float) -> None:
        if not self._urgent:
            self._waker = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waker}, timeout=delay)
            self._waker = None
        self._urgent = False

    def _after(self, outcome: Read | Away | Denied) -> float:
        match outcome:
            case Read():
                self._succeeded()
                return 0.0
            case Away(error) | Denied(error):
                return self._failed(error, refused=isinstance(outcome, Denied))
            case _:
                assert_never(outcome)

    def _succeeded(self) -> None:
        self._failures = 0
        if self.problem is not None:
            self.problem = None
            self._shared.said.discard('away')
            self._announce_activity()

    def _failed(self, error: StoreError, *, refused: bool) -> float:
        """Keep everything, tell whoever waits, and return the seconds until the next attempt."""
        self._failures += 1
        self._shared.counts['failures'] += 1
        self._shared.say_once('refused' if refused else 'away', 'the store %s; changes are kept in memory: %s',
                              'refuses' if refused else 'is away', error)
        waiters, self._waiters = self._waiters, []
        self._urgent = False
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self.problem = error.reason
        self._announce_activity()
        if refused:
            return REFUSED_BACKOFF * (0.5 + self._shared.random())
        return min(LONGEST_BACKOFF, 0.05 * 2 ** min(self._failures, 10)) * (0.5 + self._shared.random() / 2)

    async def _read(self, *, conditional: bool) -> Read | Away | Denied:
        """Read the document and merge what is pending into it; to be called while nothing is written."""
        shared = self._shared
        shared.counts['gets'] += 1
        outcome = await read(shared.store, self.key, self._etag if conditional else None)
        if not isinstance(outcome, Read) or isinstance(outcome.found, NotModified):
            return outcome
        if outcome.found is None:
            self._merge(*await self._read_older())
            return outcome
        body, etag = outcome.found.body, outcome.found.etag
        try:
            self._merge(from_bytes(body), etag, 'found', len(body))
        except UnknownFormat as error:
            shared.say_once('format', 'session %s: %s; it is left alone, and changes stay in memory', self.key, error)
            self.condition = 'unreadable'
            return Denied(Refused('get', self.key, str(error), 'written by a newer version; deploy that version again'))
        except MalformedDocument as error:
            if (failure := await self._quarantine(body, error)) is not None:
                return failure
            if self.is_read:  # what is in memory is good, and replaces what was damaged meanwhile
                self._etag, self._must_read = etag, False
                self._enqueue(('touch',), Touch(self._next_sequence()))
            else:
                self._merge(new_document(), etag, 'quarantined', 0)
        return outcome

    async def _read_older(self) -> tuple[Document, ETag | None, Condition, int]:
        """Look under the keys of older secrets; what is found there is put under the first, and erased there."""
        for key in self._older_keys:
            outcome = await read(self._shared.store, key)
            if isinstance(outcome, Read) and isinstance(outcome.found, StoredObject):
                try:
                    document = from_bytes(outcome.found.body)
                except (MalformedDocument, UnknownFormat) as error:
                    log.warning('object %s, stored under an older secret, is left alone: %s', key, error)
                    continue
                if not document.erased:
                    self._inherited = [(key, outcome.found.etag)]
                    return document, None, 'found', len(outcome.found.body)
        return new_document(), None, 'fresh', 0

    async def _quarantine(self, body: bytes, error: MalformedDocument) -> Away | Denied | None:
        """Copy bytes that are no document to where they can be looked at, before they may be replaced."""
        copy = quarantine_key(self.key, body)
        match await write(self._shared.store, copy, body, None):
            case Away() | Denied() as failure:
                return failure
            case MustRead(uncertain) if not isinstance(uncertain, Conflict):
                return Away(uncertain)
            case Stored() | MustRead():  # a conflict: it is there already, and its name holds the hash of the bytes
                self._shared.counts['quarantined'] += 1
                log.error('session %s: %s; the bytes are kept as %s', self.key, error, copy)
                return None

    def _merge(self, document: Document, etag: ETag | None, condition: Condition, size: int) -> None:
        """Take a document that was just read, and apply to it what is pending."""
        overruled: list[Set] = []
        pending = list(self._pending.values())
        if not self.is_read:
            if condition == 'found' and document.seen < self._now() - self._shared.policy.ttl * 1000:
                document = Document(document.format, document.epoch + 1, document.seen, document.applied, {})
                condition = 'expired'
            pending, overruled = settle_unread(document, pending)
            self.condition = 'fresh' if document.erased else condition
        self._durable = max(self._durable, document.applied.get(self._shared.writer, -1))
        held = {id(operation) for operation in rebase(document, pending, self._shared.writer)}
        self._discard(lambda operation: id(operation) not in held)
        self.document, self._etag, self._must_read = document, etag, False
        self._cells.clear()
        self._size = size + self._pending_bytes
        self._settle_waiters()
        for operation in overruled:
            for subscriber in list(self._subscribers):
                subscriber.rejected(operation)
        self._announce_replaced()

    async def _write(self) -> float:
        shared = self._shared
        loop = asyncio.get_running_loop()
        last = next(reversed(self._pending.values())).sequence
        body = self._snapshot(last)
        self._next_put = loop.time() + shared.policy.flush_interval
        self._urgent = False
        self._writing = True
        self._announce_activity()
        shared.counts['puts'] += 1
        shared.counts['bytes_put'] += len(body)
        try:
            outcome = await write(shared.store, self.key, body, self._etag)
        finally:
            self._writing = False
        match outcome:
            case Stored(etag):
                self._etag, self._durable = etag, last
                self._discard(lambda operation: operation.sequence <= last)
                self._settle_waiters()
                self._succeeded()
                self._announce_activity()
                await self._erase_inherited()
                return 0.0
            case MustRead(error):
                shared.counts['conflicts'] += 1
                self._must_read = True
                self._failures += 1
                log.debug('session %s: reading again: %s', self.key, error)
                return shared.random() * min(1.0, 0.005 * 2 ** min(self._failures, 8))
            case Away(error) | Denied(error):
                return self._failed(error, refused=isinstance(outcome, Denied))
            case _:
                assert_never(outcome)

    def _snapshot(self, last: int) -> bytes:
        """Assemble the bytes to put from values that are encoded already."""
        policy, now = self._shared.policy, self._now()
        touched = {(operation.slice, operation.part) for operation in self._pending.values() if isinstance(operation, Set)}
        live = touched | set(self._live)
        stamp(self.document, self._shared.writer, last, now, live)
        names = {id_ for id_, _ in live}
        prune(self.document, now, int(policy.ttl * 1000), int(policy.tab_ttl * 1000), self._shared.max_keys,
              lambda id_, part: (id_, part) in live or (part == SESSION_PART and id_ in names))
        self._cells.clear()
        body = to_bytes(self.document)
        self._size = len(body)
        return body

    async def _erase_inherited(self) -> None:
        """Leave a tombstone under the older secret's key, so that what is erased here does not come back from there."""
        for key, etag in self._inherited:
            tombstone = Document(1, self.document.epoch, self._now(), {}, {}, erased=True)
            outcome = await write(self._shared.store, key, to_bytes(tombstone), etag)
            if not isinstance(outcome, Stored):
                log.warning('object %s, stored under an older secret, could not be erased: %s', key, outcome.error)
        self._inherited = []

    def _settle_waiters(self) -> None:
        """Release those whose changes are durable; where nothing is pending any more, that is all."""
        waiters, self._waiters = self._waiters, []
        for sequence, waiter in waiters:
            if self._pending and sequence > self._durable:
                self._waiters.append((sequence, waiter))
            elif not waiter.done():
                waiter.set_result(None)

    # ---- telling

    def _announce_replaced(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.replaced()

    def _announce_activity(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.activity_changed()

    def operations(self) -> Iterator[Operation]:
        """Iterate over what is pending, in order of acceptance."""
        return iter(self._pending.values())

