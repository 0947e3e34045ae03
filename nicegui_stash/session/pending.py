"""Accepted changes of one session that are not durable yet, and the waiters for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from ..errors import StoreError
from ..model.document import Document, Raw
from ..model.lost import as_sets, still_held
from ..model.operations import Adopt, Forget, Operation, Place, Reset, Set, Update, Withdraw, digest_of
from .record import Puts
from .shared import Shared

OperationKey = tuple[object, ...]
MOST_CLASSES: Final = 100
"""How many classes are counted apart; the rest counts as `OTHERS`."""
OTHERS: Final = '(others)'


class Pending:
    """Operations in order of acceptance. A newer one replaces an older one of the same key, and goes to the end."""

    __slots__ = (
        '_durable',
        '_kept',
        '_noted',
        '_operations',
        '_put_back',
        '_shared',
        '_waiters',
        'must_note_all',
        'own',
        'size',
    )

    def __init__(self, shared: Shared) -> None:
        self.size = 0
        self.own: dict[Place, Set] = {}  # what became durable here last, by place: a store may lose it
        self._shared = shared
        self._operations: dict[OperationKey, Operation] = {}
        self._waiters: tuple[tuple[int, asyncio.Future[None]], ...] = ()
        self._durable = -1
        self._noted = -1  # the newest that the journal was given, and the newest that is on its disk
        self._kept = -1
        self._put_back = -1  # up to here there are only changes that the store had and has lost
        self.must_note_all = False

    def __len__(self) -> int:
        return len(self._operations)

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())

    @property
    def last(self) -> int:
        """The sequence of the newest operation; fails if there is none."""
        return next(reversed(self._operations.values())).sequence

    @property
    def settled(self) -> int:
        """The sequence up to which everything is in the store."""
        return self._durable

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def add(self, key: OperationKey, operation: Operation) -> None:
        operations = self._operations
        older = operations.pop(key, None)
        size = len(operation.raw) if type(operation) is Set else _size_of(operation)
        if older is not None:
            size -= len(older.raw) if type(older) is Set else _size_of(older)
            if older.sequence <= self._noted:
                self._drop_noted(older)
        operations[key] = operation
        self.size += size
        self._shared.pending_bytes += size

    def over(self, key: OperationKey, raw: Raw | None) -> tuple[tuple[str, ...], int]:
        """Return `over` and `since` of a change that is to replace this value, or what it has replaced here, alone."""
        older, digest = self._operations.get(key), digest_of(raw)
        if not isinstance(older, Set):
            return (digest,), -1
        if older.over:
            return tuple(dict.fromkeys((*older.over, digest))), older.since
        return (digest,), older.sequence

    def add_last(self, operation: Operation) -> None:
        """Append a barrier: earlier operations may not be reordered past it."""
        self._operations = {(id(earlier),): earlier for earlier in self}
        self._operations[id(operation),] = operation
        self._account(_size_of(operation))

    def add_first(self, operations: list[Operation]) -> None:
        """Put operations before all others, whose sequences are higher."""
        later, self._operations = self._operations, {}
        for operation in operations:
            self._operations[id(operation),] = operation  # they may share a sequence
            self._account(_size_of(operation))
        self._operations |= later
        self.put_back(operations[-1].sequence)

    def put_back(self, sequence: int) -> None:
        """Note that the store has lost the document: up to here only it makes anything durable, and not the journal."""
        self._put_back = max(self._put_back, sequence)

    def discard(self, unwanted: Callable[[Operation], bool]) -> None:
        for key, operation in list(self._operations.items()):
            if unwanted(operation):
                self._leave(self._operations.pop(key))

    def settle(self, sequence: int) -> None:
        """Remove what is in the store: everything up to this sequence."""
        self._durable = max(self._durable, sequence)
        operations = self._operations
        if operations and self.last > sequence:
            settled = [(key, each) for key, each in operations.items() if each.sequence <= sequence]
            for key, operation in settled:
                self._leave(operations.pop(key))
                self._note_own(operation)
        else:
            for operation in operations.values():
                self._drop_noted(operation)
                self._note_own(operation)
            self._shared.pending_bytes -= self.size
            self.size = 0
            operations.clear()
        self.release()

    def _note_own(self, operation: Operation) -> None:
        if isinstance(operation, Set):
            self._count(operation)
            if not operation.absent:  # what only filled a gap is as old as it was before
                self.own[operation.slice, operation.part, operation.field] = operation
        elif isinstance(operation, Update):
            for put in as_sets(operation):
                self._count(put)
                self.own[put.slice, put.part, put.field] = put

    def _count(self, durable: Set) -> None:
        name, by_class = durable.slice.name, self._shared.by_class
        row = by_class.get(name)
        if row is None:
            is_apart = name in self._shared.schemas and len(by_class) < MOST_CLASSES  # others may be a visitor's names
            row = by_class.setdefault(name if is_apart else OTHERS, Puts())
        row.count += 1
        row.size += len(durable.raw)

    def keep_own(self, document: Document) -> None:
        """Let go of what others have overwritten, or what was erased."""
        self.own = still_held(self.own, document)

    def release(self) -> None:
        """Wake the waiters whose changes are durable, and all of them if nothing is pending."""
        if not self._waiters:
            return
        waiters, self._waiters = self._waiters, ()
        for sequence, waiter in waiters:
            if self._operations and sequence > self._durable:
                self._waiters += ((sequence, waiter),)
            elif not waiter.done():
                waiter.set_result(None)

    def fail(self, error: StoreError) -> None:
        """Raise an error in all waiters: an attempt failed. Pending changes stay."""
        waiters, self._waiters = self._waiters, ()
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def durable(self) -> asyncio.Future[None]:
        """Return a future that is done when all current changes are durable, and fails if an attempt fails."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters += ((self.last, waiter),)
        return waiter

    # ---- the journal

    @property
    def needs_store(self) -> bool:
        """Whether only the store makes all of this durable: what is counted or erased must be so for every server."""
        return self._put_back > self._durable or any(
            isinstance(operation, (Update, Adopt, Withdraw, Reset, Forget)) for operation in self
        )

    def is_kept_to(self, sequence: int) -> bool:
        """Whether all up to this sequence is in the journal, or in the store."""
        return self._durable >= sequence or (self._kept >= sequence and not self.must_note_all)

    @property
    def kept(self) -> int:
        """The sequence up to which everything is in the store or was committed to the journal."""
        return max(self._durable, self._kept)

    def keep(self, sequence: int) -> None:
        """Note that all up to this sequence is on the journal's disk."""
        self._kept = max(self._kept, sequence)

    def take_unnoted(self) -> list[Operation]:
        """Return what the journal has not been given yet, in order."""
        since = self._noted
        if self.must_note_all:
            since = self._kept = -1
            self.must_note_all = False
        since = max(since, self._put_back)
        found: list[Operation] = []
        for operation in reversed(self._operations.values()):
            if operation.sequence <= since:
                break
            found.append(operation)
        found.reverse()
        if found:
            self._noted = max(self._noted, found[-1].sequence)
        return found

    def _leave(self, operation: Operation) -> None:
        self._account(-_size_of(operation))
        self._drop_noted(operation)

    def _drop_noted(self, operation: Operation) -> None:
        if operation.sequence <= self._noted and self._shared.journal is not None:
            self._shared.journal.drop(operation.sequence)

    def _account(self, size: int) -> None:
        self.size += size
        self._shared.pending_bytes += size


def _size_of(operation: Operation) -> int:
    """Return what an operation counts in the limits of what is pending."""
    if isinstance(operation, Set):
        return len(operation.raw)
    return operation.size if isinstance(operation, (Update, Adopt)) else 0
