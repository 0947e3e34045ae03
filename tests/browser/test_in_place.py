"""A page whose server was killed comes back within its document, with what only the browser knew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Request, Route, expect

from .proxy import Proxy
from .server import Server, eventually
from .tab import Tab, Visitor

OF_THE_NETWORK = re.compile(
    r'status of 400|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to'
)

TELL_NOTHING = """() => {
    const { typed } = window.__niceguiStash;
    const { bind, built } = typed;
    typed.bind = typed.built = () => {};
    window.tellAgain = () => Object.assign(typed, { bind, built });
}"""
"""Keeps from the page which of its elements are bound."""


WATCH_POPUP = """() => {
    window.popups = [];
    let lost = 0;
    const listeners = window.socket.listeners('disconnect');
    window.socket.off('disconnect');  // first of all, before the popup's time begins
    const popup = document.getElementById('popup');
    window.socket.on('disconnect', () => { if (popup.ariaHidden !== 'false') lost = performance.now(); });
    listeners.forEach((each) => window.socket.on('disconnect', each));
    const look = () => {
        if (popup.ariaHidden === 'false') window.popups.push(performance.now() - lost);
        requestAnimationFrame(look);
    };
    look();
}"""
"""Notes every frame in which NiceGUI's popup is shown: how many milliseconds after the connection was lost.

A slow return loses it once more, on purpose, when the popup may be shown with reason.
"""

NOTE_TURN = """() => {
    const { inPlace } = window.__niceguiStash;
    const { leave } = inPlace;
    inPlace.leave = (turn) => { window.turn = turn; leave(turn); };
}"""
"""Notes when the page is to look for the next server."""

CLOSE_ON_PURPOSE = """() => {
    const { setTimeout } = window;
    const pauses = [];
    window.setTimeout = (step, pause) => {
        pauses.push(pause);
        return setTimeout(step, pause);
    };
    window.socket.disconnect();
    window.setTimeout = setTimeout;
    return pauses;
}"""
"""Closes the socket as a script of the page may; returns the milliseconds after which anything is to be done."""

LETTERS = 'abcdefghijklmnopqrst'
TYPE_FAST = f"""async () => {{
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    for (const letter of '{LETTERS}') {{
        document.execCommand('insertText', false, letter);
        await pause(7);
    }}
}}"""
"""Types at the end of the input that has the focus, faster than a person."""

COUNT_HELD = """(() => {
    const [held, { setInterval, clearInterval, WebSocket }] = [{ intervals: new Set(), sockets: new Set() }, window];
    window.held = held;
    window.setInterval = (...given) => {
        const id = setInterval(...given);
        held.intervals.add(id);
        return id;
    };
    window.clearInterval = (id) => {
        held.intervals.delete(id);
        clearInterval(id);
    };
    window.WebSocket = class extends WebSocket {
        constructor(...given) {
            super(...given);
            held.sockets.add(this);
            this.addEventListener('close', () => held.sockets.delete(this));
        }
    };
})()"""
"""Keeps count of the intervals and sockets that a page has open."""

COUNT_HEARD = """() => {
    const heard = 'connect disconnect connect_error try_reconnect handshake event update run_javascript message';
    const ofManager = 'open close error packet ping reconnect reconnect_attempt reconnect_error reconnect_failed';
    const count = (emitter, names) => names.split(' ').reduce((sum, name) => sum + emitter.listeners(name).length, 0);
    return [count(window.socket, heard), count(window.socket.io, ofManager)];
}"""
"""How many listeners the socket and its connection have, which are none of the browser's."""

SHOWN = """() => [...document.querySelectorAll('#app *')].map((element) => {
    const { localName, id, className, value } = element;
    const isLasting = (name) => !/focus|highlighted|transition/.test(name);
    const classes = String(className.baseVal ?? className).split(' ').filter(isLasting);
    const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
    return `${localName} ${/^c/.test(id) ? id : ''} ${classes.sort().join(' ')} ${text.join('')}=${value ?? ''}`;
})"""
"""What a page shows, line by line."""

