"""Keeping a document in memory and its object in the store equal: the half of the session actor that waits.

A task that exists only while something is to be done reads and writes the object; everything that is accepted meanwhile
goes into the next put.
"""

from __future__ import annotations

import asyncio
import logging
from typing import assert_never

from ..errors import Unavailable
from ..model.operations import Operation, Touch
from .loading import Fetched, Foreign, Same, erase, fetch
from .pending import OperationKey, Pending
from .shared import Shared
from .state import Resident
from .store_io import DEADLINE, Away, Denied, MustRead, Stored, write
from .subscriber import Subscriber

log = logging.getLogger('nicegui_stash')

LONGEST_BACKOFF = 5.0
"""Seconds between two attempts on a store that is away: how often it is asked for one document, at most."""
REFUSED_BACKOFF = 30.0
PATIENCE = 20
"""How many puts in a row may end in having to read again until that is a failure: each loses to one that won."""


class Exchange(Resident):
    """The task that brings a document and its object together, and what can be waited for."""

    __slots__ = (
        '_attempt',
        '_contested',
        '_failures',
        '_io',
        '_next_put',
        '_older_keys',
        '_revalidation',
        '_task',
        '_urgent',
        '_waker',
        'is_visited',
    )

    def __init__(self, key: str, older_keys: tuple[str, ...], shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False`: nothing can be stored, so that nothing is read before the first put."""
        super().__init__(key, shared, exists=exists)
        self._older_keys = older_keys
        self._task: asyncio.Task[None] | None = None
        self._revalidation: asyncio.Task[None] | None = None
        self._io = asyncio.Lock()
        self._waker: asyncio.Future[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._urgent = False
        self._failures = 0
        self._contested = 0
        self._next_put = 0.0
        self.is_visited = False

    def attach(self, subscriber: Subscriber) -> None:
        self._subscribers.append(subscriber)
        if not self.is_read and self._task is None:
            self._start()

    def touch(self) -> None:
        """Say that somebody is here: renew `seen` of a document that exists, if it is older than a tenth of `ttl`."""
        self.is_visited = True
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
        """Look whether someone else wrote the document; after `timeout` seconds this goes on in the background.

        The first look is made without a task of its own, which would cost more than an answer from nearby; where it is
        not answered in time, the background asks again.
        """
        if not self.is_read:
            return await self.load(timeout)
        if not self._io.locked():
            try:
                async with asyncio.timeout(timeout):
                    await self._revalidate(is_limited=timeout <= DEADLINE)
                return True
            except TimeoutError:
                self._revalidate_beside()
                return False
        done, _ = await asyncio.wait({self._revalidate_beside()}, timeout=timeout)
        return bool(done)

    def _revalidate_beside(self) -> asyncio.Task[None]:
        if self._revalidation is None or self._revalidation.done():
            self._revalidation = self._shared.spawn(self._revalidate())
        return self._revalidation

    async def _revalidate(self, *, is_limited: bool = False) -> None:
        async with self._io:
            self._revalidation = None  # who asks from now on is not served by a read that has begun already
            failure = self._take(
                await fetch(self._shared, self.key, self._older_keys, self._etag, is_limited=is_limited)
            )
        if isinstance(failure, Foreign):
            self._failed(failure)
            self._start()

    async def flush(self) -> None:
        """Wait until what was accepted so far is durable. Raises `StoreError` if an attempt fails; nothing is lost."""
        if self._pending and self._shared.closed:
            raise self._closed()
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

    def give_up(self) -> None:
        """Tell whoever waits that nothing more is written."""
        self._task = None
        self._end_attempt()
        self._pending.fail(self._closed())

    def retire(self, why: str) -> None:
        """Write nothing any more; what is pending and what is changed from now on stays with whoever holds this."""
        if self._task is not None:
            self._task.cancel()
        self._shared = self._shared.apart(why)
        self.give_up()
        self._pending.discard(lambda _: True)
        self._pending = Pending(self._shared)

    def _closed(self) -> Unavailable:
        return Unavailable('put', self.key, self._shared.closed)

    # ---- reading and writing

    def _start(self) -> None:
        if self._task is not None:
            return
        if self._shared.closed:
            if self._pending:
                self._shared.say_once('closed', 'what is changed now is not kept: %s', self._shared.closed)
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
                failure = self._take(await fetch(self._shared, self.key, self._older_keys, None))
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
        """Wait `delay` seconds, and after a failure also for one's turn; or until someone is in a hurry."""
        if not self._urgent:
            self._waker = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waker}, timeout=delay)
            if self._failures and self._shared.outage.lasts and not self._waker.done():
                self._shared.outage.join(self._waker)
                await self._waker
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
        refused = not isinstance(outcome, Away)
        self.problem, self.refuses = error.reason, refused
        self._tell_activity()
        self._shared.say_once(
            'refused' if refused else 'away',
            'the store %s; changes are kept in memory: %s',
            'refuses' if refused else 'is away',
            error,
        )
        if refused:
            return self._shared.backoff(20, REFUSED_BACKOFF)  # slowly from the first time on
        return self._shared.backoff(self._failures, LONGEST_BACKOFF)

    def _take(self, outcome: Fetched | Same | Foreign | Away | Denied) -> Away | Denied | Foreign | None:
        """Merge what is pending into a document that was read while nothing was written; return a failure to do so."""
        match outcome:
            case Same():
                self._must_read = False
            case Fetched(etag=etag, condition='quarantined') if self.is_read:
                self._etag, self._must_read = etag, False  # what is in memory is good, and replaces what was damaged
                self._enqueue(('touch',), Touch(self._shared.next_sequence()))
            case Fetched() as fetched:
                self._merge(fetched)
            case Foreign() as failure:
                self.condition = 'unreadable'
                return failure
            case Denied() as failure:
                return failure
            case Away() as failure:
                self._shared.outage.failed()
                return failure
        self._shared.outage.over()
        return None

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
                self._shared.outage.over()
                self._etag = etag
                self._pending.settle(last)
                self._tell_activity()
                self._contested = 0
                await self._erase_inherited()
                return self._succeeded()
            case MustRead(error):
                self._shared.counts['conflicts'] += 1
                self._must_read = True
                self._next_put = 0.0  # a repetition is spaced by its backoff alone
                self._contested += 1
                log.debug('session %s: reading again: %s', self.key, error)
                if self._contested > PATIENCE:
                    return self._failed(Away(error))
                return self._shared.backoff(self._contested, 1.0)
            case Away():
                self._shared.outage.failed()
                return self._failed(outcome)
            case Denied():
                return self._failed(outcome)
            case _:
                assert_never(outcome)

    async def _erase_inherited(self) -> None:
        inherited, self._inherited = self._inherited, ()
        await erase(self._shared, inherited, self.document.epoch)
