"""Keeps a document in memory and its object in the store equal: the part of a session that waits.

A task that exists only while something is to be done reads and writes the object; everything that is accepted meanwhile
goes into the next put.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol, assert_never

from ..errors import Refused, Unavailable
from ..model.operations import Touch
from ..stores.base import ETag, Told, etag_of, replacing
from ..stores.journal import Row
from .journal import row_of
from .loading import Fetched, Foreign, Same, erase, fetch
from .new_sessions import MINUTE
from .state import DocumentState
from .store_io import DEADLINE, Away, Denied, MustRead, Stored, write
from .subscriber import Activity

log = logging.getLogger('nicegui_stash')

LONGEST_BACKOFF = 5.0
"""Seconds between two attempts on a store that is away: how often it is asked for one document, at most."""
REFUSED_BACKOFF = 30.0
PATIENCE = 20
"""How many puts in a row may end in having to read again until that is a failure: each loses to one that won."""
HELD_BACK: Final = 'too many sessions are new'


class Merges(Protocol):
    """Takes a document that was read: the state itself, or what adds to it from older versions."""

    def merge(self, fetched: Fetched) -> None: ...


NOTHING_SHOWN: tuple[Activity, str | None, int, int, int] = ('saved', None, -1, -1, 0)
"""What is shown of a session in which nothing was changed: activity, problem, what is kept, what is settled, how many
pend.
"""


class Synchroniser:
    """Reads and puts one document; whoever needs it read or durable waits here."""

    __slots__ = (
        '_attempt',
        '_contested',
        '_failures',
        '_io',
        '_is_writing',
        '_merges',
        '_next_put',
        '_older_keys',
        '_owner',
        '_revalidation',
        '_shown',
        '_since',
        '_state',
        '_task',
        '_turn',
        '_urgent',
        '_waker',
        'problem',
        'reads',
        'refuses',
    )

    def __init__(
        self,
        state: DocumentState,
        older_keys: tuple[str, ...] = (),
        *,
        merges: Merges | None = None,
        owner: Callable[[], object] = lambda: None,
    ) -> None:
        """Do nothing yet. `merges` takes what is read, by default the state.

        `owner` returns what each task keeps alive while it runs, such as the session that has something pending.
        """
        self.problem: str | None = None
        self.refuses = False
        self.reads = 0
        self._state = state
        self._older_keys = older_keys
        self._merges: Merges = merges or state
        self._owner = owner
        self._task: asyncio.Task[None] | None = None
        self._revalidation: asyncio.Task[None] | None = None
        self._io = asyncio.Lock()
        self._waker: asyncio.Future[None] | None = None
        self._attempt: asyncio.Future[None] | None = None
        self._urgent = False
        self._is_writing = False
        self._shown: tuple[Activity, str | None, int, int, int] | None = NOTHING_SHOWN
        self._failures = 0
        self._contested = 0
        self._next_put = 0.0
        self._since = 0.0
        self._turn: float | None = None

    @property
    def pending_since(self) -> float | None:
        """When the oldest change that is not in the store yet was accepted, by the time of the event loop.

        A change that was accepted during a put counts from the beginning of that put. `None`: nothing is pending.
        """
        return self._since if self._state.pending else None

    @property
    def activity(self) -> Activity:
        if self.problem is not None and self.refuses:
            return 'refused'
        if self.is_kept:
            return 'saved'
        if self.problem is not None:
            return 'offline'
        if self._is_writing:
            return 'saving'
        return 'pending' if self._state.pending else 'saved'

    def wake(self) -> None:
        """See to it that what is pending is put; called after each change."""
        journal = self._state.shared.journal
        if self._task is not None and self._since and journal is None:
            return  # as in most calls: its task takes what is pending by then
        if not self._state.pending:
            return
        if journal is not None:
            journal.note(self)
        if not self._since:
            self._since = asyncio.get_running_loop().time()
        if self._task is None:
            self._start()

    @property
    def is_busy(self) -> bool:
        """Whether the store is asked for something, or will be."""
        return self._task is not None or self._io.locked()

    def read(self) -> None:
        """See to it that the document is read, if it is not yet."""
        if self._task is None and not self._state.is_read:
            self._start()

    # ---- waiting

    async def load(self, timeout: float) -> bool:
        """Wait until the document was read, an attempt failed or `timeout` seconds passed; tell if it is known."""
        if not self._state.is_read and (self._task is None or self._failures == 0):
            if self._attempt is None or self._attempt.done():
                self._attempt = asyncio.get_running_loop().create_future()
            if self._task is None:
                self._start()
            await asyncio.wait({self._attempt}, timeout=timeout)
        return self._state.is_read

    async def revalidate(self, timeout: float) -> bool:
        """Look whether someone else wrote the document; after `timeout` seconds this goes on in the background.

        The first look is made without a task of its own, which would cost more than an answer from nearby; where it is
        not answered in time, the background asks again.
        """
        if not self._state.is_read:
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

    async def look(self, told: ETag | Told | None) -> bool:
        """Look whether somebody else has put this; `None`: an object with any other etag than the known one.

        Return whether it is known now what the store has.
        """
        if told is not None:
            async with self._io:  # it may be what is being put here
                if self._state.etag == etag_of(told):
                    return True
                if isinstance(told, Told) and await self._take_told(told):
                    return True
        reads = self.reads
        await self.revalidate(DEADLINE)
        return self.reads > reads

    async def _take_told(self, told: Told) -> bool:
        """Take an object that somebody has put over the one that is known; return whether that is what there is."""
        state = self._state
        if told.before != state.etag or not state.is_read or state.must_read or state.inherited:
            return False
        outcome = await fetch(state.shared, state.key, self._older_keys, state.etag, told=told.found)
        return self._take(outcome) is None

    def _revalidate_beside(self) -> asyncio.Task[None]:
        if self._revalidation is None or self._revalidation.done():
            self._revalidation = self._state.shared.spawn(self._revalidate_apart(self._owner()))
        return self._revalidation

    async def _revalidate_apart(self, _kept_alive: object) -> None:
        await self._revalidate()

    async def _revalidate(self, *, is_limited: bool = False) -> None:
        state = self._state
        async with self._io:
            self._revalidation = None  # who asks from now on is not served by a read that has begun already
            failure = self._take(
                await fetch(state.shared, state.key, self._older_keys, state.etag, is_limited=is_limited)
            )
        if isinstance(failure, Foreign):
            self._failed(failure)
            self._start()

    async def flush(self) -> None:
        """Wait until what was accepted so far is durable. Raises `StoreError` if an attempt fails; nothing is lost."""
        journal, pending = self._state.shared.journal, self._state.pending
        if journal is not None and pending and self._can_be_kept and await journal.keep(self, pending.last):
            return
        await self.put_pending()

    async def put_pending(self) -> None:
        """Wait until what was accepted so far is in the store. Raises as `flush` does."""
        pending = self._state.pending
        if not pending:
            return
        if self._state.shared.closed:
            raise self._closed()
        durable = pending.durable()
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
        self._state.pending.fail(self._closed())

    def retire(self, why: str) -> None:
        """Write nothing any more; what is pending and what is changed from now on stays with whoever holds this."""
        if self._task is not None:
            self._task.cancel()
        self._state.set_apart(why)
        self.give_up()
        self._state.give_pending_up()

    def _closed(self) -> Unavailable:
        return Unavailable('put', self._state.key, self._state.shared.closed)

    # ---- the journal

    @property
    def is_kept(self) -> bool:
        """Whether something is pending, and all of it is durable in the journal."""
        pending = self._state.pending
        if self._state.shared.journal is None or not pending:
            return False
        return pending.is_kept_to(pending.last) and self._can_be_kept

    @property
    def _can_be_kept(self) -> bool:
        return self._state.is_read and not self._state.pending.needs_store  # until then a stored value may win

    def take_unnoted(self, now: int) -> tuple[list[Row], int]:
        """Return what the journal has not got yet, and the sequence up to which it then has all."""
        state = self._state
        state.join()
        operations, born = state.pending.take_unnoted(), state.document.born if state.is_read else None
        seal = state.shared.sealing.seal_entry if state.shared.sealing.encrypts else None
        rows = [row_of(state.key, born, operation, now, seal) for operation in operations]
        return [row for row in rows if row is not None], operations[-1].sequence if operations else -1

    def kept(self, sequence: int) -> None:
        """Note that all up to here is on the disk of this host."""
        self._state.pending.keep(sequence)
        self._tell_activity()

    def note_again(self) -> None:
        """Give all that is pending to the journal once more."""
        self._state.pending.must_note_all = True
        self._tell_activity()

    def is_kept_to(self, sequence: int) -> bool:
        """Whether all up to here is on the disk of this host, or in the store."""
        return self._state.pending.is_kept_to(sequence)

    # ---- reading and writing

    def _start(self) -> None:
        if self._task is not None:
            return
        shared = self._state.shared
        if shared.closed:
            if self._state.pending:
                shared.say_once('closed', 'what is changed now is not kept: %s', shared.closed)
            return
        self._tell_activity()
        self._task = shared.spawn(self._work(self._owner()))

    def _tell_activity(self) -> None:
        """Tell whoever watches, if what can be shown of the session has changed."""
        if not self._state.audience.watchers:
            self._shown = None  # the next watcher may have seen anything else
            return
        pending = self._state.pending
        shown = (self.activity, self.problem, pending.kept, pending.settled, len(pending))
        if shown != (before := self._shown):
            self._shown = shown
            settled = not pending or before is None or before[3] != shown[3]
            for watcher in self._state.audience.watchers:
                watcher.activity_changed(settled=settled)

    async def _work(self, _kept_alive: object) -> None:
        """Read what must be read and put what is pending; end when there is nothing to do."""
        state = self._state
        try:
            while state.pending or (not state.is_read and (state.audience.subscribers or self._attempt is not None)):
                try:
                    delay = await self._step()
                except Exception as error:
                    log.exception('session %s: a step of the actor failed; what is pending is kept', state.key)
                    state.shared.counts['errors'] += 1
                    delay = self._failed(Away(Unavailable('put', state.key, f'{type(error).__name__} in this library')))
                if delay:
                    await self._pause(delay)
        finally:  # no await since the condition was looked at; or whoever shuts the app down cancelled this
            self._task = None
            self._urgent = False
            self._end_attempt()
            if not state.pending:
                self._since = 0.0
        self._tell_activity()

    async def _step(self) -> float:
        """Read or write once, and return how many seconds to wait before the next step."""
        state = self._state
        if not state.is_read or state.must_read:
            return await self._read()
        if not self._urgent and not state.pending.is_awaited:
            wait = self._next_put - asyncio.get_running_loop().time()
            if wait > 0:
                return wait
        async with self._io:
            if state.must_read or not state.pending:  # what a revalidation found while this waited for it
                return 0.0
            if state.shared.clock.is_due and (error := await state.shared.clock.ask()):
                return self._failed(Away(error))
            return await self._write()

    def _wait_for_turn(self) -> float:
        """Return how many seconds a new session waits for its first put; if too many wait, let go of one not shown."""
        state, shared, now = self._state, self._state.shared, asyncio.get_running_loop().time()
        if not state.is_new or shared.new_sessions.allows_all(now):
            return 0.0
        if self._turn is None:
            is_shown = bool(state.audience.subscribers)
            if state.pending.is_awaited and not is_shown:
                return 0.0  # the app's own code, and no visitor
            wait = shared.new_sessions.turn(now)
            if wait is None:
                return self._hold_back(MINUTE * (0.5 + shared.random() / 2)) if is_shown else self._let_go()
            self._turn = now + wait
        return self._hold_back(self._turn - now) if self._turn > now else 0.0

    def _hold_back(self, wait: float) -> float:
        """Keep everything in memory, tell whoever waits, and return the seconds until the session has its turn."""
        state, shared = self._state, self._state.shared
        if self.problem != HELD_BACK:
            shared.counts['held_back'] += 1
        self.problem, self.refuses, self._urgent = HELD_BACK, True, False
        state.pending.fail(Refused('put', state.key, HELD_BACK, 'it is put when it has its turn; see max_new_sessions'))
        self._tell_activity()
        shared.new_sessions.say_held(asyncio.get_running_loop().time())
        return wait

    def _let_go(self) -> float:
        self._state.pending.discard(lambda _: True)
        self._state.shared.counts['let_go'] += 1
        return 0.0

    async def _read(self) -> float:
        state = self._state
        settled = state.pending.settled
        failure = None if state.is_read else await self._replay()
        if failure is None:
            async with self._io:
                failure = self._take(await fetch(state.shared, state.key, self._older_keys, None))
                if failure is None and state.etag is not None and state.inherited:
                    await self._erase_inherited()  # the put that moved it was applied, and its answer lost
        self._end_attempt()
        if failure is not None:
            return self._failed(failure)
        if state.pending.settled > settled or not state.pending:
            self._contested = 0
        return 0.0 if self._contested else self._succeeded()  # a read alone saves nothing

    async def _replay(self) -> Away | None:
        """Let what processes that ended had accepted for this document be put before it is read."""
        if (before_read := self._state.shared.before_read) is not None:
            for key in (self._state.key, *self._older_keys):
                if (error := await before_read(key)) is not None:
                    return Away(error)
        return None

    def _end_attempt(self) -> None:
        if self._attempt is not None and not self._attempt.done():
            self._attempt.set_result(None)
        self._attempt = None

    async def _pause(self, delay: float) -> None:
        """Wait `delay` seconds, and after a failure also for one's turn; or until someone is in a hurry."""
        if not self._urgent:
            self._waker = asyncio.get_running_loop().create_future()
            await asyncio.wait({self._waker}, timeout=delay)
            if self._failures and self._state.shared.outage.lasts and not self._waker.done():
                self._state.shared.outage.join(self._waker)
                await self._waker
            self._waker = None

    def _succeeded(self) -> float:
        self._failures = 0
        if self.problem is not None:
            self.problem = None
            shared = self._state.shared
            shared.say_again('away')
            shared.say_again('refused')
            self._tell_activity()
        return 0.0

    def _failed(self, outcome: Away | Denied | Foreign) -> float:
        """Keep everything, tell whoever waits, and return the seconds until the next attempt."""
        state, shared, error = self._state, self._state.shared, outcome.error
        self._failures += 1
        self._urgent = False
        shared.counts['failures'] += 1
        state.pending.fail(error)
        refused = not isinstance(outcome, Away)
        self.problem, self.refuses = error.reason, refused
        self._tell_activity()
        shared.say_once(
            'refused' if refused else 'away',
            'the store %s; changes are kept in memory: %s',
            'refuses' if refused else 'is away',
            error,
        )
        if refused:
            return shared.backoff(20, REFUSED_BACKOFF)  # slowly from the first time on
        return shared.backoff(self._failures, LONGEST_BACKOFF)

    def _take(self, outcome: Fetched | Same | Foreign | Away | Denied) -> Away | Denied | Foreign | None:
        """Merge what is pending into a document that was read while nothing was written; return a failure to do so."""
        state = self._state
        match outcome:
            case Same():
                state.must_read = False
            case Fetched(etag=etag, condition='quarantined') if state.is_read:
                state.etag, state.must_read = etag, False  # what is in memory replaces the damaged bytes
                state.pending.add(('touch',), Touch(state.shared.next_sequence()))
            case Fetched() as fetched:
                self._merges.merge(fetched)
            case Foreign() as failure:
                state.condition = failure.condition
                return failure
            case Denied() as failure:
                return failure
            case Away() as failure:
                state.shared.outage.failed()
                return failure
        self.reads += 1
        state.shared.outage.over()
        self.wake()
        return None

    async def _write(self) -> float:
        """Put everything that is pending; to be called while nothing is read."""
        state = self._state
        wait = 0.0 if state.etag is not None else self._wait_for_turn()
        if wait > 0 or not state.pending:  # it was let go
            return wait
        last = state.pending.last
        body = state.snapshot(last)
        spacing = state.shared.put_interval if state.pending.is_awaited else state.shared.spacing(len(body))
        began = asyncio.get_running_loop().time()
        self._next_put = began + spacing
        self._urgent = False
        self._is_writing = True
        self._tell_activity()
        state.shared.counts['puts'] += 1
        state.shared.counts['bytes_put'] += len(body)
        if (record := state.shared.record) is not None:
            record.put(state.pending)
        try:
            outcome = await write(state.shared.store, state.key, body, replacing(state.etag))
        finally:
            self._is_writing = False
        if record is not None:
            record.answered('put', began)
        match outcome:
            case Stored(etag):
                if state.shared.outage.has_failures:
                    state.shared.outage.over()
                state.stored(etag, last)
                self._since = began
                self._tell_activity()
                self._contested = 0
                if state.inherited:
                    await self._erase_inherited()
                return self._succeeded()
            case MustRead(error):
                state.shared.counts['conflicts'] += 1
                state.must_read = True
                self._next_put = 0.0  # a repetition is spaced by its backoff alone
                self._contested += 1
                log.debug('session %s: reading again: %s', state.key, error)
                if self._contested > PATIENCE:
                    return self._failed(Away(error))
                return state.shared.backoff(self._contested, 1.0)
            case Away():
                state.shared.outage.failed()
                return self._failed(outcome)
            case Denied():
                return self._failed(outcome)
            case _:
                assert_never(outcome)

    async def _erase_inherited(self) -> None:
        inherited, self._state.inherited = self._state.inherited, ()
        await erase(self._state.shared, inherited, self._state.document.epoch)
