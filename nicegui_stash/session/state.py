"""A session's document in memory: what is known of it, what is pending, and who shows it. Nothing here waits."""

from __future__ import annotations

from copy import copy

from ..model.document import (
    SESSION_PART,
    Document,
    Part,
    Raw,
    Slice,
    SliceId,
    Values,
    new_document,
    prune,
    stamp,
    to_bytes,
)
from ..model.operations import Operation, Set, Update, apply, begin_again, rebase, settle_unread
from ..stores.base import ETag
from .loading import Condition, Fetched
from .pending import OperationKey, Pending
from .shared import Shared
from .subscriber import Audience


class DocumentState:
    """A document and the changes of it that are not durable yet.

    `size` is the document's length in bytes: exact after a snapshot, after a merge an upper estimate.
    `cells` caches where a field's values are; whoever replaces a slice clears it.
    `must_read` says that the object is to be read before the next put.
    """

    __slots__ = (
        'audience',
        'cells',
        'condition',
        'document',
        'etag',
        'inherited',
        'key',
        'live',
        'must_read',
        'pending',
        'shared',
        'size',
    )

    def __init__(self, key: str, shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False`: nothing can be stored, so nothing has to be read."""
        self.key = key
        self.shared = shared
        self.document: Document = new_document(born=0 if exists else shared.now())
        self.condition: Condition = 'unread' if exists else 'fresh'
        self.etag: ETag | None = None
        self.must_read = exists
        self.inherited: tuple[tuple[str, ETag], ...] = ()
        self.pending = Pending(shared)
        self.size: int = 0
        self.cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self.live: dict[tuple[SliceId, Part], int] = {}
        self.audience = Audience()

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self.condition not in {'unread', 'unreadable'}

    @property
    def is_stored(self) -> bool:
        """Whether an object is known to exist, under this key or an older one."""
        return self.etag is not None or bool(self.inherited)

    def values(self, slice_id: SliceId, part: Part) -> Values:
        """Return the values of a part, to read; empty if there are none."""
        found = self.document.slice(slice_id)
        return (found.values(part) if found else None) or {}

    def hold(self, slice_id: SliceId, part: Part) -> None:
        """Count a page that shows this part: while one does, the part is kept and counts as seen."""
        self.live[slice_id, part] = self.live.get((slice_id, part), 0) + 1

    def release(self, slice_id: SliceId, part: Part) -> None:
        pages = self.live.pop((slice_id, part), 0) - 1
        if pages > 0:
            self.live[slice_id, part] = pages

    # ---- changing

    def accept(self, key: OperationKey, operation: Operation) -> None:
        """Apply an operation and keep it until it is durable."""
        apply(self.document, [operation])
        self.cells.clear()
        self.pending.add(key, operation)

    def accept_absent(self, slice_id: SliceId, part: Part, name: str, raw: Raw) -> None:
        """Accept a value that is in the document already; elsewhere it holds only where nothing is stored."""
        shared, reset = self.shared, self.document.ensure(slice_id).reset
        self.size += len(name) + 4 + len(raw)
        self.document.erased = False
        self.pending.add(
            (slice_id, part, name),
            Set(shared.next_sequence(), self.document.epoch, reset, slice_id, part, name, raw, absent=True),
        )
        self.audience.tell_changed(slice_id, part, name)

    def measure(self) -> int:
        """Return the document's exact size in bytes, and go on counting from there."""
        self.size = len(to_bytes(self.document))
        return self.size

    def set_apart(self, why: str) -> None:
        """Leave the others of the registry: from now on nothing is written for this document."""
        self.shared = self.shared.apart(why)

    def give_pending_up(self) -> None:
        """Drop what is pending; later changes are counted apart, too."""
        self.pending.discard(lambda _: True)
        self.pending = Pending(self.shared)

    def revive(self, born: int | None, operations: list[Operation]) -> None:
        """Continue where a process ended that had accepted these for the document of this `born`, or for an unread one.

        Its own document is not known here; what it had accepted replaces an object only if that cannot be read.
        """
        if born is not None:
            self.document, self.condition = new_document(born=born), 'found'
            apply(self.document, [copy(operation) for operation in operations])
        for operation in operations:
            self.pending.add((operation.sequence,), operation)

    # ---- reading and writing

    def merge(self, fetched: Fetched) -> None:
        """Replace the document by one that was just read, and apply to it what is pending."""
        shared, document, condition = self.shared, fetched.document, fetched.condition
        overruled: list[Set] = []
        operations = list(self.pending)
        if condition == 'found' and document.seen < shared.now() - shared.policy.ttl * 1000:
            document = Document(document.format, 0, document.seen, document.applied, {}, born=shared.now())
            condition = 'expired'
        if not self.is_read:
            operations, overruled = settle_unread(document, operations)
            self.condition = 'fresh' if document.erased else condition
        elif document.born != self.document.born:
            begin_again(operations)
        held = {id(operation) for operation in rebase(document, operations, shared.writer)}
        self.pending.discard(lambda operation: id(operation) not in held)
        self.document, self.etag, self.must_read = document, fetched.etag, False
        self.inherited = fetched.inherited or self.inherited
        self.cells.clear()
        self.size = fetched.size + self.pending.size
        self.pending.settle(document.applied.get(shared.writer, -1))
        self.pending.must_note_all = bool(self.pending)  # they belong to this document from now on
        for operation in overruled:
            self.audience.tell_rejected(operation)
        self.audience.tell_replaced()

    def snapshot(self, last: int) -> bytes:
        """Assemble the bytes to put, up to the operation with sequence `last`, from values that are encoded already."""
        shared, now = self.shared, self.shared.now()
        written = [operation for operation in self.pending if isinstance(operation, (Set, Update))]
        live = {(operation.slice, operation.part) for operation in written} | set(self.live)
        names = {id_ for id_, _ in live}
        stamp(self.document, shared.writer, last, now, live)
        prune(
            self.document,
            now,
            int(shared.policy.ttl * 1000),
            int(shared.policy.tab_ttl * 1000),
            shared.max_keys,
            lambda id_, part: (id_, part) in live or (part == SESSION_PART and id_ in names),
        )
        self.cells.clear()
        body = to_bytes(self.document)
        self.size = len(body)
        return body
