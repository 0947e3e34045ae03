from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest
from nicegui import Client, binding, ui

from nicegui_stash import Recovery, Stash, StashError, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    client_of,
    close,
    disconnect,
    idle,
    page_object_of,
    reconnect,
    replace,
    serving,
    shown,
    slice_of,
    text,
    with_values,
)


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        items: list[str] = stored([])
        draft: str = stored('', scope='reconnect')
        step: int = stored(1, scope='tab')
        told: int = 0

        def on_recovered(self, recovery: Recovery) -> None:
            self.told += 1

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.input().bind_value(self, 'draft')
            ui.label().bind_text_from(stash.status(self), 'state')
            stash.on_change(self, 'count', self.changed)

        def changed(self, change: object) -> None: ...

    return Page


def links() -> int:
    """How many bindings NiceGUI holds, and how many objects it remembers for them where it does."""
    known = getattr(binding, '_binding_keys_by_object', ())
    return sum(map(len, binding.bindings.values())) + len(binding.active_links) + len(known)


async def test_a_deleted_client_leaves_no_binding_no_page_and_no_session(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    before = links()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.count, page.draft = 1, 'half'
    page.items.append('x')
    await stash.flush(page)
    assert links() > before
    left = [weakref.ref(page), weakref.ref(page_object_of(page))]
    await close(tab)
    assert links() == before
    del page, tab
    await idle()
    gc.collect()
    assert [reference() for reference in left] == [None, None]
    assert stash.statistics().sessions == 0


async def test_many_visits_leave_nothing(stash: Stash) -> None:
    declare(stash)
    ann = Browser()
    before = links()
    for _ in range(20):
        await close(await ann.open())
    await ann.get()
    for client in list(Client.instances.values()):
        client.delete()
    await idle()
    gc.collect()
    assert links() == before
    assert stash.statistics().sessions == 0
    assert len(stash._app_state._connections) == 0


async def test_a_session_is_read_once_while_a_page_shows_it_and_again_after(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).count = 1
    await stash.flush(shown(stash, tab, cls))
    assert store.calls['get'] == 0  # it was known to be new
    others = [await ann.open() for _ in range(3)]
    assert store.calls['get'] == 3  # each looked whether another server had changed it
    for each in (tab, *others):
        await close(each)
    del tab, others, each
    gc.collect()
    assert shown(stash, await ann.open(), cls).count == 1
    assert store.calls['get'] == 4


async def test_pages_that_are_opened_at_once_read_their_session_once(url: str, store: FaultyStore) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        shown(stash, await ann.open(), cls).count = 77777
    async with serving(lambda: Stash(url)) as stash:
        declare(stash)
        gets = store.calls['get']
        gate = store.hold('get')
        asking = [asyncio.create_task(ann.get()) for _ in range(5)]
        await gate.started.wait()
        await idle()
        store.release()
        assert ['77777' in (await answer).text for answer in asking] == [True] * 5
        assert store.calls['get'] == gets + 1


async def test_recovery_happens_once_per_client_although_it_connects_again_and_again(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.count, page.draft, page.step = 5, 'half', 2
    await stash.flush(page)
    gets = store.calls['get']
    await replace(store, with_values(count=99))
    for _ in range(3):
        disconnect(tab)
        await idle()
        await reconnect(tab)
    assert (page.count, page.draft, page.step, page.told) == (5, 'half', 2, 1)
    assert store.calls['get'] == gets
    assert shown(stash, tab, cls) is page


async def test_what_is_assigned_before_the_browser_has_reported_goes_to_its_tab_and_visit(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        draft: str = stored('', scope='reconnect')
        step: int = stored(1, scope='tab')

        def build(self) -> None:
            self.draft, self.step = 'prepared', 2

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    assert (page.draft, page.step) == ('prepared', 2)
    await stash.flush(page)
    found = await slice_of(store, 'Page')
    assert {id_: part['data'] for id_, part in found['visits'].items()} == {client_of(tab).id: {'draft': 'prepared'}}
    assert {id_: part['data'] for id_, part in found['tabs'].items()} == {tab.tab_id: {'step': 2}}


async def test_several_stashes_on_one_place_share_one_registry(url: str, store: FaultyStore) -> None:
    async with serving(lambda: (Stash(url), Stash(url), Stash(url, prefix='other'))) as (one, two, other):

        @one.page('/a')
        class A:
            count: int = stored(0)

            def build(self) -> None: ...

        @two.page('/b')
        class B:
            count: int = stored(0)

            def build(self) -> None: ...

        @other.page('/c')
        class C:
            count: int = stored(0)

            def build(self) -> None: ...

        ann = Browser()
        a, b = shown(one, await ann.open('/a'), A), shown(two, await ann.open('/b'), B)
        c = shown(other, await ann.open('/c'), C)
        assert one._app_state.runtime() is two._app_state.runtime()
        assert one._app_state.runtime() is not other._app_state.runtime()
        a.count, b.count, c.count = 1, 2, 3
        await one.flush(a)
        await other.flush(c)
        assert store.calls['put'] == 2
        here, there = sorted(store.keys['put'], key=len)
        assert there == f'other/{here}'


async def test_two_stashes_serve_one_page_together(url: str) -> None:
    async with serving(lambda: (Stash(url), Stash(url, prefix='other'))) as (one, two):

        @two.state
        class Shared:
            count: int = stored(0)

        @one.page('/')
        class Page:
            count: int = stored(0)

            async def build(self) -> None:
                shared = await two.recover(Shared)
                shared.count += 1
                self.count += 1
                ui.label(f'{self.count} {shared.count}').mark('counts')

        ann = Browser()
        assert text(await ann.open(), 'counts') == '1 1'
        assert text(await ann.open(), 'counts') == '2 2'


async def test_asking_for_the_session_of_a_page_that_is_gone_says_what_to_do(stash: Stash) -> None:
    declare(stash)
    tab = await Browser().open()
    client = client_of(tab)
    await close(tab)
    with pytest.raises(StashError, match='the page is gone; pass the page object'):
        stash._app_state.connection_of(client)


async def test_a_client_that_is_deleted_while_its_build_waits_is_not_built(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    built: list[int] = []

    @stash.page('/', build='connected')
    class Page:
        def build(self) -> None:
            built.append(1)

    await Browser().get()
    (client,) = [client for client in Client.instances.values() if client.page.path == '/']
    client.delete()
    await idle()
    assert built == []
    assert errors() == []
