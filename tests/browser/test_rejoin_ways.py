"""Every way in which NiceGUI or the browser loads the same open page again is a rejoin."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from .conftest import ARGUMENTS, CHROMIUM
from .proxy import Proxy
from .server import Server, eventually
from .tab import Visitor
from .told import fill, restart, words

LATE_TIMERS = """() => {
    const prompt = window.setTimeout;
    window.setTimeout = (callback, delay, ...rest) => prompt(callback, (delay ?? 0) + 300, ...rest);
    window.socket.on('run_javascript', () => prompt(() => console.log('late timers have fired'), 600));
}"""
IMPATIENT_ONCE = """() => {
    window.socket.io.timeout(700);
    window.socket.on('connect_error', () => window.socket.io.timeout(60000));
}"""
"""Gives the next attempt to connect little time, and the one after it enough."""
HANDSHAKE_IS_IMPLICIT = 'window.socket.io.opts.query.implicit_handshake'


@pytest.mark.parametrize('timers', ['prompt', 'late'])
async def test_a_reload_because_the_outbox_cannot_rewind_is_a_rejoin(visitor: Visitor, folder: Path, timers: str):
    async with (
        Server('form.py', folder, reconnect_timeout=120, message_history_length=0) as server,
        Proxy(server.port) as proxy,
    ):
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        if timers == 'late':  # as in a busy page: they fire between NiceGUI's order to reload and the new document
            await tab.page.evaluate(LATE_TIMERS)

            async def after_late_timers(route: Route) -> None:
                await tab.said('late timers have fired')
                await route.continue_()

            await tab.page.route(f'{proxy.url}/', after_late_timers)
        proxy.hold_answers()
        sent = (await server.probe())['messages'][before.client]
        typed['reconnect'] = words()['reconnect']
        await tab.page.get_by_test_id('reconnect-input').fill(typed['reconnect'])

        async def has_sent_more() -> bool:
            return (await server.probe())['messages'][before.client] > sent

        await eventually(has_sent_more, 'the server sent what the browser does not receive')
        proxy.cut(sockets_only=True)
        proxy.restore()
        await tab.connected(after=before.client)
        await tab.said('reloading because outbox rewind failed')
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_a_reload_because_the_explicit_handshake_of_a_prefetched_page_is_refused_is_a_rejoin(
    visitor: Visitor, folder: Path
):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(f'{server.url}/other')
        await tab.speculate('prefetch', f'{server.url}/')
        await tab.follow('to-form')
        assert await tab.page.evaluate(HANDSHAKE_IS_IMPLICIT) is False
        assert (await tab.look()).reason == 'visit'
        typed, _ = await fill(tab, flush=True)
        await restart(server, tab, kill=True)
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_a_prefetched_page_whose_handshake_is_refused_while_it_comes_back_in_place_is_not_reloaded(
    visitor: Visitor, folder: Path
):
    async with Server('form.py', folder, nicegui_stash_rejoin='in_place') as server:
        tab = await visitor.open(f'{server.url}/other')
        await tab.speculate('prefetch', f'{server.url}/')
        await tab.follow('to-form')
        assert await tab.page.evaluate(HANDSHAKE_IS_IMPLICIT) is False
        typed, _ = await fill(tab, flush=True)
        await tab.page.evaluate('window.isMarked = true')

        async def come_after_the_refusal(route: Route) -> None:
            if 'x-nicegui-stash' in route.request.headers:
                await tab.until("window.__niceguiStash.marked === 'handshake refused'")
            await route.continue_()

        await tab.page.route(f'{server.url}/', come_after_the_refusal)
        await restart(server, tab, kill=True)
        shown = await tab.look()
        assert (shown.fields, shown.reason) == (typed, 'rejoin')
        assert await tab.page.evaluate('window.isMarked === true')


async def test_a_reload_because_the_connection_timed_out_is_a_rejoin(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, reconnect_timeout=0.5) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        await tab.page.evaluate('window.socket.io.timeout(700)')  # 20 s otherwise, and twice
        async with tab.page.expect_request(lambda request: request.is_navigation_request()):
            proxy.hold()
            proxy.cut(sockets_only=True)
        await server.forgot(before.client)
        proxy.restore()
        await tab.connected(after=before.client)
        await tab.said('reloading because connection timed out')
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_f5_after_a_connection_that_timed_out_and_came_back_shows_a_blank_draft(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, reconnect_timeout=120) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        await tab.page.evaluate(IMPATIENT_ONCE)
        async with tab.page.expect_console_message(lambda message: 'falling back to polling' in message.text):
            proxy.hold()
            proxy.cut(sockets_only=True)
        proxy.restore()
        assert await tab.connected() == before.client
        await tab.reload()
        shown = await tab.look()
        assert shown.fields == typed | {'reconnect': ''}
        assert shown.reason == 'reload'


async def test_a_reload_that_the_server_asks_for_is_a_rejoin(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, before = await fill(tab)
    await form.ask_to_reconnect(before.client)
    await tab.connected(after=before.client)
    shown = await tab.look()
    assert shown.fields == typed
    assert shown.reason == 'rejoin'


async def test_a_document_that_never_completed_a_handshake_hands_its_mark_on(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab, flush=True)
        proxy.drop_sockets()
        await tab.disconnected()
        await tab.page.reload()
        unconnected = await tab.client()
        assert unconnected != before.client
        await server.kill()  # after the reload's GET, before its socket
        await server.start()
        proxy.restore()
        await tab.connected(after=unconnected)
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_f5_again_and_again_while_the_connection_is_lost_is_a_rejoin(visitor: Visitor, form: Server):
    async with Proxy(form.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, before = await fill(tab)
        proxy.drop_sockets()
        await tab.disconnected()
        for _ in range(3):
            await tab.page.reload()
        proxy.restore()
        await tab.connected(after=before.client)
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_f5_that_meets_a_dead_network_and_the_browsers_error_page_is_a_rejoin_later(
    whole_visitor: Visitor, form: Server
):
    async with Proxy(form.port) as proxy:
        tab = await whole_visitor.open(proxy.url)
        typed, _ = await fill(tab)
        proxy.drop()
        await tab.disconnected()
        await tab.reload_in_vain()
        proxy.restore()
        await tab.connected()  # Chromium loads the page of an error again by itself
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_f5_that_meets_a_front_server_without_its_backend_is_a_rejoin_later(visitor: Visitor, form: Server):
    async with Proxy(form.port) as proxy:
        tab = await visitor.open(proxy.url)
        typed, _ = await fill(tab)
        proxy.apologise()
        await tab.disconnected()
        for _ in range(2):
            answer = await tab.page.reload()
            assert answer is not None
            assert answer.status == 502
        proxy.restore()
        await tab.reload()
        shown = await tab.look()
        assert shown.fields == typed
        assert shown.reason == 'rejoin'


async def test_going_back_with_the_back_forward_cache_on_is_history_for_a_page_with_a_socket(
    chromium: Browser, form: Server
):
    with_cache = await chromium.browser_type.launch(
        executable_path=CHROMIUM, args=ARGUMENTS, ignore_default_args=['--disable-back-forward-cache']
    )
    try:
        async with Visitor(with_cache) as visitor:
            tab = await visitor.open(form.url)
            typed, before = await fill(tab)
            await tab.page.goto('about:blank')
            await tab.page.go_back()
            await tab.connected(after=before.client)  # Chromium keeps no page that has a socket and is not to be stored
            shown = await tab.look()
            assert shown.fields == typed | {'reconnect': ''}
            assert shown.reason == 'history'
    finally:
        await with_cache.close()


LISTEN = """() => {
    window.heard = [];
    const taken = () => heard.push('taken off');
    socket.on('connect_error', taken);
    socket.off('connect_error', taken);
    socket.on('connect_error', function () { heard.push(['each time', this === socket]); });
    socket.once('connect_error', function () { heard.push(['once', this === socket]); });
    for (let time = 0; time < 2; time++) socket.emitReserved('connect_error', new Error('of this test'));
    return heard;
}"""


async def test_what_an_app_listens_to_on_the_socket_is_called_as_socket_io_calls_it(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    assert await tab.page.evaluate(LISTEN) == [['each time', True], ['once', True], ['each time', True]]
