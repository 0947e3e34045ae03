"""What was typed is not lost where more happens at once: another drop, an element built anew, a full storage."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .proxy import LATENCIES, Proxy
from .server import Server
from .tab import Visitor
from .test_reports import WITHHOLD
from .told import dead, restart
from .typist import enter, shows, visit

DURABLE = 'window.__niceguiStash.typed.pending === 0'
IGNORE_VERDICTS = """() => {
    const typed = window.__niceguiStash.typed;
    const settle = typed.settle;
    window.settleAgain = () => {
        typed.settle = settle;
    };
    window.ignored = 0;
    typed.settle = () => { window.ignored += 1 };
}"""
HOLD_ORDERS = """() => {
    const run = window.runJavascript;
    const held = [];
    window.runJavascript = (...given) => held.push(() => run(...given));
    window.openGate = () => {
        window.runJavascript = run;
        return held.splice(0).map((each) => each()).length;
    };
}"""


@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_is_typed_while_the_server_thinks_about_the_rest_survives_another_drop(
    visitor: Visitor, folder: Path, latency: float
):
    async with (
        Server('typed.py', folder, reconnect_timeout=120) as server,
        Proxy(server.port, latency=latency) as proxy,
    ):
        tab = await visit(visitor, proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='first')
        await tab.page.reload()
        await tab.until('window.__niceguiStash?.typed && window.socket')
        await tab.page.evaluate(IGNORE_VERDICTS)
        proxy.restore()
        client = await tab.connected(after=client)
        await expect(tab.page.get_by_test_id('line')).to_have_text('first')
        await enter(tab, line='first and second')
        await tab.until('window.ignored === 2')  # the verdict, and that all is settled: to be asked for again
        await tab.page.evaluate('window.settleAgain()')
        proxy.cut(sockets_only=True)
        await shows(tab, line='first and second')
        assert await tab.client() == client, 'a short drop'
        await tab.until(DURABLE)


async def test_what_is_typed_just_after_the_connect_is_not_undone_by_what_the_page_was_built_with(
    visitor: Visitor, folder: Path
):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        await enter(await visit(visitor, server.url), line='stored')
        await shows(visitor.tabs[0], line='stored')
        proxy.drop_sockets()
        tab = await visitor.tab()
        await tab.page.goto(proxy.url)
        await expect(tab.page.get_by_test_id('line-input')).to_have_value('stored')
        await tab.page.evaluate(HOLD_ORDERS)
        proxy.restore()
        await tab.connected()
        await enter(tab, line='typed at once')
        await expect(tab.page.get_by_test_id('line')).to_have_text('typed at once')
        await tab.until('window.openGate() > 0')
        await tab.until(DURABLE)
        await shows(tab, line='typed at once')


async def test_what_a_report_that_came_too_late_brings_does_not_hide_what_was_typed(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload', report_timeout=1) as server:
        tab = await visit(visitor, server.url)
        await enter(tab, text='stored')
        await shows(tab, text='stored')
        await tab.until(DURABLE)
        async with dead(server, tab):
            await enter(tab, text='stored, and more')
            await tab.page.add_init_script(WITHHOLD)
        await expect(tab.page.get_by_test_id('reason')).to_have_text('unknown')
        await expect(tab.page.get_by_test_id('text-input')).to_have_value('stored, and more')
        await tab.page.evaluate('window.release()')
        await tab.until(DURABLE)
        await tab.page.get_by_test_id('text-input').press('End')
        await tab.page.keyboard.type('!')
        await shows(tab, text='stored, and more!')


async def test_what_was_typed_into_an_element_that_was_built_anew_is_back(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, nicegui_stash_flush_interval=60) as server:
        tab = await visit(visitor, f'{server.url}/rebuilt')
        for text in ('first', 'second', 'third'):
            await enter(tab, line=text)
            await shows(tab, line=text)
        before = await tab.page.get_by_test_id('line-input').get_attribute('id')
        await tab.page.get_by_test_id('rebuild').click()
        await expect(tab.page.get_by_test_id('line-input')).not_to_have_attribute('id', before or '')
        await shows(tab, line='third')
        assert 'third' not in ''.join(path.read_text() for path in server.objects()), 'not durable yet'
        await tab.page.wait_for_function(
            "() => document.querySelector('[data-testid=line-input]').id.slice(1) in window.__niceguiStash.typed.bound",
            polling=50,
        )
        await restart(server, tab, kill=True)
        await shows(tab, line='third')


async def test_what_its_field_refuses_is_back_on_its_element_each_time(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, server.url)
        async with dead(server, tab):
            await enter(tab, short='much too long')
        for _ in range(2):
            await expect(tab.page.get_by_text('Please enter another value.')).to_be_visible()
            await expect(tab.page.get_by_test_id('short-input')).to_have_value('much too long')
            await expect(tab.page.get_by_test_id('short')).to_have_text('')
            await tab.until('window.__niceguiStash.typed.pending === 1')
            await restart(server, tab, kill=True)
        await enter(tab, short='shorter')
        await shows(tab, short='shorter')
        await tab.until(DURABLE)


HALF = """() => {
    const input = document.querySelector('[data-testid=line-input]');
    input.value = 'half \\ud83d of it';
    input.dispatchEvent(new Event('input', {bubbles: true}));
}"""


async def test_half_of_a_surrogate_pair_is_carried_as_the_sign_for_it(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, server.url)
        async with dead(server, tab):
            await tab.page.evaluate(HALF)
        await shows(tab, line='half \ufffd of it')
        await tab.until(DURABLE)


FILL = """least => {
    const length = least - JSON.stringify({...sessionStorage}).length;
    sessionStorage.filling = 'x'.repeat(length);
}"""


async def test_where_the_storage_has_no_room_for_what_was_typed_it_is_still_the_same_visit(
    visitor: Visitor, folder: Path
):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit(visitor, proxy.url)
        await enter(tab, text='a draft')
        await shows(tab, text='a draft')
        await tab.until(DURABLE)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await tab.page.evaluate(FILL, 5 * 1024 * 1024 - 20_000)
        await enter(tab, text='x' * 50_000)
        await tab.page.reload()
        proxy.restore()
        await tab.connected(after=client)
        await expect(tab.page.get_by_test_id('reason')).to_have_text('rejoin')
        await shows(tab, text='a draft')
