"""What is typed while the server is away, or was not stored when it was killed, is in the page that comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import LATENCIES, Proxy, way_to
from .server import Server
from .tab import Tab, Visitor
from .told import dead, restart
from .typist import Typist, enter, rejected, shows, visit


async def type_through(server: Server, tab: Tab, typist: Typist, *, kills: int) -> None:
    await typist.start()
    for _ in range(kills):
        await typist.types_on(25)
        client = await tab.client()
        await server.kill()
        await typist.types_on(10)  # nobody answers
        await server.start()
        await tab.connected(after=client)
    await typist.types_on(20)
    typed = await typist.stop()
    assert min(map(len, typed.values())) > 10 * kills
    await shows(tab, **typed)


@pytest.mark.proves('kill')
@pytest.mark.once  # twenty times what the next tests do once
@pytest.mark.slow
@pytest.mark.timeout(0)  # each of its waits has a limit; how long so many restarts take depends on the machine
@pytest.mark.parametrize('latency', LATENCIES)
async def test_no_character_is_lost_while_the_server_is_killed_twenty_times(
    visitor: Visitor, folder: Path, latency: float
):
    async with Server('typed.py', folder) as server, way_to(server, latency) as url:
        tab = await visit(visitor, url)
        await type_through(server, tab, Typist(tab), kills=20)


@pytest.mark.parametrize('latency', LATENCIES)
@pytest.mark.parametrize('kill', [True, False], ids=['SIGKILL', 'SIGTERM'])
async def test_what_is_typed_while_the_server_is_away_is_back_in_all_scopes(
    visitor: Visitor, folder: Path, kill: bool, latency: float
):
    async with Server('typed.py', folder) as server, way_to(server, latency) as url:
        tab = await visit(visitor, url)
        await enter(tab, line='l', text='t', mine='m')
        await shows(tab, line='l', text='t', mine='m')
        client = await tab.client()
        await (server.kill() if kill else server.terminate())
        await tab.disconnected()
        await enter(tab, line='a line', text='a text\nof two', mine='mine alone')
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='a line', mine='mine alone')
        await expect(tab.page.get_by_test_id('text-input')).to_have_value('a text\nof two')
        await tab.until('window.__niceguiStash.typed.pending === 0')
        assert await tab.storage('__nicegui_stash') is None
        await restart(server, tab, kill=True)
        await shows(tab, line='a line', mine='mine alone')


@pytest.mark.proves('kill')
@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_was_accepted_but_not_yet_stored_is_back_after_a_kill(
    visitor: Visitor, folder: Path, latency: float
):
    async with (
        Server('typed.py', folder, nicegui_stash_flush_interval=60) as server,
        way_to(server, latency) as url,
    ):
        tab = await visit(visitor, url)
        await enter(tab, line='first')
        await shows(tab, line='first')
        for text in ('second', 'third', 'fourth'):
            await enter(tab, line=text)
            await shows(tab, line=text)
        assert 'fourth' not in ''.join(path.read_text() for path in server.objects()), 'not durable yet'
        await restart(server, tab, kill=True)
        await shows(tab, line='fourth')
        assert await rejected(tab) == []


@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_was_sent_and_never_arrived_is_back(visitor: Visitor, folder: Path, latency: float):
    async with Server('typed.py', folder) as server, Proxy(server.port, latency=latency) as proxy:
        tab = await visit(visitor, proxy.url)
        await enter(tab, line='arrived')
        await shows(tab, line='arrived')
        client = await tab.client()
        proxy.hold()
        await enter(tab, line='never arrived')
        proxy.cut()
        await server.kill()
        proxy.restore()
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='never arrived')


@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_is_typed_in_a_document_that_never_connected_is_handed_on_with_the_rest(
    visitor: Visitor, folder: Path, latency: float
):
    async with Server('typed.py', folder) as server, Proxy(server.port, latency=latency) as proxy:
        tab = await visit(visitor, proxy.url)
        await enter(tab, line='kept')
        await shows(tab, line='kept')
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='first document', text='one two')
        await tab.page.reload()
        await expect(tab.page.get_by_test_id('line-input')).to_have_value('first document')
        await enter(tab, line='second document')
        await tab.page.reload()
        await expect(tab.page.get_by_test_id('line-input')).to_have_value('second document')
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, line='second document', text='one two')
        assert await rejected(tab) == []


@pytest.mark.proves('typed')
@pytest.mark.parametrize('latency', LATENCIES)
async def test_a_newer_value_of_another_tab_is_not_overwritten(visitor: Visitor, folder: Path, latency: float):
    async with (
        Server('typed.py', folder, reconnect_timeout=0.5) as server,
        Proxy(server.port, latency=latency) as proxy,
    ):
        away, other = await visit(visitor, proxy.url), await visit(visitor, server.url)
        await enter(away, line='both know')
        await shows(other, line='both know')
        client = await away.client()
        proxy.drop()
        await away.disconnected()
        await enter(away, line='older', mine='nobody else writes this')
        await enter(other, line='newer')
        await shows(other, line='newer')
        await server.forgot(client)
        proxy.restore()
        await away.connected(after=client)
        await shows(away, line='newer', mine='nobody else writes this')
        await shows(other, line='newer')
        await expect(away.page.get_by_test_id('rejected')).to_have_text('[["line", "older"]]')


@pytest.mark.proves('typed')
@pytest.mark.parametrize('latency', LATENCIES)
async def test_a_newer_value_that_was_stored_by_another_server_is_not_overwritten(
    visitor: Visitor, folder: Path, latency: float
):
    async with (
        Server('typed.py', folder) as old,
        Server('typed.py', folder) as new,
        Proxy(old.port, latency=latency) as proxy,
    ):
        away = await visit(visitor, proxy.url)
        await enter(away, line='both know')
        await shows(away, line='both know')
        await away.until('window.__niceguiStash.typed.pending === 0')
        client = await away.client()
        proxy.drop()
        await old.kill()
        await enter(away, line='older')
        other = await visit(visitor, new.url)
        await shows(other, line='both know')
        await enter(other, line='newer')
        await shows(other, line='newer')
        proxy.lead_to(new.port)
        proxy.restore()
        await away.connected(after=client)
        await shows(away, line='newer')
        await expect(away.page.get_by_test_id('rejected')).to_have_text('[["line", "older"]]')


async def test_what_validate_refuses_is_not_accepted_and_stays_marked_on_its_element(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, server.url)
        async with dead(server, tab):
            await enter(tab, short='much too long', line='fits')
        await shows(tab, line='fits')
        await expect(tab.page.get_by_test_id('short')).to_have_text('')
        await expect(tab.page.get_by_text('Please enter another value.')).to_be_visible()


@pytest.mark.proves('tab-only')
async def test_a_link_begins_a_visit_without_what_was_typed(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='a line', text='a draft')
        await tab.page.evaluate('() => { location.href = "/" }')
        await tab.until('old => window.clientId && window.clientId !== old', client)
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, line='', text='')
        assert await tab.storage('__nicegui_stash') is None


async def test_what_is_not_saved_by_hand_is_carried_and_still_not_saved(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, f'{server.url}/saved')
        await enter(tab, line='saved')
        await shows(tab, line='saved')
        await tab.page.get_by_test_id('save').click()
        await tab.until('window.__niceguiStash.typed.pending === 0')
        await enter(tab, line='not saved')
        await shows(tab, line='not saved')
        await restart(server, tab, kill=True)
        await shows(tab, line='not saved')
        assert server.document()['slices']['Saved']['1']['']['data'] == {'line': 'saved'}
        await tab.page.get_by_test_id('save').click()
        await tab.until('window.__niceguiStash.typed.pending === 0')
        assert server.document()['slices']['Saved']['1']['']['data'] == {'line': 'not saved'}
