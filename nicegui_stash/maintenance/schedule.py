"""Sweeps from inside the app, on one server at a time: the one that wins a conditional put."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from ..errors import StoreError
from ..session.store_io import Read, Stored, read, write
from ..stores.base import Expiring, Replace, Store, StoredObject
from .sweep import SLACK, Sweep, Tally

log = logging.getLogger('nicegui_stash')

DAY: Final = 86400.0
LOOKS: Final = 4
"""How often a server checks between two sweeps whether the next is due."""
FIRST_LOOK: Final = 300.0
"""Seconds from the start to the first check, at most: a server may be redeployed often."""
PER_SECOND: Final = 50.0
"""How many objects are read or removed in a second at most, so that visitors do not wait for a sweep."""
RENEWED: Final = 0.1
"""After which part of its `ttl` a server says again that it uses it."""


def default_interval(store: Store) -> float:
    """Return the default time between two sweeps of a store, in seconds: a day, or 0 for never.

    Never where objects expire by themselves, where they end with the process, and where a mark could replace what a
    visitor put in the same moment.
    """
    return 0.0 if isinstance(store, Expiring) or store.guarantee in {'process', 'none'} else DAY


class SweepSchedule:
    """Sweeps a prefix every `interval` seconds, on one of the servers that share the store.

    An object beside the documents says when the last sweep began. A server that finds it due replaces that object under
    the etag that it read. One server succeeds, and sweeps. If it dies, the next sweep is one interval later.

    The object also has the `ttl` of each app that sweeps here, and when it was last said. The longest of them counts,
    as long as it lasts, so that no app removes what another one could still show.
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
        self._ttl = ttl
        self._interval = interval
        self._random = random
        self._sweep = Sweep(store, prefix, ttl, wall, per_second=PER_SECOND)
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
        except Exception:
            log.exception('the store could not be swept, as it failed in a way it does not declare')
        else:
            if tally.fates['failed']:
                log.warning(
                    'of %d objects %d could not be swept: %s', tally.objects, tally.fates['failed'], tally.error
                )
            log.info('swept: of %d objects %d were too old and are removed', tally.objects, tally.removed)
        return tally

    async def _wins(self) -> bool:
        """Whether a sweep is due and no other server was quicker. `False` while the store is away."""
        if await self._sweep.clock.ask() is not None:
            return False
        outcome = await read(self._store, self.key)
        if not isinstance(outcome, Read):
            return False
        now = self._sweep.clock.now()
        found = outcome.found if isinstance(outcome.found, StoredObject) else None
        note = _understood(found.body if found else b'', now)
        is_due = not 0 <= now - note.begun < self._interval
        if not is_due and now - note.ttls.get(self._ttl, 0.0) < self._ttl * RENEWED:
            return False
        note.ttls[self._ttl] = now
        if is_due:
            note.begun = now
            self._sweep.ttl = max(note.ttls)
        mode = Replace(found.etag) if found else 'create'
        written = await write(self._store, self.key, note.encoded(), mode)
        return is_due and isinstance(written, Stored)


class _Unwatched:
    def show(self, done: int, total: int) -> None:
        """Nobody watches."""


@dataclass(slots=True)
class _Note:
    """When the last sweep began, and when each `ttl` was said, in seconds since the epoch; 0 if it is not known."""

    begun: float
    ttls: dict[float, float]

    def encoded(self) -> bytes:
        told = {repr(ttl): int(since * 1000) for ttl, since in self.ttls.items()}
        return json.dumps({'begun': int(self.begun * 1000), 'ttls': told}).encode()


def _understood(body: bytes, now: float) -> _Note:
    """Return what a note says, without what is unreadable, and each `ttl` only as long as sessions could need it."""
    try:
        told = cast(dict[str, Any], json.loads(body or b'{}'))
        begun = float(told.get('begun', 0)) / 1000
        ttls = {float(ttl): float(since) / 1000 for ttl, since in told.get('ttls', {}).items()}
    except (ValueError, TypeError, AttributeError, OverflowError):
        return _Note(0.0, {})
    return _Note(begun, {ttl: since for ttl, since in ttls.items() if abs(now - since) <= ttl * SLACK})
