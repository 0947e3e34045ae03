"""Processes that put the same document, as pure functions see it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import msgspec

from nicegui_stash.model.document import (
    SESSION_PART,
    Document,
    Part,
    Slice,
    SliceId,
    from_bytes,
    new_document,
    stamp,
    to_bytes,
)
from nicegui_stash.model.operations import Drop, Forget, Operation, Reset, Set, Update, Written, apply, rebase

COUNTER, OTHER = SliceId('Counter', 1), SliceId('Other', 2, 'key')
TAB, VISIT = Part('tabs', 't'), Part('visits', 'v')
PLACES = [(COUNTER, SESSION_PART), (COUNTER, VISIT), (OTHER, SESSION_PART), (OTHER, TAB)]


@dataclass
class Server:
    """One object with a revision, and who put what."""

    body: bytes = field(default_factory=lambda: to_bytes(new_document()))
    revision: int = 0
    log: list[tuple[str, list[Operation]]] = field(default_factory=list)
    steps: count[int] = field(default_factory=lambda: count(1))

    def document(self) -> Document:
        return from_bytes(self.body)


class Writer:
    """A process that holds a copy of the document, as a session does, with all its own operations."""

    def __init__(self, name: str, server: Server) -> None:
        self.name = name
        self.server = server
        self.pending: list[Operation] = []
        self.document, self.revision = server.document(), server.revision

    def set(self, place: tuple[SliceId, Part], name: str, value: object, *, absent: bool = False) -> Set:
        slice_id, part = place
        found = self.document.slice(slice_id)
        raw = msgspec.Raw(msgspec.json.encode(value))
        operation = Set(
            self._step(), self.document.epoch, found.reset if found else 0, slice_id, part, name, raw, absent
        )
        return self._accept(operation)

    def update(self, slice_id: SliceId, change: Callable[[Slice], list[Written]]) -> Update:
        found = self.document.slice(slice_id)
        operation = Update(self._step(), self.document.epoch, found.reset if found else 0, slice_id, change)
        return self._accept(operation)

    def drop(self, place: tuple[SliceId, Part]) -> Drop:
        found = self.document.slice(place[0])
        return self._accept(Drop(self._step(), self.document.epoch, found.reset if found else 0, *place))

    def reset(self, slice_id: SliceId) -> Reset:
        return self._accept(Reset(self._step(), self.document.epoch, slice_id))

    def forget(self) -> Forget:
        return self._accept(Forget(self._step()))

    def put(self, *, answer: Literal['comes', 'is lost'] = 'comes') -> None:
        """Put what is pending, rebasing it first where someone else has put."""
        if not self.pending:
            return
        if self.revision != self.server.revision:
            self.document, self.revision = self.server.document(), self.server.revision
            self.pending = rebase(self.document, self.pending, self.name)
            if not self.pending:
                return
        stamp(self.document, self.name, self.pending[-1].sequence, 0, [])
        self.server.body = to_bytes(self.document)
        self.server.revision += 1
        self.server.log.append((self.name, self.pending))
        next(self.server.steps)
        if answer == 'comes':
            self.pending, self.revision = [], self.server.revision

    def _step(self) -> int:
        return next(self.server.steps)

    def _accept(self, operation: Any) -> Any:
        apply(self.document, [operation])
        self.pending.append(operation)
        return operation


def shown(document: Document) -> dict[tuple[SliceId, Part, str], Any]:
    """Every value of a document by its place."""
    return {
        (SliceId(name, int(version), key), part, field_name): json.loads(bytes(raw))
        for name, versions in document.slices.items()
        for version, keys in versions.items()
        for key, found in keys.items()
        for part, values in found.parts()
        for field_name, raw in values.items()
    }
