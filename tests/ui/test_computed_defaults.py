"""A default that is another one each time, as an id, is stored at the first connected visit, and stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, documents, eventually, idle, serving, shown


def make_id() -> str:
    return uuid4().hex


def declare(stash: Stash, **options: Any) -> type[Any]:
    @stash.page('/', **options)
    class Order:
        id: str = stored(default_factory=make_id)
        mine: str = stored(default_factory=make_id, scope='tab')
        items: list[str] = stored(default_factory=list)
        note: str = stored('')

        def build(self) -> None: ...

    return Order


async def test_a_computed_default_stays_in_all_tabs_and_after_a_restart(url: str, store: FaultyStore) -> None:
    ids: set[str] = set()
    cookies: Any = None
    for _ in range(2):
        async with serving(lambda: Stash(url, flush_interval=0)) as stash:
            cls = declare(stash)
            ann = Browser(cookies=cookies)
            pages = [shown(stash, await ann.open(), cls) for _ in range(3)]
            ids |= {page.id for page in pages}
            assert len({page.mine for page in pages}) == 3
            await stash.flush(pages[0])
            assert await data_of(store, 'Order') == {'id': pages[0].id}
            cookies = ann.http.cookies
    assert len(ids) == 1


async def test_tabs_that_were_requested_together_show_one_id(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    assert shown(stash, tab, cls).id == shown(stash, other, cls).id


async def test_a_request_alone_stores_nothing(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    assert (await Browser().get()).status_code == 200
    await idle()
    assert await documents(store) == {}


async def test_nothing_is_stored_before_save_where_the_app_saves(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash, auto=False)
    page = shown(stash, await Browser().open(), cls)
    await idle()
    assert await documents(store) == {}
    stash.save(page)
    await stash.flush(page)
    assert await data_of(store, 'Order') == {'id': page.id}


@pytest.mark.parametrize('reset', [lambda stash, page: stash.reset(page), lambda stash, page: stash.reset(page, 'id')])
async def test_a_reset_makes_another_one_for_all_tabs(stash: Stash, reset: Callable[[Stash, Any], None]) -> None:
    cls = declare(stash)
    ann = Browser()
    page, other = shown(stash, await ann.open(), cls), shown(stash, await ann.open(), cls)
    before = page.id
    reset(stash, page)
    await idle()
    assert page.id == other.id != before
    assert shown(stash, await ann.open(), cls).id == page.id


async def test_what_was_forgotten_does_not_come_back(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page, other = shown(stash, tab, cls), shown(stash, await ann.open(), cls)
    before = page.id
    with tab:
        await stash.forget()
    await idle()
    assert before not in (page.id, other.id)
    assert await data_of(store, 'Order') == {}


async def test_a_store_that_is_away_at_first_keeps_its_id(url: str, store: FaultyStore) -> None:
    ann: Browser
    async with serving(lambda: Stash(url, flush_interval=0, recover_timeout=0.05)) as stash:
        cls = declare(stash)
        ann = Browser()
        first = shown(stash, await ann.open(), cls)
        await stash.flush(first)
        cookies = ann.http.cookies
    async with serving(lambda: Stash(url, flush_interval=0, recover_timeout=0.05)) as stash:
        cls = declare(stash)
        store.down = True
        page = shown(stash, await Browser(cookies=cookies).open(), cls)
        store.down = False
        await eventually(lambda: page.id == first.id)
        await stash.flush(page)
        assert (await data_of(store, 'Order'))['id'] == first.id