RETURNS = int(os.environ.get('RETURNS', '20'))


def served(folder: Path, **settings: Any) -> Server:
    return Server('returning.py', folder, nicegui_stash_rejoin='in_place', **settings)


async def open_page(visitor: Visitor, url: str) -> Tab:
    """Open the page, and mark its window: a new document would have no mark."""
    tab = await visitor.open(url)
    await tab.until('window.__niceguiStash?.acknowledged')
    await tab.page.evaluate('window.isMarked = true')
    return tab


async def is_same_document(tab: Tab) -> bool:
    return await tab.page.evaluate('window.isMarked === true')


async def restart(server: Server, tab: Tab) -> None:
    """Kill the server, start it again, and return when the page is back, in whichever way."""
    client = await tab.client()
    await server.kill()
    await tab.disconnected()
    await server.start()
    await back(tab, client)


async def back(tab: Tab, client: str) -> None:
    await tab.connected(after=client)
    await tab.until('window.__niceguiStash?.acknowledged')


def errors(tab: Tab) -> list[str]:
    """Return what the console calls an error, without what the browser says of the missing server itself."""
    lines = [line for line in tab.console if line.startswith(('error:', 'uncaught:', 'warning:'))]
    return [line for line in lines if not OF_THE_NETWORK.search(line)]


def is_same_line(returned: str, loaded: str) -> bool:
    """Whether a line of `SHOWN` is that of a fresh page, except for what was typed."""
    return returned == loaded or returned.replace('=typed', loaded[loaded.rindex('=') :]) == loaded


async def press(tab: Tab, clicks: int) -> None:
    await tab.page.get_by_test_id('click').click()
    await expect(tab.page.get_by_test_id('clicks')).to_have_text(str(clicks))


async def stored(server: Server, clicks: int) -> None:
    """Return when so many clicks are durable: a handler's change that is not yet is lost with the process."""

    async def is_stored() -> bool:
        return any(f'"clicks":{clicks}' in path.read_text() for path in server.objects())

    await eventually(is_stored, f'{clicks} clicks are durable')


async def fill(element: Locator, value: str, shown: Locator) -> None:
    await element.fill(value)
    await expect(shown).to_have_text(value)


