"""Sessions live as long as somebody needs them, are found again, and are drained when the server stops."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from nicegui_stash.errors import Unavailable
from nicegui_stash.model.document import SESSION_PART
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys, object_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry, WallClock
from .scene import COUNTER, Page, kill, pending_changes, put, stored, tasks_of, values
from .virtual import idle


def now() -> float:
    return asyncio.get_running_loop().time()


async def is_gone(session: weakref.ref[Session]) -> bool:
    await idle()
    gc.collect()
    return session() is None


async def test_a_session_is_found_again_while_a_page_holds_it(make_registry: MakeRegistry) -> None:
    registry = make_registry()
    session = registry.session('an id')
    page = Page(session)
    assert registry.session('an id') is session
    assert registry.session('another id') is not session
    assert session.key == object_key('a secret', 'an id')
    await session.load(1)
    reference, page.__dict__['session'] = weakref.ref(session), session
    del session
    assert not await is_gone(reference)
    assert registry.session('an id') is reference()
    page.leave()
    page.__dict__.clear()
    assert await is_gone(reference)
    assert registry.statistics().sessions == 0


@pytest.mark.parametrize('how', ['loaded', 'changed', 'flushed', 'away and back', 'conflicting', 'looked at again'])
async def test_an_unused_session_is_gone_whatever_it_did(
    make_registry: MakeRegistry, store: FaultyStore, how: str
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=how != 'changed')
    page = Page(session)
    await session.load(1)
    if how != 'loaded':
        store.down = how == 'away and back'
        if how == 'conflicting':
            store.conflict_after_apply()
        put(session, 'count', 1)
        if not store.down:
            await session.flush()
        await asyncio.sleep(1)
        store.down = False
        await asyncio.sleep(6)
    if how == 'looked at again':
        await session.revalidate(1)
    page.leave()
    reference = weakref.ref(session)
    del session, page
    assert await is_gone(reference)
    assert (await tasks_of(registry), pending_changes(registry)) == (set(), (0, 0))


async def test_an_unused_session_is_gone_though_the_record_of_a_failed_step_is_kept(
    make_registry: MakeRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    session.document.applied['spoilt'] = object()  # type: ignore[assignment]
    put(session, 'count', 1)
    with pytest.raises(Unavailable):
        await session.flush()
    del session.document.applied['spoilt']
    await session.flush()
    reference = weakref.ref(session)
    del session
    assert await is_gone(reference)
    assert any('a step of the actor failed' in record.getMessage() for record in caplog.records)


async def test_a_session_with_something_pending_lives_until_it_is_durable_and_is_found_meanwhile(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    store.down = True
    put(session, 'count', 1)
    reference = weakref.ref(session)
    del session
    assert not await is_gone(reference)
    found = registry.session('an id')
    assert (found, values(found)) == (reference(), {'count': 1})
    del found
    store.down = False
    await asyncio.sleep(6)
    assert await is_gone(reference)
    assert await stored(store, object_key('a secret', 'an id')) == {'count': 1}


async def test_a_session_that_somebody_waits_for_lives(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    gate = store.hold('get')
    waiting = asyncio.ensure_future(registry.session('an id').load(100))
    await gate.started.wait()
    gc.collect()
    assert registry.statistics().sessions == 1
    gate.release()
    assert await waiting is True


async def test_an_evicted_session_is_read_again(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    for number in range(3):
        session = registry.session('an id')
        await session.load(1)
        assert values(session).get('count', 0) == number
        put(session, 'count', number + 1)
        await session.flush()
        reference = weakref.ref(session)
        del session
        assert await is_gone(reference)
    assert store.calls == {'get': 3, 'put': 3}


async def test_a_thousand_sessions_leave_nothing_behind(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    for number in range(1000):
        put(registry.session(f'{number}', exists=False), 'count', number)
    assert pending_changes(registry)[0] == 1000
    await asyncio.sleep(1)
    gc.collect()
    assert (registry.statistics().sessions, pending_changes(registry), await tasks_of(registry)) == (0, (0, 0), set())
    assert await stored(store, object_key('a secret', '999')) == {'count': 999}


# ---- drain


@pytest.mark.proves('sigterm')
async def test_a_drain_makes_everything_durable_without_spacing(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(flush_interval=100.0)
    sessions = [registry.session(f'{number}', exists=False) for number in range(20)]
    for session in sessions:
        put(session, 'count', 1)
    await idle()
    for session in sessions:
        put(session, 'count', 2)
    begin = now()
    assert await registry.drain(5) == []
    assert now() == begin
    assert [await stored(store, session.key) for session in sessions] == [{'count': 2}] * 20
    assert await registry.drain(5) == []


async def test_a_drain_from_a_store_that_is_away_ends_in_time_and_names_what_is_left(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry()
    one, other = registry.session('one', exists=False), registry.session('other', exists=False)
    store.down = True
    for session in (one, other):
        put(session, 'count', 'a value that is not logged')
    begin = now()
    assert sorted(await registry.drain(5)) == sorted([one.key, other.key])
    assert now() - begin == pytest.approx(5, abs=0.01)
    for session in (one, other):
        assert f'session {session.key}: its last changes could not be written' in caplog.text
    assert 'a value that is not logged' not in caplog.text


@pytest.mark.parametrize('trouble', ['hanging', 'refusing', 'failing', 'unreadable', 'unread'])
async def test_a_drain_never_raises_and_ends_in_time(
    make_registry: MakeRegistry, store: FaultyStore, trouble: str
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=trouble in {'unreadable', 'unread'})
    match trouble:
        case 'hanging':
            store.hold('put')
        case 'refusing':
            store.refusing = True
        case 'failing':
            store.fail_next('put', *[ZeroDivisionError()] * 1000)
        case 'unreadable':
            await store.put(session.key, b'{"format":2}', mode='create')
        case _:
            store.hold('get')
    put(session, 'count', 1)
    begin = now()
    assert await registry.drain(3) == [session.key]
    assert now() - begin == pytest.approx(3, abs=0.01)
    await kill(registry)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_drain_waits_for_a_store_that_comes_back_in_time(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    store.down = True
    put(session, 'count', 1)
    drain = asyncio.ensure_future(registry.drain(5))
    await asyncio.sleep(3)
    store.down = False
    assert await drain == []
    assert await stored(store, session.key) == {'count': 1}


async def test_what_is_changed_during_a_drain_goes_with_it(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    gate = store.hold('put')
    drain = asyncio.ensure_future(registry.drain(5))
    await gate.started.wait()
    put(session, 'count', 2)
    gate.release()
    assert await drain == []
    assert await stored(store, session.key) == {'count': 2}


async def test_a_hurry_puts_at_once_what_was_spaced(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(flush_interval=100.0)
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await idle()
    put(session, 'count', 2)
    await asyncio.sleep(1)
    begin = now()
    registry.hurry()
    await idle()
    assert (now(), session.pending, await stored(store, session.key)) == (begin, 0, {'count': 2})


async def test_closing_ends_every_task_and_the_store(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    gate = store.hold('put')
    put(session, 'count', 1)
    await gate.started.wait()
    await registry.aclose()
    assert await tasks_of(registry) == set()
    await kill(registry)


@pytest.mark.parametrize('has_begun', [True, False])
async def test_a_flush_that_waits_while_the_registry_is_closed_raises(
    make_registry: MakeRegistry, store: FaultyStore, has_begun: bool
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    gate = store.hold('put')
    waiting = asyncio.ensure_future(session.flush())
    put(session, 'count', 1)
    if has_begun:
        await gate.started.wait()
    await registry.aclose()
    with pytest.raises(Unavailable, match='closed'):
        await waiting
    await kill(registry)


async def test_what_is_changed_when_the_registry_is_closed_is_not_written_and_a_flush_says_so(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry()
    session = registry.session('an id', exists=False)
    await registry.aclose()
    await session.flush()
    put(session, 'count', 1)
    with pytest.raises(Unavailable, match='closed'):
        await session.flush()
    assert (await tasks_of(registry), store.calls['put']) == (set(), 0)
    await kill(registry)


# ---- the rest


async def test_tasks_are_made_by_whom_the_app_says(store: FaultyStore, loop: asyncio.AbstractEventLoop) -> None:
    made: list[str] = []

    def create(work: object) -> asyncio.Task[None]:
        task = loop.create_task(work, name=f'ours {len(made)}')  # type: ignore[arg-type]
        made.append(task.get_name())
        return task

    registry = Registry(store, Keys(['a secret']), Policy(), create_task=create)
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    assert made == ['ours 0']
    assert abs(registry.now - loop.time()) > 0


async def test_the_number_of_keys_is_limited_with_the_next_put(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    registry = make_registry()
    registry.limit_keys('Item', 3)
    session = registry.session('an id', exists=False)
    for number in range(6):
        put(session, 'amount', number, slice_id=COUNTER._replace(name='Item', key=f'{number}'))
        await session.flush()
        clock.advance(seconds=1)
    assert sorted(session.document.slices['Item']['1']) == ['3', '4', '5']


async def test_the_statistics_count_what_was_done(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry(max_value_bytes=100)
    session = registry.session('an id')
    await session.load(1)
    put(session, 'count', 1)
    await session.flush()
    store.conflict_after_apply()
    put(session, 'count', 2)
    await session.flush()
    store.down = True
    put(session, 'count', 3)
    with pytest.raises(Unavailable):
        await session.flush()
    statistics = registry.statistics()
    assert (statistics.sessions, statistics.pending, statistics.pending_bytes) == (1, 1, 1)
    assert (statistics.gets, statistics.puts, statistics.conflicts, statistics.failures) == (2, 3, 1, 1)
    assert statistics.bytes_put > 300
    assert (statistics.quarantined, statistics.refused_changes) == (0, 0)


@pytest.mark.proves('own-session')
async def test_two_sessions_never_share_a_value(make_registry: MakeRegistry, store: FaultyStore) -> None:
    registry = make_registry()
    sessions = [registry.session(f'{number}', exists=False) for number in range(50)]
    for number, session in enumerate(sessions):
        put(session, 'mine', number)
    assert await registry.drain(5) == []
    fresh = make_registry()
    for number in range(50):
        session = fresh.session(f'{number}')
        await session.load(1)
        assert values(session) == {'mine': number}
        assert session.document.slice(COUNTER).values(SESSION_PART) is not None  # type: ignore[union-attr]


async def test_the_names_of_memory_stores_keep_them_apart(make_registry: MakeRegistry) -> None:
    for name in ('one', 'other'):
        session = make_registry(on=FaultyStore(MemoryStore(f'apart-{name}'))).session('an id')
        await session.load(1)
        assert values(session) == {}
        put(session, 'name', name)
        await session.flush()


async def test_a_seal_opens_its_own_session_only(make_registry: MakeRegistry) -> None:
    registry = make_registry()
    seal = registry.seal('an id')
    assert registry.is_seal(seal, 'an id')
    assert not registry.is_seal(seal, 'another id')
    assert seal not in registry.session('an id').key


async def test_a_seal_outlives_the_process_that_made_it_and_a_change_of_secrets(make_registry: MakeRegistry) -> None:
    seal = make_registry(secrets=('old',)).seal('an id')
    assert make_registry(secrets=('new', 'old')).is_seal(seal, 'an id')
    assert not make_registry(secrets=('new',)).is_seal(seal, 'an id')
