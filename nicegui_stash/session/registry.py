"""Finds sessions, people and rooms: each document is loaded once per process, and freed when nothing needs it."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
import weakref
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError
from ..model.limits import Policy
from ..model.recovery import Reason, Status
from ..model.schema import Schema
from ..model.sealing import UNSEALED, Sealing
from ..stores.base import Store
from ..stores.journal import Journals
from .adoption import adopt
from .jobs import RunningJobs
from .journal import Journal, Source
from .keys import Keys
from .leftovers import Leftovers
from .lookout import Followed, Lookout
from .metrics import published
from .new_sessions import NewSessions
from .presence import Presences
from .record import Record
from .session import Session
from .shared import Shared
from .store_io import DEADLINE, Read, read
from .sync import LONGEST_BACKOFF

log = logging.getLogger('nicegui_stash')

READINESS_KEY = 'readiness/probe'
"""An object that never exists: reading it shows that the store answers."""
LOOKERS = 8
"""How many sessions are looked at together, when the store has lost one."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one registry did and holds. Counts are since its start; `pending` counts documents, not changes.

    `sessions`, `rooms` and `people` are those in memory.

    `errors` counts steps that failed inside this library, each with a traceback in the log. `put_back` counts documents
    that the store had lost, or had replaced by older ones, and that were put again from memory. `held_back` counts
    sessions that waited for their first put, as too many were new, `let_go` those that were not put before their pages
    closed.

    `recoveries` counts page objects by `recovery.status` and then `recovery.reason`, as they were when the page had
    reported. `returns_in_place` counts pages that came back without a reload.

    `values_by_class` and `bytes_by_class` count values that became durable, by the stored name of their class.
    The keys are bounded: the first hundred classes, and `(others)`.

    `lag_ms` says how long ago the store was last known to have nothing newer for the open rooms and people, in ms; it
    grows while the store does not answer. 0 if none is open, or nothing is followed.
    """

    sessions: int
    pending: int
    pending_bytes: int
    gets: int
    puts: int
    bytes_put: int
    conflicts: int
    failures: int
    quarantined: int
    refused_changes: int
    malformed_messages: int
    dropped_messages: int
    errors: int
    put_back: int
    held_back: int
    let_go: int
    recoveries: dict[Status, dict[Reason, int]]
    returns_in_place: int
    rooms: int
    people: int
    values_by_class: dict[str, int]
    bytes_by_class: dict[str, int]
    lag_ms: int


class Registry:
    """The live sessions, people and rooms of one store and prefix on one event loop.

    Pages that show a document keep it alive, and so does its task while it has something to write. The registry holds
    documents weakly: Python's own collection evicts them, and finds one that is still in use.
    """

    def __init__(
        self,
        store: Store,
        keys: Keys,
        policy: Policy,
        *,
        wall: Callable[[], float] = time.time,
        rng: Callable[[], float] = random.random,
        create_task: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] | None = None,
        journals: Journals | None = None,
        sealing: Sealing = UNSEALED,
    ) -> None:
        """`journals`: where this host keeps what is not in the store yet; leftovers are replayed from now on.

        `sealing` opens what is sealed in the store, and seals what is put, if that is wanted.
        """
        self.store = store
        self.jobs = RunningJobs()
        self._keys = keys
        self._create_task = create_task
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself holds tasks only weakly
        self._shared = Shared(store, policy, uuid.uuid4().hex[:16], wall, rng, self.spawn, keys.prefix)
        self._shared.sealing = sealing
        self._shared.look_around = self._look_around
        self._shared.new_sessions = NewSessions(policy.max_new_sessions)
        self._looking: asyncio.Task[None] | None = None
        self._sessions: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
        self._rooms: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
        self._people: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
        self._guests: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
        self._lookout = Lookout(store, self._watched, self.spawn, self._shared.random, policy.live_interval)
        self.presences = Presences(self._shared, keys, self._lookout)
        self._leftovers: Leftovers | None = None
        published.add(self, Statistics)
        if journals is not None:
            self._open_journal(journals)

    def _open_journal(self, journals: Journals) -> None:
        shared = self._shared
        self._leftovers = Leftovers(shared, journals.leftovers())  # before our own is there
        shared.before_read = self._leftovers.before_read
        shared.journal = Journal(
            journals.own(shared.writer), self.spawn, shared.accepted, self._sources, self._journal_changed
        )
        self.spawn(self._leftovers.run())

    def _sources(self) -> list[Source]:
        return [session.source for session in self._all() if session.pending]

    def _journal_changed(self, error: StoreError | None) -> None:
        """Put what waits, as the store is alone now; say so once."""
        if error is None:
            self._shared.say_again('journal')
            return
        message = 'the journal cannot be written; until it can, changes are durable once the store has them: %s'
        self._shared.say_once('journal', message, error)
        self.hurry()

    @property
    def prefix(self) -> str:
        return self._shared.prefix

    @property
    def sealing(self) -> Sealing:
        return self._shared.sealing

    @property
    def policy(self) -> Policy:
        return self._shared.policy

    @property
    def now(self) -> float:
        """The time in seconds since the epoch: the store's, where it tells one."""
        return self._shared.clock.now()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task, and keep it alive until it ends."""
        task = (self._create_task or asyncio.get_running_loop().create_task)(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def session(self, session_id: str, *, exists: bool = True) -> Session:
        """Return the live session of an id, or a new one that has read nothing yet.

        `exists=False`: nothing can be stored for the id, so nothing is read.
        """
        session = self._sessions.get(session_id)
        if session is None:
            key, older_keys = self._keys.of(session_id)
            session = self._sessions[session_id] = Session(key, older_keys, self._shared, exists=exists)
        return session

    def room(self, name: str) -> Session:
        """Return the live document of a room, or a new one that has read nothing yet."""
        return self._follow(self._rooms, name, self._keys.of_room)

    def person(self, name: str) -> Session:
        """Return the live document of a person, or a new one that has read nothing yet."""
        return self._follow(self._people, name, self._keys.of_user)

    def _follow(
        self,
        held: weakref.WeakValueDictionary[str, Session],
        name: str,
        keys_of: Callable[[str], tuple[str, tuple[str, ...]]],
    ) -> Session:
        found = held.get(name)
        if found is None:
            found = held[name] = Session(*keys_of(name), self._shared)
            self._lookout.begin()
        return found

    def guest(self, session_id: str, *, exists: bool = True) -> Session:
        """Return the live document of what a session's visitor enters for a person before signing in."""
        guest = self._guests.get(session_id)
        if guest is None:
            guest = self._guests[session_id] = Session(*self._keys.of_guest(session_id), self._shared, exists=exists)
        return guest

    def adopt(
        self, person: Session, guest: Session, *, replace: bool, arrived: Callable[[], None]
    ) -> asyncio.Task[None]:
        """Bring what a guest has entered into a person's document; see `adoption.adopt`."""
        schemas = [schema for schema in self._shared.schemas.values() if 'user' in schema.owners]

        def backoff(failures: int) -> float:
            return self._shared.backoff(failures, LONGEST_BACKOFF)

        return self.spawn(adopt(person, guest, schemas, replace=replace, arrived=arrived, backoff=backoff))

    def nowhere(self, why: str) -> Session:
        """Return an empty document that is never stored, for one page alone."""
        return Session('nowhere', (), self._shared.apart(why), exists=False)

    def leave(self, session_id: str, session: Session) -> None:
        """Retire a session that was erased: later changes to it are shown and never stored.

        The next visitor with its id gets another, empty session.
        """
        self._sessions.pop(session_id, None)
        if self._retire(session):
            self.session(session_id).forget()

    def leave_guest(self, session_id: str) -> None:
        """Do the same with what the session's guest has entered."""
        guest = self._guests.pop(session_id, None)
        if guest is not None and self._retire(guest):
            self.guest(session_id).forget()

    def _retire(self, session: Session) -> bool:
        """Retire a document; return whether there is something in it that was not erased."""
        was_changed = session.pending or not session.document.erased
        session.retire('the browser has got a new session')
        return bool(was_changed)

    def seal(self, session_id: str) -> str:
        """Return a token for the browser of a session, which only this installation can make."""
        return self._keys.seal(session_id)

    def is_seal(self, seal: str, session_id: str) -> bool:
        """Whether a token was made for this session."""
        return self._keys.is_seal(seal, session_id)

    def declare(self, schema: Schema) -> None:
        """Let sessions know a class, so that a new value does not hide what its older versions hold."""
        self._shared.schemas[schema.name] = schema
        if schema.key:
            self.limit_keys(schema.name, schema.max_keys)

    def limit_keys(self, name: str, max_keys: int) -> None:
        """Keep at most `max_keys` slices of this stored name in a document."""
        self._shared.max_keys[name] = max_keys

    def hurry(self) -> None:
        """Put what is pending now, without spacing."""
        for session in self._all():
            if session.pending:
                session.hurry()

    def count(self, what: str) -> None:
        """Count what happened beside the sessions, for `statistics()`."""
        self._shared.counts[what] += 1

    def count_recovery(self, status: Status, reason: Reason) -> None:
        """Count how a class of an open page came back."""
        recoveries = self._shared.recoveries
        recoveries[status, reason] = recoveries.get((status, reason), 0) + 1

    def keep_record(self) -> Record:
        """Return the record of what is put and answered, which is kept from the first call on."""
        shared = self._shared
        if shared.record is None:
            shared.record = Record(asyncio.get_running_loop().time, shared.schemas)
        return shared.record

    def live(self) -> Iterator[Session]:
        """Iterate over the documents in memory. Others may come and go meanwhile; none is kept by this."""
        for held in (self._sessions, self._guests, self._people, self._rooms):
            for reference in held.valuerefs():
                if (session := reference()) is not None:
                    yield session
                    del session

    def _followed(self) -> list[Session]:
        return [*self._rooms.values(), *self._people.values()]

    def _watched(self) -> Sequence[Followed]:
        return [*self._followed(), *self.presences.followed()]

    def _all(self) -> list[Session]:
        return [*self._sessions.values(), *self._guests.values(), *self._followed()]

    def renew(self) -> None:
        """Refresh `seen` of documents with an open page, so that they do not expire.

        So every page also learns, within `ttl`, that its document was erased elsewhere.
        """
        for session in self._all():
            if session.is_visited:  # and not merely requested, as a page that the browser prefetches
                session.touch()
        self.presences.renew()

    def _look_around(self) -> None:
        """Look at all sessions: a store that has lost one may have lost others, which nobody may change for long."""
        if self._looking is None or self._looking.done():
            self._looking = self.spawn(self._look_at(iter(self._all())))

    async def _look_at(self, sessions: Iterator[Session]) -> None:
        async def look() -> None:
            for session in sessions:
                if session.is_read and session.is_stored:
                    await session.revalidate(DEADLINE)

        await asyncio.gather(*(look() for _ in range(LOOKERS)))

    async def drain(self, timeout: float, *, last: bool = True) -> list[str]:
        """Stop jobs and put everything within `timeout` seconds; return the keys of the rest. Never raises.

        The `last` drain logs what is lost; after any other the rest can still be written.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        self.presences.be_silent(timeout)
        self._shared.new_sessions.lift(deadline)
        await self.jobs.stopped(timeout)
        waiting = {
            asyncio.ensure_future(self._drain_one(session, deadline)): session
            for session in self._all()
            if session.pending
        }
        if not waiting:
            return []
        await asyncio.wait(waiting, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        for task in waiting:
            task.cancel()
        left = [session for session in waiting.values() if session.pending]
        for session in left if last else ():
            if session.is_kept:
                log.warning('session %s: its last changes are in the journal, for the next start', session.key)
            else:
                log.error('session %s: its last changes could not be written before the server stopped', session.key)
        return [session.key for session in left]

    async def _drain_one(self, session: Session, deadline: float) -> None:
        """Flush until it works or time is up: a store that is away now may be back in a second."""
        while session.pending and asyncio.get_running_loop().time() < deadline:
            try:
                await session.put_pending()
            except Exception as error:  # noqa: BLE001 whatever it was, what is still pending is logged by key at the end
                log.debug('session %s: not drained yet: %s', session.key, error)
                await asyncio.sleep(min(0.1, max(0.0, deadline - asyncio.get_running_loop().time())))

    async def answers(self, timeout: float) -> bool:
        """Whether the store answers a read within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return isinstance(await read(self.store, READINESS_KEY), Read)
        except TimeoutError:
            return False

    def statistics(self, pending: int | None = None) -> Statistics:
        """Return the counts, also to another thread. `pending`: sessions with something pending, if counted already."""
        counts = self._shared.counts
        if pending is None:
            pending = sum(1 for session in self.live() if session.pending)
        by_class = self._shared.by_class.copy()  # another thread may ask
        return Statistics(
            sessions=len(self._sessions),
            pending=pending,
            pending_bytes=self._shared.pending_bytes,
            gets=counts['gets'],
            puts=counts['puts'],
            bytes_put=counts['bytes_put'],
            conflicts=counts['conflicts'],
            failures=counts['failures'],
            quarantined=counts['quarantined'],
            refused_changes=counts['refused_changes'],
            malformed_messages=counts['malformed_messages'],
            dropped_messages=counts['dropped_messages'],
            errors=counts['errors'],
            put_back=counts['put_back'],
            held_back=counts['held_back'],
            let_go=counts['let_go'],
            recoveries=_by_status(self._shared.recoveries.copy()),
            returns_in_place=counts['returns_in_place'],
            rooms=len(self._rooms),
            people=len(self._people),
            values_by_class={name: row.count for name, row in by_class.items()},
            bytes_by_class={name: row.size for name, row in by_class.items()},
            lag_ms=round(self._lookout.lag * 1000),
        )

    async def aclose(self) -> None:
        """Stop all tasks; changes that are not durable are lost. The store stays open: others may use it.

        Pending flushes raise `Unavailable`, and later changes are not written.
        """
        self._shared.closed = 'this server has closed the store'
        if self._shared.journal is not None:
            await self._shared.journal.aclose()
        if self._leftovers is not None:
            await self._leftovers.aclose()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for session in self._all():
            session.give_up()


def _by_status(recoveries: Mapping[tuple[Status, Reason], int]) -> dict[Status, dict[Reason, int]]:
    found: dict[Status, dict[Reason, int]] = {}
    for (status, reason), count in recoveries.items():
        found.setdefault(status, {})[reason] = count
    return found
