"""Slices are kept per version: a newer one begins with what an older one holds, and neither changes the other's."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model.document import SESSION_PART, Part, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.versions import Found
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores import MemoryStore
from nicegui_stash.testing import FaultyStore

from .carts import NEW, OLD, V1, V2, Serve, slices, stored_by_v1
from .conftest import WallClock
from .scene import TAB, VISIT, Page, put, raw, stored, values
from .virtual import idle, run

# ---- what is brought along, and where it goes


async def test_what_is_migrated_is_written_under_the_new_version_and_the_old_one_stays(
    serve: Serve, store: FaultyStore
) -> None:
    before = await slices(store, await stored_by_v1(serve))
    session = serve(V2)
    await session.load(1.0)
    found = session.inherit(V2, '')
    assert (found.from_version, found.migrated) == (1, True)
    assert values(session, slice_id=NEW) == {'items': [{'name': 'socks'}], 'size': 40}
    await session.flush()
    after = await slices(store, session)
    assert after['1'] == before['1']
    assert after['2'][''] == before['1'][''] | {'data': {'items': [{'name': 'socks'}], 'size': 40}}
    assert session.inherit(V2, '') == Found(session.document.slice(NEW), 2)


@pytest.mark.proves('unreadable')
async def test_old_and_new_servers_keep_their_own_and_a_rollback_finds_its_state_again(
    serve: Serve, store: FaultyStore
) -> None:
    old = await stored_by_v1(serve)
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    put(new, 'size', 41, slice_id=NEW)
    put(old, 'items', ['socks', 'tent'], slice_id=OLD)
    await asyncio.gather(old.flush(), new.flush())
    put(new, 'size', 42, slice_id=NEW)
    await new.flush()
    rolled_back, again = serve(V1), serve(V2)
    for session in (rolled_back, again):
        await session.load(1.0)
    rolled_back.inherit(V1, '')
    again.inherit(V2, '')
    assert values(rolled_back, slice_id=OLD) == {'items': ['socks', 'tent'], 'size': 40}
    assert values(again, slice_id=NEW) == {'items': [{'name': 'socks'}], 'size': 42}
    assert (rolled_back.pending, again.pending) == (0, 0), 'nothing has to be written for it'


@pytest.mark.proves('unreadable')
async def test_a_newer_version_is_left_alone(serve: Serve, store: FaultyStore) -> None:
    new = serve(V2)
    await new.load(1.0)
    put(new, 'size', 7, slice_id=NEW)
    await new.flush()
    before = await slices(store, new)
    old = serve(V1)
    await old.load(1.0)
    assert old.inherit(V1, '') == Found()
    put(old, 'size', 1, slice_id=OLD)
    old.reset(OLD)
    await old.flush()
    assert (await slices(store, old))['2'] == before['2']


async def test_each_key_is_migrated_when_it_is_recovered(serve: Serve) -> None:
    session = serve(V1)
    await session.load(1.0)
    for key in ('7', '8'):
        put(session, 'items', [f'item {key}'], slice_id=SliceId('Cart', 1, key))
    await session.flush()
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '7')
    assert values(new, slice_id=SliceId('Cart', 2, '7')) == {'items': [{'name': 'item 7'}]}
    assert new.document.slice(SliceId('Cart', 2, '8')) is None


async def test_a_draft_is_brought_along_when_its_own_page_comes_and_not_with_another(serve: Serve) -> None:
    """Until then the page may be open on an old server, where somebody goes on typing."""
    old = await stored_by_v1(serve, items=['socks'], draft='half a')
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '', [Part('visits', 'another')])
    assert values(new, slice_id=NEW) == {'items': [{'name': 'socks'}]}
    assert values(new, VISIT, NEW) == {}
    put(old, 'draft', 'half a word', VISIT, OLD)
    await old.flush()
    await new.revalidate(1.0)
    found = new.inherit(V2, '', [VISIT])
    assert (found.from_version, values(new, VISIT, NEW)) == (1, {'draft': 'half a word'})
    assert new.inherit(V2, '', [VISIT]).migrated is False


async def test_a_draft_of_the_own_version_is_not_replaced_by_one_of_an_older(serve: Serve) -> None:
    old = await stored_by_v1(serve, draft='old')
    new = serve(V2)
    await new.load(1.0)
    put(new, 'draft', 'new', VISIT, NEW)
    put(old, 'draft', 'older, and typed later', VISIT, OLD)
    await asyncio.gather(old.flush(), new.flush())
    await new.revalidate(1.0)
    new.inherit(V2, '', [VISIT])
    assert values(new, VISIT, NEW) == {'draft': 'new'}


async def test_two_servers_may_migrate_at_once(serve: Serve, store: FaultyStore) -> None:
    await stored_by_v1(serve)
    one, two = serve(V2), serve(V2)
    for session in (one, two):
        await session.load(1.0)
        session.inherit(V2, '')
    put(one, 'size', 1, slice_id=NEW)
    put(two, 'currency', 'CHF', slice_id=NEW)
    await asyncio.gather(one.flush(), two.flush())
    assert await stored(store, one.key, NEW) == {'items': [{'name': 'socks'}], 'size': 1, 'currency': 'CHF'}


async def test_fields_of_a_newer_deploy_of_the_same_version_are_kept(serve: Serve, store: FaultyStore) -> None:
    with_currency = serve(V1)
    await with_currency.load(1.0)
    put(with_currency, 'currency', 'CHF', slice_id=OLD)
    await with_currency.flush()
    without = await stored_by_v1(serve, size=3)
    put(without, 'size', 4, slice_id=OLD)
    await without.flush()
    assert await stored(store, without.key, OLD) == {'currency': 'CHF', 'size': 4}


# ---- an old version goes when nobody has used it for long


async def test_an_old_version_that_was_not_seen_for_ttl_is_dropped_with_the_next_put(
    serve: Serve, store: FaultyStore, clock: WallClock
) -> None:
    await stored_by_v1(serve)
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    await new.flush()
    for days, versions in ((20, {'1', '2'}), (9, {'1', '2'}), (2, {'2'})):
        clock.advance(days=days)
        put(new, 'size', days, slice_id=NEW)
        await new.flush()
        assert (await slices(store, new)).keys() == versions


async def test_an_old_version_that_is_still_used_stays(serve: Serve, store: FaultyStore, clock: WallClock) -> None:
    old = await stored_by_v1(serve)
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    for days in (20, 20, 20):
        clock.advance(days=days)
        put(old, 'size', clock.now, slice_id=OLD)
        await old.flush()
        put(new, 'size', clock.now, slice_id=NEW)
        await new.flush()
    assert (await slices(store, new)).keys() == {'1', '2'}


# ---- whoever writes first under a new version


async def test_a_change_without_a_page_begins_with_what_the_older_version_holds(
    serve: Serve, store: FaultyStore
) -> None:
    await stored_by_v1(serve)
    session = serve(V2)
    await session.load(1.0)
    put(session, 'size', 1, slice_id=NEW)
    await session.flush()
    assert await stored(store, session.key, NEW) == {'items': [{'name': 'socks'}], 'size': 1}


async def test_an_update_without_a_page_begins_with_what_the_older_version_holds(serve: Serve) -> None:
    await stored_by_v1(serve)
    session = serve(V2)
    await session.load(1.0)
    await session.update(NEW, lambda found: [(SESSION_PART, 'size', raw(json.loads(bytes(found.data['size'])) + 1))])
    assert values(session, slice_id=NEW) == {'items': [{'name': 'socks'}], 'size': 41}


async def test_a_change_before_the_first_read_neither_hides_nor_overrules_what_an_older_version_holds(
    serve: Serve, store: FaultyStore
) -> None:
    await stored_by_v1(serve, items=['socks'], draft='a long text')
    store.hold('get')
    session = serve(V2)
    page = Page(session)
    put(session, 'items', [], slice_id=NEW)
    put(session, 'currency', 'CHF', slice_id=NEW)
    put(session, 'draft', 'x', VISIT, NEW)
    store.release()
    await session.flush()
    await session.load(1.0)
    assert sorted(page.overruled, key=str) == [('draft', 'x'), ('items', [])]
    assert values(session, slice_id=NEW) == {'items': [{'name': 'socks'}], 'currency': 'CHF'}
    assert values(session, VISIT, NEW) == {'draft': 'a long text'}
    assert session.inherit(V2, '', [VISIT]).from_version == 1
    await session.flush()
    assert await stored(store, session.key, NEW) == {'items': [{'name': 'socks'}], 'currency': 'CHF'}
    page.leave()


async def test_an_update_before_the_first_read_counts_on_from_an_older_version_also_after_a_conflict(
    serve: Serve, store: FaultyStore
) -> None:
    old = await stored_by_v1(serve, size=5)
    store.hold('get')
    session = serve(V2)
    counting = asyncio.ensure_future(session.update(NEW, count))
    await idle()
    store.release()
    store.hold('put')
    await session.load(1.0)
    put(old, 'items', ['tent'], slice_id=OLD)
    flushing = asyncio.ensure_future(old.flush())
    await idle()
    store.release()
    await asyncio.gather(counting, flushing)
    assert (await stored(store, session.key, NEW) or {})['size'] == 6
    assert await stored(store, session.key, OLD) == {'size': 5, 'items': ['tent']}


def count(found: Any) -> list[Any]:
    before = found.data.get('size')
    return [(SESSION_PART, 'size', raw((json.loads(bytes(before)) if before else 0) + 1))]


# ---- a law

CHANGES = st.lists(
    st.tuples(st.sampled_from((OLD, NEW)), st.sampled_from(('size', 'draft', 'filter')), st.integers(0, 9)), max_size=12
)
PLACES = {'size': SESSION_PART, 'draft': VISIT, 'filter': TAB}


@given(CHANGES, CHANGES)
def test_whatever_is_changed_where_each_version_has_its_own_last_values_above_those_it_began_with(
    before: list[tuple[SliceId, str, int]], after: list[tuple[SliceId, str, int]]
) -> None:
    """An old and a new server change one session in any order, and meanwhile a page is opened on the new one."""
    written: dict[SliceId, dict[str, int]] = {OLD: {}, NEW: {}}
    servers: dict[SliceId, Session] = {}

    async def change(changes: list[tuple[SliceId, str, int]]) -> None:
        for id_, name, value in changes:
            await servers[id_].revalidate(1.0)
            put(servers[id_], name, value, PLACES[name], id_)
            await servers[id_].flush()
            written[id_][name] = value

    async def shown(id_: SliceId) -> dict[str, int]:
        await servers[id_].revalidate(1.0)
        found = {name: values(servers[id_], part, id_).get(name) for name, part in PLACES.items()}
        return {name: value for name, value in found.items() if value is not None}

    async def scenario() -> None:
        store = MemoryStore(f'law-{uuid.uuid4().hex}')
        for id_, schema in ((OLD, V1), (NEW, V2)):
            registry = Registry(store, Keys(('a secret',)), Policy(), wall=WallClock(), rng=lambda: 0.5)
            registry.declare(schema)
            servers[id_] = registry.session('an id')
            await servers[id_].load(1.0)
        await change(before)
        await servers[NEW].revalidate(1.0)
        servers[NEW].inherit(V2, '', [VISIT, TAB])
        await servers[NEW].flush()
        began = await shown(NEW)
        if all(id_ == OLD for id_, *_ in before):
            assert began == written[OLD]
        await change(after)
        assert await shown(OLD) == written[OLD]
        assert (await shown(NEW)).items() >= (began | written[NEW]).items()
        await store.delete(servers[OLD].key)

    run(scenario())
