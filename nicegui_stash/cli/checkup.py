"""Try a store: each operation, whether its conditions hold in a race, and how long it takes."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ..errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from ..stores.base import NOT_MODIFIED, Replace, Store, StoredObject
from ..stores.objects.probe import ConditionsIgnored, probe

State = Literal['ok', 'warning', 'FAILED', 'skipped']
BODY: Final = b'x' * 2000
WRITERS, INCREMENTS = 8, 10
SAMPLES = 20
DEADLINE = 60.0
"""Seconds that one check may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    state: State
    text: str


@dataclass(slots=True)
class Checkup:
    """The findings. `latency` has the seconds of each timed operation, by name; `error` is what stopped the checks.

    `is_fit`: all checks of the store itself were passed. `closed`: sessions that cannot be opened, the first ones.
    """

    findings: list[Finding] = field(default_factory=list[Finding])
    latency: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    error: StoreError | None = None
    is_fit: bool = False
    closed: list[str] = field(default_factory=list[str])

    @property
    def has_failed(self) -> bool:
        return any(finding.state == 'FAILED' for finding in self.findings)

    def add(self, check: str, state: State, text: str) -> None:
        self.findings.append(Finding(check, state, text))


async def check_up(store: Store, folder: str, show: Callable[[int, int], None]) -> Checkup:
    """Run every check below `doctor/` of a folder, then remove its objects. Errors of the store become findings.

    `folder` is empty or ends in `/`. A failure skips the remaining checks.
    """
    checkup, place = Checkup(), f'{folder}doctor/{uuid.uuid4().hex[:8]}-'
    checks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ('write, read, list, delete', lambda: _operations(store, place)),
        ('conditions', lambda: _conditions(store, place)),
        ('racing writers', lambda: _increments(store, place)),
        ('latency', lambda: _latency(store, place, checkup.latency)),
    ]
    for number, (name, check) in enumerate(checks):
        show(number, len(checks))
        if checkup.has_failed or (store.guarantee == 'none' and number in {1, 2}):
            why = 'the store has no conditions' if store.guarantee == 'none' else 'after a failure'
            checkup.add(name, 'skipped', why)
            continue
        try:
            async with asyncio.timeout(DEADLINE):
                checkup.add(name, 'ok', await check())
        except StoreError as error:
            checkup.error = error
            checkup.add(name, 'FAILED', str(error))
        except TimeoutError:
            checkup.error = Unavailable('open', place, f'not done within {DEADLINE:.0f} s')
            checkup.add(name, 'FAILED', checkup.error.reason)
    await _clean_up(store, place, checkup)
    checkup.is_fit = not checkup.has_failed
    return checkup


async def _operations(store: Store, place: str) -> str:
    key = f'{place}{uuid.uuid4().hex}'
    etag = await store.put(key, BODY, mode='create')
    found = await store.get(key)
    if found != StoredObject(BODY, etag):
        raise Refused('get', key, 'a read returns another body or etag than the put')
    if await store.get(key, unless=etag) is not NOT_MODIFIED:
        raise Refused('get', key, 'a conditional read returns an unchanged object again')
    if [(row.key, row.size) async for row in store.list(key)] != [(key, len(BODY))]:
        raise Refused('list', key, 'a listing does not show the object that was put')
    await store.delete(key)
    if await store.get(key) is not None:
        raise Refused('delete', key, 'it is still there')
    return 'each does what it should'


async def _conditions(store: Store, place: str) -> str:
    await probe(store, place)
    return 'a stale etag and an existing object conflict, and of 8 puts at once one wins'


async def _increments(store: Store, place: str) -> str:
    """Let writers count up one number, each step once whatever is answered."""
    key = f'{place}{uuid.uuid4().hex}'
    await store.put(key, json.dumps({'count': 0, 'applied': {}}).encode(), mode='create')
    tries = 0

    async def write(writer: str) -> None:
        nonlocal tries
        for step in range(INCREMENTS):
            while True:
                found = await store.get(key)
                if not isinstance(found, StoredObject):
                    raise ConditionsIgnored('get', key, 'the object that was put is missing')
                state: dict[str, Any] = json.loads(found.body)
                if state['applied'].get(writer, -1) >= step:
                    break
                body = {'count': state['count'] + 1, 'applied': {**state['applied'], writer: step}}
                tries += 1
                await asyncio.sleep(0)  # so that another writer can come between, also where nothing else awaits
                try:
                    await store.put(key, json.dumps(body).encode(), mode=Replace(found.etag))
                except (Conflict, OutcomeUnknown):
                    continue

    await asyncio.gather(*(write(str(number)) for number in range(WRITERS)))
    found = await store.get(key)
    count = json.loads(found.body)['count'] if isinstance(found, StoredObject) else None
    await store.delete(key)
    if count != WRITERS * INCREMENTS:
        raise ConditionsIgnored('put', key, f'{WRITERS} writers counted to {count}, not to {WRITERS * INCREMENTS}')
    return f'{WRITERS} writers counted to {count} in {tries} puts: nothing lost, nothing twice'


async def _latency(store: Store, place: str, latency: dict[str, list[float]]) -> str:
    keys = [f'{place}{uuid.uuid4().hex}' for _ in range(SAMPLES)]

    @asynccontextmanager
    async def timed(name: str) -> AsyncGenerator[None]:
        begin = time.perf_counter()
        yield
        latency.setdefault(name, []).append(time.perf_counter() - begin)

    for key in keys:
        async with timed('put'):
            etag = await store.put(key, BODY, mode='create')
        async with timed('get'):
            await store.get(key)
        async with timed('get unchanged'):
            await store.get(key, unless=etag)
    async with timed(f'{SAMPLES} gets at once'):
        await asyncio.gather(*(store.get(key) for key in keys))
    for key in keys:
        await store.delete(key)
    return f'{SAMPLES} objects of 2 KB, see below'


async def _clean_up(store: Store, place: str, checkup: Checkup) -> None:
    """Remove the objects that a failed check left."""
    try:
        async with asyncio.timeout(DEADLINE):
            left = [row.key async for row in store.list(place)]
            for key in left:
                await store.delete(key)
            if left := [row.key async for row in store.list(place)]:
                checkup.add('clean-up', 'warning', f'{len(left)} objects are left: {place}...')
            else:
                checkup.add('clean-up', 'ok', 'nothing is left behind')
    except (StoreError, TimeoutError) as error:
        checkup.add('clean-up', 'skipped' if checkup.has_failed else 'FAILED', str(error))
        checkup.error = checkup.error or (error if isinstance(error, StoreError) else None)
