"""The script that carries what was typed: it agrees with the server about digests, and costs next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from nicegui_stash.ui.typed import digest

from .server import Server
from .tab import Visitor


@pytest.mark.parametrize(
    'value',
    [
        '',
        'text',
        'ü€😀',
        'half \ud83d of a pair',
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
