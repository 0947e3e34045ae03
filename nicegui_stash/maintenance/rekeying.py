"""Seals all documents of a store with the first secret, or puts all in clear, while the app writes into it.

Each object is replaced under the etag that it was read with, so a change that comes between is read again. A pass may
be interrupted and repeated: what is as it shall be is not written.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from ..errors import CannotOpen, MalformedDocument, UnknownFormat
from ..model.document import Document, to_bytes
from ..model.sealing import SEALED, Sealing
from ..session.loading import is_closing, opened_document
from ..session.store_io import Away, Denied, MustRead, Read, Stored, read, write
from ..stores.base import Replace, Store, StoredObject
from .documents import WORKERS, listed, treat_each
from .sweep import Watcher

State = Literal['first', 'older', 'clear', 'closed', 'foreign', 'malformed']
"""How a document is stored: sealed with the first secret or an older one, in clear, or so that it cannot be read."""
Fate = Literal['sealed', 'cleared', 'kept', 'closed', 'foreign', 'malformed', 'swept', 'failed']
ATTEMPTS: Final = 5
"""How often one object is tried, where the app writes it meanwhile or an answer is lost."""
FAILURES: Final = 2 * WORKERS
"""How many objects in a row may fail until a pass gives up: the store is away."""


@dataclass(slots=True)
class Tally:
    """The result of a pass: objects by fate, and the first keys of each; `why` has the reasons of what stays closed."""

    objects: int = 0
    copies: int = 0
    """Quarantined copies, which are left as they are."""
    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    examples: dict[Fate, list[str]] = field(default_factory=dict[Fate, list[str]])
    why: Counter[str] = field(default_factory=Counter[str])
    failure: Away | Denied | MustRead | None = None
    """The last failure of the store."""

    def add(self, key: str, fate: Fate) -> None:
        self.fates[fate] += 1
        self.examples[fate] = sorted({*self.examples.get(fate, ()), key})[:3]


class Look(NamedTuple):
    """What a look at an object has found; `why` says why it is closed."""

    state: State
    document: Document | None = None
    why: str = ''


def look_at(sealing: Sealing, key: str, body: bytes) -> Look:
    """Say how an object is stored. It is opened, which proves that it can be."""
    try:
        document, _ = opened_document(sealing, key, body)
    except CannotOpen as error:
        return Look('closed', why=f'{error} ({error.hint})')
    except UnknownFormat:
        return Look('foreign')
    except MalformedDocument:
        return Look('malformed')
    if not body.startswith(SEALED):
        return Look('clear', document)
    return Look('first' if sealing.is_current(body) else 'older', document)


@dataclass(slots=True)
class Rekeying:
    """One pass over the documents below a prefix: `sealing` seals them, or opens them if it does not encrypt.

    With `dry_run` nothing is written. `now` is the time in ms.
    """

    store: Store
    prefix: str
    sealing: Sealing
    now: int
    dry_run: bool = False
    _failures: int = 0

    async def run(self, tally: Tally, watcher: Watcher) -> None:
        """Treat every document, and count. Raises `StoreError` if the listing fails, or many objects in a row do."""
        keys = [row.key for row in await listed(self.store, self.prefix)]
        tally.objects = len(keys)
        copies = f'quarantine/{self.prefix}/' if self.prefix else 'quarantine/'
        tally.copies = len([row async for row in self.store.list(copies)])

        async def treat(key: str) -> None:
            fate = await self._treat(key, tally)
            tally.add(key, fate)
            self._failures = self._failures + 1 if fate == 'failed' else 0
            if self._failures >= FAILURES and tally.failure is not None:
                raise tally.failure.error

        await treat_each(keys, treat, watcher)

    async def _treat(self, key: str, tally: Tally) -> Fate:
        for attempt in range(ATTEMPTS):
            outcome = await read(self.store, key)
            if not isinstance(outcome, Read):
                tally.failure = outcome
                return 'failed'
            if not isinstance(outcome.found, StoredObject):
                return 'swept'
            written = await self._rewrite(key, outcome.found, tally)
            if not isinstance(written, MustRead):
                if isinstance(written, (Away, Denied)):
                    tally.failure = written
                    return 'failed'
                return written
            tally.failure = written
            await asyncio.sleep(0.01 * 2**attempt)
        return 'failed'

    async def _rewrite(self, key: str, found: StoredObject, tally: Tally) -> Fate | MustRead | Away | Denied:
        state, document, why = look_at(self.sealing, key, found.body)
        match state:
            case 'closed':
                tally.why[why] += 1
                return state
            case 'foreign' | 'malformed':
                return state
            case 'first' | 'older' | 'clear':
                is_kept = state == ('first' if self.sealing.encrypts else 'clear')
        if is_kept or document is None:
            return 'kept'
        if is_closing(document, self.now):
            return 'swept'
        fate: Fate = 'sealed' if self.sealing.encrypts else 'cleared'
        if self.dry_run:
            return fate
        body = to_bytes(document)
        if self.sealing.encrypts:
            body = self.sealing.seal(key, document, body)
        written = await write(self.store, key, body, Replace(found.etag))
        return fate if isinstance(written, Stored) else written
