"""A store in front of the real one that can be slow, away or full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from nicegui_stash import Refused, Unavailable
from nicegui_stash.stores import ETag, Guarantee, Mode, NotModified, ObjectInfo, Store, StoredObject

Trouble = Literal['slow', 'away', 'full']

SLOW = 1.5
"""Seconds that a put takes in a slow store."""


class TroubledStore:
    """Passes every operation to the inner store, unless there is `trouble`."""

    def __init__(self, inner: Store) -> None:
        self.guarantee: Guarantee = inner.guarantee
        self.flush_interval: float = inner.flush_interval
        self.trouble: Trouble | None = None
        self._inner = inner

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        self._require('get', key)
        return await self._inner.get(key, unless=unless)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        self._require('put', key)
        if self.trouble == 'slow':
            await asyncio.sleep(SLOW)
        if self.trouble == 'full':
            raise Refused('put', key, 'no space left on the device')
        return await self._inner.put(key, body, mode=mode)

    async def delete(self, key: str) -> None:
        self._require('delete', key)
        await self._inner.delete(key)

    def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        return self._inner.list(prefix)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def peek(self, key: str, *, unless: ETag | None) -> StoredObject | NotModified | None:
        """Look past the trouble at what the inner store has."""
        return await self._inner.get(key, unless=unless)

    def _require(self, operation: str, key: str) -> None:
        if self.trouble == 'away':
            raise Unavailable(operation, key, 'there is trouble on purpose')
