"""The session actor: one per document and process.

asyncio is its mailbox. Accepting a change is a plain call on the event loop, so calls are totally ordered and cost
microseconds; nothing waits for the network.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import TooMuchPending, ValueTooLarge
from ..model.document import Part, Raw, Slice, SliceId, Values, to_bytes
from ..model.operations import Drop, Forget, Reset, Set, Update, Written, apply
from .subscriber import Subscriber
from .versions import Inheriting

UPDATE_BYTES = 1024
"""What a pending update counts at least: its function is kept with all that it refers to."""


class Session(Inheriting):
    """One browser session's document: whatever pages change is accepted here, and shown to the others."""

    __slots__ = ()

    def set(
        self,
        slice_id: SliceId,
        part: Part,
        name: str,
        raw: Raw,
        *,
        source: Subscriber | None = None,
        absent: bool = False,
    ) -> None:
        """Accept a field's new JSON; the same bytes are no change. Raises `ValueTooLarge` or `TooMuchPending`.

        `absent`: only where nothing is stored, here or in a document read later.
        """
        cell = self._cells.get((slice_id, part))
        if cell is None and not absent:
            self._inherit_first(slice_id)
        old = (cell[1] if cell else self._values(slice_id, part)).get(name)
        if old is not None and (absent or old == raw):
            return
        shared, size = self._shared, len(raw)
        policy, growth = shared.policy, size - (len(old) if old is not None else -len(name) - 4)
        if not absent and (
            size > policy.max_value_bytes
            or self._size + growth > policy.max_document_bytes
            or shared.pending_bytes + size > policy.max_session_pending
        ):
            self._require_small(f'{slice_id.name}.{name}', size)
            self._require_room(f'{slice_id.name}.{name}', size, growth)
        # Not before: an empty slice, left by a refused change, would hide what an older version stored.
        if cell is None:
            values = self.document.values(slice_id, part)
            cell = self._cells[slice_id, part] = (self.document.ensure(slice_id), values)
        found, values = cell
        values[name] = raw
        self._size += growth
        self.document.erased = False
        self._enqueue(
            (slice_id, part, name),
            Set(shared.next_sequence(), self.document.epoch, found.reset, slice_id, part, name, raw, absent),
        )
        for subscriber in self._subscribers:
            if subscriber is not source:
                subscriber.changed(slice_id, part, name)

    def copy_part(self, slice_id: SliceId, source: Part, target: Part) -> None:
        """Give a duplicated tab the values of the one it came from, as far as it has none of its own.

        Raises `ValueTooLarge` or `TooMuchPending`, and nothing is copied then.
        """
        values = dict(self._values(slice_id, source))
        self._require_room(slice_id.name, 0, sum(len(name) + 4 + len(raw) for name, raw in values.items()))
        for name, raw in values.items():
            self.set(slice_id, target, name, raw, absent=True)

    def drop(self, slice_id: SliceId, part: Part) -> None:
        """Accept that a tab's or a visit's values are no longer wanted, those of older versions neither."""
        for id_ in (slice_id, *self._older(slice_id)):
            found = self.document.slice(id_)
            if found is None or found.values(part) is None:
                continue
            place = (id_, part)
            self._pending.discard(
                lambda operation, place=place: isinstance(operation, Set) and (operation.slice, operation.part) == place
            )
            self._accept(place, Drop(self._shared.next_sequence(), self.document.epoch, found.reset, id_, part))

    async def update(self, slice_id: SliceId, change: Callable[[Slice], list[Written]]) -> None:
        """Read, modify and write a slice, applied again where somebody else wrote meanwhile; return when it is durable.

        Raises what `change` raises, and nothing is written then; `ValueTooLarge` or `TooMuchPending`; and `StoreError`
        if the store cannot take it now: it is accepted then, and must not be repeated.
        """
        self._inherit_first(slice_id)
        found = self.document.slice(slice_id) or Slice()
        size, growth = self._measure(slice_id, found, change(found))
        self._require_room(slice_id.name, size, growth)
        operation = Update(self._shared.next_sequence(), self.document.epoch, found.reset, slice_id, change, size)
        apply(self.document, [operation])
        if operation.error is not None:
            raise operation.error
        self._size += growth
        self._cells.clear()
        self._pending.add_last(operation)
        self._start()
        self._tell_replaced()
        await self.flush()
        if operation.error is not None:
            raise operation.error

    def reset(self, slice_id: SliceId) -> None:
        """Accept that a slice is deleted, and what older versions hold with it: a rollback is not to bring it back."""
        for id_ in (slice_id, *self._older(slice_id)):
            self._pending.discard(
                lambda operation, id_=id_: isinstance(operation, (Set, Drop, Update)) and operation.slice == id_
            )
            self._accept((id_,), Reset(self._shared.next_sequence(), self.document.epoch, id_))
        self._tell_replaced()

    def forget(self) -> None:
        """Accept that the document is erased."""
        self._pending.discard(lambda _: True)
        self._accept((), Forget(self._shared.next_sequence()))
        self._tell_replaced()

    def _values(self, slice_id: SliceId, part: Part) -> Values:
        found = self.document.slice(slice_id)
        return (found.values(part) if found else None) or {}

    def _measure(self, slice_id: SliceId, found: Slice, written: list[Written]) -> tuple[int, int]:
        """Return how many bytes an update is to count while it is pending, and by how many the document grows."""
        size = growth = 0
        for part, name, raw in written:
            self._require_small(f'{slice_id.name}.{name}', len(raw))
            old = (found.values(part) or {}).get(name)
            size += len(raw)
            growth += len(raw) - (len(old) if old is not None else -len(name) - 4)
        return max(size, UPDATE_BYTES), growth

    def _require_small(self, name: str, size: int) -> None:
        limit = self._shared.policy.max_value_bytes
        if size > limit:
            raise ValueTooLarge(name, '$', f'{size} bytes of JSON are more than max_value_bytes={limit}')

    def _require_room(self, name: str, size: int, growth: int) -> None:
        policy = self._shared.policy
        if growth > 0 and self._size + growth > policy.max_document_bytes:
            self._size = len(to_bytes(self.document))  # after a merge it is an estimate, and never too low
        if growth > 0 and self._size + growth > policy.max_document_bytes:
            raise ValueTooLarge(name, '$', f'the document would exceed max_document_bytes={policy.max_document_bytes}')
        if (
            self._pending.size + size > policy.max_session_pending
            or self._shared.pending_bytes + size > policy.max_process_pending
        ):
            self._shared.counts['refused_changes'] += 1
            self._shared.say_once('full', 'too much is pending while the store is away; further changes are refused')
            raise TooMuchPending(name, '$', 'the store is away and too much is pending')
