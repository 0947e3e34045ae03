"""Operations on a document, and re-applying them onto a document that another server wrote meanwhile.

Pure, as documents are: values in, values out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from .document import MAX_NATURAL, SESSION_PART, Document, Part, Raw, Slice, SliceId


class Set(msgspec.Struct, tag=True, gc=False, omit_defaults=True):
    """A field's new value. `absent`: only if the field has none, as for values of a migration or a duplicated tab.

    `over`: digests of the only values that it replaces, as for what is undone; empty for any. That holds for a document
    with all that its writer had accepted up to `since`: what was pending then has replaced any value.
    """

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    part: Part
    field: str
    raw: Raw
    absent: bool = False
    over: tuple[str, ...] = ()
    since: int = -1


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


Generation = tuple[int, int, int]
"""Which values of a document are meant: its `born`, its `epoch`, and how often values were withdrawn from it."""


class Adopt(msgspec.Struct):
    """Values that come from another document, each once: the document notes which it has got of the `source`.

    A note counts for one `generation` of the source; what is of an earlier one comes too late. Where a field has a
    value already, that stays, unless `replace`. `size`: its bytes in the pending limit.
    """

    sequence: int
    epoch: int
    source: str
    generation: Generation
    values: list[tuple[SliceId, str, Raw]]
    replace: bool
    size: int = 0


class Withdraw(msgspec.Struct):
    """Delete values that another document has adopted, where they are as they were. What was added since stays.

    `given`: how often values were withdrawn by then. `comes_too_late`: somebody else has withdrawn or erased since.
    """

    sequence: int
    epoch: int
    given: int
    values: list[tuple[SliceId, str, Raw]]
    comes_too_late: bool = False


class Forget(msgspec.Struct, tag=True):
    """Erase the document."""

    sequence: int


class Touch(msgspec.Struct):
    """Refresh `seen`: a put that changes nothing else."""

    sequence: int


Operation = Set | Drop | Update | Adopt | Withdraw | Reset | Forget | Touch

ADOPTED: Final = SliceId('nicegui_stash.adopted', 1)
"""Where a document notes what it has adopted, by source, and how often its own values were withdrawn."""
GIVEN: Final = 'given'
MAX_ADOPTED: Final = 100
"""How many sources it remembers: as many adoptions may be interrupted before each is done."""
MAX_NOTED: Final = 1000
"""How many values of a source it remembers, until they are withdrawn there."""


def apply(document: Document, operations: Iterable[Operation], settled: int = -1) -> list[Operation]:
    """Re-apply accepted operations, in order, onto a document that another server wrote meanwhile.

    Changes the document and returns the applied operations, stamped with its epoch and resets. Leaves out operations
    that were accepted before the document was forgotten, or before another server reset their slice. The document has
    what their writer had accepted up to `settled`.
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
                if not _change(document, operation, settled):
                    continue
            case Adopt() | Withdraw():
                if not _go_over(document, operation):
                    continue
            case Touch():
                pass
        held.append(operation)
    return held


def _comes_too_late(document: Document, operation: Operation) -> bool:
    """Whether the document was forgotten since an operation was accepted."""
    match operation:
        case Touch() | Forget() | Withdraw():
            return False
        case _:
            return operation.epoch < document.epoch


def _older(document: Document, slice_id: SliceId) -> list[SliceId]:
    """Return the slices of lower versions, including those that another server wrote before it knew of a reset."""
    return [
        id_
        for id_, _ in document.all_slices()
        if (id_.name, id_.key) == (slice_id.name, slice_id.key) and id_.version < slice_id.version
    ]


def _change(document: Document, operation: Set | Drop | Update, settled: int) -> bool:
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
    if operation.over and operation.since <= settled and digest_of(values.get(operation.field)) not in operation.over:
        return False
    values[operation.field] = operation.raw
    document.erased = False
    return True


def digest_of(raw: Raw | None) -> str:
    """Return what tells a stored value from others; `None` for a field without one.

    >>> digest_of(None)
    ''
    """
    return '' if raw is None else blake2b(raw, digest_size=8).hexdigest()


def _go_over(document: Document, operation: Adopt | Withdraw) -> bool:
    if isinstance(operation, Adopt):
        operation.epoch = document.epoch
        return _adopt(document, operation)
    operation.comes_too_late = not _withdraw(document, operation)
    return not operation.comes_too_late


def _adopt(document: Document, operation: Adopt) -> bool:
    adopted, found = document.values(ADOPTED, SESSION_PART), [_digest(*each) for each in operation.values]
    of, known = _noted(adopted.pop(operation.source, None))
    if of > operation.generation:
        found, generation = [], of
    else:
        known, generation = known if of == operation.generation else [], operation.generation
    noted = list(dict.fromkeys([*known, *found]))[-MAX_NOTED:]  # also what a slower server may still bring
    adopted[operation.source] = Raw(msgspec.json.encode((generation, noted)))  # last, in order of adoption
    for source in list(adopted)[:-MAX_ADOPTED]:
        del adopted[source]
    if not set(found) - set(known):
        return False
    for (slice_id, name, raw), digest in zip(operation.values, found, strict=True):
        values = document.values(slice_id, SESSION_PART)
        if digest not in known and (operation.replace or name not in values):
            values[name] = raw
    document.erased = False
    return True


_note: Final = msgspec.json.Decoder(tuple[Generation, list[str]])
_NEVER: Final[Generation] = (-1, 0, 0)


def _noted(note: Raw | None) -> tuple[Generation, list[str]]:
    """Return which generation of a source was adopted last, and what tells its values that were."""
    try:
        return (_NEVER, []) if note is None else _note.decode(note)
    except msgspec.DecodeError:
        return _NEVER, []


def _digest(slice_id: SliceId, name: str, raw: Raw) -> str:
    return blake2b(msgspec.json.encode((*slice_id, name, bytes(raw))), digest_size=8).hexdigest()


def times_given(document: Document) -> int:
    """Return how often values of a document were withdrawn."""
    found = document.slice(ADOPTED)
    raw = bytes(found.data.get(GIVEN, b'0')) if found else b'0'
    return int(raw) if raw.isdigit() else 0


def _withdraw(document: Document, operation: Withdraw) -> bool:
    if (given := times_given(document)) != operation.given or document.epoch != operation.epoch:
        return False
    for slice_id, name, raw in operation.values:
        found = document.slice(slice_id)
        if found is not None and found.data.get(name) == raw:
            del found.data[name]
    for slice_id, found in list(document.all_slices()):
        found.tabs, found.visits = {}, {}
        if not found.data and not found.reset:
            _remove(document, slice_id)
    document.erased = not any(found.data for slice_id, found in document.all_slices() if slice_id != ADOPTED)
    document.values(ADOPTED, SESSION_PART)[GIVEN] = Raw(b'%d' % (given + 1))
    return True


def _remove(document: Document, slice_id: SliceId) -> None:
    versions = document.slices[slice_id.name]
    keys = versions[str(slice_id.version)]
    del keys[slice_id.key]
    if not keys:
        del versions[str(slice_id.version)]
    if not versions:
        del document.slices[slice_id.name]


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
    return apply(document, [operation for operation in operations if operation.sequence > settled], settled)


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
        elif isinstance(operation, Withdraw):
            operation.epoch = -1  # it was not about this one


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
