"""What is typed while the server is away, or was not stored when it was killed, is in the page that comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from nicegui_stash.ui.typed import digest

from .proxy import Proxy
from .server import Server
from .tab import Tab, Visitor
from .told import restart
from .typist import Typist


async def shows(tab: Tab, **values: str) -> None:
    """Return when the inputs of these names show these values, and the server has them too."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(value)
        await expect(tab.page.get_by_test_id(name)).to_have_text(value)


async def enter(tab: Tab, **values: str) -> None:
    """Type into inputs, whether or not anybody answers."""
    for name, value in values.items():
        await tab.page.get_by_test_id(f'{name}-input').fill(value)


async def rejected(tab: Tab) -> list[tuple[str, str]]:
    """Return what `recovery.rejected` holds."""
    return [tuple(each) for each in json.loads(await tab.page.get_by_test_id('rejected').inner_text())]


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


@pytest.mark.slow
async def test_no_character_is_lost_while_the_server_is_killed_twenty_times(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(server.url)
        await type_through(server, tab, Typist(tab), kills=20)


@pytest.mark.slow
async def test_no_character_is_lost_where_everything_takes_200_ms(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port, latency=0.1) as proxy:
        tab = await visitor.open(proxy.url)
        await type_through(server, tab, Typist(tab), kills=5)


@pytest.mark.parametrize('kill', [True, False], ids=['SIGKILL', 'SIGTERM'])
async def test_what_is_typed_while_the_server_is_away_is_back_in_all_scopes(visitor: Visitor, folder: Path, kill: bool):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(server.url)
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
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        assert await tab.storage('__nicegui_stash') is None
        await restart(server, tab, kill=True)
        await shows(tab, line='a line', mine='mine alone')


async def test_what_was_accepted_but_not_yet_stored_is_back_after_a_kill(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, nicegui_stash_flush_interval=60) as server:
        tab = await visitor.open(server.url)
        await enter(tab, line='first')
        await shows(tab, line='first')
        for text in ('second', 'third', 'fourth'):
            await enter(tab, line=text)
            await shows(tab, line=text)
        assert 'fourth' not in ''.join(path.read_text() for path in server.objects()), 'not durable yet'
        await restart(server, tab, kill=True)
        await shows(tab, line='fourth')
        assert await rejected(tab) == []


async def test_what_was_sent_and_never_arrived_is_back(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
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


async def test_what_is_typed_in_a_document_that_never_connected_is_handed_on_with_the_rest(
    visitor: Visitor, folder: Path
):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
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


async def test_a_newer_value_of_another_tab_is_not_overwritten(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder, reconnect_timeout=0.5) as server, Proxy(server.port) as proxy:
        away, other = await visitor.open(proxy.url), await visitor.open(server.url)
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


async def test_a_newer_value_that_was_stored_by_another_server_is_not_overwritten(visitor: Visitor, folder: Path):
    async with (
        Server('typed.py', folder) as old,
        Server('typed.py', folder) as new,
        Proxy(old.port) as proxy,
    ):
        away = await visitor.open(proxy.url)
        await enter(away, line='both know')
        await shows(away, line='both know')
        await away.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        client = await away.client()
        proxy.drop()
        await old.kill()
        await enter(away, line='older')
        other = await visitor.open(new.url)
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
        tab = await visitor.open(server.url)
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await enter(tab, short='much too long', line='fits')
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='fits')
        await expect(tab.page.get_by_test_id('short')).to_have_text('')
        await expect(tab.page.get_by_text('validate= says')).to_be_visible()


async def test_a_link_begins_a_visit_without_what_was_typed(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='a line', text='a draft')
        await tab.page.evaluate('() => { location.href = "/" }')
        await tab.page.wait_for_function('old => window.clientId && window.clientId !== old', arg=client)
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, line='', text='')
        assert await tab.storage('__nicegui_stash') is None


