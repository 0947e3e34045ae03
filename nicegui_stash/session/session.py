"""The session actor: one per document and process.

asyncio is its mailbox. Accepting a change is a plain call on the event loop, so calls are totally ordered and cost
microseconds; nothing waits for the network.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any, NamedTuple, cast

from ..errors import TooMuchPending, ValueTooLarge
from ..model.document import Document, Part, Raw, Slice, SliceId, from_bytes, to_bytes
from ..model.operations import (
    ADOPTED,
    Adopt,
    Drop,
    Forget,
    Generation,
    Operation,
    Reset,
    Set,
    Touch,
    Update,
    Withdraw,
    Written,
    apply,
    times_given,
)
from ..model.pieces import Json, joined
from ..model.schema import Schema
from ..model.versions import Found
from ..stores.base import ETag, Told
from .journal import Source
from .loading import Condition, Fetched
from .shared import Shared
from .state import DocumentState
from .subscriber import Activity, ActivityWatcher, Subscriber
from .sync import Synchroniser
from .versions import OlderVersions

UPDATE_BYTES = 1024
"""What a pending update counts at least: its function is kept with all that it refers to."""


class Rested(NamedTuple):
    """A stored document in clear, and its object's etag."""

    body: bytes
    etag: ETag


class Session:
    """One owner's document, such as a browser session's: accepts what pages change, and tells the others.

    It holds the document's state, what brings that and the store together, and what older versions of classes hold.
    """

    __slots__ = ('__weakref__', '_state', '_sync', '_versions', 'is_visited', 'key', 'seal')

    def __init__(self, key: str, older_keys: tuple[str, ...], shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False`: nothing can be stored, so that nothing is read before the first put."""
        self.key = key
        self.seal = ''  # `Registry.seal` of this session, once a page was given it
        self.is_visited = False
        self._state = DocumentState(key, shared, exists=exists)
        self._versions = OlderVersions(self._state)
        self._sync = Synchroniser(self._state, older_keys, merges=self._versions, owner=weakref.ref(self))

    # ---- what is known

    @property
    def document(self) -> Document:
        return self._state.document

    @property
    def condition(self) -> Condition:
        return self._state.condition

    @property
    def is_unread(self) -> bool:
        """Whether the document is yet to be read for the first time."""
        return self._state.condition == 'unread'

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self._state.is_read

    @property
    def is_stored(self) -> bool:
        """Whether an object is known to exist."""
        return self._state.is_stored

    @property
    def has_brought(self) -> bool:
        """Whether the first read found what only older versions hold, beneath changes that were pending by then."""
        return self._versions.has_brought

    @property
    def pending(self) -> int:
        """How many changes are not in the store yet."""
        return len(self._state.pending)

    def waiting(self) -> Iterator[Operation]:
        """Iterate over these changes, in order."""
        return iter(self._state.pending)

    @property
    def pending_bytes(self) -> int:
        return self._state.pending.size

    @property
    def pending_since(self) -> float | None:
        """Since when something is pending, by the time of the event loop; `None` if nothing is."""
        return self._sync.pending_since

    @property
    def size(self) -> int:
        """The document's length in bytes: after a merge an upper estimate."""
        return self._state.size

    @property
    def accepted(self) -> int:
        """A number that grows with what is accepted: all of it is in the store once `settled` has reached it."""
        pending = self._state.pending
        return pending.last if pending else pending.settled

    @property
    def settled(self) -> int:
        """A number that grows whenever changes of this session have been put."""
        return self._state.pending.settled

    @property
    def reads(self) -> int:
        """How often the store has said what the document is, or that it is the same."""
        return self._sync.reads

    @property
    def kept(self) -> int:
        """A number that grows whenever changes have become durable, in the store or in the journal."""
        return self._state.pending.kept

    @property
    def is_kept(self) -> bool:
        """Whether something is not in the store yet, and all of it is durable in the journal."""
        return self._sync.is_kept

    @property
    def source(self) -> Source:
        """What the journal takes this session's changes from."""
        return self._sync

    @property
    def activity(self) -> Activity:
        return self._sync.activity

    @property
    def problem(self) -> str | None:
        """Why the last attempt to read or put failed, `None` if it did not."""
        return self._sync.problem

    @property
    def refuses(self) -> bool:
        """Whether the store refused that attempt, so that a repetition is useless for now."""
        return self._sync.refuses

    # ---- who shows it

    def attach(self, subscriber: Subscriber) -> None:
        """Tell a page of changed values, and read the document for it."""
        self._state.audience.attach(subscriber)
        self._sync.read()

    def detach(self, subscriber: Subscriber) -> None:
        self._state.audience.detach(subscriber)

    def soon(self, step: Callable[[], None]) -> None:
        """Call a subscriber's step in the next turn of the loop, or in a later one where many wait."""
        self._state.audience.soon(step)

    def watch(self, watcher: ActivityWatcher) -> None:
        """Tell a watcher whenever `activity` or `problem` changes."""
        self._state.audience.watch(watcher)

    def unwatch(self, watcher: ActivityWatcher) -> None:
        self._state.audience.unwatch(watcher)

    def hold(self, slice_id: SliceId, part: Part) -> None:
        """Count a page that shows this part: while one does, the part is kept and counts as seen."""
        self._state.hold(slice_id, part)

    def release(self, slice_id: SliceId, part: Part) -> None:
        self._state.release(slice_id, part)

    def touch(self) -> None:
        """Note that somebody is here: refresh `seen` of a stored document, if it is older than a tenth of `ttl`."""
        self.is_visited = True
        state, shared = self._state, self._state.shared
        age = shared.now() - state.document.seen
        if state.is_stored and not state.document.erased and age > shared.policy.ttl * 100:  # ttl / 10 in ms
            state.pending.add(('touch',), Touch(shared.next_sequence()))
            self._sync.wake()

    # ---- changing

    def set(
        self,
        slice_id: SliceId,
        part: Part,
        name: str,
        json: Json,
        *,
        source: Subscriber | None = None,
        absent: bool = False,
        unless_changed: bool = False,
    ) -> None:
        """Accept a field's new JSON; the same bytes are no change. Raises `ValueTooLarge` or `TooMuchPending`.

        JSON in pieces is always a change; it is joined when somebody looks at it, or at the put.
        `absent`: only where nothing is stored, here or in a document read later.
        `unless_changed`: in a document read later only where nobody else has changed the field.
        """
        state = self._state
        place = slice_id, part
        cell = state.cells.get(place)
        if cell is None and not absent:
            self._versions.inherit_first(slice_id)
        old = (cell[1] if cell else state.values(slice_id, part)).get(name)
        if old is not None and (absent or (old == json if isinstance(json, Raw) else old is json)):
            return
        shared, document, size = state.shared, state.latest, len(json)
        policy, growth = shared.policy, size - (len(old) if old is not None else -len(name) - 4)
        if not absent and (
            size > policy.max_value_bytes
            or state.size + growth > policy.max_document_bytes
            or shared.pending_bytes + size > policy.max_session_pending
        ):
            self._require_small(f'{slice_id.name}.{name}', size)
            self._require_room(f'{slice_id.name}.{name}', size, growth)
        # Not before: an empty slice, left by a refused change, would hide what an older version stored.
        if cell is None:
            values = document.values(slice_id, part)
            if not values:  # the part is new
                state.pruned = 0
            cell = state.cells[place] = (document.ensure(slice_id), values)
        found, values = cell
        state.size += growth
        raw = cast(Raw, json)  # joined before anybody reads it
        operation = Set(shared.next_sequence(), document.epoch, found.reset, slice_id, part, name, raw, absent)
        if unless_changed:
            operation.over, operation.since = state.pending.over((*place, name), None if old is None else joined(old))
        document.erased = False
        state.put_value(operation, values, json)
        self._sync.wake()
        for subscriber in state.audience.subscribers:
            if subscriber is not source:
                subscriber.changed(slice_id, part, name)

    def copy_part(self, slice_id: SliceId, source: Part, target: Part) -> None:
        """Give a duplicated tab the values of the one it came from, as far as it has none of its own.

        Raises `ValueTooLarge` or `TooMuchPending`, and nothing is copied then.
        """
        values = dict(self._state.values(slice_id, source))
        self._require_room(slice_id.name, 0, sum(len(name) + 4 + len(raw) for name, raw in values.items()))
        for name, raw in values.items():
            self.set(slice_id, target, name, raw, absent=True)

    def drop(self, slice_id: SliceId, part: Part) -> None:
        """Accept that a tab's or a visit's values are no longer wanted, those of older versions neither."""
        state = self._state
        for id_ in (slice_id, *self._versions.older(slice_id)):
            found = state.document.slice(id_)
            if found is None or found.values(part) is None:
                continue
            place = (id_, part)
            state.pending.discard(
                lambda operation, place=place: isinstance(operation, Set) and (operation.slice, operation.part) == place
            )
            state.accept(place, Drop(state.shared.next_sequence(), state.document.epoch, found.reset, id_, part))
        self._sync.wake()

    async def update(self, slice_id: SliceId, change: Callable[[Slice], list[Written]]) -> None:
        """Read, modify and write a slice, applied again where somebody else wrote meanwhile; return when it is durable.

        Raises what `change` raises, and nothing is written then; `ValueTooLarge` or `TooMuchPending`; and `StoreError`
        if the store cannot take it now: it is accepted then, and must not be repeated.
        """
        state = self._state
        self._versions.inherit_first(slice_id)
        self._sync.wake()
        found = state.document.slice(slice_id) or Slice()
        written = change(found)
        size, growth = self._measure(slice_id, found, written)
        self._require_room(slice_id.name, size, growth)
        operation = Update(state.shared.next_sequence(), state.document.epoch, found.reset, slice_id, change, size)
        apply(state.document, [operation])
        if operation.error is not None:
            raise operation.error
        state.size += growth
        state.moved()
        state.pending.add_last(operation)
        self._sync.wake()
        for part, name, _ in written:
            state.audience.tell_changed(slice_id, part, name)
        await self._sync.put_pending()
        if operation.error is not None:
            raise operation.error

    def reset(self, slice_id: SliceId) -> None:
        """Accept that a slice is deleted, and what older versions hold with it: a rollback is not to bring it back."""
        state = self._state
        for id_ in (slice_id, *self._versions.older(slice_id)):
            state.pending.discard(
                lambda operation, id_=id_: isinstance(operation, (Set, Drop, Update)) and operation.slice == id_
            )
            state.accept((id_,), Reset(state.shared.next_sequence(), state.document.epoch, id_))
        self._sync.wake()
        state.audience.tell_replaced()

    def receive(
        self, source: str, generation: Generation, values: list[tuple[SliceId, str, Raw]], *, replace: bool
    ) -> None:
        """Accept values that come from another document, the `source`, each once; see `Adopt`.

        Raises `ValueTooLarge` or `TooMuchPending`, and nothing is accepted then.
        """
        document = self._state.document
        for slice_id in dict.fromkeys(slice_id for slice_id, _, _ in values):
            self._versions.inherit_first(slice_id)
        size = sum(len(raw) for _, _, raw in values)
        growth = sum(len(name) + 4 + len(raw) for _, name, raw in values)
        self._require_room(ADOPTED.name, size, growth)
        sequence = self._state.shared.next_sequence()
        operation = Adopt(sequence, document.epoch, source, generation, values, replace, size)
        if apply(document, [operation]):
            self._state.size += growth
            self._state.moved()
            self._state.pending.add_last(operation)
            self._sync.wake()
            self._state.audience.tell_replaced()

    def withdraw(self, values: list[tuple[SliceId, str, Raw]]) -> Withdraw:
        """Accept that values are another document's now; what has another value by then stays. See `Withdraw`."""
        state = self._state
        document = state.document
        operation = Withdraw(state.shared.next_sequence(), document.epoch, times_given(document), values)
        if apply(document, [operation]):
            state.moved()
            state.pending.add_last(operation)
            self._sync.wake()
            state.audience.tell_replaced()
        return operation

    def forget(self) -> None:
        """Accept that the document is erased."""
        state = self._state
        state.pending.discard(lambda _: True)
        state.accept((), Forget(state.shared.next_sequence()))
        self._sync.wake()
        state.audience.tell_replaced()

    async def erase(self, timeout: float) -> None:
        """Erase the document durably, unless nothing was ever stored. Raises `StoreError`.

        After `timeout` seconds without an answer something may be stored, and is erased.
        """
        if not await self.load(timeout) or self.is_stored or self.pending:
            self.forget()
            await self.flush()

    def inherit(self, schema: Schema, key: str, parts: Collection[Part] = ()) -> Found:
        """Bring along what only older versions of a class hold; see `OlderVersions.inherit`."""
        found = self._versions.inherit(schema, key, parts)
        self._sync.wake()
        return found

    def adopt(self, slice_id: SliceId, migrated: Slice) -> None:
        """Accept the values of a slice wherever nobody has written there meanwhile."""
        self._versions.adopt(slice_id, migrated)
        self._sync.wake()

    # ---- reading and writing

    async def load(self, timeout: float) -> bool:
        """Wait until the document was read, an attempt failed or `timeout` seconds passed; tell if it is known."""
        return await self._sync.load(timeout)

    async def revalidate(self, timeout: float) -> bool:
        """Look whether someone else wrote the document; after `timeout` seconds this goes on in the background."""
        return await self._sync.revalidate(timeout)

    async def look(self, told: ETag | Told | None) -> bool:
        """Look at the store, where somebody has put an object with this etag, or this object; `None` for any.

        Return whether it is known now what the store has.
        """
        return await self._sync.look(told)

    def flush(self) -> Coroutine[Any, Any, None]:
        """Wait until what was accepted so far is durable. Raises `StoreError` if an attempt fails; nothing is lost."""
        return self._sync.flush()

    async def put_pending(self) -> None:
        """Wait until what was accepted so far is in the store, where every server finds it. Raises as `flush` does."""
        await self._sync.put_pending()

    def rest(self) -> Rested | None:
        """Return what another session of this id can go on from, in a fraction of the memory.

        `None` unless the object is known, and holds all of this.
        """
        state = self._state
        etag = state.etag if state.is_read and state.seen and not state.must_read else None
        if etag is None or state.pending or state.inherited or self._sync.is_busy:
            return None
        return Rested(bytes(memoryview(to_bytes(state.document))), etag)  # copied, as msgspec leaves half of it empty

    def go_on(self, rested: Rested) -> None:
        """Begin with what an earlier session of this id has left, as if it had just been read."""
        self._versions.merge(Fetched(from_bytes(rested.body), rested.etag, 'found', len(rested.body), body=rested.body))

    def revive(self, born: int | None, operations: list[Operation]) -> None:
        """Continue where a process ended; see `DocumentState.revive`."""
        self._state.revive(born, operations)

    def hurry(self) -> None:
        """Do not space the next put, nor wait for the next attempt."""
        self._sync.hurry()

    def give_up(self) -> None:
        """Tell whoever waits that nothing more is written."""
        self._sync.give_up()

    def retire(self, why: str) -> None:
        """Write nothing any more; what is pending and what is changed from now on stays with whoever holds this."""
        self._sync.retire(why)

    # ---- limits

    def _measure(self, slice_id: SliceId, found: Slice, written: list[Written]) -> tuple[int, int]:
        """Return how many bytes an update counts while it is pending, and by how many the document grows."""
        size = growth = 0
        for part, name, raw in written:
            self._require_small(f'{slice_id.name}.{name}', len(raw))
            old = (found.values(part) or {}).get(name)
            size += len(raw)
            growth += len(raw) - (len(old) if old is not None else -len(name) - 4)
        return max(size, UPDATE_BYTES), growth

    def _require_small(self, name: str, size: int) -> None:
        limit = self._state.shared.policy.max_value_bytes
        if size > limit:
            raise ValueTooLarge(name, '$', f'{size} bytes of JSON are more than max_value_bytes={limit}')

    def _require_room(self, name: str, size: int, growth: int) -> None:
        state, shared, policy = self._state, self._state.shared, self._state.shared.policy
        if (
            growth > 0
            and state.size + growth > policy.max_document_bytes
            and state.measure() + growth > policy.max_document_bytes  # after a merge `size` is an estimate
        ):
            raise ValueTooLarge(name, '$', f'the document would exceed max_document_bytes={policy.max_document_bytes}')
        if (
            state.pending.size + size > policy.max_session_pending
            or shared.pending_bytes + size > policy.max_process_pending
        ):
            shared.counts['refused_changes'] += 1
            shared.say_once('full', 'too much is pending while the store is away; further changes are refused')
            raise TooMuchPending(name, '$', 'the store is away and too much is pending')
