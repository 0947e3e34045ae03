"""A page whose first stored class comes to it when it is open already: nothing is different from then on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nicegui_stash.ui.visit.messages import MESSAGE

from .proxy import LATENCIES, way_to
from .server import Server
from .tab import Tab, Visitor
from .told import dead, fill, restart
from .typist import KNOWS, enter, shows


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Server]:
    async with Server('views.py', folder) as server:
        yield server


async def arrive(visitor: Visitor, url: str) -> Tab:
    """Open the page at its plain view, and go on to the one with stored fields."""
    tab = await visitor.open(f'{url}/late')
    await tab.switch('to-form-view', 'Form')
    return tab


async def test_all_its_fields_come_back_after_kill_9(visitor: Visitor, server: Server):
    tab = await arrive(visitor, server.url)
    typed, before = await fill(tab, flush=True)
    assert before.reason == 'subpage'
    await restart(server, tab, kill=True)
    shown = await tab.look()
    assert (shown.fields, shown.reason) == (typed, 'rejoin')


async def test_all_its_fields_come_back_where_the_script_that_carries_what_was_typed_cannot_be_loaded(
    visitor: Visitor, server: Server
):
    await visitor.context.route('**/stash/typed.js*', lambda route: route.abort())
    tab = await arrive(visitor, server.url)
    typed, _ = await fill(tab, flush=True)
    await restart(server, tab, kill=True)
    shown = await tab.look()
    assert (shown.fields, shown.reason) == (typed, 'rejoin')


async def test_f5_leaves_the_fields_of_session_and_tab(visitor: Visitor, server: Server):
    tab = await arrive(visitor, server.url)
    typed, _ = await fill(tab, flush=True)
    await tab.reload()
    shown = await tab.look()
    assert (shown.fields, shown.reason) == (typed | {'reconnect': ''}, 'reload')


async def test_it_is_shown_with_what_the_same_tab_has_left_there(visitor: Visitor, server: Server):
    tab = await arrive(visitor, server.url)
    typed, _ = await fill(tab, flush=True)
    await tab.goto(f'{server.url}/late')
    await tab.switch('to-form-view', 'Form')
    assert (await tab.look()).fields == typed | {'reconnect': ''}
    other = await arrive(visitor, server.url)
    assert (await other.look()).fields == {'session': typed['session'], 'reconnect': '', 'tab': ''}


@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_is_typed_there_while_the_server_is_away_is_kept(visitor: Visitor, server: Server, latency: float):
    async with way_to(server, latency) as url:
        tab = await arrive(visitor, url)
        await tab.until(KNOWS)
        async with dead(server, tab):
            await enter(tab, session='a line', reconnect='a draft')
        await shows(tab, session='a line', reconnect='a draft')


async def test_a_page_without_stored_fields_says_nothing_of_itself(visitor: Visitor, server: Server):
    tab = await visitor.tab()
    sent: list[str] = []

    def on_frame(frame: str | bytes) -> None:
        if MESSAGE in str(frame):
            sent.append(str(frame))

    tab.page.on('websocket', lambda socket: socket.on('framesent', on_frame))
    await tab.goto(f'{server.url}/late')
    await tab.switch('to-form-view', 'Form')
    await tab.look()
    assert ['"reason":"visit"' in each for each in sent] == [True], 'only once there is a view with stored fields'
