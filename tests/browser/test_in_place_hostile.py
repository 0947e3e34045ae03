"""What a page that comes back in place does with answers, claims and policies that are not as usual."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .test_in_place import errors, fill, is_same_document, open_page, restart, served
from .told import Visitors

CLAIMS_ANOTHER = '([visit, seal]) => { Object.assign(window.__niceguiStash, { visit, seal }) }'


async def draft(tab: Tab, text: str) -> None:
    await fill(tab.page.get_by_test_id('draft'), text, tab.page.get_by_test_id('draft-text'))


async def test_a_page_that_claims_the_visit_of_another_session_shows_its_own_values(visitors: Visitors, folder: Path):
    async with served(folder) as server, visitors() as ann, visitors() as bob:
        hers, his = [await open_page(each, server.url) for each in (ann, bob)]
        await draft(hers, 'of ann')
        await draft(his, 'of bob')
        claim = await hers.page.evaluate('[window.__niceguiStash.visit, window.__niceguiStash.seal]')
        await his.page.evaluate(CLAIMS_ANOTHER, claim)
        his.listen()
        await restart(server, his)
        assert not await is_same_document(his)
        await expect(his.page.get_by_test_id('click')).to_be_visible()
        assert 'of ann' not in await his.heard()
        await hers.until('window.__niceguiStash.reason === "rejoin" && window.__niceguiStash.acknowledged')
        await expect(hers.page.get_by_test_id('draft')).to_have_value('of ann')


async def test_an_answer_that_a_service_worker_takes_from_another_origin_is_not_shown(visitor: Visitor, folder: Path):
    other = Server('returning.py', folder, store=folder / 'other')
    async with other, served(folder, other=f'{other.url}/of-another-origin') as server:
        tab = await open_page(visitor, server.url)
        await draft(tab, 'a draft')
        await tab.page.evaluate("() => { navigator.serviceWorker.register('/worker.js') }")
        await tab.until('navigator.serviceWorker.controller')
        await restart(server, tab)
        assert not await is_same_document(tab)
        await tab.said('the answer is no page')
        await expect(tab.page.get_by_test_id('reason')).to_have_text('rejoin')
        await expect(tab.page.get_by_test_id('draft')).to_have_value('a draft')


async def test_a_page_comes_back_in_place_under_a_strict_policy(visitor: Visitor, folder: Path):
    async with served(folder, nonce='r4nd0m') as server:
        tab = await open_page(visitor, server.url)
        await draft(tab, 'a draft')
        await restart(server, tab)
        assert await is_same_document(tab)
        await expect(tab.page.get_by_test_id('in-place')).to_have_text('True')
        await expect(tab.page.get_by_test_id('draft-text')).to_have_text('a draft')
        assert errors(tab) == []
