"""A short drop, after which the page goes on without a reload: what it swallowed on its way is sent again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from .proxy import LATENCIES, Proxy
from .server import Server
from .tab import Tab, Visitor
from .test_typed_elements import ELEMENTS, write
from .typist import enter, rejected, shows, visit

PATIENT = {'reconnect_timeout': 120}
"""However slow the machine is, the page does not have to be reloaded."""
DURABLE = 'window.__niceguiStash.typed.pending === 0'


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('typed.py', tmp_path_factory.mktemp('short'), **PATIENT) as server:
        yield server


@pytest_asyncio.fixture(loop_scope='session', params=LATENCIES)
async def proxy(server: Server, request: pytest.FixtureRequest) -> AsyncIterator[Proxy]:
    async with Proxy(server.port, latency=request.param) as proxy:
        yield proxy


SWALLOW = """() => {
    const packet = window.socket.packet;
    window.socket.packet = (sent) => sent.type === 2 || packet.call(window.socket, sent);  // all but the connect
    window.swallowNoMore = () => { window.socket.packet = packet; };
}"""
"""Has the next connection swallow what it carries, from its first moment on."""


async def drop_shortly(proxy: Proxy, tab: Tab, **typed_while_offline: str) -> None:
    """Lose what is on its way, and come back as the same page; some of it is typed when that has been noticed."""
    client = await tab.client()
    proxy.drop_sockets()
    await tab.disconnected()
    await enter(tab, **typed_while_offline)
    proxy.restore()
    await tab.until('window.socket.connected')
    assert await tab.client() == client, 'the same page'


@pytest.mark.proves('short-drop')
async def test_what_it_swallowed_arrives(visitor: Visitor, proxy: Proxy):
    tab = await visit(visitor, proxy.url)
    await enter(tab, line='before')
    await shows(tab, line='before')
    proxy.hold()
    for text in ('b', 'bo', 'both'):
        await enter(tab, line=text, text=text)
    await drop_shortly(proxy, tab)
    await shows(tab, line='both', text='both')
    await tab.until(DURABLE)
    assert await rejected(tab) == []


@pytest.mark.proves('short-drop')
@pytest.mark.parametrize('name', ['number', 'select', 'checkbox', 'slider', 'toggle', 'codemirror'])
async def test_what_it_swallowed_arrives_from_an_element_of_any_kind(visitor: Visitor, folder: Path, name: str):
    enter, expected = ELEMENTS[name]
    async with Server('typed.py', folder, **PATIENT) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, f'{proxy.url}/elements')
        proxy.hold()
        await enter(tab.page, tab.page.locator(f'.at-{name}').first)
        await drop_shortly(proxy, tab)
        await expect(tab.page.get_by_test_id(name)).to_have_text(json.dumps(expected))
        await tab.until(DURABLE)


async def test_what_it_swallowed_arrives_also_where_more_was_typed_while_it_lasted(visitor: Visitor, proxy: Proxy):
    tab = await visit(visitor, proxy.url)
    proxy.hold()
    await enter(tab, line='swallowed', text='swal')
    await drop_shortly(proxy, tab, text='swallowed, too', mine='typed offline')
    await shows(tab, line='swallowed', text='swallowed, too', mine='typed offline')
    await tab.until(DURABLE)


async def test_what_the_next_connection_swallows_as_well_arrives_with_the_one_after_it(visitor: Visitor, proxy: Proxy):
    tab = await visit(visitor, proxy.url)
    proxy.hold()
    await enter(tab, line='swallowed twice')
    proxy.drop_sockets()
    await tab.disconnected()
    await enter(tab, text='typed offline')
    await tab.page.evaluate(SWALLOW)
    proxy.restore()
    await tab.until('window.socket.connected')
    await drop_shortly(proxy, tab, mine='swallowed as well')
    await expect(tab.page.get_by_test_id('line')).to_have_text('')
    await tab.page.evaluate('window.swallowNoMore()')
    await drop_shortly(proxy, tab)
    await shows(tab, line='swallowed twice', text='typed offline', mine='swallowed as well')
    await tab.until(DURABLE)
    assert await rejected(tab) == []


async def test_what_it_swallowed_arrives_before_what_was_done_while_it_lasted(
    visitor: Visitor, server: Server, proxy: Proxy
):
    tab = await visit(visitor, f'{proxy.url}/saved')
    proxy.hold()
    await enter(tab, line='swallowed')
    proxy.drop_sockets()
    await tab.disconnected()
    await tab.page.get_by_test_id('save').click()
    await enter(tab, line='not saved')
    proxy.restore()
    await shows(tab, line='not saved')
    await shows(await visit(visitor, f'{server.url}/saved'), line='swallowed')


async def test_a_text_of_which_it_swallowed_a_change_is_whole_after_later_changes(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, **PATIENT) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, f'{proxy.url}/elements')
        editor = tab.page.locator('.at-codemirror').first
        proxy.hold()
        await write('.cm-content', 'swallowed ')(tab.page, editor)
        proxy.drop_sockets()
        await tab.disconnected()
        await write('.cm-content', 'offline ')(tab.page, editor)
        proxy.restore()
        await tab.until('window.socket.connected')
        await write('.cm-content', 'later ')(tab.page, editor)
        expected = 'later offline swallowed one\ntwo\n'
        await expect(tab.page.get_by_test_id('codemirror')).to_have_text(json.dumps(expected))


@pytest.mark.proves('short-drop')
async def test_what_it_swallowed_does_not_replace_what_another_tab_has_written_since(
    visitor: Visitor, server: Server, proxy: Proxy
):
    tab, other = await visit(visitor, proxy.url), await visit(visitor, server.url)
    proxy.hold()
    await enter(tab, line='swallowed')
    await enter(other, line='newer')
    await shows(other, line='newer')
    await drop_shortly(proxy, tab)
    await expect(tab.page.get_by_test_id('rejected')).to_have_text('[["line", "swallowed"]]')
    await shows(tab, line='newer')
    await shows(other, line='newer')
    await tab.until(DURABLE)


@pytest.mark.proves('short-drop')
async def test_what_arrived_without_an_answer_is_not_sent_again(visitor: Visitor, server: Server, proxy: Proxy):
    tab, witness = await visit(visitor, proxy.url), await visit(visitor, server.url)
    proxy.hold_answers()
    await enter(tab, line='arrived')
    await shows(witness, line='arrived')
    other = await visit(visitor, server.url)
    await enter(other, line='newer')
    await shows(other, line='newer')
    await drop_shortly(proxy, tab)
    await shows(tab, line='newer')
    await tab.until(DURABLE)
    assert await rejected(tab) == []


@pytest.mark.proves('short-drop')
async def test_what_it_swallowed_is_stored_when_the_server_is_killed_afterwards(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, **PATIENT) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        proxy.hold()
        await enter(tab, line='swallowed')
        await drop_shortly(proxy, tab)
        await tab.until(DURABLE)
        await server.kill()
        await server.start()
        fresh = await visit(visitor, server.url)
        await shows(fresh, line='swallowed')
