"""What the tests of sweeping share: stores that date their objects, and a sweep of one."""

from __future__ import annotations

from typing import Any

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.maintenance.sweep import Fate, Sweep, Tally
from nicegui_stash.model.document import Document, to_bytes
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import Mode, ObjectInfo
from nicegui_stash.testing import FaultyStore

from .conftest import WallClock
from .scene import Undated

DAY = 86400.0
KEY = object_key('a secret', 'an id')


class Watcher:
    def __init__(self) -> None:
        self.shown: list[tuple[int, int]] = []

    def show(self, done: int, total: int) -> None:
        self.shown.append((done, total))


class Dated(FaultyStore):
    """A store with the times of its objects, by the clock of the test."""

    def __init__(self, inner: Any, clock: WallClock) -> None:
        super().__init__(inner)
        self._clock = clock
        self._times: dict[str, float] = {}

    async def put(self, key: str, body: bytes, *, mode: Mode) -> Any:
        self._times[key] = self._clock()
        return await super().put(key, body, mode=mode)

    async def list(self, prefix: str = '') -> Any:
        async for row in super().list(prefix):
            yield ObjectInfo(row.key, row.size, self._times.get(row.key, self._clock()))


class Left(Dated):
    """A store that is away from the first put on, after having taken it."""

    def __init__(self, dated: Dated) -> None:
        super().__init__(dated.inner, dated._clock)
        self._times = dated._times

    async def put(self, key: str, body: bytes, *, mode: Mode) -> Any:
        await super().put(key, body, mode=mode)
        self.down = True
        raise Unavailable('put', key, 'gone')


@pytest.fixture
def store(store: FaultyStore) -> FaultyStore:
    return Undated(store.inner)


async def sweep(store: Any, clock: WallClock, *, dry_run: bool = False, prefix: str = '') -> dict[Fate, int]:
    tally = Tally()
    await Sweep(store, prefix, 30 * DAY, clock, dry_run).run(tally, Watcher())
    return dict(tally.fates)


def old(clock: WallClock, days: float, *, erased: bool = False) -> bytes:
    return to_bytes(Document(1, 3, int((clock() - days * DAY) * 1000), {}, {}, erased=erased))


async def keys_of(store: FaultyStore) -> set[str]:
    return {row.key async for row in store.inner.list()}
