"""The parts of a session made alone: what they share, documents as they are read, and a field's values."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from nicegui_stash.model.document import SESSION_PART, Document, Part, SliceId, from_bytes, new_document
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.operations import Set
from nicegui_stash.session.loading import Fetched
from nicegui_stash.session.shared import Shared
from nicegui_stash.session.state import DocumentState
from nicegui_stash.stores import MemoryStore
from nicegui_stash.stores.base import ETag, Store

from .scene import COUNTER, raw

KEY = 'ab/abc.json'
NOW = 1_763_700_000.0


class Parts:
    """What a part is given: a clock that stands still, no chance, and tasks that a test can look at."""

    def __init__(self, store: Store | None = None, **policy: float) -> None:
        self.tasks: list[asyncio.Task[None]] = []
        self.now = NOW
        self.shared = Shared(
            store or MemoryStore('parts'), Policy(**policy), 'me', lambda: self.now, lambda: 0.5, self.spawn
        )

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self.tasks.append(asyncio.ensure_future(work))
        return self.tasks[-1]

    def state(self, *, exists: bool = False) -> DocumentState:
        return DocumentState(KEY, self.shared, exists=exists)


def change(state: DocumentState, name: str, value: object, slice_id: SliceId = COUNTER) -> Set:
    """Accept a field's new value."""
    found = state.document.slice(slice_id)
    reset = found.reset if found else 0
    operation = Set(state.shared.next_sequence(), state.document.epoch, reset, slice_id, SESSION_PART, name, raw(value))
    state.accept((slice_id, SESSION_PART, name), operation)
    return operation


def read_as(values: dict[str, object], *, slice_id: SliceId = COUNTER, **attributes: Any) -> Fetched:
    """A document with these values, as it is read from the store."""
    document = new_document(born=1)
    document.seen = int(NOW * 1000)
    for name, value in values.items():
        document.values(slice_id, SESSION_PART)[name] = raw(value)
    for name, value in attributes.items():
        setattr(document, name, value)
    return Fetched(document, ETag('theirs'), 'found', 100)


def shown(state: DocumentState, slice_id: SliceId = COUNTER, part: Part = SESSION_PART) -> dict[str, Any]:
    """What a page would show."""
    return {name: json.loads(bytes(value)) for name, value in state.values(slice_id, part).items()}


def put_values(body: bytes, slice_id: SliceId = COUNTER) -> dict[str, Any]:
    """What a snapshot holds of a slice."""
    document: Document = from_bytes(body)
    found = document.slice(slice_id)
    return {name: json.loads(bytes(value)) for name, value in (found.data if found else {}).items()}
