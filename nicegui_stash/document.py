"""The stored document and what may happen to it. Pure: values in, values out; nothing here waits or knows a clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from .errors import MalformedDocument, UnknownFormat

FORMAT = 1
MAX_WRITERS = 16
"""How many recent writer processes `applied` remembers."""
MAX_PARTS = 32
"""How many tabs, and how many visits, one slice keeps."""

Raw = msgspec.Raw
Values = dict[str, Raw]
Natural = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A count or a time in ms: what every reader of JSON can hold."""


class SliceId(NamedTuple):
    """Which slice: stored name, version, and key value (empty without `key=`)."""

    name: str
    version: int
    key: str = ''


class Part(NamedTuple):
    """Which part of a slice: the session's own data, or that of one tab or one visit."""

    kind: Literal['data', 'tabs', 'visits']
    id: str = ''


SESSION_PART = Part('data')


class PartData(msgspec.Struct):
    """The values of one tab or one visit. Times are milliseconds since the epoch."""

    seen: Natural = 0
    data: Values = msgspec.field(default_factory=dict[str, Raw])


class Slice(msgspec.Struct):
    """One class's stored data. `reset` counts how often it was deleted."""

    reset: Natural = 0
    seen: Natural = 0
    data: Values = msgspec.field(default_factory=dict[str, Raw])
    tabs: dict[str, PartData] = msgspec.field(default_factory=dict[str, PartData])
    visits: dict[str, PartData] = msgspec.field(default_factory=dict[str, PartData])

    def values(self, part: Part) -> Values | None:
        """Return the values of one part, `None` if nothing is stored for it."""
        if part.kind == 'data':
            return self.data
        found = (self.tabs if part.kind == 'tabs' else self.visits).get(part.id)
        return found.data if found else None

    def parts(self) -> Iterator[tuple[Part, Values]]:
        yield SESSION_PART, self.data
        for id_, tab in self.tabs.items():
            yield Part('tabs', id_), tab.data
        for id_, visit in self.visits.items():
            yield Part('visits', id_), visit.data


Slices = dict[str, dict[str, dict[str, Slice]]]


class Document(msgspec.Struct, omit_defaults=True):
    """Everything stored for one browser session. `epoch` counts how often it was forgotten; `seen` is in ms."""

    format: int
    epoch: Natural
    seen: Natural
    applied: dict[str, Natural]
    slices: Slices
    erased: bool = False

    def all_slices(self) -> Iterator[tuple[SliceId, Slice]]:
        """Iterate over the slices of all names, versions and keys."""
        for name, versions in self.slices.items():
            for version, keys in versions.items():
                if version.isdecimal():
                    yield from ((SliceId(name, int(version), key), found) for key, found in keys.items())

    def slice(self, id_: SliceId) -> Slice | None:
        return self.slices.get(id_.name, {}).get(str(id_.version), {}).get(id_.key)

    def ensure(self, id_: SliceId) -> Slice:
        return self.slices.setdefault(id_.name, {}).setdefault(str(id_.version), {}).setdefault(id_.key, Slice())

    def values(self, id_: SliceId, part: Part) -> Values:
        """Return the values of a part, to be changed; it is there afterwards."""
        found = self.ensure(id_)
        if part.kind == 'data':
            return found.data
        return (found.tabs if part.kind == 'tabs' else found.visits).setdefault(part.id, PartData()).data


class _Header(msgspec.Struct):
    format: int


_header = msgspec.json.Decoder(_Header)
_decoder = msgspec.json.Decoder(Document)
_encoder = msgspec.json.Encoder()


def version_number(text: str) -> int:
    """Return the version that a key of `slices` stands for, -1 for a text that stands for none."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
    return number if str(number) == text else -1


def new_document(epoch: int = 0) -> Document:
    return Document(FORMAT, epoch, 0, {}, {})


def to_bytes(document: Document) -> bytes:
    """Assemble the stored JSON from values that are encoded already."""
    return _encoder.encode(document)


def from_bytes(body: bytes) -> Document:
    """Read a stored document. Raises `MalformedDocument` or `UnknownFormat`, and never returns a part of one."""
    try:
        header = _header.decode(body)
        if header.format != FORMAT:
            raise UnknownFormat(header.format)
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDocument(f'not a document of format {FORMAT}: {error}') from error


class Set(msgspec.Struct):
    """A field's new value. `absent`: only where nothing is stored, as what a migration or a duplicated tab brings."""

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    part: Part
    field: str
    raw: Raw
    absent: bool = False


class Drop(msgspec.Struct):
    """A tab's or a visit's values are no longer wanted."""

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    part: Part


Written = tuple[Part, str, Raw]


class Update(msgspec.Struct):
    """A read-modify-write of one slice: `change` tells what to write from what is there, and may be asked again.

    What it raises is kept in `error`, and nothing is written.
    """

    sequence: int
    epoch: int
    reset: int
    slice: SliceId
    change: Callable[[Slice], list[Written]]
    part: Part = SESSION_PART
    error: Exception | None = None


class Reset(msgspec.Struct):
    """A slice is deleted; what was accepted before on other servers is not to come back."""

    sequence: int
    epoch: int
    slice: SliceId


class Forget(msgspec.Struct):
    """The document is erased."""

    sequence: int


