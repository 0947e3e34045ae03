"""A session's document in memory: what is known of it, who shows it, and what is pending. Nothing here waits."""

from __future__ import annotations

from ..model.document import SESSION_PART, Document, Part, Slice, SliceId, Values, new_document, prune, stamp, to_bytes
from ..model.operations import Set, Update, begin_again, rebase, settle_unread
from ..stores.base import ETag
from .loading import Condition, Fetched
from .pending import Pending
from .shared import Shared
from .subscriber import Activity, Subscriber


class Resident:
    """A document, what is pending for it, and the pages that show it."""

    __slots__ = (
        '__weakref__',
        '_cells',
        '_etag',
        '_inherited',
        '_live',
        '_must_read',
        '_pending',
        '_shared',
        '_size',
        '_subscribers',
        '_writing',
        'condition',
        'document',
        'key',
        'problem',
        'refuses',
        'seal',
    )

    def __init__(self, key: str, shared: Shared, *, exists: bool) -> None:
        self.key = key
        self.document: Document = new_document(born=0 if exists else shared.now())
        self.condition: Condition = 'unread' if exists else 'fresh'
        self.problem: str | None = None
        self.refuses = False
        self.seal = ''  # `Registry.seal` of this session, once a page was given it
        self._shared = shared
        self._etag: ETag | None = None
        self._must_read = exists
        self._inherited: tuple[tuple[str, ETag], ...] = ()
        self._pending = Pending(shared)
        self._size: int = 0
        self._subscribers: list[Subscriber] = []
        self._cells: dict[tuple[SliceId, Part], tuple[Slice, Values]] = {}
        self._live: dict[tuple[SliceId, Part], int] = {}
        self._writing = False

    @property
    def is_read(self) -> bool:
        """Whether the document is known; until then changes are provisional and nothing is put."""
        return self.condition not in {'unread', 'unreadable'}

    @property
    def pending(self) -> int:
        """How many changes are not durable yet."""
        return len(self._pending)

    @property
    def accepted(self) -> int:
        """A number that grows with what is accepted, for `is_durable`."""
        return self._pending.last if self._pending else self._pending.settled

    def is_durable(self, accepted: int) -> bool:
        """Whether everything is in the store that was accepted when `accepted` was this number."""
        return not self._pending or self._pending.settled >= accepted

    @property
    def pending_bytes(self) -> int:
        return self._pending.size

    @property
    def settled(self) -> int:
        """A number that grows whenever changes of this session have become durable."""
        return self._pending.settled

    @property
    def activity(self) -> Activity:
        if self.problem is not None:
            return 'refused' if self.refuses else 'offline'
        if self._writing:
            return 'saving'
        return 'pending' if self._pending else 'saved'

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

    def _merge(self, fetched: Fetched) -> None:
        """Take a document that was just read, and apply to it what is pending."""
        document, condition = fetched.document, fetched.condition
        overruled: list[Set] = []
        operations = list(self._pending)
        if condition == 'found' and document.seen < self._shared.now() - self._shared.policy.ttl * 1000:
            document = Document(document.format, 0, document.seen, document.applied, {}, born=self._shared.now())
            condition = 'expired'
        if not self.is_read:
            operations, overruled = settle_unread(document, operations)
            self.condition = 'fresh' if document.erased else condition
        elif document.born != self.document.born:
            begin_again(operations)
        held = {id(operation) for operation in rebase(document, operations, self._shared.writer)}
        self._pending.discard(lambda operation: id(operation) not in held)
        self.document, self._etag, self._must_read = document, fetched.etag, False
        self._inherited = fetched.inherited or self._inherited
        self._cells.clear()
        self._size = fetched.size + self._pending.size
        self._pending.settle(document.applied.get(self._shared.writer, -1))
        for operation in overruled:
            for subscriber in list(self._subscribers):
                subscriber.rejected(operation)
        self._tell_replaced()

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

    def _tell_replaced(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.replaced()

    def _tell_activity(self) -> None:
        for subscriber in list(self._subscribers):
            subscriber.activity_changed()
