"""The script that carries what was typed: it agrees with the server about digests, and takes many fields along."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from nicegui_stash.ui.carryover.digest import digest

from .server import Server
from .tab import Visitor
from .told import dead
from .typist import visit


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


async def test_fifty_fields_are_carried_at_once(visitor: Visitor, folder: Path):
    async with Server('typed.py', folder) as server:
        tab = await visit(visitor, f'{server.url}/fifty')
        async with dead(server, tab):
            texts = [f'what was typed into field {index}' for index in range(50)]
            for index, text in enumerate(texts):
                await tab.page.locator(f'.at-{index} input').fill(text)
        await expect(tab.page.get_by_test_id('last')).to_have_text(texts[-1])
        for index, text in enumerate(texts):
            await expect(tab.page.locator(f'.at-{index} input')).to_have_value(text)
