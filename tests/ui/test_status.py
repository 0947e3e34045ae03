from __future__ import annotations

import asyncio

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, idle, serving, shown, text


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        name: str = stored('')
        other: int = stored(0)

        def build(self) -> None:
            ui.label().mark('state').bind_text_from(stash.status(self), 'state')

    return Page


@pytest.fixture
def ann() -> Browser:
    """Whose changes these are."""
    return Browser()


async def test_status_says_pending_saving_saved_and_offline_as_they_happen(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        status = stash.status(page)
        assert (status.state, status.pending, status.problem, text(tab, 'state')) == ('saved', 0, None, 'saved')
        gate = store.hold('put')
        page.name = 'new'
        await asyncio.sleep(0)
        assert text(tab, 'state') in {'pending', 'saving'}
        await gate.started.wait()
        await idle()
        assert (status.state, status.pending, text(tab, 'state')) == ('saving', 1, 'saving')
        store.release()
        await stash.flush(page)
        await idle()
        assert (status.state, status.pending, text(tab, 'state')) == ('saved', 0, 'saved')
        store.down = True
        page.name = 'newer'
        page.other = 1
        await idle()
        assert (status.state, status.pending, text(tab, 'state')) == ('offline', 2, 'offline')
        assert status.problem == 'the test has taken the store down'
        store.down = False
        await stash.flush(page)
        await idle()
        assert (status.state, status.pending, status.problem, text(tab, 'state')) == ('saved', 0, None, 'saved')


async def test_status_of_a_spaced_put_is_pending(url: str, store: FaultyStore, ann: Browser) -> None:
    async with serving(lambda: Stash(url, flush_interval=60)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        page.name = 'one'
        await idle()
        page.name = 'two'
        await idle()
        assert (stash.status(page).state, stash.status(page).pending, text(tab, 'state')) == ('pending', 1, 'pending')


async def test_status_is_refused_in_all_tabs_of_the_session_and_in_no_other(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        left, right, stranger = await ann.open(), await ann.open(), await Browser().open()
        store.refusing = True
        shown(stash, left, cls).name = 'refused'
        await idle()
        assert [text(tab, 'state') for tab in (left, right, stranger)] == ['refused', 'refused', 'saved']
        assert 'refuse' in str(stash.status(shown(stash, right, cls)).problem)
        store.refusing = False
        await stash.flush(shown(stash, left, cls))
        await idle()
        assert [text(tab, 'state') for tab in (left, right, stranger)] == ['saved'] * 3
