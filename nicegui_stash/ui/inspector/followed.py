"""One session that somebody looks at: its document as it is now, and what has changed in it meanwhile."""

from __future__ import annotations

import time
import weakref
from collections import deque
from typing import Final, NamedTuple

from ...errors import StoreError
from ...maintenance.documents import document_of
from ...model.document import Document
from ...session.registry import Registry
from ...session.session import Session
from ...session.store_io import Read, read
from ...stores.base import ETag, NotModified, StoredObject
from .tree import Change, Tree

MOST_CHANGES: Final = 100
PAUSE: Final = 5.0
"""Seconds between two reads of a document that no page of this process shows."""


class Seen(NamedTuple):
    """A change, and when it was seen here, in seconds since the epoch."""

    at: float
    change: Change


class Followed:
    """Follows a session without keeping it in memory: there if it is there, otherwise in the store.

    `document` is `None` while nothing is known, and then `problem` says why, as it does after a failure.
    """

    def __init__(self, registry: Registry, key: str) -> None:
        self.key = key
        self.document: Document | None = None
        self.problem = 'it is being read'
        self.changes: deque[Seen] = deque(maxlen=MOST_CHANGES)
        self.tree = Tree()
        self._registry = registry
        self._session: weakref.ref[Session] | None = None
        self._etag: ETag | None = None
        self._known: object = None
        self._next_read = 0.0

    @property
    def session(self) -> Session | None:
        """The session, if it is in the memory of this process and was read."""
        found = self._session() if self._session is not None else None
        return found if found is not None and found.is_read else None

    async def look(self) -> bool:
        """Look again; tell whether the document is another one than before."""
        session = self.session
        if session is None and time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + PAUSE
            self._session = next((weakref.ref(each) for each in self._registry.live() if each.key == self.key), None)
            session = self.session
            if session is None:
                return await self._read()
        if session is None:
            return False
        self._etag = None
        known = (session.accepted, session.reads, session.settled)
        if known == self._known:
            return False
        self._known = known
        self._take(session.document)
        return True

    async def _read(self) -> bool:
        self._known = None
        outcome = await read(self._registry.store, self.key, self._etag)
        if isinstance(outcome, Read) and isinstance(outcome.found, NotModified):
            return False
        try:
            found = document_of(self._registry.sealing, self.key, outcome)
        except StoreError as error:
            self.problem = error.reason
            return True
        if isinstance(found, Document):
            self._take(found)
        else:
            self.document, self.problem = None, found or 'it is not in the store'
        self._etag = None
        if isinstance(outcome, Read) and isinstance(outcome.found, StoredObject):
            self._etag = outcome.found.etag
        return True

    def _take(self, document: Document) -> None:
        now = time.time()
        self.document, self.problem = document, ''
        self.changes.extendleft(Seen(now, change) for change in self.tree.changes(document))
