"""What the rejoin is built upon: how NiceGUI and Chromium behave by themselves, seen in an app that stores nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import Proxy
from .server import PACKAGE, Server, eventually
from .tab import Visitor

TYPE = 'performance.getEntriesByType("navigation")[0].type'


async def test_a_short_drop_keeps_the_client(visitor: Visitor, folder: Path):
    async with Server('plain.py', folder, reconnect_timeout=60) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        client = await tab.client()
        proxy.drop()
        await tab.disconnected()
        await server.lost(client)
        proxy.restore()
        assert await tab.connected() == client
        assert (await server.probe())['builds'] == {client: 1}


async def test_a_long_drop_reloads_the_page(visitor: Visitor, folder: Path):
    async with Server('plain.py', folder, reconnect_timeout=0.5) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        client = await tab.client()
        proxy.drop()
        await server.forgot(client)
        proxy.restore()
        await tab.connected(after=client)
        assert await tab.page.evaluate(TYPE) == 'reload'


async def test_a_killed_server_makes_the_page_reload_when_it_is_back(visitor: Visitor, folder: Path):
    async with Server('plain.py', folder) as server:
        tab = await visitor.open(server.url)
        client = await tab.client()
        await server.kill()
        await server.start()
        await tab.connected(after=client)
        assert await tab.page.evaluate(TYPE) == 'reload'


async def test_a_terminated_server_makes_the_page_reload_when_it_is_back(visitor: Visitor, folder: Path):
    async with Server('plain.py', folder) as server:
        tab = await visitor.open(server.url)
        client = await tab.client()
        await server.terminate()
        assert 'Traceback' not in server.complaints()
        await server.start()
        await tab.connected(after=client)


async def test_a_new_document_may_come_from_another_server_while_an_open_socket_stays(visitor: Visitor, folder: Path):
    async with (
        Server('plain.py', folder) as first,
        Server('plain.py', folder) as second,
        Proxy(first.port) as proxy,
    ):
        old = await visitor.open(proxy.url)
        proxy.lead_to(second.port)
        new = await visitor.open(proxy.url)
        assert list((await first.probe())['builds']) == [await old.client()]
        assert list((await second.probe())['builds']) == [await new.client()]
        assert await old.page.evaluate('window.socket.connected')


async def test_after_an_error_page_a_reload_calls_itself_navigate_and_has_replaced_another_entry(
    whole_visitor: Visitor, folder: Path
):
    async with Server('plain.py', folder) as server, Proxy(server.port) as proxy:
        tab = await whole_visitor.open(proxy.url)
        await tab.page.evaluate('sessionStorage.mine = "kept"')
        entry = await tab.page.evaluate('navigation.currentEntry.key')
        length = await tab.page.evaluate('history.length')
        proxy.drop()
        await tab.disconnected()
        await tab.reload_in_vain()
        proxy.restore()
        await tab.connected()  # Chromium loads the page of an error again by itself
        assert await tab.storage('mine') == 'kept'
        assert await tab.page.evaluate(TYPE) == 'navigate'
        assert await tab.page.evaluate('navigation.activation.navigationType') == 'replace'
        assert await tab.page.evaluate('navigation.activation.from.key') != entry
        assert await tab.page.evaluate('history.length') == length


async def test_a_link_to_the_same_page_has_replaced_the_same_entry(visitor: Visitor, folder: Path):
    async with Server('plain.py', folder) as server:
        tab = await visitor.open(server.url)
        entry = await tab.page.evaluate('navigation.currentEntry.key')
        await tab.follow('itself')
        assert await tab.page.evaluate(TYPE) == 'navigate'
        assert await tab.page.evaluate('navigation.activation.navigationType') == 'replace'
        assert await tab.page.evaluate('navigation.activation.from.key') == entry


async def test_a_duplicated_tab_has_a_copy_of_the_session_storage_and_a_tab_id_of_its_own(
    visitor: Visitor, folder: Path
):
    async with Server('plain.py', folder) as server:
        tab = await visitor.open(server.url)
        await expect(tab.page.get_by_test_id('inherited')).to_have_text(await tab.client())
        await tab.page.evaluate('sessionStorage.mine = "copied"')
        copy = await visitor.duplicate(tab)
        assert await copy.storage('mine') == 'copied'
        assert await copy.storage('__nicegui_tab_id') != await tab.storage('__nicegui_tab_id')
        assert await copy.page.evaluate('OLD_TAB_ID') == await tab.storage('__nicegui_tab_id')
        await expect(copy.page.get_by_test_id('inherited')).to_have_text(await tab.client())


async def test_a_silent_network_that_comes_back_in_time_keeps_the_client(visitor: Visitor, folder: Path):
    # the page is kept for longer than it takes the server to notice the silence
    async with Server('plain.py', folder, kept_for=60, ping_timeout=2) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        client = await tab.client()
        proxy.hold()
        await server.lost(client)
        proxy.restore()
        assert await tab.connected() == client


@pytest.mark.parametrize('app', ['plain.py', 'form.py'])
async def test_what_nicegui_logs_of_a_browser_that_vanished_is_told_from_other_complaints(folder: Path, app: str):
    async with Server(app, folder) as server:

        async def vanish() -> bool:
            _, writer = await asyncio.open_connection('127.0.0.1', server.port)
            writer.write(b'POST /_nicegui_ws/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n')
            writer.write(b'Content-Length: 20\r\n\r\nab')
            await writer.drain()
            writer.transport.abort()
            return 'Traceback' in server.output()

        await eventually(vanish, 'a traceback of a request that was not finished')
        await server.terminate()
        assert 'Traceback' not in server.complaints()
        with server.log.open('a') as log:
            log.write('ERROR:    Exception in ASGI application\nTraceback (most recent call last):\nValueError: mine\n')
            log.write('ERROR:    Exception in ASGI application\nTraceback (most recent call last):\n')
            log.write(f'  File "{PACKAGE / "session.py"}", line 1, in load\nKeyError: \'REQUEST_METHOD\'\n')
        assert 'ValueError: mine' in server.complaints()
        assert 'session.py' in server.complaints()
        server.log.write_text('')
