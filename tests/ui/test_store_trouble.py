from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Recovery, Rejected, Stash, Unavailable, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    client_of,
    close,
    data_of,
    element,
    eventually,
    idle,
    replace,
    serving,
    shown,
    text,
    type_into,
    with_values,
)


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        name: str = stored('')
        items: list[str] = stored([])
        other: int = stored(0)

        def __init__(self) -> None:
            self.told: list[str] = []

        def on_recovered(self, recovery: Recovery) -> None:
            self.told.append(recovery.status)

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, 'name')
            ui.label().mark('items').bind_text_from(self, 'items', ' '.join)
            stash.on_change(self, 'name', lambda change: self.told.append(f'name {change.cause}'))

    return Page


def quick(url: str, **options: Any) -> Callable[[], Stash]:
    """An app that does not space its puts and waits for nothing for long."""
    return lambda: Stash(url, **{'flush_interval': 0, 'recover_timeout': 0.02, 'revalidate_timeout': 0.02, **options})


async def leave_something(url: str, ann: Browser) -> None:
    """Let an earlier life of the server store something."""
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        page.name, page.items = 'stored', ['stored']


@pytest.fixture
async def ann(url: str) -> Browser:
    """A browser for whose session something is stored."""
    browser = Browser()
    await leave_something(url, browser)
    return browser


async def open_while(store: FaultyStore, trouble: str, ann: Browser) -> User:
    if trouble == 'down':
        store.down = True
    else:
        store.hold('get')
    return await ann.open()


def waited() -> float:
    """Return the clock of the loop, which counts only what is waited for: see `count_only_waiting`."""
    return asyncio.get_running_loop().time()


def heal(store: FaultyStore) -> None:
    store.down = False
    store.release()


@pytest.mark.proves('slow-store')
@pytest.mark.parametrize('trouble', ['down', 'slow'])
async def test_a_page_is_answered_within_recover_timeout_with_defaults(
    url: str, store: FaultyStore, ann: Browser, trouble: str
) -> None:
    async with serving(quick(url, recover_timeout=0.2)) as stash:
        cls = declare(stash)
        begun = waited()
        tab = await open_while(store, trouble, ann)
        assert waited() - begun < 3  # the response_timeout of the page
        page = shown(stash, tab, cls)
        assert (page.name, page.items, stash.recovery(page).status) == ('', [], 'unavailable')
        assert page.told == ['unavailable']
        heal(store)


