"""The stored document, its bytes, and pruning it. Pure: values in, values out; nothing here waits or reads a clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from ..errors import MalformedDocument, UnknownFormat

FORMAT = 1
MAX_WRITERS = 16
"""How many recent writer processes `applied` remembers."""
MAX_PARTS = 32
"""How many tabs, and how many visits, one slice keeps."""

Raw = msgspec.Raw
Values = dict[str, Raw]
MAX_NATURAL = 2**53
Natural = Annotated[int, msgspec.Meta(ge=0, le=MAX_NATURAL)]
"""A count or a time in ms, within the integers that every JSON reader can represent."""


class SliceId(NamedTuple):
    """The identity of a slice: stored name, version, and key value (empty without `key=`)."""

    name: str
    version: int
    key: str = ''


PartKind = Literal['data', 'tabs', 'visits']


class Part(NamedTuple):
    """The identity of a part of a slice: the owner's data, or that of one tab or one visit."""

    kind: PartKind
    id: str = ''


SESSION_PART = Part('data')


# A document has no reference cycles, so its parts do without the garbage collector (gc=False), and are smaller.


class PartData(msgspec.Struct, gc=False):
    """The values of one tab or one visit. Times are milliseconds since the epoch."""

    seen: Natural = 0
    data: Values = msgspec.field(default_factory=dict[str, Raw])


class Slice(msgspec.Struct, gc=False):
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


class Document(msgspec.Struct, omit_defaults=True, gc=False):
    """Everything stored for one owner. `epoch` counts how often it was forgotten; `seen` is in ms.

    `born` is the time in ms of its creation: with another `born`, an object under this key is another document.
    `closing` is the time in ms at which a sweep started to remove the object; see `maintenance/sweep.py`.
    """

    format: int
    epoch: Natural
    seen: Natural
    applied: dict[str, Natural]
    slices: Slices
    erased: bool = False
    closing: Natural = 0
    born: Natural = 0

    def all_slices(self) -> Iterator[tuple[SliceId, Slice]]:
        """Iterate over the slices of all names, versions and keys."""
        for name, versions in self.slices.items():
            for version, keys in versions.items():
                if (number := version_number(version)) >= 0:
                    yield from ((SliceId(name, number, key), found) for key, found in keys.items())

    def slice(self, id_: SliceId) -> Slice | None:
        return self.slices.get(id_.name, {}).get(str(id_.version), {}).get(id_.key)

    def ensure(self, id_: SliceId) -> Slice:
        found = self.slice(id_)
        if found is None:
            found = self.slices.setdefault(id_.name, {}).setdefault(str(id_.version), {})[id_.key] = Slice()
        return found

    def values(self, id_: SliceId, part: Part) -> Values:
        """Return the values of a part, to be changed; create the part if needed."""
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
    """Return the version number of a key of `slices`, -1 for a text that is not a version."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
    return number if str(number) == text else -1


def new_document(epoch: int = 0, *, born: int = 0) -> Document:
    return Document(FORMAT, epoch, 0, {}, {}, born=born)


def to_bytes(document: Document) -> bytes:
    """Encode a document, whose values are encoded already."""
    return _encoder.encode(document)


def from_bytes(body: bytes) -> Document:
    """Decode a stored document, whole. Raises `MalformedDocument` or `UnknownFormat`."""
    try:
        document = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            found = _header.decode(body).format  # another format may look like anything else
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = FORMAT
        if found == FORMAT:
            raise MalformedDocument(f'not a document of format {FORMAT}: {error}') from error
    else:
        if document.format == FORMAT:
            return document
        found = document.format
    raise UnknownFormat(found)


def stamp(document: Document, writer: str, sequence: int, now: int, live: Iterable[tuple[SliceId, Part]]) -> None:
    """Mark a document for its put: the writer's last operation, and `now` (ms) as `seen` of it and its live parts."""
    document.seen = now
    document.applied.pop(writer, None)
    document.applied[writer] = sequence  # last, so that the order is that of recency
    if len(document.applied) > MAX_WRITERS:
        for stale in list(document.applied)[:-MAX_WRITERS]:
            del document.applied[stale]
    for id_, part in live:
        found = document.slice(id_)
        if found is None:
            continue
        found.seen = now
        if part.kind != 'data' and (stored := (found.tabs if part.kind == 'tabs' else found.visits).get(part.id)):
            stored.seen = now


def prune(
    document: Document,
    now: int,
    ttl: int,
    part_ttl: int,
    max_keys: Mapping[str, int],
    is_live: Callable[[SliceId, Part], bool],
) -> None:
    """Drop old versions, keys, tabs and visits that were unseen for too long, or that exceed a limit.

    `ttl` and `part_ttl` are milliseconds, `max_keys` the limit per stored name. Live parts are never too old.
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
    """Return the least recently seen keys beyond the limit; a key that was never put (`seen` 0) is the newest."""
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
