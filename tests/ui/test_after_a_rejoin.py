"""While a page that came back looks out for what an older server still stores, other pages of this server go on."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, element, idle, page_object_of, shown, type_into


def declare(stash: Stash, **options: Any) -> type[Any]:
    @stash.page('/')
    class Page:
        name: str = stored('', **options)
        count: int = stored(0)

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')

    return Page


async def two_that_came_back(stash: Stash, cls: type[Any]) -> list[Any]:
    ann = Browser()
    tabs = [await ann.open(), await ann.open()]
    for tab in tabs:
        page_object_of(shown(stash, tab, cls)).watch_touched(watch=True)
    return tabs


async def test_what_is_entered_into_one_tab_after_another_is_stored_and_shown_in_both(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    left, right = await two_that_came_back(stash, cls)
    for tab, other, name in ((left, right, 'Ann'), (right, left, 'Bob'), (left, right, 'Eve')):
        type_into(tab, 'name', name)
        await idle()
        assert [element(each, 'name').value for each in (tab, other)] == [name, name]
    await stash.flush(shown(stash, left, cls))
    assert await data_of(store, 'Page') == {'name': 'Eve'}


async def test_what_another_tab_entered_where_tabs_do_not_follow_is_the_newest(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash, live=False)
    left, right = await two_that_came_back(stash, cls)
    page_object_of(shown(stash, right, cls)).watch_touched(watch=False)
    type_into(left, 'name', 'Ann')
    await idle()
    type_into(right, 'name', 'Bob')
    await idle()
    page_object_of(shown(stash, left, cls)).session._state.audience.tell_replaced()  # as a read of the store does
    await idle()
    await stash.flush(shown(stash, left, cls))
    assert await data_of(store, 'Page') == {'name': 'Bob'}
    assert element(left, 'name').value == 'Ann'


@pytest.mark.parametrize('here', [True, False])
async def test_an_update_counts_what_was_assigned_before(stash: Stash, store: FaultyStore, here: bool) -> None:
    cls = declare(stash)
    left, right = [shown(stash, tab, cls) for tab in await two_that_came_back(stash, cls)]
    left.count = 5
    await idle()

    def one_more(page: Any) -> None:
        page.count += 1

    await stash.update(left if here else right, one_more)
    await idle()
    assert (left.count, right.count) == (6, 6)
    await stash.flush(left)
    assert await data_of(store, 'Page') == {'count': 6}
