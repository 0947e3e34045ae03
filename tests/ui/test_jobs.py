from __future__ import annotations

import asyncio
import gc
from dataclasses import dataclass

from nicegui import background_tasks, ui

from nicegui_stash import Recovery, Stash, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import rejoin

from .scene import (
    Browser,
    close,
    data_of,
    disconnect,
    idle,
    shown,
    slice_of,
    text,
)


@dataclass
class Address:
    street: str = ''


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


async def test_an_opaque_value_changed_by_a_job_is_stored_when_the_client_disconnects(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        address: Address = stored(Address())

        def build(self) -> None: ...

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    page.address.street = 'Main Street'
    disconnect(tab)
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'address': {'street': 'Main Street'}}


async def test_an_opaque_value_changed_in_place_is_stored_when_the_client_is_deleted(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        address: Address = stored(Address())

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, Page)
    page.address.street = 'Main Street'
    await close(tab)
    assert shown(stash, await ann.open(), Page).address.street == 'Main Street'


async def test_a_job_that_assigns_after_its_client_went_is_shown_in_the_next_page_and_stored(
    stash: Stash, store: FaultyStore
) -> None:
    finish = asyncio.Event()
    done: list[int] = []

    @stash.page('/')
    class Page:
        progress: int = stored(0)
        log: list[str] = stored([])

        def build(self) -> None:
            ui.label().mark('progress').bind_text_from(self, 'progress')
            background_tasks.create(self.work())

        async def work(self) -> None:
            if self.progress:
                return
            self.progress = 50
            self.log.append('half')
            await finish.wait()
            self.progress = 100
            self.log.append('all')
            await stash.flush(self)
            done.append(self.progress)

    ann = Browser()
    tab = await ann.open()
    assert text(tab, 'progress') == '50'
    await stash.flush(shown(stash, tab, Page))
    await close(tab)
    del tab
    gc.collect()
    finish.set()
    await idle()
    assert done == [100]
    tab = await ann.open()
    assert text(tab, 'progress') == '100'
    assert await data_of(store, 'Page') == {'progress': 100, 'log': ['half', 'all']}


async def test_a_job_that_assigns_after_a_rejoin_is_shown_in_the_page_that_came_back(stash: Stash) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    old = shown(stash, tab, cls)
    old.draft, old.step = 'half', 2
    await rejoin(tab)
    await idle()
    new = shown(stash, tab, cls)
    assert new is not old
    old.count, old.draft, old.step = 7, 'half-typed', 3
    await idle()
    assert (new.count, new.draft, new.step, text(tab, 'count')) == (7, 'half-typed', 3, '7')


async def test_a_job_whose_tab_never_comes_back_changes_no_other_draft(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    old = shown(stash, tab, cls)
    await close(tab)
    other = shown(stash, await ann.open(), cls)
    old.draft, old.step = 'of the old tab', 9
    await idle()
    assert (other.draft, other.step) == ('', 1)
    await stash.flush(other)
    found = await slice_of(store, 'Page')
    assert [part['data'] for part in found['visits'].values()] == [{'draft': 'of the old tab'}]
