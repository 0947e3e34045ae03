"""What is accepted is durable on this host before it is put, and replayed by the next process as its own would have."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable

import pytest

from nicegui_stash.errors import StoreError
from nicegui_stash.model.document import SESSION_PART, Slice
from nicegui_stash.model.operations import Written
from nicegui_stash.model.pieces import Pieces
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.journal import Row
from nicegui_stash.testing import FaultyStore

from .carts import NEW, OLD, V1, V2
from .conftest import MakeRegistry, WallClock
from .disk import Desk, Disk
from .scene import COUNTER, VISIT, Page, kill, put, raw, stored, values

LONG = 50.0
"""Seconds between two puts, so that the second change of a server stays in its journal."""


class Host:
    """Servers on one disk, one after another or beside each other."""

    def __init__(self, make_registry: MakeRegistry) -> None:
        self.disk = Disk(random.Random(1))
        self._make = make_registry
        self._desks: dict[Registry, Desk] = {}

    def start(self, **options: float) -> Registry:
        desk = Desk(self.disk, f'server {len(self._desks)}')
        registry = self._make(journals=desk, **{'flush_interval': LONG, **options})
        registry._shared.writer = desk.name  # as the file is named
        self._desks[registry] = desk
        return registry

    def session(self, **options: float) -> Session:
        return self.start(**options).session('an id')

    async def kill(self, session: Session) -> None:
        registry = next(each for each in self._desks if each.session('an id') is session)
        await kill(registry)
        self._desks[registry].let_go()

    def in_journals(self) -> list[str]:
        return [row.body.decode() for file in self.disk.files.values() for row in file.rows.values()]


@pytest.fixture
def host(make_registry: MakeRegistry) -> Host:
    return Host(make_registry)


async def changed(session: Session, name: str = 'count', value: object = 2) -> None:
    """Let a server put something, and then accept what stays in its journal."""
    assert await session.load(1.0)
    put(session, 'first', 1)
    await session.put_pending()
    put(session, name, value)
    await session.flush()


# ---- durable without a put


@pytest.mark.proves('kill', 'flush')
async def test_a_flush_returns_once_the_journal_has_the_change_and_nothing_was_put(
    host: Host, store: FaultyStore
) -> None:
    session = host.session()
    await changed(session)
    assert await stored(store, session.key) == {'first': 1}
    assert session.is_kept
    assert session.activity == 'saved'
    await host.kill(session)
    assert '"field":"count"' in host.in_journals()[-1]


@pytest.mark.proves('kill')
async def test_what_a_killed_server_had_not_put_is_in_the_first_read_of_the_next_one(
    host: Host, store: FaultyStore
) -> None:
    old = host.session()
    assert await old.load(1.0)
    store.hold('put')
    put(old, 'count', 7)
    put(old, 'draft', 'x', VISIT)
    while not old.is_kept:  # without a flush
        await asyncio.sleep(0.001)
    await host.kill(old)
    store.release()
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'count': 7}
    assert values(new, VISIT) == {'draft': 'x'}
    assert await stored(store, new.key) == {'count': 7}
    assert host.in_journals() == []


async def test_a_list_that_grows_before_the_first_read_is_whole_in_the_journal(host: Host, store: FaultyStore) -> None:
    texts = [f'text number {number}' for number in range(100)]
    await changed(host.session())  # so that there is an object to be read
    store.hold('get')
    old = host.session()
    pieces = Pieces.of(raw(texts), len(texts))
    assert pieces is not None
    grown = pieces.spliced(len(texts), 0, b'"one more"', 1)
    assert grown is not None
    old.set(COUNTER, SESSION_PART, 'texts', grown)
    while not any('one more' in row for row in host.in_journals()):
        await asyncio.sleep(0.001)
    await host.kill(old)
    store.release()
    new = host.session()
    assert await new.load(5.0)
    assert values(new)['texts'] == [*texts, 'one more']


async def test_a_change_leaves_the_journal_when_it_is_put(host: Host) -> None:
    session = host.session()
    await changed(session)
    assert len(host.in_journals()) == 1
    await session.put_pending()
    await asyncio.sleep(1)
    assert host.in_journals() == []


async def test_a_changed_value_replaces_the_older_one_in_the_journal(host: Host) -> None:
    session = host.session()
    await changed(session)
    for number in range(100):
        put(session, 'count', number)
        await session.flush()
    assert len(host.in_journals()) == 1


async def test_a_page_is_told_that_a_later_change_is_durable(host: Host) -> None:
    session = host.session()
    page = Page(session)
    await changed(session)
    before = session.kept
    put(session, 'count', 3)
    assert session.activity == 'pending'
    await session.flush()
    assert session.kept > before
    assert page.activities[-1] == 'saved'
    page.leave()


async def test_a_thousand_changes_at_once_are_one_commit(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    sessions = [registry.session(f'id {number}', exists=False) for number in range(1000)]
    commits: list[int] = []
    host.disk.on_commit = lambda writer, rows: commits.append(len(rows))
    store.hold('put')
    for session in sessions:
        put(session, 'count', 1)
    await asyncio.gather(*(session.flush() for session in sessions))
    assert commits == [1000]


# ---- what only the store makes durable


def _increment(found: Slice) -> list[Written]:
    return [(SESSION_PART, 'count', raw(1 + int(bytes(found.data.get('count', raw(0))))))]


ERASURES: list[Callable[[Session], None]] = [lambda session: session.reset(COUNTER), Session.forget]


@pytest.mark.proves('erased')
@pytest.mark.parametrize('erase', ERASURES, ids=['reset', 'forget'])
async def test_the_flush_of_an_erasure_waits_for_the_store(
    host: Host, store: FaultyStore, erase: Callable[[Session], None]
) -> None:
    session = host.session()
    await changed(session)
    erase(session)
    assert not session.is_kept
    await session.flush()
    assert not await stored(store, session.key)


async def test_an_update_counts_once_the_store_has_it_and_not_twice_after_a_crash(
    host: Host, store: FaultyStore
) -> None:
    session = host.session()
    await changed(session)
    await session.update(COUNTER, _increment)
    assert await stored(store, session.key) == {'first': 1, 'count': 3}
    await host.kill(session)
    new = host.session()
    assert await new.load(5.0)
    assert values(new)['count'] == 3


async def test_before_the_first_read_a_change_is_not_durable(host: Host, store: FaultyStore) -> None:
    session = host.session()
    store.down = True
    put(session, 'count', 1)
    with pytest.raises(StoreError):
        await session.flush()
    while not host.in_journals():
        await asyncio.sleep(0.001)
    assert not session.is_kept


@pytest.mark.proves('lost')
async def test_what_the_store_has_lost_is_durable_once_it_has_it_again(host: Host, store: FaultyStore) -> None:
    session = host.session()
    await changed(session)
    await session.put_pending()
    await store.inner.delete(session.key)
    put(session, 'next', 3)
    assert await session.revalidate(1.0)
    assert not session.is_kept
    await session.flush()
    assert await stored(store, session.key) == {'first': 1, 'count': 2, 'next': 3}
    put(session, 'next', 4)
    await session.flush()
    assert session.is_kept


@pytest.mark.proves('lost')
async def test_what_is_put_back_over_another_document_is_not_journalled(
    host: Host, store: FaultyStore, make_registry: MakeRegistry
) -> None:
    session = host.session()
    await changed(session)
    await session.put_pending()
    await store.inner.delete(session.key)
    other = make_registry().session('an id')
    assert await other.load(1.0)
    put(other, 'other', 9)
    await other.flush()
    put(session, 'next', 3)
    assert await session.revalidate(1.0)
    assert session.pending == 3  # two of them with one number
    assert not session.is_kept
    while len(host.in_journals()) != 1 or '"born"' not in host.in_journals()[0]:
        await asyncio.sleep(0.001)
    await session.flush()
    assert await stored(store, session.key) == {'first': 1, 'count': 2, 'next': 3, 'other': 9}


async def test_a_drain_puts_what_the_journal_has(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    session = registry.session('an id')
    await changed(session)
    assert await registry.drain(10.0) == []
    assert await stored(store, session.key) == {'first': 1, 'count': 2}


# ---- replays


async def test_what_was_put_before_the_crash_is_not_replayed_over_a_later_change(
    host: Host, store: FaultyStore, make_registry: MakeRegistry
) -> None:
    session = host.session()
    await changed(session)
    rows = dict(host.disk.files['server 0'].rows)
    await session.put_pending()
    await host.kill(session)
    host.disk.files['server 0'].rows = rows  # its removal was not committed
    other = make_registry().session('an id')
    assert await other.load(1.0)
    put(other, 'count', 3)
    await other.flush()
    for _ in range(2):  # and once more, if that removal is lost, too
        new = host.session()
        assert await new.load(5.0)
        assert values(new) == {'first': 1, 'count': 3}
        await host.kill(new)
        host.disk.files['server 0'].rows = dict(rows)
    assert await stored(store, new.key) == {'first': 1, 'count': 3}


@pytest.mark.proves('erased')
@pytest.mark.parametrize('erase', ERASURES, ids=['reset', 'forget'])
async def test_what_was_erased_since_does_not_come_back(
    host: Host, store: FaultyStore, make_registry: MakeRegistry, erase: Callable[[Session], None]
) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    other = make_registry().session('an id')
    assert await other.load(1.0)
    erase(other)
    await other.flush()
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {}
    assert not await stored(store, new.key)


@pytest.mark.proves('erased')
async def test_an_erasure_that_was_not_put_is_replayed(host: Host, store: FaultyStore) -> None:
    session = host.session()
    await changed(session)
    store.down = True
    session.forget()
    while len(host.in_journals()) != 1 or 'Forget' not in host.in_journals()[0]:
        await asyncio.sleep(0.001)
    await host.kill(session)
    store.down = False
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {}


async def test_two_servers_fields_are_both_kept(host: Host, store: FaultyStore, make_registry: MakeRegistry) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    other = make_registry().session('an id')
    assert await other.load(1.0)
    put(other, 'other', 9)
    await other.flush()
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'first': 1, 'count': 2, 'other': 9}


async def test_a_change_from_before_the_first_read_is_overruled_after_the_crash_as_before_it(
    host: Host, store: FaultyStore, make_registry: MakeRegistry
) -> None:
    other = make_registry().session('an id')
    assert await other.load(1.0)
    put(other, 'count', 100)
    await other.flush()
    store.down = True
    session = host.session()
    put(session, 'count', 0)
    put(session, 'more', 1)
    while len(host.in_journals()) < 2:
        await asyncio.sleep(0.001)
    await host.kill(session)
    store.down = False
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'count': 100, 'more': 1}


async def test_what_the_first_read_has_overruled_leaves_the_journal(
    host: Host, store: FaultyStore, make_registry: MakeRegistry
) -> None:
    other = make_registry().session('an id')
    assert await other.load(1.0)
    put(other, 'count', 100)
    await other.flush()
    store.down = True
    session = host.session()
    put(session, 'count', 0)
    while not host.in_journals():
        await asyncio.sleep(0.001)
    store.down = False
    await asyncio.sleep(30)
    assert session.is_read
    assert host.in_journals() == []


@pytest.mark.proves('slow-store')
async def test_while_the_store_is_down_the_app_starts_and_the_replay_waits(host: Host, store: FaultyStore) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    store.down = True
    new = host.session()
    assert not await new.load(1.0)
    assert len(host.in_journals()) == 1
    store.down = False
    await asyncio.sleep(20)
    assert await new.load(10.0)
    assert values(new) == {'first': 1, 'count': 2}


async def test_a_store_that_refuses_the_replay_can_be_read_and_takes_it_later(host: Host, store: FaultyStore) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    store.refusing = True
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'first': 1}
    store.refusing = False
    await asyncio.sleep(100)
    assert await new.revalidate(1.0)
    assert values(new) == {'first': 1, 'count': 2}


async def test_sessions_that_nobody_visits_are_replayed_too(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    sessions = [registry.session(f'id {number}', exists=False) for number in range(100)]
    store.down = True
    for session in sessions:
        put(session, 'count', 1)
    while len(host.in_journals()) < 100:
        await asyncio.sleep(0.001)
    keys = [session.key for session in sessions]
    await kill(registry)
    host._desks[registry].let_go()
    store.down = False
    host.start()
    await asyncio.sleep(10)
    assert [await stored(store, key) for key in keys] == [{'count': 1}] * 100
    assert host.in_journals() == []


async def test_what_is_older_than_ttl_is_not_replayed(host: Host, store: FaultyStore, clock: WallClock) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    clock.advance(days=31)
    new = host.session()
    await new.load(5.0)
    await asyncio.sleep(1)
    assert values(new) == {}
    assert host.in_journals() == []


async def test_an_app_of_a_newer_version_migrates_what_is_replayed(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    registry.declare(V1)
    session = registry.session('an id')
    assert await session.load(1.0)
    store.hold('put')
    session.set(OLD, SESSION_PART, 'items', raw(['socks']))
    await session.flush()
    await host.kill(session)
    store.release()
    newer = host.start()
    newer.declare(V2)
    session = newer.session('an id')
    assert await session.load(5.0)
    session.inherit(V2, '')
    assert values(session, slice_id=NEW) == {'items': [{'name': 'socks'}]}


async def test_a_row_that_cannot_be_read_stays_and_the_others_are_replayed(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    session = host.session()
    await changed(session)
    await host.kill(session)
    file = host.disk.files['server 0']
    file.rows[10**6] = Row(10**6, session.key, next(iter(file.rows.values())).accepted, b'{"operation":{"type":"X"}}')
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'first': 1, 'count': 2}
    await asyncio.sleep(1)
    assert list(file.rows) == [10**6]
    assert 'stays there' in caplog.text


# ---- a disk in trouble


async def test_a_full_disk_is_said_once_and_leaves_the_store_alone(
    host: Host, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger='nicegui_stash')
    host.disk.trouble = 1.0
    session = host.session()
    assert await session.load(1.0)
    for number in range(20):
        put(session, 'count', number)
        await session.flush()
        assert await stored(store, session.key) == {'count': number}
        await asyncio.sleep(1)
    assert [record.message for record in caplog.records if 'journal' in record.message] == [
        (
            'the journal cannot be written; until it can, changes are durable once the store has them: put journal: '
            'the disk is full'
        )
    ]
    puts = store.calls['put']
    put(session, 'count', -1)
    await asyncio.sleep(1)  # not flush_interval, which counts on a journal
    assert store.calls['put'] == puts + 1
    host.disk.trouble = 0.0
    await asyncio.sleep(10)
    for number in (-2, -3):  # the first shows that the disk has room again
        put(session, 'count', number)
        await session.flush()
    assert session.is_kept


async def test_what_waits_for_its_put_is_put_when_the_journal_fails(host: Host, store: FaultyStore) -> None:
    session = host.session()
    await changed(session)
    host.disk.trouble = 1.0
    put(session, 'count', 3)
    await asyncio.sleep(1)
    assert await stored(store, session.key) == {'first': 1, 'count': 3}
    host.disk.trouble = 0.0
    await asyncio.sleep(10)


async def test_a_closed_registry_lets_others_have_what_is_not_put(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    session = registry.session('an id')
    await changed(session)
    store.down = True
    assert await registry.drain(0.5) == [session.key]
    await registry.aclose()
    session.retire('the test is over')
    store.down = False
    new = host.session()
    assert await new.load(5.0)
    assert values(new) == {'first': 1, 'count': 2}


async def test_a_registry_that_is_closed_within_a_commit_waits_for_it(host: Host, store: FaultyStore) -> None:
    registry = host.start()
    session = registry.session('an id')
    await changed(session)
    store.hold('put')
    put(session, 'count', 3)
    await asyncio.sleep(0)  # the commit has begun
    await registry.aclose()
    session.retire('the test is over')
    assert '"raw":3' in host.in_journals()[-1]
