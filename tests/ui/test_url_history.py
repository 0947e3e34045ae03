"""Back and forward through the values of scope `url`, as the browser reports them."""

from __future__ import annotations

from typing import Any

import pytest

from nicegui_stash import Stash, stored

from .listings import Filter, address, go, listing, told
from .scene import Browser, idle, sent, shown, text

__all__ = ['listing']


async def test_back_and_forward_walk_through_the_values(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list?q=lamp')
    page = shown(stash, tab, listing)
    page.page = 2
    await idle()
    await go(tab, '?q=lamp')
    assert (page.q, page.page) == ('lamp', 1)
    await go(tab, '?q=lamp&page=2')
    assert text(tab, 'page') == 'page 2'
    await go(tab, '')
    assert page.q == ''
    assert len(told(tab)) == 1, 'to follow the address is no change of it'


async def test_going_back_to_what_does_not_fit_shows_the_default(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list?page=2')
    page = shown(stash, tab, listing)
    await go(tab, '?page=-1')
    assert page.page == 1
    assert [problem.field for problem in stash.recovery(page).problems] == ['page']
    await go(tab, '?page=2')
    assert stash.recovery(page).problems == []


async def test_what_a_handler_does_upon_back_counts(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        q: str = stored('', scope='url')
        page: int = stored(1, scope='url')
        seen: int = stored(0)

        def build(self) -> None:
            stash.on_change(self, 'q', self.searched)

        def searched(self) -> None:
            self.page, self.seen = 7, self.seen + 1

    ann = Browser()
    tab = await ann.open('/')
    page = shown(stash, tab, Page)
    await go(tab, '?q=lamp')
    assert (page.page, page.seen) == (7, 1)
    await idle()
    assert address(tab) == '/?q=lamp&page=7'
    other = await ann.open('/')
    assert shown(stash, other, Page).seen == 1


async def test_an_event_that_crossed_a_change_does_not_undo_it(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    page = shown(stash, tab, listing)
    page.q = 'lamp'
    await idle()
    await go(tab, '?page=4', made=0)
    assert (page.q, page.page) == ('lamp', 1)
    asked = [data['code'] for data in sent(tab, 'run_javascript')]
    assert 'tell()' in asked[-1]
    await go(tab, '?page=4&q=lamp', made=1)
    assert (page.q, page.page) == ('lamp', 4)


@pytest.mark.parametrize(
    'search',
    [None, 7, ['?q=x'], 'q=x', '/?q=x', '?q=x#', '?' + 'q' * 20_001, '?q=a b'],
    ids=lambda found: str(found)[:9],
)
async def test_a_malformed_query_string_is_ignored(listing: type[Filter], stash: Stash, search: Any) -> None:
    tab = await Browser().open('/list?q=lamp')
    await go(tab, search)
    await go(tab, '?q=table', made='many')
    await go(tab, '?q=table', made=[1])
    assert shown(stash, tab, listing).q == 'lamp'
