"""Values that the visitor's own browser keeps: back on every visit, followed by other tabs, and never at the server."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from .keeping import ROOT, desk, fill, is_kept, keeps, kept, press, shows, url
from .proxy import BOTH_WAYS, LATENCIES, Proxy
from .server import Server, eventually
from .tab import Tab, Visitor

pytestmark = pytest.mark.proves('scopes')

__all__ = ['desk', 'url']


async def test_it_comes_back_on_every_visit_and_build_sees_it(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await shows(tab, status='fresh', built='built with ')
    await fill(tab, note='lamps', secret='hidden')
    await press(tab, 'more')
    await keeps(tab, 'note', 'secret', 'size')
    await tab.reload()
    await shows(tab, note='lamps', secret='hidden', size=2, status='recovered', built='built with lamps', problems='')
    other = await visitor.open(url)
    await shows(other, note='lamps', secret='hidden', size=2)
    await expect(other.page.get_by_test_id('note-input')).to_have_value('lamps')


async def test_the_server_stores_nothing_and_may_be_killed(visitor: Visitor, folder: Path):
    async with Server('keeping.py', folder) as server:
        tab = await visitor.open(server.url)
        client = await tab.client()
        await fill(tab, note='lamps', secret='hidden')
        await server.kill()
        await server.start()
        await tab.connected(after=client)
        await shows(tab, note='lamps', secret='hidden')
        assert server.objects() == []
        assert 'lamps' not in server.output()


async def test_it_is_there_in_a_duplicated_tab_after_history_and_after_a_long_drop(visitor: Visitor, desk: Server):
    async with Proxy(desk.port) as proxy:
        tab = await visitor.open(proxy.url)
        await fill(tab, note='lamps')
        copy = await visitor.duplicate(tab)
        await shows(copy, note='lamps')
        await tab.goto(f'{proxy.url}/plain')
        await tab.back()
        await shows(tab, note='lamps')
        client = await tab.client()
        proxy.drop()
        await desk.forgot(client)
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, note='lamps', built='built with lamps')


async def test_a_new_visitors_first_html_is_complete(url: str):
    async with httpx.AsyncClient(timeout=60) as http:
        first = await http.get(url)
        second = await http.get(url)
    assert 'built with' in first.text
    assert 'built with' not in second.text, 'what the browser keeps is not known yet'


@BOTH_WAYS
async def test_other_tabs_follow_and_what_is_not_live_does_not(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)
    await shows(second, built='built with ')  # so it has told what the browser keeps
    await first.type(mine='only here', note='lamps')
    await shows(second, note='lamps')
    third = await visitor.open(url)
    await shows(third, note='lamps')
    await third.type(note='tables')
    await shows(first, note='tables')
    await shows(second, note='tables', mine='')
    await second.reload()
    await shows(second, mine='only here')


@pytest.mark.parametrize('latency', LATENCIES)
async def test_tabs_on_two_servers_follow_each_other(visitor: Visitor, desk: Server, folder: Path, latency: float):
    async with Server('keeping.py', folder) as other, Proxy(desk.port, latency=latency) as proxy:
        first = await visitor.open(proxy.url)
        proxy.lead_to(other.port)
        second = await visitor.open(proxy.url)
        await first.type(note='lamps')
        await shows(second, note='lamps')
        await second.type(secret='hidden')
        await shows(first, secret='hidden')


async def test_a_reset_and_clearing_are_followed_as_well(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)
    await fill(first, note='lamps')
    await shows(second, note='lamps')
    await press(first, 'reset')
    await shows(second, note='')
    await shows(first, note='')
    await keeps(first)
    await fill(await visitor.open(url), note='tables')
    await shows(second, note='tables')
    await first.page.evaluate('localStorage.setItem("another app", "x")')
    await press(first, 'clear')
    await shows(second, note='')
    await keeps(first)
    assert await first.page.evaluate('localStorage.getItem("another app")') == 'x'


async def test_what_a_person_clears_in_the_browser_is_gone_in_all_tabs(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)
    await fill(first, note='lamps')
    await shows(second, note='lamps')
    await first.page.evaluate('localStorage.clear()')
    await shows(second, note='')
    await first.reload()
    await shows(first, note='')


async def test_it_goes_with_its_age(visitor: Visitor, folder: Path):
    async with Server('keeping.py', folder, browser_ttl=2) as server:
        tab = await visitor.open(server.url)
        await fill(tab, note='lamps')
        await tab.page.goto('about:blank')  # an open page renews nothing, but an opened one does
        await tab.page.wait_for_timeout(4000)
        await tab.goto(server.url)
        await shows(tab, note='')
        await expect(tab.page.get_by_test_id('problems')).to_contain_text('browser_ttl has passed')
        await keeps(tab)


async def test_secrets_are_rotated(visitor: Visitor, folder: Path):
    async with Server('keeping.py', folder, secrets='old') as server:
        tab = await visitor.open(server.url)
        old = await fill(tab, note='lamps', secret='hidden')
        for secrets in ('new,old', 'new'):
            client = await tab.client()
            await server.kill()
            server.settings['secrets'] = secrets
            await server.start()
            await tab.connected(after=client)
            await shows(tab, note='lamps', secret='hidden', problems='')
            await is_kept(tab, 'note', old['note'])
            await is_kept(tab, 'secret', old['secret'])


async def test_a_token_that_is_made_anew_replaces_nothing_but_the_one_that_was_read(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    tokens = await fill(tab, note='lamps')
    renew = """([key, read, token]) => window.__niceguiStash.browser.keep(0, 1, [], {[key]: [read, token]}, {})"""
    await tab.page.evaluate(renew, [ROOT + 'note', 'what another tab has replaced', 'made anew'])
    await tab.page.evaluate(renew, [ROOT + 'secret', 'what another tab has dropped', 'made anew'])
    assert await kept(tab) == tokens
    await tab.page.evaluate(renew, [ROOT + 'note', tokens['note'], 'made anew'])
    await tab.page.evaluate(renew, [ROOT + 'secret', None, 'migrated'])
    assert await kept(tab) == {'note': 'made anew', 'secret': 'migrated'}


async def test_signing_in_keeps_it_and_signing_out_drops_it(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    tokens = await fill(tab, note='lamps', secret='hidden')
    client = await tab.client()
    await press(tab, 'sign-in')
    await tab.connected(after=client)
    await shows(tab, note='lamps', secret='hidden', problems='')
    await is_kept(tab, 'note', tokens['note'])
    client = await tab.client()
    await press(tab, 'sign-out')
    await shows(tab, title='plain')
    await keeps(tab)
    await tab.goto(url)
    await shows(tab, note='', secret='', problems='')


async def test_a_full_browser_says_so_and_everything_else_goes_on(visitor: Visitor, desk: Server, url: str):
    tab = await visitor.open(url)
    await fill(tab, note='lamps')
    await tab.page.evaluate("""() => {
        let size = 1 << 22;
        for (let number = 0; size > 8; ) {
            try { localStorage.setItem('full ' + number, 'x'.repeat(size)); number += 1; } catch { size >>= 1; }
        }
    }""")
    await press(tab, 'fill')
    await expect(tab.page.get_by_test_id('mine')).to_have_text('x' * 40_000)

    async def is_told() -> bool:
        return 'Desk.mine: the browser did not store it: QuotaExceededError' in desk.output()

    await eventually(is_told, 'the log says so')
    await press(tab, 'more')
    await shows(tab, size=2)
    await tab.page.evaluate(
        "Object.keys(localStorage).filter((k) => k.startsWith('full')).forEach((k) => localStorage.removeItem(k))"
    )
    await tab.reload()
    await shows(tab, note='lamps', mine='')


async def test_a_browser_that_blocks_its_storage_shows_defaults_and_says_so(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await tab.page.add_init_script("""Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('blocked', 'SecurityError'); },
    })""")
    await tab.reload()
    await shows(tab, note='')
    await expect(tab.page.get_by_test_id('problems')).to_contain_text('the browser cannot store it: SecurityError')
    await tab.type(note='lamps')
    await shows(tab, note='lamps')


@BOTH_WAYS
async def test_many_values_come_in_messages_that_the_server_takes(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await fill(tab, note='lamps')
    await tab.page.evaluate(
        """(root) => { for (let number = 0; number < 45; number++)
            localStorage.setItem(root.replace(':1:', ':2:') + number, 'x'.repeat(90_000)) }""",
        ROOT,
    )
    await tab.reload()
    await shows(tab, note='lamps')
    assert await tab.page.evaluate('window.socket.connected')


async def test_a_view_that_is_opened_later_sees_it(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/views')
    await tab.switch('to-desk', 'drawer')
    await tab.type(note='lamps')
    await eventually(lambda: _has(tab, 'Drawer'), 'the browser keeps the note')
    await tab.goto(f'{url}/views')
    await tab.switch('to-desk', 'drawer')
    await shows(tab, note='lamps', built='built with lamps')


async def _has(tab: Tab, word: str) -> bool:
    return word in json.dumps(await tab.page.evaluate('({...localStorage})'))


async def test_a_page_without_such_fields_runs_no_script_for_them(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/plain')
    assert await tab.page.evaluate('window.__niceguiStash.browser === undefined')


# in one step: `fill` selects and then types, and what another tab has changed in between would stand beside it
ENTER = "(input, text) => { input.value = text; input.dispatchEvent(new Event('input', { bubbles: true })) }"


@BOTH_WAYS
async def test_two_tabs_that_change_at_once_end_with_what_the_browser_keeps(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)

    async def note(tab: Tab) -> str:
        return await tab.page.get_by_test_id('note').inner_text()

    shown: list[str] = []
    for round_ in range(5):
        words = [f'first {round_}', f'second {round_}']

        async def is_agreed(words: list[str] = words) -> bool:
            last = await visitor.open(url)
            shown[:] = [await note(tab) for tab in (first, second, last)]
            await last.page.close()
            return shown[0] in words and len(set(shown)) == 1

        for tab, word in zip((first, second), words, strict=True):
            await tab.page.get_by_test_id('note-input').evaluate(ENTER, word)
        try:
            await eventually(is_agreed, 'both show what the browser keeps')
        except TimeoutError as error:
            raise AssertionError(f'round {round_}: the first, the second and a new tab show {shown}') from error


@BOTH_WAYS
async def test_typing_on_while_it_is_kept_loses_nothing(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)
    await first.page.get_by_test_id('note-input').press_sequentially('a lamp on the desk', delay=30)
    await shows(first, note='a lamp on the desk')
    await shows(second, note='a lamp on the desk')
    await expect(first.page.get_by_test_id('note-input')).to_have_value('a lamp on the desk')
