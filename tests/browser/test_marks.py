"""What counts as a mark: left by hand here, as a broken script or a curious person might."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .server import Server
from .tab import Tab, Visitor
from .told import fill

MARK = '__nicegui_stash'
LEAVE = """(changes) => {
    const path = location.pathname + location.search;
    const mark = {visit: window.__niceguiStash.visit, path, time: Date.now(), reason: 'by hand', ...changes};
    mark.time += mark.older ?? 0;
    sessionStorage.setItem('__nicegui_stash', JSON.stringify(mark));
}"""


async def leave_mark(tab: Tab, **changes: Any) -> None:
    await tab.page.evaluate(LEAVE, changes)


async def test_a_fresh_mark_on_the_same_path_makes_a_reload_a_rejoin(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab)
    await tab.reload()
    shown = await tab.look()
    assert shown.fields == typed
    assert shown.reason == 'rejoin'


@pytest.mark.proves('ten-minutes')
@pytest.mark.parametrize(
    'changes',
    [
        pytest.param({'older': -10 * 60 * 1000 - 1000}, id='ten minutes old'),
        pytest.param({'older': 60 * 60 * 1000}, id='from the future'),
        pytest.param({'path': '/other'}, id='of another path'),
        pytest.param({'path': '/?q=1'}, id='of another query'),
        pytest.param({'path': None}, id='without a path'),
        pytest.param({'visit': None}, id='without a visit'),
        pytest.param({'visit': 'never-was-any'}, id='of no visit'),
    ],
)
async def test_f5_with_a_mark_that_does_not_count_shows_a_blank_draft(
    visitor: Visitor, form: Server, changes: dict[str, Any]
):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab, **changes)
    await tab.reload()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_f5_is_no_rejoin_where_the_browser_closes_the_socket_before_the_page_goes(visitor: Visitor, form: Server):
    tab = await visitor.open(f'{form.url}/')
    typed, _ = await fill(tab)
    await tab.page.evaluate('addEventListener("beforeunload", () => window.socket.disconnect())')  # as Firefox does
    await tab.reload()
    shown = await tab.look()
    assert shown.reason == 'reload'
    assert shown.fields == typed | {'reconnect': ''}


async def test_a_mark_does_not_count_for_a_link(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab)
    await tab.follow('to-form')
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_mark_does_not_count_for_a_typed_address(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab)
    await tab.page.goto('about:blank')
    await tab.goto(form.url)
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_mark_does_not_count_for_history(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab)
    await tab.page.goto('about:blank')
    await tab.back()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


async def test_a_mark_that_was_taken_out_does_not_count_twice(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await leave_mark(tab)
    await tab.reload()
    assert (await tab.look()).reason == 'rejoin'
    assert await tab.storage(MARK) is None
    await tab.reload()
    assert (await tab.look()).fields == typed | {'reconnect': ''}


TYPED: dict[str, Any] = {
    'a text': 'typed',
    'a list': [1],
    'values that are none': {'values': 17, 'unknown': 17, 'focus': 17},
    'nothing in place of a value': {'values': [None], 'unknown': {'values': [None, 1]}, 'focus': {}},
    'no JSON': {'values': [{'f': 'ADDRESS', 'v': '{', 'known': []}], 'focus': {'f': 'ADDRESS', 'index': 99}},
    'no text': {'values': [{'f': 'ADDRESS', 'v': {'a': 1}, 'known': []}]},
    'no history': {'values': [{'f': 'ADDRESS', 'v': '"forged"', 'known': 1}]},
    'another history': {'seal': 1, 'values': [{'f': 'ADDRESS', 'v': '"forged"', 'known': [None, {}]}]},
    'a seal that is none': {'seal': 'none', 'values': [{'f': 'ADDRESS', 'v': '"forged"', 'known': []}]},
}


@pytest.mark.parametrize('name', TYPED)
async def test_a_mark_with_anything_as_what_was_typed_breaks_nothing(visitor: Visitor, form: Server, name: str):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await tab.until('Object.keys(window.__niceguiStash.typed.bound).length > 0')
    address = await tab.page.evaluate('Object.values(window.__niceguiStash.typed.bound)[0].address')
    await leave_mark(tab, typed=json.loads(json.dumps(TYPED[name]).replace('ADDRESS', address)))
    await tab.reload()
    await tab.until('window.__niceguiStash.typed.pending === 0')
    shown = await tab.look()
    assert (shown.fields, shown.reason) == (typed, 'rejoin')


MALFORMED = {
    'not JSON': '{"visit": ',
    'null': 'null',
    'a number': '17',
    'a list': '[[]]',
    'wrong types': '{"visit": {"a": [1]}, "path": {}, "time": "now"}',
    'wrong types of a mark that would count': '{"visit": {"a": [1]}, "path": "/", "time": NOW}',
    '900 KB': json.dumps({'visit': 'v' * 900_000, 'path': '/', 'time': 0}),
    '900 KB in a mark that would count': '{"visit": "' + 'v' * 900_000 + '", "path": "/", "time": NOW}',
    'deeply nested': '[' * 5000 + ']' * 5000,
}


async def test_a_malformed_mark_is_no_mark_and_breaks_nothing(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    leave = '([key, text]) => sessionStorage.setItem(key, text.replace("NOW", Date.now()))'
    for name, text in MALFORMED.items():
        typed, _ = await fill(tab)
        await tab.page.evaluate(leave, [MARK, text])
        await tab.reload()
        assert (await tab.look()).fields == typed | {'reconnect': ''}, name
        assert await tab.storage(MARK) is None, name
