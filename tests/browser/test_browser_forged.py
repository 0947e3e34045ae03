"""What somebody forges, borrows or makes up in the place of kept values gives the default, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from .keeping import ROOT, desk, fill, press, put, shows, url
from .tab import Visitor
from .told import Visitors

__all__ = ['desk', 'url']


@pytest.mark.parametrize('field', ['note', 'secret'])
async def test_what_was_tampered_with_falls_back_alone(visitor: Visitor, url: str, field: str):
    tab = await visitor.open(url)
    before = await fill(tab, note='lamps', secret='hidden')
    forgeries = {
        'it was tampered with': before[field][:-9] + ('A' if before[field][-9] != 'A' else 'B') + before[field][-8:],
        'it was tampered with, or': before['secret' if field == 'note' else 'note'],
        'it is not a token': '{"note": "forged"}',
        'it is not a token ': '',
        ' it is not a token': 'x' * 2_000_000,  # cut short: a message of that size would end the connection
    }
    expected = {'note': 'lamps', 'secret': 'hidden', field: ''}
    for why, token in forgeries.items():
        await put(tab, field, token)
        await tab.reload()
        await shows(tab, **expected)
        await expect(tab.page.get_by_test_id('problems')).to_contain_text(f'{field}: {why.strip()}')
        assert (await tab.page.get_by_test_id('problems').inner_text()).count(': ') == 1


async def test_what_another_tab_forges_gives_the_default(visitor: Visitor, url: str):
    first, second = await visitor.open(url), await visitor.open(url)
    await fill(first, note='lamps', secret='hidden')
    await shows(second, note='lamps')
    await put(first, 'note', 's.1763700000.ImZvcmdlZCI.' + 'A' * 43)
    await shows(second, note='', secret='hidden')
    assert await second.page.evaluate('window.socket.connected')


async def test_a_token_of_another_person_opens_nothing(visitors: Visitors, visitor: Visitor, url: str):
    ann = await visitor.open(url)
    tokens = await fill(ann, note='a word of ann', secret='a secret of ann')
    async with visitors() as ben:
        tab = await ben.open(url)
        tab.listen()
        for field, token in tokens.items():
            await put(tab, field, token)
        await tab.reload()
        await shows(tab, note='', secret='')
        await expect(tab.page.get_by_test_id('problems')).to_contain_text('made for another field, session or app')
        heard = await tab.heard()
        assert 'a word of ann' not in heard
        assert 'a secret of ann' not in heard


async def test_what_the_page_makes_up_reaches_nothing(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await fill(tab, note='lamps')
    script = """(messages) => {
        for (const message of messages)
            for (let browser = 0; browser < 50; browser++)
                __niceguiStash.tell({ kind: "browser", browser, ...message });
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
