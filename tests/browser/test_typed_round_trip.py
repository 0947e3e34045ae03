"""After a restart everything is back within one round trip of the new page: what it says first, and the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .told import dead
from .typist import enter, rejected, shows, visit

GATE = """(() => {
    const gate = (window.gate = {sent: [], held: []});
    let io, isShut = false;
    Object.defineProperty(window, 'io', {
        get: () => io,
        set(value) {
            io = value;
            const {emit, onevent} = io.Socket.prototype;
            io.Socket.prototype.emit = function (...message) {
                (isShut ? gate.held : gate.sent).push(message);
                return isShut ? this : emit.apply(this, message);
            };
            io.Socket.prototype.onevent = function (...packet) {
                isShut ||= gate.sent.length > 0;
                return onevent.apply(this, packet);
            };
        },
    });
})()"""
"""Lets the page say what it has to say when it has connected. From the first thing on that it hears after having said
something, whatever it says is held back for ever."""


async def sent(tab: Tab) -> list[Any]:
    return await tab.page.evaluate('gate.sent')


async def stored(tab: Tab) -> None:
    await tab.until('window.__niceguiStash.typed.pending === 0')


@pytest.mark.proves('typed')
@pytest.mark.parametrize(
    'draft', [{}, {'text': 'a draft'}], ids=['in the first HTML', 'built when the browser has reported']
)
async def test_what_was_typed_is_merged_by_what_the_new_page_says_first(
    visitor: Visitor, folder: Path, draft: dict[str, str]
):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server:
        tab = await visit(visitor, server.url)
        await enter(tab, line='stored', **draft)
        await shows(tab, line='stored', **draft)
        await stored(tab)
        async with dead(server, tab):
            typed = {'line': 'a line', 'mine': 'mine alone', 'text': 'typed'}
            await enter(tab, **typed)
            await tab.page.add_init_script(GATE)
        await shows(tab, **typed)
        await stored(tab)
        assert await rejected(tab) == []
        report, carried = [message['told'] for _, message in await sent(tab)]
        assert report['reason'] == 'rejoin'
        assert carried['kind'] == 'typed'
        assert server.document()['slices']['Texts']['1']['']['data']['line'] == 'a line'


@pytest.mark.proves('typed')
async def test_a_draft_that_was_stored_is_shown_by_what_the_new_page_says_first(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server:
        tab = await visit(visitor, server.url)
        await enter(tab, line='stored', text='a draft', mine="the tab's")
        await shows(tab, line='stored', text='a draft', mine="the tab's")
        await stored(tab)
        client = await tab.client()
        await tab.page.add_init_script(GATE)
        await server.kill()
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='stored', text='a draft', mine="the tab's")
        (report,) = [message['told'] for _, message in await sent(tab)]
        assert report['reason'] == 'rejoin'


@pytest.mark.proves('typed')
async def test_what_was_stored_of_the_session_is_in_a_page_that_has_said_nothing(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        await enter(tab, line='stored')
        await shows(tab, line='stored')
        await stored(tab)
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        proxy.drop_sockets()
        await server.start()
        await tab.page.reload()
        await tab.until('old => window.clientId && window.clientId !== old', client)
        await expect(tab.page.get_by_test_id('line-input')).to_have_value('stored')
        assert await tab.page.evaluate('[window.socket.connected, window.did_handshake]') == [False, False]