async def test_a_page_comes_back_after_kill_9_within_its_document(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        requests: list[Request] = []

        def note(request: Request) -> None:
            requests.append(request)

        tab.page.on('request', note)
        await fill(get('draft'), 'a draft', get('draft-text'))
        await get('mine').fill('of the tab')
        await press(tab, 1)
        await get('scroller').evaluate('element => { element.scrollTop = 777 }')
        await get('draft').focus()
        await get('draft').evaluate('element => element.setSelectionRange(2, 4)')
        for clicks in (2, 3):
            await stored(server, clicks - 1)
            await restart(server, tab)
            await expect(get('reason')).to_have_text('rejoin')
            await expect(get('in-place')).to_have_text('True')
            assert await get('scroller').evaluate('element => element.scrollTop') == 777
            active = 'document.activeElement.dataset.testid'
            place = 'document.activeElement.selectionStart + "-" + document.activeElement.selectionEnd'
            assert (await tab.page.evaluate(active), await tab.page.evaluate(place)) == ('draft', '2-4')
            await expect(get('draft')).to_have_value('a draft')
            await expect(get('draft-text')).to_have_text('a draft')
            await expect(get('mine')).to_have_value('of the tab')
            await get('click').evaluate('element => element.click()')  # so that the focus stays
            await expect(get('clicks')).to_have_text(str(clicks))
        await fill(get('free'), 'typed after it', get('free-text'))
        await get('tabs').get_by_text('two').click()
        await expect(get('tabs-text')).to_have_text('two')
        await expect(tab.page.get_by_text('second panel')).to_be_visible()
        assert [request.url for request in requests if request.is_navigation_request()] == []
        assert await is_same_document(tab)
        assert errors(tab) == []


async def test_what_is_typed_while_the_server_is_away_is_merged_without_a_reload(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'before', get('draft-text'))
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await get('draft').focus()
        await tab.page.keyboard.press('End')
        await tab.page.keyboard.type(' and during')
        await server.start()
        await back(tab, client)
        await expect(get('draft-text')).to_have_text('before and during')
        await expect(get('draft')).to_have_value('before and during')
        await tab.page.keyboard.type(', and after')
        await expect(get('draft-text')).to_have_text('before and during, and after')
        assert await is_same_document(tab)


async def test_what_is_typed_before_the_page_knows_what_is_bound_is_merged_without_a_reload(
    visitor: Visitor, folder: Path
):
    async with served(folder) as server, Proxy(server.port) as proxy:
        proxy.drop_sockets()
        tab = await visitor.tab()
        await tab.page.goto(proxy.url)
        await tab.until('window.__niceguiStash?.typed && window.socket')
        await tab.page.evaluate(TELL_NOTHING)
        proxy.restore()
        await tab.connected()
        await tab.page.evaluate('window.isMarked = true')
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await tab.page.get_by_test_id('draft').fill('typed early')
        await tab.page.evaluate('window.tellAgain()')
        await server.start()
        await back(tab, client)
        await expect(tab.page.get_by_test_id('draft-text')).to_have_text('typed early')
        await expect(tab.page.get_by_test_id('draft')).to_have_value('typed early')
        assert await is_same_document(tab)


async def test_the_server_is_told_what_a_person_set_on_elements_that_are_bound_to_nothing(
    visitor: Visitor, folder: Path
):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await fill(get('free'), 'bound to nothing', get('free-text'))
        await get('secret').fill('hidden')
        await expect(get('secret-length')).to_have_text('6')
        await get('select').click()
        await tab.page.get_by_role('option', name='cat').click()
        await expect(get('select-text')).to_have_text('cat')
        await get('tabs').get_by_text('two').click()
        await expect(get('tabs-text')).to_have_text('two')
        await get('expansion').get_by_text('more').click()
        await expect(get('expansion-text')).to_have_text('True')
        for _ in range(2):
            await restart(server, tab)
            await expect(get('free-text')).to_have_text('bound to nothing')
            await expect(get('secret-length')).to_have_text('6')
            await expect(get('select-text')).to_have_text('cat')
            await expect(get('tabs-text')).to_have_text('two')
            await expect(get('expansion-text')).to_have_text('True')
        await expect(get('free')).to_have_value('bound to nothing')
        await expect(get('secret')).to_have_value('hidden')
        await expect(tab.page.get_by_text('second panel')).to_be_visible()
        await expect(tab.page.get_by_text('inside')).to_be_visible()
        assert await is_same_document(tab)
        assert b'hidden' not in b''.join(path.read_bytes() for path in server.objects())
        assert 'hidden' not in await tab.page.evaluate('JSON.stringify({...sessionStorage, ...localStorage})')


async def test_an_open_dialog_stays_open_with_what_was_typed_into_it(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await get('open-dialog').click()
        await expect(get('dialog-text')).to_have_text('True')
        await get('in-dialog').fill('within')
        await restart(server, tab)
        await expect(get('dialog-text')).to_have_text('True')
        await expect(get('in-dialog')).to_have_value('within')
        await get('close-dialog').click()
        await expect(get('in-dialog')).to_be_hidden()
        await expect(get('dialog-text')).to_have_text('False')
        await restart(server, tab)
        await expect(get('dialog-text')).to_have_text('False')
        assert await is_same_document(tab)


async def test_a_code_editor_keeps_its_text_and_the_server_has_the_same(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await tab.page.locator('.at-code .cm-content').click()
        await tab.page.keyboard.press('End')
        await tab.page.keyboard.type(' two')
        await expect(get('code-text')).to_have_text('one two')
        for text in ('one two!', 'one two!!'):
            await restart(server, tab)
            await expect(get('code-text')).to_have_text(text[:-1])
            await tab.page.locator('.at-code .cm-content').click()
            await tab.page.keyboard.press('End')
            await tab.page.keyboard.type('!')
            await expect(get('code-text')).to_have_text(text)
            await expect(tab.page.locator('.at-code .cm-content')).to_have_text(text)
        assert await is_same_document(tab)


async def test_a_page_whose_build_differs_after_the_deploy_shows_the_new_one_and_nobody_elses_state(
    visitor: Visitor, folder: Path
):
    async with served(folder) as server:
        tab = await open_page(visitor, f'{server.url}/deployed')
        get = tab.page.get_by_test_id
        await get('stays').fill('beside what is new')
        await get('row-0').fill('first')
        await get('row-1').fill('second')
        await fill(get('draft'), 'a draft', get('draft-text'))
        await get('replaced').click()
        server.settings['build'] = 'new'
        await restart(server, tab)
        assert await is_same_document(tab)
        await expect(get('in-place')).to_have_text('True')
        await expect(tab.page).to_have_title('new')
        for name in ('stays', 'row-0', 'row-1', 'row-2'):  # as by a reload: elements beside them came and went
            await expect(get(name)).to_have_value('')
        await expect(get('draft')).to_have_value('a draft')
        await expect(get('draft-text')).to_have_text('a draft')
        await expect(tab.page.locator('.q-select')).to_contain_text('bee')
        await expect(tab.page.locator('.q-checkbox')).to_have_count(0)
        await expect(tab.page.locator('.at-code .cm-content')).to_have_text('new')
        assert errors(tab) == []


@pytest.mark.parametrize('seed', range(4))
async def test_what_a_page_shows_after_a_deploy_is_what_a_fresh_page_shows(visitor: Visitor, folder: Path, seed: int):
    async with served(folder, seed=seed) as server:
        tab = await open_page(visitor, f'{server.url}/random')
        for deploy in range(1, 4):
            inputs = tab.page.locator('.free input:visible')
            for index in range(await inputs.count()):
                await inputs.nth(index).fill('typed')
            server.settings['deploy'] = deploy
            await restart(server, tab)
            assert await is_same_document(tab)
            fresh = await visitor.open(f'{server.url}/random')
            await fresh.until('window.__niceguiStash?.acknowledged')
            returned, loaded = [await each.page.evaluate(SHOWN) for each in (tab, fresh)]
            assert [pair for pair in zip(returned, loaded, strict=True) if not is_same_line(*pair)] == []
            await fresh.page.close()
        assert errors(tab) == []


@pytest.mark.parametrize('transports', ['websocket polling', 'polling'])
async def test_what_is_typed_between_the_return_and_the_connect_arrives_in_order(
    visitor: Visitor, folder: Path, transports: str
):
    async with served(folder, transports=transports) as server, Proxy(server.port) as proxy:
        tab = await open_page(visitor, proxy.url)
        get = tab.page.get_by_test_id
        await fill(get('free'), 'before', get('free-text'))
        text = 'before'
        for _ in range(2):
            client = await tab.client()
            proxy.drop_sockets()
            await server.kill()
            await server.start()
            await tab.until('old => window.clientId !== old', client)
            await get('free').focus()
            await tab.page.evaluate(TYPE_FAST)
            text += LETTERS
            await expect(get('free')).to_have_value(text)
            proxy.restore()
            await back(tab, client)
            await expect(get('free-text')).to_have_text(text)
        await restart(server, tab)
        await expect(get('free-text')).to_have_text(text)
        await expect(get('free')).to_have_value(text)
        assert await is_same_document(tab)


async def test_a_page_whose_script_has_closed_the_socket_waits_until_that_opens_it(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        assert min(await tab.page.evaluate(CLOSE_ON_PURPOSE), default=1000) >= 1000, 'nothing looks for the server'
        await tab.page.evaluate('window.socket.connect()')
        await tab.connected()
        await fill(tab.page.get_by_test_id('draft'), 'a draft', tab.page.get_by_test_id('draft-text'))
        await tab.page.evaluate(CLOSE_ON_PURPOSE)
        client = await tab.client()
        await server.kill()
        await server.start()
        await tab.page.evaluate('window.socket.connect()')
        await back(tab, client)
        await expect(tab.page.get_by_test_id('draft-text')).to_have_text('a draft')
        assert await is_same_document(tab)


async def test_a_field_that_another_tab_has_set_back_meanwhile_is_shown_as_it_is(visitor: Visitor, folder: Path):
    async with served(folder) as server, Proxy(server.port) as proxy:
        tab = await open_page(visitor, f'{proxy.url}/cleared')
        get = tab.page.get_by_test_id
        await fill(get('text'), 'typed here', get('text-shown'))
        await tab.until('window.__niceguiStash.typed.pending === 0')
        client = await tab.client()
        proxy.drop()
        await tab.disconnected()
        other = await visitor.open(f'{server.url}/cleared')
        await fill(other.page.get_by_test_id('text'), '', other.page.get_by_test_id('text-shown'))
        await other.until('window.__niceguiStash.typed.pending === 0')
        await server.kill()
        await server.start()
        proxy.restore()
        await back(tab, client)
        await expect(get('text')).to_have_value('')
        await expect(get('text-shown')).to_have_text('')
        await expect(get('number')).to_have_value('1')
        assert await is_same_document(tab)


async def test_the_popup_of_a_lost_connection_waits_for_two_seconds(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        await tab.page.evaluate(WATCH_POPUP)
        await server.ask_to_reconnect(client := await tab.client())
        await back(tab, client)
        await server.kill()
        await expect(tab.page.locator('#popup')).to_be_visible()  # the server stays away
        assert min(await tab.page.evaluate('window.popups')) > 1900
        assert await is_same_document(tab)


async def test_in_a_rolling_deploy_behind_a_proxy_nobody_sees_that_the_connection_was_lost(
    visitor: Visitor, folder: Path
):
    async with served(folder) as old, served(folder) as new, Proxy(old.port) as proxy:
        tab = await open_page(visitor, proxy.url)
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'a draft', get('draft-text'))
        await get('free').fill('bound to nothing')
        await tab.page.evaluate(WATCH_POPUP)
        client = await tab.client()
        proxy.lead_to(new.port)
        await old.terminate()
        await back(tab, client)
        await expect(get('free-text')).to_have_text('bound to nothing')
        await expect(get('draft-text')).to_have_text('a draft')
        assert await is_same_document(tab)
        assert [shown for shown in await tab.page.evaluate('window.popups') if shown < 1900] == []


async def test_pages_are_told_that_their_server_ends_send_what_waits_and_take_turns(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tabs = [await open_page(visitor, f'{server.url}/throttled') for _ in range(2)]
        for tab in tabs:
            await tab.page.evaluate(NOTE_TURN)
        clients = [await tab.client() for tab in tabs]
        await tabs[0].page.get_by_test_id('click').click()
        await server.terminate()
        (document,) = server.objects()
        assert '"clicks":1' in document.read_text()
        for tab in tabs:  # the server does not wait until each page has heard it
            await tab.until('window.turn !== undefined')
        assert sorted([await tab.page.evaluate('window.turn') for tab in tabs]) == [0, 500]
        await server.start()
        for tab, client in zip(tabs, clients, strict=True):
            await back(tab, client)
            await expect(tab.page.get_by_test_id('clicks')).to_have_text('1')
            assert await is_same_document(tab)


@pytest.mark.timeout(300 + 3 * RETURNS)
async def test_a_page_that_came_back_often_holds_no_more_than_before(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await visitor.tab()
        await tab.page.add_init_script(COUNT_HELD)
        await tab.goto(server.url)
        await tab.page.evaluate('window.isMarked = true')
        session = await tab.page.context.new_cdp_session(tab.page)
        await session.send('Performance.enable')

        async def held() -> tuple[dict[str, float], tuple[int, ...]]:
            await session.send('HeapProfiler.collectGarbage')
            metrics = (await session.send('Performance.getMetrics'))['metrics']
            await tab.until('window.held.sockets.size === 1')
            found = {each['name']: each['value'] for each in metrics if each['name'] in {'JSEventListeners', 'Nodes'}}
            intervals = await tab.page.evaluate('window.held.intervals.size')
            return found, (intervals, *await tab.page.evaluate(COUNT_HEARD))

        async def come_back(times: int) -> None:
            for _ in range(times):
                await server.ask_to_reconnect(client := await tab.client())
                await back(tab, client)

        await come_back(5)
        before, counted = await held()
        await come_back(RETURNS)
        after, counted_again = await held()
        assert await is_same_document(tab)
        for name, count in before.items():
            assert after[name] < count + RETURNS, (name, before, after)
        assert counted_again == counted


async def test_a_page_whose_client_is_gone_after_a_drop_comes_back_in_place(visitor: Visitor, folder: Path):
    async with served(folder, reconnect_timeout=0.5) as server, Proxy(server.port) as proxy:
        tab = await open_page(visitor, proxy.url)
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'a draft', get('draft-text'))
        client = await tab.client()
        proxy.drop()
        await server.forgot(client)
        proxy.restore()
        await back(tab, client)
        await expect(get('in-place')).to_have_text('True')
        await expect(get('draft')).to_have_value('a draft')
        assert await is_same_document(tab)


async def test_a_page_that_the_server_asks_to_reconnect_comes_back_in_place(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'a draft', get('draft-text'))
        client = await tab.client()
        await server.ask_to_reconnect(client)
        await back(tab, client)
        await expect(get('in-place')).to_have_text('True')
        await press(tab, 1)
        assert await is_same_document(tab)


async def test_a_page_that_says_so_reloads(visitor: Visitor, folder: Path):
    async with served(folder) as server:
        tab = await open_page(visitor, f'{server.url}/reloading')
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'a draft', get('draft-text'))
        await restart(server, tab)
        assert not await is_same_document(tab)
        await expect(get('reason')).to_have_text('rejoin')
        await expect(get('in-place')).to_have_text('False')
        await expect(get('draft')).to_have_value('a draft')


@pytest.mark.parametrize(
    ('status', 'media_type', 'body'),
    [
        (200, 'text/html', '<html></html>'),
        (200, 'application/vnd.nicegui-stash+json', 'no JSON'),
        (200, 'application/vnd.nicegui-stash+json', '{"elements": "{}", "imports": {}, "components": {}}'),
        (200, 'application/vnd.nicegui-stash+json', '{"imports": {"vue": "https://example.org/vue.js"}}'),
        (200, 'application/vnd.nicegui-stash+json', '{"reload": "it is too old"}'),
        (200, 'application/vnd.nicegui-stash+json', json.dumps({'elements': '{}', 'text': 'x' * 10_000_000})),
        (200, 'application/vnd.nicegui-stash+json', 'null'),
        (302, 'text/html', ''),
        (403, 'text/html', ''),
        (502, 'text/html', ''),
    ],
    ids=[
        'html',
        'no-json',
        'no-elements',
        'libraries',
        'refused',
        'too-large',
        'null',
        'redirect',
        'forbidden',
        'bad-gateway',
    ],
)
async def test_an_answer_that_cannot_be_shown_reloads_as_before(
    visitor: Visitor, folder: Path, status: int, media_type: str, body: str
):
    async def answer(route: Route) -> None:
        if 'x-nicegui-stash' not in await route.request.all_headers():
            await route.continue_()
            return
        headers = {'Content-Type': media_type, 'Location': 'https://example.org/'}
        await route.fulfill(status=status, headers=headers, body=body)

    async with served(folder) as server:
        tab = await open_page(visitor, server.url)
        get = tab.page.get_by_test_id
        await fill(get('draft'), 'a draft', get('draft-text'))
        await tab.page.route(f'{server.url}/', answer)
        await restart(server, tab)
        assert not await is_same_document(tab)
        await expect(get('reason')).to_have_text('rejoin')
        await expect(get('draft')).to_have_value('a draft')
        assert [line for line in tab.console if 'nicegui_stash: reloading' in line]