class Touch(msgspec.Struct):
    """Somebody is still here: a put that changes nothing but `seen`."""

    sequence: int


Operation = Set | Drop | Update | Reset | Forget | Touch


def apply(document: Document, operations: Iterable[Operation]) -> list[Operation]:
    """Re-apply accepted operations, in order, onto a document that someone else wrote meanwhile.

    Changes the document and returns the operations that held, stamped with its epoch and resets. An operation that
    was accepted before the document was forgotten, or before its slice was reset by someone else, is left out.
    """
    held: list[Operation] = []
    forgotten = False
    reset: set[SliceId] = set()
    for operation in operations:
        match operation:
            case Forget():
                forgotten = True
                document.epoch += 1
                document.slices = {}
                document.erased = True
            case Reset():
                if not forgotten and operation.epoch < document.epoch:
                    continue
                reset.add(operation.slice)
                document.erased = False
                erased = document.ensure(operation.slice)
                erased.reset += 1
                erased.data, erased.tabs, erased.visits = {}, {}, {}
                operation.epoch = document.epoch
            case Set() | Drop() | Update():
                if not forgotten and operation.epoch < document.epoch:
                    continue
                found = document.slice(operation.slice)
                current = found.reset if found else 0
                if not forgotten and operation.slice not in reset and operation.reset < current:
                    continue
                operation.epoch, operation.reset = document.epoch, current
                if not _change(document, operation):
                    continue
            case Touch():
                pass
        held.append(operation)
    return held


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


def _update(document: Document, operation: Update) -> bool:
    try:
        written = operation.change(document.slice(operation.slice) or Slice())
    except Exception as error:  # noqa: BLE001 it is the app's code; whoever awaits the update gets the error
        operation.error = error
        return False
    for part, name, raw in written:
        document.values(operation.slice, part)[name] = raw
    document.erased = document.erased and not written
    return True


def rebase(document: Document, operations: Iterable[Operation], writer: str) -> list[Operation]:
    """Apply what is pending onto a document that was just read, without what `applied` says it already contains."""
    settled = document.applied.get(writer, -1)
    return apply(document, [operation for operation in operations if operation.sequence > settled])


def stamp(document: Document, writer: str, sequence: int, now: int, live: Iterable[tuple[SliceId, Part]]) -> None:
    """Mark a document as about to be put: who writes up to which operation, and what was seen at `now`."""
    document.seen = now
    document.applied.pop(writer, None)
    document.applied[writer] = sequence  # last, so that the order is that of recency
    for stale in list(document.applied)[:-MAX_WRITERS]:
        del document.applied[stale]
    for id_, part in live:
        found = document.slice(id_)
        if found is None:
            continue
        found.seen = now
        if part.kind != 'data' and (stored := (found.tabs if part.kind == 'tabs' else found.visits).get(part.id)):
            stored.seen = now


def settle_unread(document: Document, operations: Iterable[Operation]) -> tuple[list[Operation], list[Set]]:
    """Divide what was accepted before the first read into what may be applied to it, and what was rejected.

    Where the document holds another value, that one wins: who typed into a list that looked empty did not mean to
    wipe what was in it. What is kept is stamped with the document's epoch and resets; it is not applied yet.
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


def prune(
    document: Document,
    now: int,
    ttl: int,
    part_ttl: int,
    max_keys: Mapping[str, int],
    is_live: Callable[[SliceId, Part], bool],
) -> None:
    """Drop what can no longer come back: old versions, keys, tabs and visits, unseen for too long or too many.

    `ttl` and `part_ttl` are milliseconds, `max_keys` the limit per stored name. What is live is kept whatever its age.
    """
    for name, versions in list(document.slices.items()):
        for version, keys in list(versions.items()):
            for key, found in list(keys.items()):
                id_ = SliceId(name, version_number(version), key)
                if found.seen and found.seen < now - ttl and not is_live(id_, SESSION_PART):
                    del keys[key]
                    continue
                found.tabs = _recent(found.tabs, now - part_ttl, lambda tab, id_=id_: is_live(id_, Part('tabs', tab)))
                found.visits = _recent(
                    found.visits, now - part_ttl, lambda visit, id_=id_: is_live(id_, Part('visits', visit))
                )
            for key in _surplus(keys, max_keys.get(name, len(keys))):
                del keys[key]
            if not keys:
                del versions[version]
        if not versions:
            del document.slices[name]


def _surplus(keys: dict[str, Slice], limit: int) -> list[str]:
    """Return the least recently seen keys beyond the limit; a key never put before (`seen` 0) is the newest."""
    if len(keys) <= limit:
        return []
    return sorted(keys, key=lambda key: keys[key].seen or math.inf)[: len(keys) - limit]


def _recent(parts: dict[str, PartData], since: int, is_live: Callable[[str], bool]) -> dict[str, PartData]:
    if not parts:
        return parts
    kept = {id_: part for id_, part in parts.items() if part.seen >= since or is_live(id_)}
    if len(kept) <= MAX_PARTS:
        return kept
    newest = sorted(kept, key=lambda id_: (is_live(id_), kept[id_].seen), reverse=True)[:MAX_PARTS]
    return {id_: part for id_, part in kept.items() if id_ in newest}
