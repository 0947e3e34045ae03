"""How large what is stored is, by class and field: of a sample, on request."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass, field
from typing import Final

from ...errors import StoreError
from ...maintenance.documents import listed, read_each
from ...maintenance.sizes import Survey
from ...session.registry import Registry
from ...stores.base import ObjectInfo

MOST_LISTED: Final = 10_000
SAMPLE: Final = 500
SAMPLE_BYTES: Final = 20_000_000


@dataclass(slots=True)
class Measuring:
    """One look at a store. `listed` counts its documents, up to `MOST_LISTED`; `size` has their bytes together."""

    is_running: bool = False
    done: int = 0
    total: int = 0
    listed: int = 0
    size: int = 0
    at: float = 0.0
    failure: str = ''
    survey: Survey = field(default_factory=Survey)

    async def run(self, registry: Registry) -> None:
        """List documents and read a sample of them. A failure of the store is kept as a text."""
        if self.is_running:
            return
        self.is_running, self.done, self.total, self.failure = True, 0, 0, ''
        survey = Survey(sealing=registry.sealing)
        try:
            rows = await listed(registry.store, registry.prefix, most=MOST_LISTED)
            keys = sample_of(rows)
            await read_each(registry.store, keys, survey.take, self)
        except StoreError as error:
            self.failure = error.reason
        else:
            self.survey, self.listed, self.size = survey, len(rows), sum(row.size for row in rows)
            self.at = time.time()
        finally:
            self.is_running = False

    def show(self, done: int, total: int) -> None:
        """Note how far it is."""
        self.done, self.total = done, total


def sample_of(rows: list[ObjectInfo]) -> list[str]:
    """Return the keys to read. Keys are hashes of session ids, so the lowest ones are a random sample."""
    keys: list[str] = []
    size = 0
    for row in heapq.nsmallest(SAMPLE, rows, key=lambda row: row.key):
        size += row.size
        if keys and size > SAMPLE_BYTES:
            break
        keys.append(row.key)
    return keys
