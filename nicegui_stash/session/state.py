"""A session's document in memory: what is known of it, what is pending, and who shows it. Nothing here waits."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from ..model.document import (
    SESSION_PART,
    Document,
    Part,
    Raw,
    Slice,
    SliceId,
    Values,
    from_bytes,
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

PRUNINGS = 100
"""How often in the life of a tab's values a document that does not grow is pruned: they live so much longer at most."""


class DocumentState:
    """A document and the changes of it that are not durable yet.

    `size` is the document's length in bytes: exact after a snapshot, after a merge an upper estimate.
    `cells` caches where a field's values are; whoever adds or replaces a slice or a part calls `moved`.
    `must_read` says that the object is to be read before the next put.
    """

    __slots__ = (
        '_document',
        'audience',
        'cells',
        'condition',
        'etag',
        'inherited',
        'key',
        'live',
        'must_read',
        'pending',
        'pruned',
        'shared',
        'size',
    )

    def __init__(self, key: str, shared: Shared, *, exists: bool = True) -> None:
        """Begin unread; `exists=False`: nothing can be stored, so nothing has to be read."""
        self.key = key
        self.shared = shared
        self._document: Document | bytes = new_document(born=0 if exists else shared.now())
        self.condition: Condition = 'unread' if exists else 'fresh'
        self.etag: ETag | None = None
        self.must_read = exists
        self.inherited: tuple[tuple[str, ETag], ...] = ()
        self.pending = Pending(shared)
        self.size: int = 0
        self.pruned = 0
        self.cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self.live: dict[tuple[SliceId, Part], int] = {}
        self.audience = Audience()

    @property
    def document(self) -> Document:
        """The document; one that nobody has asked for since it was read is kept as its bytes, in half the memory."""
        if isinstance(self._document, bytes):
            self._document = from_bytes(self._document)
        return self._document

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

    def moved(self) -> None:
        """Note that slices or parts are new or gone: they are looked up again, and the next put prunes."""
        self.cells.clear()
        self.pruned = 0

    def accept(self, key: OperationKey, operation: Operation) -> None:
        """Apply an operation and keep it until it is durable."""
        apply(self.document, [operation])
        self.moved()
        self.pending.add(key, operation)

    def accept_absent(self, slice_id: SliceId, part: Part, name: str, raw: Raw) -> None:
        """Accept a value that is in the document already; elsewhere it holds only where nothing is stored."""
        shared, reset = self.shared, self.document.ensure(slice_id).reset
        self.size += len(name) + 4 + len(raw)
        self.document.erased = False
        self.moved()
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

    # ---- reading and writing

    def merge(self, fetched: Fetched) -> None:
        """Replace the document by one that was just read, and apply to it what is pending."""
        shared, document, condition, body = self.shared, fetched.document, fetched.condition, fetched.body
        overruled: list[Set] = []
        operations = list(self.pending)
        if condition == 'found' and document.seen < shared.now() - shared.policy.ttl * 1000:
            document = Document(document.format, 0, document.seen, document.applied, {}, born=shared.now())
            condition, body = 'expired', None
        if not self.is_read:
            operations, overruled = settle_unread(document, operations)
            self.condition = 'fresh' if document.erased else condition
        elif document.born != self.document.born:
            begin_again(operations)
        held = {id(operation) for operation in rebase(document, operations, shared.writer)}
        self.pending.discard(lambda operation: id(operation) not in held)
        self._document = document if body is None or operations or self.audience.subscribers else body
        self.etag, self.must_read = fetched.etag, False
        self.inherited = fetched.inherited or self.inherited
        self.moved()
        self.size = fetched.size + self.pending.size
        self.pending.settle(document.applied.get(shared.writer, -1))
        for operation in overruled:
            self.audience.tell_rejected(operation)
        self.audience.tell_replaced()

    def snapshot(self, last: int) -> bytes:
        """Assemble the bytes to put, up to the operation with sequence `last`, from values that are encoded already."""
        now = self.shared.now()
        written = {(each.slice, each.part) for each in self.pending if isinstance(each, (Set, Update))}
        live = written.union(self.live)
        stamp(self.document, self.shared.writer, last, now, live)
        self._prune(now, live)
        body = to_bytes(self.document)
        self.size = len(body)
        return body

    def _prune(self, now: int, live: AbstractSet[tuple[SliceId, Part]]) -> None:
        """Prune what has grown, and what may be too old by now: not at each put, since it looks at every part."""
        policy = self.shared.policy
        if 0 <= (now - self.pruned) * PRUNINGS < min(policy.ttl, policy.tab_ttl) * 1000:
            return
        names = {id_ for id_, _ in live}
        prune(
            self.document,
            now,
            int(policy.ttl * 1000),
            int(policy.tab_ttl * 1000),
            self.shared.max_keys,
            lambda id_, part: (id_, part) in live or (part == SESSION_PART and id_ in names),
        )
        self.cells.clear()
        self.pruned = now
