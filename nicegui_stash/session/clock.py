"""The time by which age is judged: the store's own where it tells one, as a server's clock may be hours wrong."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..errors import Refused, StoreError, Unavailable
from ..stores.base import Store, Timekeeping

log = logging.getLogger('nicegui_stash')

VALID = 3600.0
"""Seconds after which the store is asked again."""
STEP = 30.0
"""Seconds by which a clock may be wrong without consequence; a larger step makes the store be asked again."""
DEADLINE = 10.0


class Clock:
    """Tells the time of the documents of one store, in seconds since the epoch.

    Where the store has a clock, that of this server is corrected by it, so that all servers stamp and judge alike. The
    objects of a host or process have no other time than the server's own. Where several servers share a store that
    tells no time, nothing is older than the newest document read makes it.
    """

    __slots__ = ('_asking', '_at', '_newest', '_offset', '_prefix', '_store', '_tells', '_wall', '_wall_at', 'is_known')

    def __init__(self, store: Store, wall: Callable[[], float], prefix: str = '') -> None:
        """Ask nothing yet. `wall` is this server's clock; below `prefix` the store may make an object for a moment."""
        self._store = store
        self._wall = wall
        self._prefix = prefix
        self._offset = 0.0
        self._newest = 0.0
        self._asking = asyncio.Lock()
        self._at = self._wall_at = 0.0
        self._tells = isinstance(store, Timekeeping)
        self.is_known = not self._tells

    def now(self) -> float:
        """Return the time; until the store was asked, by this server's clock."""
        return self._wall() + self._offset

    def certain(self) -> float:
        """Return a time that has passed for certain: what was last seen longer ago than `ttl` by it is too old."""
        if not self.is_known:
            return 0.0
        return min(self.now(), self._newest) if self.relies_on_writers else self.now()

    def times(self) -> tuple[int, int]:
        """Return `now()` and `certain()` in ms, as in documents."""
        return int(self.now() * 1000), int(self.certain() * 1000)

    @property
    def relies_on_writers(self) -> bool:
        """Whether several servers share a store that tells no time."""
        return not self._tells and self._store.guarantee == 'shared'

    def saw(self, seen: float) -> None:
        """Note when a document that was read was put, by the clock of its writer."""
        self._newest = max(self._newest, seen)

    @property
    def is_due(self) -> bool:
        """Whether the store should be asked before age is judged, or a document stamped."""
        if not self._tells:
            return False
        if not self.is_known:
            return True
        passed = asyncio.get_running_loop().time() - self._at
        return passed > VALID or abs(self._wall() - self._wall_at - passed) > STEP

    async def ask(self) -> StoreError | None:
        """Ask the store for its time if that is due; return why it did not tell, if it never has."""
        store = self._store
        async with self._asking:
            if not (self.is_due and isinstance(store, Timekeeping)):
                return None
            loop = asyncio.get_running_loop()
            begin = loop.time()
            try:
                async with asyncio.timeout(DEADLINE):
                    told = await store.now(self._prefix)
            except (StoreError, TimeoutError) as error:
                return self._untold(error)
            self._at, self._wall_at = loop.time(), self._wall()
            offset = told + (self._at - begin) / 2 - self._wall_at
            if abs(offset) <= STEP:
                offset = 0.0
            elif abs(offset - self._offset) > STEP:
                where = 'behind' if offset > 0 else 'ahead of'
                log.warning("this server's clock is %.0f s %s that of the store, which is used", abs(offset), where)
            self._offset, self.is_known = offset, True
            return None

    def _untold(self, error: StoreError | TimeoutError) -> StoreError | None:
        if self.is_known:
            self._at, self._wall_at = asyncio.get_running_loop().time(), self._wall()
            return None
        if isinstance(error, Refused):  # one that does not tell is like one that cannot
            self._tells, self.is_known = False, True
            return None
        return error if isinstance(error, StoreError) else Unavailable('open', '', f'no answer within {DEADLINE:g} s')
