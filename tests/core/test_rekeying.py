"""A store is sealed with another secret while servers write into it, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Unavailable
from nicegui_stash.maintenance.rekeying import Fate, Rekeying, Tally
from nicegui_stash.maintenance.sweep import Sweep
from nicegui_stash.maintenance.sweep import Tally as Swept
from nicegui_stash.model.document import FORMAT, Document, to_bytes
from nicegui_stash.model.sealing import SEALED, Sealing, outline_of
from nicegui_stash.session.keys import object_key
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore
from tests.sealed import seal

from .conftest import MakeRegistry, WallClock
from .scene import Undated, keep, put, values
from .sweeps import Watcher

SECRETS = ('new', 'old')
PEOPLE = [f'person {number}' for number in range(40)]


async def rekey(
    store: FaultyStore, clock: WallClock, secrets: Sequence[str] = SECRETS, *, encrypts: bool = True
) -> dict[Fate, int]:
    tally = Tally()
    sealing = Sealing(secrets, encrypts=encrypts)
    await Rekeying(store, '', sealing, int(clock.now * 1000)).run(tally, Watcher())
    return dict(tally.fates)


async def bodies(store: FaultyStore) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async for row in store.inner.list():
        each = await store.inner.get(row.key)
        assert isinstance(each, StoredObject)
        found[row.key] = each.body
    return found


async def fill(make_registry: MakeRegistry, *, encrypt: bool) -> None:
    registry = make_registry(secrets=('old',), encrypt=encrypt)
    for number, session_id in enumerate(PEOPLE):
        session = registry.session(session_id)
        put(session, 'count', number)
        await session.flush()


@pytest.mark.proves('sealed')
@pytest.mark.parametrize('encrypt', [True, False])
async def test_all_documents_are_sealed_with_the_first_secret_and_a_second_pass_writes_nothing(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock, *, encrypt: bool
) -> None:
    await fill(make_registry, encrypt=encrypt)
    assert await rekey(store, clock) == {'sealed': len(PEOPLE)}
    assert all(map(Sealing(SECRETS).is_current, (await bodies(store)).values()))
    puts = store.calls['put']
    assert await rekey(store, clock) == {'kept': len(PEOPLE)}
    assert store.calls['put'] == puts
    registry = make_registry(secrets=SECRETS, encrypt=True)
    for number, session_id in enumerate(PEOPLE):
        session = registry.session(session_id)
        assert await session.load(1)
        assert values(session) == {'count': number}


@pytest.mark.proves('sealed')
async def test_while_servers_write_a_rekey_loses_nothing(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    await fill(make_registry, encrypt=False)
    registries = [make_registry(secrets=('old', 'new'), encrypt=True, seed=number) for number in range(2)]
    is_over = asyncio.Event()
    written = 0

    async def work(server: int) -> None:
        nonlocal written
        sessions = [registries[server].session(session_id) for session_id in PEOPLE]
        while not is_over.is_set():
            written += 1
            for session in sessions:
                put(session, f'by-{server}', written)
            await asyncio.sleep(0.07)
        for session in sessions:
            put(session, f'by-{server}', 'the end')
            await session.flush()

    working = [asyncio.create_task(work(number)) for number in range(2)]
    for secrets in [('new', 'old'), ('old', 'new')] * 10:
        store.lose_answers(3)
        store.conflict_after_apply(3)
        fates = await rekey(store, clock, secrets)
        assert set(fates) <= {'sealed', 'kept', 'failed'}  # an object that is written all the time may be left over
        await asyncio.sleep(0.05)
    is_over.set()
    await asyncio.gather(*working)
    assert written > 20
    assert (await rekey(store, clock)).keys() <= {'sealed', 'kept'}
    last = make_registry(secrets=('old', 'new'), encrypt=True)
    for number, session_id in enumerate(PEOPLE):
        session = last.session(session_id)
        assert await session.load(1)
        assert values(session) == {'count': number, 'by-0': 'the end', 'by-1': 'the end'}


async def test_all_documents_are_put_in_clear_again(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    await fill(make_registry, encrypt=True)
    assert await rekey(store, clock, encrypts=False) == {'cleared': len(PEOPLE)}
    assert not any(body.startswith(SEALED) for body in (await bodies(store)).values())
    session = make_registry(secrets=('old',)).session(PEOPLE[7])
    assert await session.load(1)
    assert values(session) == {'count': 7}


@pytest.mark.proves('sealed', 'unreadable')
async def test_what_cannot_be_opened_is_left_alone(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    await fill(make_registry, encrypt=True)
    before = await bodies(store)
    others = [object_key('old', name) for name in ('retired', 'damaged', 'newer', 'swapped', 'no document')]
    damaged = [
        seal(Sealing(['retired'], encrypts=True), others[0], to_bytes(Document(FORMAT, 0, 0, {}, {}))),
        before[min(before)][:-9],
        b'{"format":9}',
        before[min(before)],
        b'<html>',
    ]
    for key, body in zip(others, damaged, strict=True):
        await keep(store, key, body)
    assert await rekey(store, clock) == {'sealed': len(PEOPLE), 'closed': 4, 'foreign': 1}
    assert await rekey(store, clock, ('wrong',)) == {'closed': len(PEOPLE) + 4, 'foreign': 1}
    after = await bodies(store)
    assert [after[key] for key in others] == damaged


async def test_what_a_sweep_is_about_to_delete_is_not_put_again(store: FaultyStore, clock: WallClock) -> None:
    marked = to_bytes(Document(FORMAT, 0, 0, {}, {}, erased=True, closing=int(clock.now * 1000)))
    key = object_key('old', 'an id')
    await keep(store, key, marked)
    assert await rekey(store, clock) == {'swept': 1}
    assert (await bodies(store))[key] == marked


@pytest.mark.parametrize('error', [Conflict, OutcomeUnknown, Unavailable])
async def test_a_failure_of_one_object_is_counted_and_the_next_pass_does_it(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock, error: type[Conflict]
) -> None:
    await fill(make_registry, encrypt=False)
    store.fail_next('put', *[error('put', 'an object', 'not now')] * 5)
    found = await rekey(store, clock)
    assert found.get('failed', 0) <= 5
    assert found['sealed'] + found.get('failed', 0) == len(PEOPLE)
    assert (await rekey(store, clock)).keys() <= {'sealed', 'kept'}


async def test_a_store_that_is_away_ends_the_pass(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    await fill(make_registry, encrypt=False)
    store.fail_next('get', *[Unavailable('get', 'an object', 'not now')] * 1000)
    with pytest.raises(Unavailable):
        await rekey(store, clock)
    store._failures.clear()


# ---- without a key


@pytest.mark.proves('sealed', 'sweep')
async def test_sealed_sessions_are_swept_without_a_key(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    for days, session_id in [(0, 'old'), (20, 'middle'), (15, 'new')]:
        clock.advance(days=days)
        session = make_registry(encrypt=True).session(session_id)
        put(session, 'count', 1)
        await session.flush()
    kept = {object_key('a secret', name) for name in ('middle', 'new')}
    undated: Any = Undated(store.inner)
    tally = Swept()
    await Sweep(undated, '', 30 * 86400, clock).run(tally, Watcher())
    assert dict(tally.fates) == {'expired': 1, 'kept': 2}
    assert set(await bodies(store)) == kept
    assert all(outline_of(body).seen for body in (await bodies(store)).values())
