"""Sweeps from inside the app, on one server at a time: the one that wins a conditional put."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any, Final, cast

from ..errors import StoreError
from ..session.store_io import Read, Stored, read, write
from ..stores.base import Replace, Store, StoredObject
from .sweep import Sweep, Tally

log = logging.getLogger('nicegui_stash')

LOOKS: Final = 4
"""How often a server checks between two sweeps whether the next is due."""
FIRST_LOOK: Final = 60.0
"""Seconds from the start to the first check, at most: a server may be redeployed often."""


class SweepSchedule:
    """Sweeps a prefix every `interval` seconds, on one of the servers that share the store.

    An object beside the documents says when the last sweep began. A server that finds it due replaces that object under
    the etag that it read. One server succeeds, and sweeps. If it dies, the next sweep is one interval later.
    """

    def __init__(
        self,
        store: Store,
        prefix: str,
        ttl: float,
        interval: float,
        *,
        wall: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self._store = store
        self._interval = interval
        self._wall = wall
        self._random = random
        self._sweep = Sweep(store, prefix, ttl, wall)
        self.key = f'{prefix}/sweep/last.json' if prefix else 'sweep/last.json'

    async def run(self) -> None:
        """Check now and then whether a sweep is due, until cancelled."""
        between = self._interval / LOOKS
        await asyncio.sleep(min(between, FIRST_LOOK) * (0.5 + self._random() / 2))
        while True:
            await self.turn()
            await asyncio.sleep(between * (0.5 + self._random() / 2))

    async def turn(self) -> Tally | None:
        """Sweep if one is due and this server wins it; return the result, `None` without a sweep."""
        if not await self._wins():
            return None
        tally = Tally()
        try:
            async with asyncio.timeout(self._interval / 2):  # before the next one is due; it goes on from there
                await self._sweep.run(tally, _Unwatched())
        except TimeoutError:
            log.warning('a sweep was not done within half of sweep_interval; the next one goes on')
        except StoreError as error:
            log.warning('the store could not be swept: %s', error)
        if tally.fates['failed']:
            log.warning('of %d objects %d could not be swept: %s', tally.objects, tally.fates['failed'], tally.error)
        log.info('swept: of %d objects %d were too old and are removed', tally.objects, tally.removed)
        return tally

    async def _wins(self) -> bool:
        """Whether a sweep is due and no other server was quicker. `False` while the store is away."""
        outcome = await read(self._store, self.key)
        if not isinstance(outcome, Read):
            return False
        found, now = outcome.found, self._wall()
        if isinstance(found, StoredObject) and 0 <= now - _begun(found.body) < self._interval:
            return False
        body = json.dumps({'begun': int(now * 1000)}).encode()
        mode = Replace(found.etag) if isinstance(found, StoredObject) else 'create'
        written = await write(self._store, self.key, body, mode)
        return isinstance(written, Stored)


class _Unwatched:
    def show(self, done: int, total: int) -> None:
        """Nobody watches."""


def _begun(body: bytes) -> float:
    """Return when the last sweep began, in seconds since the epoch; 0 if the body is unreadable."""
    try:
        told = cast(dict[str, Any], json.loads(body))
        return float(told['begun']) / 1000
    except (ValueError, TypeError, KeyError):
        return 0.0
