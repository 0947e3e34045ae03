"""A store in front of another one that can be made unavailable, so that a developer sees an outage and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..errors import Unavailable
from .base import ETag, Guarantee, Mode, NotModified, ObjectInfo, Store, StoredObject

OPTIONAL = ('expire_after', 'now', 'watch', 'check')
"""What a store may have besides: it is asked for by name."""


class InterruptedStore:
    """Passes every operation to the inner store, unless it is `away`: then each raises `Unavailable`.

    It has what the inner store has besides, so that nobody takes it for a lesser one.
    """

    def __init__(self, inner: Store) -> None:
        self.guarantee: Guarantee = inner.guarantee
        self.flush_interval: float = inner.flush_interval
        self.away = False
        self._inner = inner
        for name in OPTIONAL:
            if hasattr(inner, name):
                setattr(self, name, getattr(inner, name))

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        self._require('get', key)
        return await self._inner.get(key, unless=unless)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        self._require('put', key)
        return await self._inner.put(key, body, mode=mode)

    async def delete(self, key: str) -> None:
        self._require('delete', key)
        await self._inner.delete(key)

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        self._require('list', prefix)
        async for row in self._inner.list(prefix):
            yield row

    async def aclose(self) -> None:
        await self._inner.aclose()

    def _require(self, operation: str, key: str) -> None:
        if self.away:
            raise Unavailable(operation, key, 'a developer has taken it away')
