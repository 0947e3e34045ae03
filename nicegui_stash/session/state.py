"""A session's document in memory: what is known of it, what is pending, and who shows it. Nothing here waits."""

from __future__ import annotations

from copy import copy
from typing import cast

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
from ..model.lost import has_news, is_older, lost_changes
from ..model.operations import (
    Adopt,
    Forget,
    Operation,
    Set,
    Touch,
    Update,
    apply,
    begin_again,
    rebase,
    settle_unread,
)
from ..model.pieces import Json, Pieces
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
    `must_read` says that the object is to be read before the next put. `seen` is that of the document as it was read or
    put last, 0 if neither was done: then the store cannot have lost it.
    """

    __slots__ = (
        '_document',
        '_unjoined',
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
        'seen',
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
        self.seen = 0
        self.inherited: tuple[tuple[str, ETag], ...] = ()
        self.pending = Pending(shared)
        self.size: int = 0
        self.pruned = 0
        self.cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self.live: dict[tuple[SliceId, Part], int] = {}
        self.audience = Audience()
        self._unjoined: dict[OperationKey, tuple[Set, Values]] = {}

    @property
    def document(self) -> Document:
        """The document; one that nobody has asked for since it was read is kept as its bytes, in half the memory."""
        if self._unjoined:
            self.join()
        return self.latest

    @property
    def latest(self) -> Document:
        """The document as it is, also with values whose JSON is still in pieces: not to be read or encoded."""
        if isinstance(self._document, bytes):
            self._document = from_bytes(self._document)
        return self._document

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self.condition not in {'unread', 'unreadable', 'sealed'}

    @property
    def is_stored(self) -> bool:
        """Whether an object is known to exist, under this key or an older one."""
        return self.etag is not None or bool(self.inherited)

    @property
    def is_new(self) -> bool:
        """Whether a put would make an object that was never there, and not for an erasure."""
        return not (self.is_stored or self.seen or any(isinstance(operation, Forget) for operation in self.pending))

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

    def put_value(self, operation: Set, values: Values, json: Json) -> None:
        """Take a new value, and keep the change until it is durable. Pieces are joined when somebody looks at them."""
        key = operation.slice, operation.part, operation.field
        if isinstance(json, Pieces):
            self._unjoined[key] = operation, values
        elif self._unjoined:
            self._unjoined.pop(key, None)
        values[operation.field] = operation.raw
        self.pending.add(key, operation)

    def join(self) -> None:
        """Join what is in pieces, in the document and in what is pending."""
        unjoined, self._unjoined = self._unjoined, {}
        for operation, values in unjoined.values():
            pieces = cast(Json, operation.raw)
            if isinstance(pieces, Pieces):
                operation.raw = pieces.raw()
                if values.get(operation.field) is pieces:
                    values[operation.field] = operation.raw

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

    def revive(self, born: int | None, operations: list[Operation]) -> None:
        """Continue where a process ended that had accepted these for the document of this `born`, or for an unread one.

        Its own document is not known here; what it had accepted replaces an object only if that cannot be read.
        """
        if born is not None:
            self._document, self.condition = new_document(born=born), 'found'
            for operation in map(copy, operations):
                if isinstance(operation, Set):
                    operation.over = ()  # what it was to replace is not known here
                apply(self.document, [operation])
        for operation in operations:
            self.pending.add((operation.sequence,), operation)

    # ---- reading and writing

    def merge(self, fetched: Fetched) -> None:
        """Replace the document by one that was just read, and apply to it what is pending.

        But where the store has lost what was read or put before, memory has it, and it is put again.
        """
        self.join()
        shared, document, condition, body = self.shared, fetched.document, fetched.condition, fetched.body
        overruled: list[Set] = []
        if condition == 'found' and self._is_too_old(document.seen):
            document = Document(document.format, 0, document.seen, document.applied, {}, born=shared.now())
            condition, body = 'expired', None
        if self._should_be_there(fetched):
            if fetched.is_gone or condition == 'expired' or self._is_older(document):
                self._keep(fetched)
                return
            self._put_back(document)
        operations = list(self.pending)
        if not self.is_read:
            operations, overruled = settle_unread(document, operations)
            self.condition = 'fresh' if document.erased else condition
        elif document.born != self.document.born:
            begin_again(operations)
        held = {id(operation) for operation in rebase(document, operations, shared.writer)}
        self.pending.settle(document.applied.get(shared.writer, -1))
        self.pending.discard(lambda operation: id(operation) not in held)
        self._document = document if body is None or operations or self.audience.subscribers else body
        self.etag, self.must_read = fetched.etag, False
        self.inherited = fetched.inherited or self.inherited
        self.moved()
        self.seen = document.seen if condition == 'found' else 0
        self.size = fetched.size + self.pending.size
        self.pending.keep_own(document)
        self.pending.must_note_all = bool(self.pending)  # they belong to this document from now on
        self.pending.release()
        for operation in overruled:
            self.audience.tell_rejected(operation)
        self.audience.tell_replaced()

    def stored(self, etag: ETag, last: int) -> None:
        """Note that what was assembled up to this operation is durable."""
        self.etag, self.seen = etag, self.document.seen
        self.pending.settle(last)

    # ---- what the store has lost

    def _is_too_old(self, seen: int) -> bool:
        return seen < self.shared.certain() - self.shared.policy.ttl * 1000

    def _should_be_there(self, fetched: Fetched) -> bool:
        """Whether no `ttl` and no tombstone explains that the object is another than the one read or put before."""
        if not (self.is_read and self.seen) or self.shared.closed or self._is_too_old(self.seen):
            return False
        if any(isinstance(operation, Forget) for operation in self.pending):
            return False  # it erases whatever is there
        return not (fetched.is_erased_there and self.etag is None)

    def _known_applied(self) -> dict[str, int]:
        """Return what was in the store for certain; a put that was not applied is stamped in memory alone."""
        return {**self.document.applied, self.shared.writer: self.pending.settled}

    def _is_older(self, document: Document) -> bool:
        """Whether the object is an older state of the document, to which nobody has added anything."""
        known = self.document
        if document.born != known.born or not is_older(document, known, self._known_applied()):
            return False
        return document.epoch < known.epoch or not has_news(document, known)

    def _keep(self, fetched: Fetched) -> None:
        """Let the document in memory replace the object, or make it again."""
        self.etag, self.must_read = fetched.etag, False
        self.inherited = fetched.inherited or self.inherited
        if not self.pending:
            self.pending.add(('touch',), Touch(self.shared.next_sequence()))
        self.pending.put_back(self.pending.last)
        self._tell_lost()

    def _put_back(self, document: Document) -> None:
        """Put again what an object lacks that was begun or restored without it, and that others have changed since."""
        shared, pending, known = self.shared, self.pending, self.document
        if document.born == known.born and not is_older(document, known, self._known_applied()):
            return
        first = next(iter(pending), None)  # what is put again comes before it, also a second time
        sequence = (first.sequence - 1) | 1 if first else shared.next_sequence()
        applied = document.applied.get(shared.writer, -1)
        newer = {(put.slice, put.part, put.field) for put in pending if isinstance(put, Set)}
        if lost := lost_changes(document, known, pending.own, applied, sequence, newer):
            pending.add_first(lost)
            self._tell_lost()

    def _tell_lost(self) -> None:
        shared = self.shared
        shared.counts['put_back'] += 1
        shared.say_once(
            'lost',
            'the store has lost what was stored: session %s is gone there, or older than it was, and is put back from '
            'memory, as others will be; statistics() counts them',
            self.key,
        )
        shared.say_again('lost')
        shared.look_around()

    def snapshot(self, last: int) -> bytes:
        """Assemble the bytes to put, up to the operation with sequence `last`, from values that are encoded already."""
        document, policy = self.document, self.shared.policy
        now, certain = self.shared.clock.times()
        written = {(each.slice, each.part) for each in self.pending if isinstance(each, (Set, Update))}
        written |= {
            (slice_id, SESSION_PART)
            for each in self.pending
            if isinstance(each, Adopt)
            for slice_id, _, _ in each.values
        }
        live = written.union(self.live)
        stamp(document, self.shared.writer, last, now, live)
        is_pruned = 0 <= (now - self.pruned) * PRUNINGS < min(policy.ttl, policy.tab_ttl) * 1000
        if not is_pruned:  # what has grown, or may be too old by now; not at each put, since every part is looked at
            names = {id_ for id_, _ in live}
            prune(
                document,
                certain,
                int(policy.ttl * 1000),
                int(policy.tab_ttl * 1000),
                self.shared.max_keys,
                lambda id_, part: (id_, part) in live or (part == SESSION_PART and id_ in names),
            )
            self.cells.clear()
            self.pruned = now
        body = to_bytes(document)
        self.size = len(body)
        sealing = self.shared.sealing
        return sealing.seal(self.key, document, body) if sealing.encrypts else body