async def test_what_is_not_saved_by_hand_is_carried_and_still_not_saved(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(f'{server.url}/saved')
        await enter(tab, line='saved')
        await shows(tab, line='saved')
        await tab.page.get_by_test_id('save').click()
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        await enter(tab, line='not saved')
        await shows(tab, line='not saved')
        await restart(server, tab, kill=True)
        await shows(tab, line='not saved')
        assert server.document()['slices']['Saved']['1']['']['data'] == {'line': 'saved'}
        await tab.page.get_by_test_id('save').click()
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        assert server.document()['slices']['Saved']['1']['']['data'] == {'line': 'not saved'}


CURSOR = """(({dataset, selectionStart, selectionEnd}) =>
    [dataset.testid, selectionStart, selectionEnd])(document.activeElement)"""


@pytest.mark.parametrize('name', ['line', 'text'])
async def test_focus_and_cursor_come_back(visitor: Visitor, folder: Path, name: str):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(server.url)
        await tab.page.wait_for_function('window.__niceguiStash?.acknowledged', polling=50)
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await enter(tab, **{name: 'some words'})
        await tab.page.evaluate('document.activeElement.setSelectionRange(2, 6)')
        await server.start()
        await tab.connected(after=client)
        await shows(tab, **{name: 'some words'})
        assert await tab.page.evaluate(CURSOR) == [f'{name}-input', 2, 6]
        await tab.page.keyboard.type('th')
        await shows(tab, **{name: 'soth' + 'ords'})


async def test_the_focus_comes_back_where_nothing_was_typed(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(server.url)
        await enter(tab, line='stored')
        await shows(tab, line='stored')
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
        await restart(server, tab, kill=True)
        await shows(tab, line='stored')
        assert await tab.page.evaluate(CURSOR) == ['line-input', 6, 6]


@pytest.mark.parametrize(
    'value',
    [
        '',
        'text',
        'ü€😀',
        0,
        -3,
        1.5,
        0.1,
        1e-5,
        1e-7,
        1e22,
        True,
        False,
        None,
        ['a', 1],
        {'min': 20, 'b': 30.5},
        {'b': None},
    ],
    ids=repr,
)
async def test_browser_and_server_make_the_same_digest(visitor: Visitor, form: Server, value: object):
    tab = await visitor.open(form.url)
    assert await tab.page.evaluate('value => window.__niceguiStash.typed.digest(value)', value) == digest(value)
    numeric = 'value => window.__niceguiStash.typed.digest(value, true)'
    assert await tab.page.evaluate(numeric, '12.50') == digest('12.5', numeric=True) == digest(12.5)


MEASURE = """() => {
    const typed = window.__niceguiStash.typed;
    const times = [...Array(20)].map(() => {
        const start = performance.now();
        typed.snapshot();
        return performance.now() - start;
    });
    return times.sort((a, b) => a - b)[10];
}"""
KEYSTROKES = """() => {
    const id = Number(document.querySelector('.at-0 input').id.slice(1));
    const listener = mounted_app.elements[id].events.find((each) => each.type.startsWith('update:')).listener_id;
    const start = performance.now();
    for (let i = 0; i < 10000; i++) {
        window.__niceguiStash.typed.intercept({id, listener_id: listener, args: [`"some words and ${i}"`]});
    }
    return (performance.now() - start) / 10;
}"""


async def test_carrying_fifty_fields_costs_less_than_five_milliseconds(
    visitor: Visitor, folder: Path, record_property: Callable[[str, object], None]
):
    async with Server('typed.py', folder) as server:
        tab = await visitor.open(f'{server.url}/fifty')
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        for index in range(50):
            await tab.page.locator(f'.at-{index} input').fill(f'what was typed into field {index}')
        carry = await tab.page.evaluate(MEASURE)
        await server.start()
        await tab.connected(after=client)
        await expect(tab.page.get_by_test_id('last')).to_have_text('what was typed into field 49')
        bring = await tab.page.evaluate(
            "performance.getEntriesByName('nicegui_stash: bring back').reduce((sum, each) => sum + each.duration, 0)"
        )
        stroke = await tab.page.evaluate(KEYSTROKES)
        assert bring > 0
        assert carry + bring < 5
        assert stroke < 20


GATE = """() => {
    const typed = window.__niceguiStash.typed;
    const held = [];
    for (const name of ['bind', 'told']) {
        const call = typed[name];
        typed[name] = (...given) => held.push(() => call(...given));
    }
    window.openGate = () => held.splice(0).map((each) => each()).length;
}"""


async def visit_without_socket(visitor: Visitor, proxy: Proxy) -> Tab:
    """Open a page for the first time: its socket is refused, so that nobody tells it which elements are bound."""
    proxy.drop_sockets()
    tab = await visitor.tab()
    await tab.page.goto(proxy.url)
    await tab.page.wait_for_function('window.__niceguiStash?.typed && window.socket', polling=50)
    assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
    return tab


async def test_what_is_typed_into_a_new_page_before_it_connects_arrives_in_order(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        for text in ('a', 'ab', 'abc'):
            await enter(tab, line=text, text=text * 2)
        proxy.restore()
        await tab.connected()
        await shows(tab, line='abc', text='abcabc')
        await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)


async def test_what_is_typed_is_carried_even_if_the_page_was_never_told_what_is_bound(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        await tab.page.evaluate(GATE)
        proxy.restore()
        client = await tab.connected()
        await server.kill()
        await tab.disconnected()
        await enter(tab, line='a line', text='a text')
        await server.start()
        await tab.connected(after=client)
        await shows(tab, line='a line', text='a text')
        assert await rejected(tab) == []


@pytest.mark.parametrize('when', ['before the connect', 'after the connect'])
async def test_what_is_typed_before_the_page_knows_what_is_bound_is_carried_once_it_does(
    visitor: Visitor, folder: Path, when: str
):
    async with Server('typed.py', folder, nicegui_stash_flush_interval=60) as server, Proxy(server.port) as proxy:
        tab = await visit_without_socket(visitor, proxy)
        await tab.page.evaluate(GATE)
        if when == 'before the connect':
            await enter(tab, line='typed early')
        proxy.restore()
        await tab.connected()
        if when == 'after the connect':
            await enter(tab, line='typed early')
        await expect(tab.page.get_by_test_id('line')).to_have_text('typed early')
        assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
        await tab.page.wait_for_function('window.openGate() > 0', polling=50)
        await tab.page.wait_for_function('Object.keys(window.__niceguiStash.typed.bound).length > 0', polling=50)
        await restart(server, tab, kill=True)
        await shows(tab, line='typed early')
        assert await rejected(tab) == []


async def test_a_reload_before_the_page_knows_what_is_bound_hands_on_what_it_was_given(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        client = await tab.client()
        proxy.drop_sockets()
        await tab.disconnected()
        await enter(tab, line='first document')
        without = {'cache-control': 'max-stale'}  # a browser that does not say that it reloads
        await tab.page.route('**/', lambda route: route.continue_(headers={**route.request.headers, **without}))
        await tab.page.reload()
        assert await tab.page.evaluate('Object.keys(window.__niceguiStash.typed.bound)') == []
        await tab.page.reload()
        proxy.restore()
        await tab.connected(after=client)
        await shows(tab, line='first document')
        assert await rejected(tab) == []
