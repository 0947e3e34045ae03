"""Values that the visitor's own browser keeps: back on every visit, followed by other tabs, and never at the server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from .proxy import Proxy
from .server import Server, eventually
from .tab import Tab, Visitor
from .told import Visitors

ROOT = 'nicegui_stash::Desk::1:'


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('keeping.py', tmp_path_factory.mktemp('keeping')) as server:
        yield server


async def shows(tab: Tab, **values: object) -> None:
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(value if hasattr(value, 'match') else str(value))


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_test_id(button).click()


async def kept(tab: Tab) -> dict[str, str]:
    """Return all that localStorage holds for our class, by field."""
    found: dict[str, str] = await tab.page.evaluate('({...localStorage})')
    return {key.removeprefix(ROOT): token for key, token in found.items() if key.startswith(ROOT)}


async def keeps(tab: Tab, *fields: str) -> dict[str, str]:
    """Return what the browser keeps once it is of these fields."""

    async def has() -> bool:
        return set(await kept(tab)) == set(fields)

    await eventually(has, f'the browser keeps {fields}')
    return await kept(tab)


async def put(tab: Tab, field: str, token: str) -> None:
    await tab.page.evaluate('([key, token]) => localStorage.setItem(key, token)', [ROOT + field, token])


async def is_kept(tab: Tab, field: str, before: str | None) -> None:
    """Return when the browser keeps another token of a field than before."""

    async def changed() -> bool:
        return (await kept(tab)).get(field) != before

    await eventually(changed, f'{field} is kept')


async def fill(tab: Tab, **values: str) -> dict[str, str]:
    """Type, and return what the browser keeps once it keeps all of it."""
    before = await kept(tab)
    await tab.type(**values)
    for field in values:
        await is_kept(tab, field, before.get(field))
    return await kept(tab)


async def test_it_comes_back_on_every_visit_and_build_sees_it(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
    await shows(tab, status='fresh', built='built with ')
    await fill(tab, note='lamps', secret='hidden')
    await press(tab, 'more')
    await keeps(tab, 'note', 'secret', 'size')
    await tab.reload()
    await shows(tab, note='lamps', secret='hidden', size=2, status='recovered', built='built with lamps', problems='')
    other = await visitor.open(desk.url)
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


async def test_a_new_visitors_first_html_is_complete(desk: Server):
    async with httpx.AsyncClient() as http:
        first = await http.get(desk.url)
        second = await http.get(desk.url)
    assert 'built with' in first.text
    assert 'built with' not in second.text, 'what the browser keeps is not known yet'


async def test_other_tabs_follow_and_what_is_not_live_does_not(visitor: Visitor, desk: Server):
    first, second = await visitor.open(desk.url), await visitor.open(desk.url)
    await first.type(mine='only here', note='lamps')
    await shows(second, note='lamps')
    await second.type(note='tables')
    await shows(first, note='tables')
    await shows(second, mine='')
    await second.reload()
    await shows(second, mine='only here')


async def test_tabs_on_two_servers_follow_each_other(visitor: Visitor, desk: Server, folder: Path):
    async with Server('keeping.py', folder) as other, Proxy(desk.port) as proxy:
        first = await visitor.open(proxy.url)
        proxy.lead_to(other.port)
        second = await visitor.open(proxy.url)
        await first.type(note='lamps')
        await shows(second, note='lamps')
        await second.type(secret='hidden')
        await shows(first, secret='hidden')


async def test_a_reset_and_clearing_are_followed_as_well(visitor: Visitor, desk: Server):
    first, second = await visitor.open(desk.url), await visitor.open(desk.url)
    await fill(first, note='lamps')
    await shows(second, note='lamps')
    await press(first, 'reset')
    await shows(second, note='')
    await shows(first, note='')
    await keeps(first)
    await fill(second, note='tables')
    await first.page.evaluate('localStorage.setItem("another app", "x")')
    await press(first, 'clear')
    await shows(second, note='')
    await keeps(first)
    assert await first.page.evaluate('localStorage.getItem("another app")') == 'x'


async def test_what_a_person_clears_in_the_browser_is_gone_in_all_tabs(visitor: Visitor, desk: Server):
    first, second = await visitor.open(desk.url), await visitor.open(desk.url)
    await fill(first, note='lamps')
    await shows(second, note='lamps')
    await first.page.evaluate('localStorage.clear()')
    await shows(second, note='')
    await first.reload()
    await shows(first, note='')


@pytest.mark.parametrize('field', ['note', 'secret'])
async def test_what_was_tampered_with_falls_back_alone(visitor: Visitor, desk: Server, field: str):
    tab = await visitor.open(desk.url)
    before = await fill(tab, note='lamps', secret='hidden')
    forgeries = {
        'it was tampered with': before[field][:-9] + ('A' if before[field][-9] != 'A' else 'B') + before[field][-8:],
        'it was tampered with, or': before['secret' if field == 'note' else 'note'],
        'it is no token': '{"note": "forged"}',
        'it is no token ': '',
        ' it is no token': 'x' * 2_000_000,  # cut short: a message of that size would end the connection
    }
    expected = {'note': 'lamps', 'secret': 'hidden', field: ''}
    for why, token in forgeries.items():
        await put(tab, field, token)
        await tab.reload()
        await shows(tab, **expected)
        await expect(tab.page.get_by_test_id('problems')).to_contain_text(f'{field}: {why.strip()}')
        assert (await tab.page.get_by_test_id('problems').inner_text()).count(': ') == 1


async def test_what_another_tab_forges_gives_the_default(visitor: Visitor, desk: Server):
    first, second = await visitor.open(desk.url), await visitor.open(desk.url)
    await fill(first, note='lamps', secret='hidden')
    await shows(second, note='lamps')
    await put(first, 'note', 's.1763700000.ImZvcmdlZCI.' + 'A' * 43)
    await shows(second, note='', secret='hidden')
    assert await second.page.evaluate('window.socket.connected')


async def test_a_token_of_another_person_opens_nothing(visitors: Visitors, visitor: Visitor, desk: Server):
    ann = await visitor.open(desk.url)
    tokens = await fill(ann, note='a word of ann', secret='a secret of ann')
    async with visitors() as ben:
        tab = await ben.open(desk.url)
        tab.listen()
        for field, token in tokens.items():
            await put(tab, field, token)
        await tab.reload()
        await shows(tab, note='', secret='')
        await expect(tab.page.get_by_test_id('problems')).to_contain_text('made for another field, session or app')
        heard = await tab.heard()
        assert 'a word of ann' not in heard
        assert 'a secret of ann' not in heard


async def test_what_the_page_makes_up_reaches_nothing(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
    await fill(tab, note='lamps')
    script = """(messages) => {
        for (const message of messages)
            for (let browser = 0; browser < 50; browser++) emitEvent('nicegui_stash_report', { browser, ...message });
    }"""
    made_up: list[Any] = [
        {},
        {'made': 'x'},
        {'made': 0, 'ask': 1, 'items': {ROOT + 'note': 'x'}, 'last': True},
        {'made': 0, 'ask': {}, 'items': []},
        {'made': 1e9, 'changed': {'__proto__': 'x', 'x': [1]}},
        {'made': 1e9, 'failed': {ROOT + 'secret': '<script>'}},
        {'made': {}, 'cleared': True},
    ]
    await tab.page.evaluate(script, made_up)
    await press(tab, 'more')
    await shows(tab, size=2, note='lamps')
    await tab.reload()
    await shows(tab, size=2, note='lamps', problems='')


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
    server = Server('keeping.py', folder, secrets='old')
    async with server:
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


async def test_a_token_that_is_made_anew_replaces_nothing_but_the_one_that_was_read(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
    tokens = await fill(tab, note='lamps')
    renew = """([key, read, token]) => window.__niceguiStash.browser.keep(0, 1, [], {[key]: [read, token]}, {})"""
    await tab.page.evaluate(renew, [ROOT + 'note', 'what another tab has replaced', 'made anew'])
    await tab.page.evaluate(renew, [ROOT + 'secret', 'what another tab has dropped', 'made anew'])
    assert await kept(tab) == tokens
    await tab.page.evaluate(renew, [ROOT + 'note', tokens['note'], 'made anew'])
    await tab.page.evaluate(renew, [ROOT + 'secret', None, 'migrated'])
    assert await kept(tab) == {'note': 'made anew', 'secret': 'migrated'}


async def test_signing_in_keeps_it_and_signing_out_drops_it(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
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
    await tab.goto(desk.url)
    await shows(tab, note='', secret='', problems='')


async def test_a_full_browser_says_so_and_everything_else_goes_on(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
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
        return 'Desk.mine: the browser did not keep it: QuotaExceededError' in desk.output()

    await eventually(is_told, 'the log says so')
    await press(tab, 'more')
    await shows(tab, size=2)
    await tab.page.evaluate(
        "Object.keys(localStorage).filter((k) => k.startsWith('full')).forEach((k) => localStorage.removeItem(k))"
    )
    await tab.reload()
    await shows(tab, note='lamps', mine='')


async def test_a_browser_that_blocks_its_storage_shows_defaults_and_says_so(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
    await tab.page.add_init_script("""Object.defineProperty(window, 'localStorage', {
        get() { throw new DOMException('blocked', 'SecurityError'); },
    })""")
    await tab.reload()
    await shows(tab, note='')
    await expect(tab.page.get_by_test_id('problems')).to_contain_text('the browser keeps nothing: SecurityError')
    await tab.type(note='lamps')
    await shows(tab, note='lamps')


async def test_many_values_come_in_messages_that_the_server_takes(visitor: Visitor, desk: Server):
    tab = await visitor.open(desk.url)
    await fill(tab, note='lamps')
    await tab.page.evaluate(
        """(root) => { for (let number = 0; number < 45; number++)
            localStorage.setItem(root.replace(':1:', ':2:') + number, 'x'.repeat(90_000)) }""",
        ROOT,
    )
    await tab.reload()
    await shows(tab, note='lamps')
    assert await tab.page.evaluate('window.socket.connected')


async def test_a_view_that_is_opened_later_sees_it(visitor: Visitor, desk: Server):
    tab = await visitor.open(f'{desk.url}/views')
    await tab.switch('to-desk', 'drawer')
    await tab.type(note='lamps')
    await eventually(lambda: _has(tab, 'Drawer'), 'the browser keeps the note')
    await tab.goto(f'{desk.url}/views')
    await tab.switch('to-desk', 'drawer')
    await shows(tab, note='lamps', built='built with lamps')


async def _has(tab: Tab, word: str) -> bool:
    return word in json.dumps(await tab.page.evaluate('({...localStorage})'))


async def test_a_page_without_such_fields_runs_no_script_for_them(visitor: Visitor, desk: Server):
    tab = await visitor.open(f'{desk.url}/plain')
    assert await tab.page.evaluate('window.__niceguiStash.browser === undefined')


class TestSlowly:
    """The same with 200 ms between the browser and its server."""

    @pytest_asyncio.fixture(loop_scope='session')
    async def far(self, desk: Server) -> AsyncIterator[Proxy]:
        async with Proxy(desk.port, latency=0.2) as proxy:
            yield proxy

    async def test_build_waits_for_what_the_browser_keeps(self, visitor: Visitor, far: Proxy):
        tab = await visitor.open(far.url)
        await fill(tab, note='lamps', secret='hidden')
        await tab.reload()
        await shows(tab, note='lamps', secret='hidden', built='built with lamps')

    async def test_two_tabs_that_change_at_once_end_with_what_the_browser_keeps(self, visitor: Visitor, far: Proxy):
        first, second = await visitor.open(far.url), await visitor.open(far.url)
        for round_ in range(5):
            for tab, word in ((first, 'first'), (second, 'second')):
                await tab.page.get_by_test_id('note-input').fill(f'{word} {round_}')
            await tab.page.wait_for_timeout(1500)
            shown = [await tab.page.get_by_test_id('note').inner_text() for tab in (first, second)]
            assert shown[0] == shown[1], shown
            last = await visitor.open(far.url)
            await shows(last, note=shown[0])
            await last.page.close()

    async def test_typing_on_while_it_is_kept_loses_nothing(self, visitor: Visitor, far: Proxy):
        first, second = await visitor.open(far.url), await visitor.open(far.url)
        await first.page.get_by_test_id('note-input').press_sequentially('a lamp on the desk', delay=30)
        await shows(first, note='a lamp on the desk')
        await shows(second, note='a lamp on the desk')
        await expect(first.page.get_by_test_id('note-input')).to_have_value('a lamp on the desk')