@pytest.mark.parametrize('trouble', ['down', 'slow'])
async def test_what_was_typed_while_the_store_was_away_yields_to_what_is_stored_and_is_handed_over(
    url: str, store: FaultyStore, ann: Browser, trouble: str
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        tab = await open_while(store, trouble, ann)
        page = shown(stash, tab, cls)
        type_into(tab, 'name', 'typed')
        page.items.append('typed')
        page.other = 7
        puts = store.calls['put']
        await idle()
        assert store.calls['put'] == puts  # it is never put unread
        heal(store)
        recovery = stash.recovery(page)
        await eventually(lambda: recovery.status == 'recovered')
        await idle()
        assert (page.name, list(page.items), page.other) == ('stored', ['stored'], 7)
        assert (element(tab, 'name').value, text(tab, 'items')) == ('stored', 'stored')
        assert sorted(recovery.rejected, key=lambda each: each.field) == [
            Rejected('items', ['typed']),
            Rejected('name', 'typed'),
        ]
        assert page.told == ['unavailable', 'name local', 'name recovered', 'recovered']
        await stash.flush(page)
        assert await data_of(store, 'Page') == {'name': 'stored', 'items': ['stored'], 'other': 7}


async def test_on_recovered_is_called_within_the_client_also_when_it_is_late(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    told: list[tuple[str, str]] = []

    async with serving(quick(url)) as stash:

        @stash.page('/')
        class Page:
            name: str = stored('')

            def on_recovered(self, recovery: Recovery) -> None:
                told.append((recovery.status, ui.context.client.id))

            def build(self) -> None:
                ui.input().mark('name').bind_value(self, 'name')

        tab = await open_while(store, 'down', ann)
        heal(store)
        await eventually(lambda: len(told) == 2)
        assert tab.client is not None
        assert told == [('unavailable', tab.client.id), ('recovered', tab.client.id)]


async def test_what_was_typed_where_nothing_is_stored_is_kept(url: str, store: FaultyStore) -> None:
    ann = Browser()
    async with serving(quick(url)) as stash:
        declare(stash)
        await ann.open()  # which only gives a cookie
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        tab = await open_while(store, 'down', ann)
        type_into(tab, 'name', 'typed')
        page = shown(stash, tab, cls)
        assert stash.recovery(page).status == 'unavailable'
        heal(store)
        await stash.flush(page)
        await idle()
        assert stash.recovery(page).status in {'fresh', 'recovered'}
        assert (page.name, stash.recovery(page).rejected) == ('typed', [])
        assert await data_of(store, 'Page') == {'name': 'typed'}


async def test_a_second_tab_opened_meanwhile_shows_what_the_first_one_has(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        first = await open_while(store, 'down', ann)
        type_into(first, 'name', 'typed')
        second = await ann.open()
        pages = [shown(stash, tab, cls) for tab in (first, second)]
        assert element(second, 'name').value == 'typed'
        type_into(second, 'name', 'typed there')
        await idle()
        assert element(first, 'name').value == 'typed there'
        heal(store)
        await eventually(lambda: all(stash.recovery(page).status == 'recovered' for page in pages))
        await idle()
        assert [page.name for page in pages] == ['stored', 'stored']


async def test_a_binding_that_breaks_in_a_late_recovery_stops_no_other_field(
    url: str, store: FaultyStore, ann: Browser, errors: Callable[[], list[str]]
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        tab = await open_while(store, 'down', ann)
        page = shown(stash, tab, cls)
        with client_of(tab):
            ui.label().bind_text_from(page, 'name', lambda name: name[99] if name else '')
        heal(store)
        await eventually(lambda: stash.recovery(page).status == 'recovered')
        await idle()
        assert (page.name, page.items, text(tab, 'items')) == ('stored', ['stored'], 'stored')
        assert errors() == ['string index out of range']


@pytest.mark.proves('slow-store')
async def test_a_page_in_memory_is_shown_at_once_from_there_while_the_store_is_slow(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(quick(url, recover_timeout=2, revalidate_timeout=0.05)) as stash:
        cls = declare(stash)
        await ann.open()
        store.hold('get')
        begun = waited()
        tab = await ann.open()
        assert waited() - begun < 1
        page = shown(stash, tab, cls)
        assert (page.name, stash.recovery(page).status) == ('stored', 'recovered')
        await replace(store, with_values(name='changed by another server'))
        store.release()
        await eventually(lambda: page.name != 'stored')
        assert (page.name, element(tab, 'name').value) == ('changed by another server',) * 2
        assert page.told == ['recovered', 'name remote']


@pytest.mark.proves('slow-store')
async def test_changes_and_page_views_go_on_while_a_put_hangs(url: str, store: FaultyStore, ann: Browser) -> None:
    async with serving(quick(url)) as stash:
        declare(stash)
        tab = await ann.open()
        gate = store.hold('put')
        type_into(tab, 'name', 'one')
        await gate.started.wait()
        for number in range(100):
            type_into(tab, 'name', str(number))
        assert element(await ann.open(), 'name').value == '99'
        puts = store.calls['put']
        store.release()
        with client_of(tab):
            await stash.flush()
        assert store.calls['put'] <= puts + 2
    assert (await data_of(store, 'Page'))['name'] == '99'


async def test_flush_raises_while_the_store_is_away_and_nothing_is_lost(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        store.down = True
        page.name = 'kept'
        with pytest.raises(Unavailable, match='the test has taken the store down'):
            await stash.flush(page)
        store.down = False
        await stash.flush(page)
    assert (await data_of(store, 'Page'))['name'] == 'kept'


@pytest.mark.proves('outage')
async def test_what_was_changed_during_an_outage_outlives_its_page_and_is_in_the_next_one(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        store.down = True
        type_into(tab, 'name', 'during the outage')
        await close(tab)
        assert shown(stash, await ann.open(), cls).name == 'during the outage'
        store.down = False
    assert (await data_of(store, 'Page'))['name'] == 'during the outage'


@pytest.mark.parametrize('lost', ['lose_answers', 'conflict_after_apply'])
async def test_a_put_whose_answer_was_lost_is_not_applied_twice(
    url: str, store: FaultyStore, ann: Browser, lost: str
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        getattr(store, lost)(1)
        page.items.append('once')
        await stash.flush(page)
        assert list(page.items) == ['stored', 'once']
    assert (await data_of(store, 'Page'))['items'] == ['stored', 'once']


async def test_two_servers_lose_no_change_of_different_fields_and_show_each_others(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        await replace(store, with_values(other=5))
        page.name = 'here'
        await stash.flush(page)
        await idle()
        assert (page.name, page.other) == ('here', 5)
    assert await data_of(store, 'Page') == {'name': 'here', 'items': ['stored'], 'other': 5}


async def test_the_outage_of_a_store_is_logged_once_not_once_per_session(
    url: str, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(quick(url)) as stash:
        cls = declare(stash)
        store.down = True
        for _ in range(5):
            shown(stash, await Browser().open(), cls).name = 'secret words'
        await idle()
        store.down = False
    assert sum('the store is away' in record.message for record in caplog.records) == 1
    assert 'secret words' not in caplog.text
