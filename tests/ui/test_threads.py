from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from nicegui import run, ui

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, data_of, idle, serving, shown, text


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        items: list[int] = stored([])

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.label().mark('items').bind_text_from(self, 'items', repr)
            ui.button('work', on_click=self.work)

        async def work(self) -> None:
            await run.io_bound(self.compute)

        def compute(self) -> None:
            self.count = 5
            self.items.append(5)

    return Page


async def test_a_change_in_a_thread_is_visible_there_at_once_and_durable_in_order(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    seen: list[object] = []

    def work() -> None:
        for number in (1, 2, 3):
            page.count = number
            seen.append(page.count)
            page.items.append(number)
            seen.append(list(page.items))

    await asyncio.to_thread(work)
    assert seen == [1, [1], 2, [1, 2], 3, [1, 2, 3]]
    await idle()
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'count': 3, 'items': [1, 2, 3]}


async def test_a_value_set_and_set_back_in_a_thread_is_the_first_one_again(stash: Stash, store: FaultyStore) -> None:
    ann = Browser()
    cls = declare(stash)
    page = shown(stash, await ann.open(), cls)

    def work() -> None:
        page.count = 1
        page.count = 0

    await asyncio.to_thread(work)
    assert page.count == 0
    await idle()
    assert shown(stash, await ann.open(), cls).count == 0
    await stash.flush(page)
    assert (await data_of(store, 'Page')).get('count', 0) == 0


async def test_bound_elements_and_other_tabs_follow_a_change_in_a_thread(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page = shown(stash, tab, cls)

    def work() -> None:
        page.count = 7
        page.items.append(7)

    await asyncio.to_thread(work)
    await idle()
    assert (text(tab, 'count'), text(tab, 'items')) == ('7', '[7]')
    assert (text(other, 'count'), text(other, 'items')) == ('7', '[7]')


async def test_io_bound_work_of_a_handler_changes_fields(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    done = asyncio.Event()
    stash.on_change(page, 'items', lambda change: done.set())
    click(tab, 'work')
    await done.wait()
    assert (text(tab, 'count'), text(tab, 'items')) == ('5', '[5]')
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'count': 5, 'items': [5]}


async def test_a_bad_value_raises_in_the_thread_and_changes_nothing(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)

    def assign() -> None:
        page.count = 'three'

    with pytest.raises(ValueNotStorable, match=r'Page.count: Expected `int`, got `str`'):
        await asyncio.to_thread(assign)
    with pytest.raises(ValueNotStorable, match=r'Page.items at \$\[0\]: Expected `int`, got `str`'):
        await asyncio.to_thread(page.items.append, 'three')
    await idle()
    assert (page.count, page.items, store.calls['put']) == (0, [], 0)


async def test_a_value_that_is_too_large_is_taken_back_from_the_page_of_its_thread(
    url: str, errors: Callable[[], list[str]]
) -> None:
    async with serving(lambda: Stash(url, max_value_bytes=100)) as stash:
        cls = declare(stash)
        ann = Browser()
        tab = await ann.open()
        page = shown(stash, tab, cls)
        refused: list[ValueNotStorable] = []

        def work() -> None:
            try:
                page.items = list(range(1000))
            except ValueNotStorable as error:
                refused.append(error)

        await asyncio.to_thread(work)
        await idle()
        assert refused or errors()
        assert page.items == shown(stash, await ann.open(), cls).items == []
        assert text(tab, 'items') == '[]'


async def test_what_the_event_loop_assigns_after_a_thread_wins_everywhere(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    page = shown(stash, await ann.open(), cls)
    thread = threading.Thread(target=lambda: setattr(page, 'count', 1))
    thread.start()
    thread.join()  # its change is posted, and the event loop has not looked yet
    page.count = 2
    await idle()
    assert (page.count, shown(stash, await ann.open(), cls).count) == (2, 2)
    await stash.flush(page)
    assert (await data_of(store, 'Page'))['count'] == 2


async def test_what_a_thread_assigns_after_another_tab_wins_everywhere(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    page = shown(stash, await ann.open(), cls)
    other = shown(stash, await ann.open(), cls)
    other.count = 1
    thread = threading.Thread(target=lambda: setattr(page, 'count', 2))
    thread.start()
    thread.join()
    await idle()
    assert (page.count, other.count) == (2, 2)


async def test_listeners_are_called_once_on_the_event_loop_for_a_change_in_a_thread(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    told: list[tuple[str, bool]] = []
    here = threading.get_ident()
    for field in ('count', 'items'):
        stash.on_change(page, field, lambda change: told.append((change.field, threading.get_ident() == here)))
    await asyncio.to_thread(page.compute)
    await idle()
    assert told == [('count', True), ('items', True)]


async def test_on_invalid_log_holds_in_a_thread_too(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(lambda: Stash(url, on_invalid='log')) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        await asyncio.to_thread(setattr, page, 'count', 'three')
        assert page.count == 0
    assert 'a value of type str was not stored' in caplog.text


async def test_many_threads_lose_no_change_of_different_fields(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        a: int = stored(0)
        b: int = stored(0)
        c: int = stored(0)

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)

    def count(name: str) -> None:
        for number in range(200):
            setattr(page, name, number + 1)

    await asyncio.gather(*(asyncio.to_thread(count, name) for name in 'abc'))
    await idle()
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'a': 200, 'b': 200, 'c': 200}


async def test_a_thread_may_go_on_after_its_page_is_gone(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.count = 1
    await stash.flush(page)
    gone = threading.Event()

    def work() -> None:
        assert gone.wait(60)
        page.count = 2
        page.items.append(2)

    working = asyncio.create_task(asyncio.to_thread(work))
    tab.client.delete()
    await idle()
    gone.set()
    await working
    await idle()
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'count': 2, 'items': [2]}
