"""Copies all documents from one store to another, while the app writes into the first.

Each object is read at both places. A put at the target is conditional, and what it wrote is read and compared. So a
copy may be interrupted and repeated: what is there already is compared, what has changed since is replaced, and what
somebody wrote at the target is left alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from ..errors import Conflict, MalformedDocument, OutcomeUnknown, StoreError, UnknownFormat
from ..model.document import Document
from ..model.lost import has_news
from ..model.sealing import outline_of
from ..session.keys import is_kept_key
from ..session.loading import is_closing
from ..session.store_io import DEADLINE
from ..stores.base import Mode, Replace, Store, StoredObject
from .documents import WORKERS, treat_each
from .sweep import Watcher

Fate = Literal['copied', 'replaced', 'same', 'newer', 'swept', 'failed']
ATTEMPTS: Final = 5
"""How often one object is tried, where somebody else writes it meanwhile or an answer is lost."""
FAILURES: Final = 2 * WORKERS
"""How many objects in a row may fail until the copy gives up: the store is away."""


@dataclass(slots=True)
class Tally:
    """The result of a copy: objects by fate, the first keys of each, and the bytes that were put and compared."""

    objects: int = 0
    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    examples: dict[Fate, list[str]] = field(default_factory=dict[Fate, list[str]])
    bytes_copied: int = 0
    verified: int = 0
    error: StoreError | None = None
    """The last failure of a store."""

    def add(self, key: str, fate: Fate) -> None:
        self.fates[fate] += 1
        self.examples[fate] = sorted({*self.examples.get(fate, ()), key})[:3]


@dataclass(slots=True)
class Copy:
    """One pass over the documents of `source`, and their quarantined copies, below a prefix or everywhere.

    `overwrite` also replaces what is newer at the target. With `dry_run` nothing is written. `now` is the time in ms.
    """

    source: Store
    target: Store
    now: int
    prefix: str = ''
    overwrite: bool = False
    dry_run: bool = False
    _failures: int = 0

    async def run(self, tally: Tally, watcher: Watcher) -> None:
        """Copy and count. Raises `StoreError` if the source cannot be listed, or many objects in a row fail."""
        keys: list[str] = []
        for prefix in (f'{self.prefix}/', f'quarantine/{self.prefix}/') if self.prefix else ('',):
            keys += [row.key async for row in self.source.list(prefix) if is_kept_key(row.key)]
        tally.objects = len(keys)

        async def treat(key: str) -> None:
            tally.add(key, await self._treat(key, tally))
            if self._failures >= FAILURES and tally.error is not None:
                raise tally.error

        await treat_each(keys, treat, watcher)

    async def _treat(self, key: str, tally: Tally) -> Fate:
        error: StoreError | None = None
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(DEADLINE):
                    fate = await self._copy(key, tally)
            except (Conflict, OutcomeUnknown) as raised:
                error = raised
                await asyncio.sleep(0.01 * 2**attempt)
            except StoreError as raised:
                error = raised
                break
            except TimeoutError as raised:
                error = StoreError('copy', key, f'no answer within {DEADLINE:.0f} s')
                error.__cause__ = raised
                break
            else:
                self._failures = 0
                return fate
        tally.error = error
        self._failures += 1
        return 'failed'

    async def _copy(self, key: str, tally: Tally) -> Fate:
        found = await self.source.get(key)
        if not isinstance(found, StoredObject):
            return 'swept'
        document = _document(found.body)
        if document is not None and is_closing(document, self.now):
            return 'swept'
        there = await self.target.get(key)
        fate: Fate = 'copied'
        mode: Mode = 'create'
        if isinstance(there, StoredObject):
            if there.body == found.body:
                tally.verified += 1
                return 'same'
            if not self.overwrite and _is_newer(there.body, document):
                return 'newer'
            fate, mode = 'replaced', Replace(there.etag)
        if self.dry_run:
            return fate
        await self.target.put(key, found.body, mode=mode)
        written = await self.target.get(key)
        if not isinstance(written, StoredObject) or written.body != found.body:
            raise Conflict('put', key, 'the target has other bytes than were put')
        tally.verified += 1
        tally.bytes_copied += len(found.body)
        return fate


def _document(body: bytes) -> Document | None:
    try:
        return outline_of(body)
    except (MalformedDocument, UnknownFormat):
        return None


def _is_newer(there: bytes, document: Document | None) -> bool:
    """Whether the target has what the source does not; also where that cannot be known."""
    target = _document(there)
    if target is None or document is None:
        return True
    if target.born != document.born or target.epoch > document.epoch:
        return True
    return has_news(target, document) and target.seen >= document.seen
