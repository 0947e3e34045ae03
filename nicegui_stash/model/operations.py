"""Operations on a document, and re-applying them onto a document that another server wrote meanwhile.

Pure, as documents are: values in, values out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from .document import MAX_NATURAL, SESSION_PART, Document, Part, Raw, Slice, SliceId


class Set(msgspec.Struct, tag=True, gc=False):
    """A field's new value. `absent`: only if the field has none, as for values of a migration or a duplicated tab."""

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    part: Part
    field: str
    raw: Raw
    absent: bool = False


class Drop(msgspec.Struct, tag=True):
    """Delete the values of a tab or a visit."""

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    part: Part


Place = tuple[SliceId, Part, str]
"""Where a value is: slice, part and field."""

Written = tuple[Part, str, Raw]


class Update(msgspec.Struct):
    """A read-modify-write of one slice: `change` returns the writes for the present slice; it may run repeatedly.

    `error` has the exception of `change`, which then writes nothing. `size`: its bytes in the pending limit. `written`:
    what it wrote last.
    """

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    change: Callable[[Slice], list[Written]]
    size: int = 0
    part: Part = SESSION_PART
    error: Exception | None = None
    written: list[Written] = []


class Reset(msgspec.Struct, tag=True):
    """Delete a slice; changes that other servers accepted earlier must not come back."""

    sequence: int
    epoch: int
    slice: SliceId


class Adopt(msgspec.Struct):
    """Values that come from another document, once: the document notes the `state` of the `source` that it has got.

    Where a field has a value already, that stays, unless `replace`. `size`: its bytes in the pending limit.
    """

    sequence: int
    epoch: int
    source: str
    state: str
    values: list[tuple[SliceId, str, Raw]]
    replace: bool
    size: int = 0


class Forget(msgspec.Struct, tag=True):
    """Erase the document; with `epoch`, only one that was not erased since it had that."""

    sequence: int
    epoch: int = -1


class Touch(msgspec.Struct):
    """Refresh `seen`: a put that changes nothing else."""

    sequence: int


Operation = Set | Drop | Update | Adopt | Reset | Forget | Touch

ADOPTED: Final = SliceId('nicegui_stash.adopted', 1)
"""Where a document notes what it has adopted, by source."""
MAX_ADOPTED: Final = 100
"""How many sources it remembers: as many adoptions may be interrupted before each is done."""


def apply(document: Document, operations: Iterable[Operation]) -> list[Operation]:
    """Re-apply accepted operations, in order, onto a document that another server wrote meanwhile.

    Changes the document and returns the applied operations, stamped with its epoch and resets. Leaves out operations
    that were accepted before the document was forgotten, or before another server reset their slice.
    """
    held: list[Operation] = []
    forgotten = False
    reset: set[SliceId] = set()
    for operation in operations:
        if not forgotten and _comes_too_late(document, operation):
            continue
        match operation:
            case Forget():
                forgotten = True
                document.epoch = min(document.epoch + 1, MAX_NATURAL)  # more could not be read again
                document.slices = {}
                document.erased = True
            case Reset():
                document.erased = False
                for id_ in (operation.slice, *_older(document, operation.slice)):
                    reset.add(id_)
                    erased = document.ensure(id_)
                    erased.reset = min(erased.reset + 1, MAX_NATURAL)
                    erased.data, erased.tabs, erased.visits = {}, {}, {}
                operation.epoch = document.epoch
            case Set() | Drop() | Update():
                found = document.slice(operation.slice)
                current = found.reset if found else 0
                if not forgotten and operation.slice not in reset and operation.reset < current:
                    continue
                operation.epoch, operation.reset = document.epoch, current
                if not _change(document, operation):
                    continue
            case Adopt():
                operation.epoch = document.epoch
                if not _adopt(document, operation):
                    continue
            case Touch():
                pass
        held.append(operation)
    return held


def _comes_too_late(document: Document, operation: Operation) -> bool:
    """Whether the document was forgotten since an operation was accepted."""
    match operation:
        case Touch():
            return False
        case Forget():
            return 0 <= operation.epoch != document.epoch
        case _:
            return operation.epoch < document.epoch


