"""What a page shows of what an older version of its class has stored, and what it leaves to a rollback."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from nicegui_stash import Problem, Stash, stored
from nicegui_stash.model.document import SliceId
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    click,
    data_of,
    idle,
    page_object_of,
    serving,
    shown,
    slice_of,
    text,
)
from .versions import declare_v1, declare_v2, to_dicts, visited

# ---- lives of an app, one after the other


async def test_a_new_version_shows_what_was_stored_and_a_rollback_finds_its_state_again(
    url: str, store: FaultyStore, errors: object
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        declare_v1(stash)
        click(await ann.open(), 'add')
    before = await slice_of(store, 'Cart', version=1)
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cart = declare_v2(stash)
        assert 'SOCKS' in (await ann.get()).text, 'it is in the first HTML'
        tab = await ann.open()
        recovery = stash.recovery(shown(stash, tab, cart))
        assert (recovery.status, recovery.from_version, recovery.problems) == ('recovered', 2, [])
        click(tab, 'add')
        assert text(tab, 'items') == 'SOCKS, TENT'
    assert await slice_of(store, 'Cart', version=1) == before
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        declare_v1(stash)
        tab = await ann.open()
        assert text(tab, 'items') == 'socks'
        click(tab, 'add')
        assert text(tab, 'items') == 'socks, socks'
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        declare_v2(stash)
        assert text(await ann.open(), 'items') == 'SOCKS, TENT'


async def test_a_field_is_added_and_removed_without_a_new_version(url: str, store: FaultyStore, errors: object) -> None:
    def declare(stash: Stash, *, colour: bool) -> type:
        def build(self: Any) -> None: ...

        annotations: dict[str, Any] = {'name': str} | ({'colour': str} if colour else {})
        fields: dict[str, Any] = {'name': stored('')} | ({'colour': stored('red')} if colour else {})
        return stash.page('/', name='Page')(type('Page', (), {'__annotations__': annotations, 'build': build} | fields))

    ann = Browser()
    for colour, name, shows in ((False, 'a', None), (True, 'b', 'red'), (False, 'c', None), (True, 'd', 'blue')):
        async with serving(lambda: Stash(url, flush_interval=0)) as stash:
            cls = declare(stash, colour=colour)
            page: Any = shown(stash, await ann.open(), cls)
            assert getattr(page, 'colour', None) == shows
            page.name = name
            if colour:
                page.colour = 'blue'
    assert await data_of(store, 'Page') == {'name': 'd', 'colour': 'blue'}


async def test_a_page_learns_which_version_stored_its_values(stash: Stash, store: FaultyStore) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'])
    for from_version in (1, 2):
        page = shown(stash, await old.browser.open(), cart)
        recovery = stash.recovery(page)
        assert (recovery.status, recovery.from_version) == ('recovered', from_version)
        assert recovery.age is not None
        await stash.flush(page)


async def test_what_does_not_migrate_leaves_the_page_at_its_defaults_and_the_old_slice_as_it_is(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(values: dict[str, Any]) -> dict[str, Any]:
        raise KeyError(values['items'][0])

    cart = declare_v2(stash, migrations={1: fails})
    old = await visited(stash, store, items=['a value'], size=3)
    kept = await slice_of(store, 'Cart', version=1)
    for _ in range(2):
        page = shown(stash, await old.browser.open(), cart)
        recovery = stash.recovery(page)
        assert (recovery.status, recovery.from_version) == ('discarded', 1)
        assert recovery.problems == [Problem('', 1, "KeyError: 'a value'")]
        assert (page.items, page.size) == ([], 0)
    page.size = 5
    await stash.flush(page)
    assert recovery.problems == [Problem('', 1, "KeyError: 'a value'")]
    assert await slice_of(store, 'Cart', version=1) == kept
    (record,) = [record for record in caplog.records if 'does not come back' in record.getMessage()]
    assert (record.levelno, 'a value' in record.getMessage()) == (logging.WARNING, False)


async def test_a_missing_step_is_reported(stash: Stash, store: FaultyStore) -> None:
    cart = declare_v2(stash, version=3, migrations={2: dict})
    old = await visited(stash, store, items=['socks'])
    recovery = stash.recovery(shown(stash, await old.browser.open(), cart))
    assert (recovery.status, recovery.problems) == (
        'discarded',
        [Problem('', 1, 'LookupError: Cart has no migration from version 1')],
    )


async def test_a_page_is_served_where_a_migrated_slice_has_no_room(
    url: str, store: FaultyStore, errors: object
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0, max_document_bytes=700)) as stash:
        cart = declare_v1(stash)
        page = shown(stash, await ann.open(), cart)
        page.items = ['x' * 350]
    async with serving(lambda: Stash(url, flush_interval=0, max_document_bytes=700)) as stash:
        cart = declare_v2(stash)
        page = shown(stash, await ann.open(), cart)
        recovery = stash.recovery(page)
        assert (recovery.status, page.items) == ('discarded', [])
        assert 'max_document_bytes=700' in recovery.problems[0].why
        page.size = 1
    assert (await slice_of(store, 'Cart', version=2))['data'] == {'size': 1}


# ---- fields that do not fit


async def test_a_migrated_field_that_does_not_fit_has_its_default_and_one_problem(
    stash: Stash, store: FaultyStore
) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'], size='large')
    page = shown(stash, await old.browser.open(), cart)
    problems = [Problem('size', 1, 'Expected `int`, got `str`')]
    assert (page.items, page.size, stash.recovery(page).problems) == ([{'name': 'socks'}], 0, problems)
    await stash.flush(page)
    await old.put(items=['tent'])
    await stash._app_state.connection_of(page_object_of(page).visit.client).visit.look_at_store()
    await idle()
    assert stash.recovery(page).problems == problems


async def test_a_migrated_field_that_does_not_hold_has_its_default_alone(stash: Stash, store: FaultyStore) -> None:
    cart = declare_v2(stash)
    old = await visited(stash, store, items=['socks'], size=100)
    page = shown(stash, await old.browser.open(), cart)
    assert (page.items, page.size) == ([{'name': 'socks'}], 0)
    assert stash.recovery(page).problems == [Problem('size', 1, 'validate= says that it does not hold any more')]


# ---- other names


def declare_renamed(stash: Stash) -> type:
    @stash.page('/', name='Cart')
    class Basket:
        things: list[str] = stored([], renamed_from='items')
        size: int = stored(0)

        def build(self) -> None: ...

    return Basket


async def test_a_renamed_field_is_shown_also_after_another_server_wrote(stash: Stash, store: FaultyStore) -> None:
    basket = declare_renamed(stash)
    old = await visited(stash, store, items=['socks'])
    page = shown(stash, await old.browser.open(), basket)
    await old.put(size=40)
    await page_object_of(page).visit.look_at_store()
    await idle()
    assert (page.things, page.size) == (['socks'], 40)
    await old.put(items=['socks', 'tent'])
    await page_object_of(page).visit.look_at_store()
    await idle()
    assert page.things == ['socks', 'tent'], 'an old server changes it under its old name'
    page.things.append('shoes')
    await stash.flush(page)
    assert await data_of(store, 'Cart') == {
        'items': ['socks', 'tent'],
        'things': ['socks', 'tent', 'shoes'],
        'size': 40,
    }
    await old.put(items=[])
    page = shown(stash, await old.browser.open(), basket)
    assert page.things == ['socks', 'tent', 'shoes']


async def test_a_renamed_class_shows_what_it_had_under_its_old_name(stash: Stash, store: FaultyStore) -> None:
    cart = declare_v2(stash, name='Basket', renamed_from='Cart')
    old = await visited(stash, store, items=['socks'])
    page = shown(stash, await old.browser.open(), cart)
    assert (page.items, stash.recovery(page).from_version) == ([{'name': 'socks'}], 1)


async def test_each_value_of_a_key_is_migrated_for_itself(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/cart/{shop}', name='Cart', version=2, migrations={1: to_dicts}, key='shop')
    class Keyed:
        items: list[dict[str, str]] = stored([])

        def build(self, shop: str) -> None: ...

    old = await visited(stash, store, SliceId('Cart', 1, 'a'), items=['socks'])
    await old.put(slice_id=SliceId('Cart', 1, 'b'), items=['tent'])
    page = shown(stash, await old.browser.open('/cart/a'), Keyed, 'a')
    await stash.flush(page)
    assert page.items == [{'name': 'socks'}]
    assert (await slice_of(store, 'Cart', version=2, key='b'))['data'] == {}
    assert shown(stash, await old.browser.open('/cart/b'), Keyed, 'b').items == [{'name': 'tent'}]
