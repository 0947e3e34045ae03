"""The sizes of what is stored, by class and field, and how they are written. No value leaves this module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..model.document import Document, Raw, Slice, SliceId
from ..model.sealing import UNSEALED, Sealing
from ..session.store_io import Away, Denied, Read
from .documents import document_of

_KINDS: Final = {b'"': 'text', b'[': 'list', b'{': 'object', b't': 'true or false', b'f': 'true or false', b'n': 'null'}


@dataclass(slots=True)
class FieldTotal:
    """How many values a field has in the store, in bytes: together, and the largest one."""

    count: int = 0
    size: int = 0
    largest: int = 0

    def add(self, size: int) -> None:
        self.count += 1
        self.size += size
        self.largest = max(self.largest, size)


@dataclass(slots=True)
class Survey:
    """The result of reading documents: totals by class and field, and what could not be read.

    `name`: the stored name of the class that counts; `None` for all. `sealing` opens what is sealed.
    """

    name: str | None = None
    sealing: Sealing = UNSEALED
    fields: dict[tuple[str, int, str], FieldTotal] = field(default_factory=dict[tuple[str, int, str], FieldTotal])
    unread: dict[str, str] = field(default_factory=dict[str, str])

    def take(self, key: str, outcome: Read | Away | Denied) -> None:
        """Add the document that was read, or why it cannot be. Raises `StoreError` if the store is away."""
        found = document_of(self.sealing, key, outcome)
        if isinstance(found, str):
            self.unread[key] = found
        elif found is not None:
            self.add(found)

    def add(self, document: Document) -> None:
        for id_, found in slices_of(document, self.name):
            for _, values in found.parts():
                for each, raw in values.items():
                    self.fields.setdefault((id_.name, id_.version, each), FieldTotal()).add(len(raw))


def slices_of(document: Document, name: str | None) -> Iterator[tuple[SliceId, Slice]]:
    """Iterate over the slices of a class, by its stored name; of all classes for `None`."""
    return ((id_, found) for id_, found in document.all_slices() if name in {None, id_.name})


def kind_of(raw: Raw) -> str:
    """Say what a value is in JSON, such as `text` or `list`."""
    return _KINDS.get(bytes(raw)[:1], 'number')


def size_text(count: int) -> str:
    """Return a number of bytes as people read it: `812 B`, `1.2 KB`; 1 KB has 1,000 bytes."""
    for unit, size in (('GB', 10**9), ('MB', 10**6), ('KB', 10**3)):
        if count >= size:
            return f'{count / size:.1f} {unit}'
    return f'{count} B'