def _older(document: Document, slice_id: SliceId) -> list[SliceId]:
    """Return the slices of lower versions, including those that another server wrote before it knew of a reset."""
    return [
        id_
        for id_, _ in document.all_slices()
        if (id_.name, id_.key) == (slice_id.name, slice_id.key) and id_.version < slice_id.version
    ]


def _change(document: Document, operation: Set | Drop | Update) -> bool:
    if isinstance(operation, Update):
        return _update(document, operation)
    if isinstance(operation, Drop):
        found = document.slice(operation.slice)
        if found is not None:
            (found.tabs if operation.part.kind == 'tabs' else found.visits).pop(operation.part.id, None)
        return True
    values = document.values(operation.slice, operation.part)
    if operation.absent and operation.field in values:
        return False
    values[operation.field] = operation.raw
    document.erased = False
    return True


def _adopt(document: Document, operation: Adopt) -> bool:
    adopted, state = document.values(ADOPTED, SESSION_PART), Raw(msgspec.json.encode(operation.state))
    if adopted.pop(operation.source, None) == state:
        adopted[operation.source] = state
        return False
    adopted[operation.source] = state  # last, so that the order is that of adoption
    for source in list(adopted)[:-MAX_ADOPTED]:
        del adopted[source]
    for slice_id, name, raw in operation.values:
        values = document.values(slice_id, SESSION_PART)
        if operation.replace or name not in values:
            values[name] = raw
    document.erased = False
    return True


def _update(document: Document, operation: Update) -> bool:
    try:
        written = operation.change(document.slice(operation.slice) or Slice())
    except Exception as error:  # noqa: BLE001 it is the app's code; the caller of the update gets the error
        operation.error = error
        return False
    operation.written = written
    for part, name, raw in written:
        document.values(operation.slice, part)[name] = raw
    document.erased = document.erased and not written
    return True


def rebase(document: Document, operations: Iterable[Operation], writer: str) -> list[Operation]:
    """Apply pending operations onto a document that was just read, except those that its `applied` covers."""
    settled = document.applied.get(writer, -1)
    return apply(document, [operation for operation in operations if operation.sequence > settled])


def begin_again(operations: Iterable[Operation]) -> None:
    """Transfer operations accepted for an expired or swept document to its successor.

    The successor counts its epoch and resets from 0. So its own resets apply to these operations, while those of the
    old document are unknown by now.
    """
    for operation in operations:
        if isinstance(operation, (Set, Drop, Update)):
            operation.epoch = operation.reset = 0
        elif isinstance(operation, (Adopt, Reset)):
            operation.epoch = 0
        elif isinstance(operation, Forget) and operation.epoch >= 0:
            operation.epoch = MAX_NATURAL + 1  # it was not about this one


def settle_unread(document: Document, operations: Iterable[Operation]) -> tuple[list[Operation], list[Set]]:
    """Split operations accepted before the first read into those to apply to the document, and rejected ones.

    A different value in the document wins: a person who typed into a list that looked empty did not mean to wipe its
    content. The kept operations are stamped with the document's epoch and resets, but not applied yet.
    """
    kept: list[Operation] = []
    rejected: list[Set] = []
    cleared: set[SliceId] = set()
    dropped: set[tuple[SliceId, Part]] = set()
    forgotten = False
    for operation in operations:
        if isinstance(operation, Forget):
            forgotten = True
        elif isinstance(operation, Reset):
            cleared.add(operation.slice)
            operation.epoch = document.epoch
        elif isinstance(operation, (Set, Drop, Update)):
            found = document.slice(operation.slice)
            operation.epoch, operation.reset = document.epoch, found.reset if found else 0
            if isinstance(operation, Drop):
                dropped.add((operation.slice, operation.part))
            guarded = forgotten or operation.slice in cleared or (operation.slice, operation.part) in dropped
            if isinstance(operation, Set) and found and not guarded:
                there = (found.values(operation.part) or {}).get(operation.field)
                if there is not None:
                    if there != operation.raw:
                        rejected.append(operation)
                    continue
        kept.append(operation)
    return kept, rejected
