"""Old and new servers at once: drafts that move, changes that come late, code without a page, a slow store."""

from __future__ import annotations

import asyncio

import pytest
from nicegui.testing import User

from nicegui_stash import Rejected, Stash
from nicegui_stash.model.document import Part
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app import connection
from nicegui_stash.ui.app.connection import Connection
from nicegui_stash.ui.visit.messages import Report, simulated

from .scene import Browser, client_of, data_of, eventually, idle, serving, shown, slice_of, tell
from .versions import TAB, VISIT, declare_v1, declare_v2, visited

# ---- drafts and tabs


async def test_a_draft_typed_on_an_old_server_comes_back_on_a_new_one_that_was_visited_before(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    first = shown(stash, await old.browser.open(), cart)
    await stash.flush(first)
    await old.put(Part('visits', VISIT), draft='half a wo')
    await old.put(Part('tabs', TAB), sort='name')
    tab = await old.rejoin(TAB)
    page = shown(stash, tab, cart)
    assert (page.draft, page.sort, page.items) == ('half a wo', 'name', [{'name': 'socks'}])
    page.draft = 'half a word'
    await stash.flush(page)
    found = await slice_of(store, 'Cart', version=2)
    assert found['visits'][VISIT]['data'] == {'draft': 'half a word'}
    again = shown(stash, await old.rejoin(TAB), cart)
    assert again.draft == 'half a word'


async def test_what_an_old_server_writes_while_it_drains_is_shown_unless_it_was_changed_here(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'], size=1)
    await old.put(Part('visits', VISIT), draft='half')
    page = shown(stash, await old.rejoin(), cart)
    assert (page.draft, page.size) == ('half', 1)
    page.size = 2
    await old.put(Part('visits', VISIT), draft='half a word')
    await old.put(items=['socks', 'tent'], size=9)
    await eventually(lambda: page.draft == 'half a word')
    assert (page.items, page.size) == ([{'name': 'socks'}, {'name': 'tent'}], 2)


async def test_a_draft_that_an_old_server_writes_only_while_it_drains_is_shown(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    page = shown(stash, await old.rejoin(), cart)
    assert page.draft == ''
    await old.put(Part('visits', VISIT), draft='half a word')
    await eventually(lambda: page.draft == 'half a word')


async def test_a_rejoin_that_is_reported_late_follows_the_old_server_as_long_as_any_other(
    stash: Stash, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, look = asyncio.Event(), Connection._look_after_arrival

    async def until_looked(arrived: Connection) -> None:
        await look(arrived)
        looked.set()

    monkeypatch.setattr(connection, 'ARRIVAL_LOOKS', (0.05,))
    monkeypatch.setattr(Connection, '_look_after_arrival', until_looked)
    store.guarantee = 'shared'  # so that an arrival looks for what another server has
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    tab = await old.browser.open('/')
    tell(tab, {'kind': 'report', 'reason': 'rejoin', 'visit': VISIT})
    await looked.wait()
    page = shown(stash, tab, cart)
    assert (stash.recovery(page).reason, page.draft) == ('rejoin', '')
    await old.put(Part('visits', VISIT), draft='half a word')
    await eventually(lambda: page.draft == 'half a word')


async def test_what_an_old_server_writes_afterwards_does_not_reach_the_new_version(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    page = shown(stash, await old.browser.open(), cart)
    await stash.flush(page)
    await old.put(items=['socks', 'tent'])
    assert shown(stash, await old.browser.open(), cart).items == page.items == [{'name': 'socks'}]
    assert await data_of(store, 'Cart') == {'items': ['socks', 'tent']}


async def test_a_duplicated_tab_gets_what_only_an_older_version_holds(stash: Stash, store: FaultyStore) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    await old.put(Part('tabs', TAB), sort='name')
    tab = User(old.browser.http)
    simulated[tab.tab_id] = Report('duplicate', old_tab=TAB)
    await tab.open('/')
    await idle()
    assert shown(stash, tab, cart).sort == 'name'


# ---- without a page, and before the store has answered


async def test_code_without_a_page_sees_and_changes_what_an_older_version_holds(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'], size=40)
    session_id = stash._app_state.connection_of(client_of(await old.browser.open('/hello'))).visit.session_id
    async with stash._app_state.open(session_id) as session:
        assert session.fetch(cart).items == [{'name': 'socks'}]
        session.set(cart, size=41)
        assert session.fetch(cart).items == [{'name': 'socks'}]
        await session.update(cart, lambda found: found.items.append({'name': 'tent'}))
    data = (await slice_of(store, 'Cart', version=2))['data']
    assert data == {'items': [{'name': 'socks'}, {'name': 'tent'}], 'size': 41}
    assert shown(stash, await old.browser.open(), cart).size == 41


async def test_what_was_changed_before_the_store_answered_does_not_hide_what_an_older_version_holds(
    url: str, store: FaultyStore, errors: object
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cart = declare_v1(stash)
        shown(stash, await ann.open(), cart).items = ['socks']
    async with serving(lambda: Stash(url, flush_interval=0, recover_timeout=0.02)) as stash:
        cart = declare_v2(stash)
        store.hold('get')
        page = shown(stash, await ann.open(), cart)
        recovery = stash.recovery(page)
        assert recovery.status == 'unavailable'
        page.items = [{'name': 'typed'}]
        page.size = 5
        store.release()
        await eventually(lambda: recovery.status == 'recovered')
        assert (page.items, page.size, recovery.from_version) == ([{'name': 'socks'}], 5, 1)
        assert recovery.rejected == [Rejected('items', [{'name': 'typed'}])]
    assert (await slice_of(store, 'Cart', version=2))['data'] == {'items': [{'name': 'socks'}], 'size': 5}


async def test_a_reset_is_not_undone_by_a_rollback(url: str, store: FaultyStore, errors: object) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cart = declare_v1(stash)
        shown(stash, await ann.open(), cart).items = ['private']
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cart = declare_v2(stash)
        page = shown(stash, await ann.open(), cart)
        assert page.items == [{'name': 'private'}]
        stash.reset(page)
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cart = declare_v1(stash)
        assert shown(stash, await ann.open(), cart).items == []
