from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, StashError, Unavailable, ValueNotStorable, ValueTooLarge, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, data_of, documents, idle, replace, serving, shown, slice_of, text, with_values


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        items: list[str] = stored([])
        step: int = stored(1, scope='tab')

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.label().mark('items').bind_text_from(self, 'items', ' '.join)

    return Page


def count_up(page: Any) -> None:
    page.count += 1


async def test_an_update_is_durable_and_shown_when_it_returns(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page = shown(stash, tab, cls)

    def change(found: Any) -> None:
        found.count += 5
        found.items.append('added')

    await stash.update(page, change)
    assert (page.count, list(page.items)) == (5, ['added'])
    assert (text(tab, 'count'), text(tab, 'items')) == ('5', 'added')
    assert await data_of(store, 'Page') == {'count': 5, 'items': ['added']}
    await idle()
    assert text(other, 'count') == '5'


async def test_an_update_counts_what_another_server_wrote_meanwhile(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.count = 1
    await stash.flush(page)
    await replace(store, with_values(count=10))
    calls: list[int] = []

    def change(found: Any) -> None:
        calls.append(found.count)
        found.count += 1

    await stash.update(page, change)
    assert (page.count, calls) == (11, [1, 10]) or (page.count, calls[-1]) == (11, 10)
    assert (await data_of(store, 'Page'))['count'] == 11


async def test_an_update_whose_answer_was_lost_counts_once(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.count = 1
    await stash.flush(page)
    store.lose_answers(1)
    await stash.update(page, count_up)
    assert page.count == 2
    assert (await data_of(store, 'Page'))['count'] == 2


async def test_an_update_changes_the_fields_of_its_own_tab(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page = shown(stash, tab, cls)
    await stash.update(page, lambda found: setattr(found, 'step', found.step + 1))
    await idle()
    assert (page.step, shown(stash, other, cls).step) == (2, 1)
    assert [part['data'] for part in (await slice_of(store, 'Page'))['tabs'].values()] == [{'step': 2}]


def fails(page: Any) -> None:
    page.count = 9
    raise LookupError('no such thing')


def spoils(page: Any) -> None:
    page.items.append(5)


def bloats(page: Any) -> None:
    page.items.append('x' * 300)


async def waits(page: Any) -> None:
    page.count = 9


@pytest.mark.parametrize(
    ('function', 'error', 'said'),
    [
        (fails, LookupError, 'no such thing'),
        (spoils, ValueNotStorable, r'Page\.items at \$\[0\]: Expected `str`, got `int`'),
        (bloats, ValueTooLarge, 'max_value_bytes=200'),
        (waits, StashError, 'cannot be async'),
    ],
)
@pytest.mark.filterwarnings('ignore:coroutine .* was never awaited:RuntimeWarning')
async def test_an_update_that_fails_raises_and_changes_nothing(
    url: str, store: FaultyStore, function: Callable[[Any], object], error: type[Exception], said: str
) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, max_value_bytes=200)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page = shown(stash, tab, cls)
        page.count = 1
        with pytest.raises(error, match=said):
            await stash.update(page, function)
        await idle()
        assert (page.count, list(page.items), text(tab, 'count')) == (1, [], '1')
        await stash.flush(page)
        assert await data_of(store, 'Page') == {'count': 1}


async def test_an_update_while_the_store_is_away_raises_and_is_carried_out_once_it_is_back(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.count = 1
    await stash.flush(page)
    store.down = True
    with pytest.raises(Unavailable):
        await stash.update(page, count_up)
    assert page.count == 2
    store.down = False
    await stash.flush(page)
    assert (await data_of(store, 'Page'))['count'] == 2


# ---- without a page


async def test_a_job_without_a_page_reads_and_changes_a_session_that_an_open_page_shows(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    page.count = 1
    async with stash.open(client_of(tab).request.session['id']) as session:
        assert session.fetch(cls).count == 1
        session.set(cls, count=2, items=['from the job'])
        await session.update(cls, count_up)
    await idle()
    assert (text(tab, 'count'), text(tab, 'items')) == ('3', 'from the job')
    assert await data_of(store, 'Page') == {'count': 3, 'items': ['from the job']}


async def test_a_session_that_was_opened_takes_all_values_or_none(stash: Stash) -> None:
    cls = declare(stash)
    async with stash.open('an id') as session:
        with pytest.raises(ValueNotStorable, match='items'):
            session.set(cls, count=2, items='many')
        with pytest.raises(StashError, match="Page has no field 'step' of scope session"):
            session.set(cls, count=2, step=3)
        assert session.fetch(cls).count == 0


async def test_what_is_fetched_is_a_copy(stash: Stash) -> None:
    cls = declare(stash)
    async with stash.open('an id') as session:
        session.set(cls, items=['a'])
        found = session.fetch(cls)
        found.items.append('b')
        assert session.fetch(cls).items == ['a']


async def test_fields_a_class_or_all_of_a_session_can_be_erased_without_a_page(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    page.count, page.items = 5, ['a']
    with client_of(tab):
        assert (await stash.export())['slices']['Page']['1']['']['data'] == {'count': 5, 'items': ['a']}
        async with stash.current() as session:
            session.drop(cls, 'count')
            with pytest.raises(StashError, match="Page has no field 'cuont'"):
                session.drop(cls, 'cuont')
    await idle()
    assert (page.count, page.items) == (0, ['a'])
    async with stash.open(client_of(tab).request.session['id']) as session:
        session.reset(cls)
    await idle()
    assert (page.count, page.items, await data_of(store, 'Page')) == (0, [], {})
    page.count = 6
    async with stash.open(client_of(tab).request.session['id']) as session:
        session.forget()
    await idle()
    assert page.count == 0
    assert [document['erased'] for document in (await documents(store)).values()] == [True]


async def test_a_session_that_cannot_be_read_is_not_opened(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, recover_timeout=0.02)) as stash:
        store.down = True
        with pytest.raises(Unavailable):
            async with stash.open('an id'):
                pytest.fail('it was opened')
        store.down = False


async def test_a_session_is_used_within_its_block_alone(stash: Stash) -> None:
    cls = declare(stash)
    session = stash.open('an id')
    with pytest.raises(StashError, match='use `async with stash'):
        session.fetch(cls)
    async with session:
        assert session.fetch(cls).count == 0
    with pytest.raises(StashError, match='use `async with stash'):
        session.set(cls, count=1)


async def test_there_is_no_current_session_outside_of_requests_and_pages(stash: Stash) -> None:
    with pytest.raises(StashError, match=r'use stash\.open'):
        stash.current()


async def test_a_class_with_a_key_is_recovered_by_its_page_alone(stash: Stash) -> None:
    raised: list[StashError] = []

    @stash.page('/item/{number}', key='number')
    class Item:
        note: str = stored('')

        def build(self, number: int) -> None: ...

    @ui.page('/')
    async def page() -> None:
        try:
            await stash.recover(Item)
        except StashError as error:
            raised.append(error)

    await Browser().open()
    assert 'Item has a key' in str(raised[0])


async def test_an_update_begins_with_what_init_assigned(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def __init__(self) -> None:
            self.items = ['bread']

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    await stash.update(page, lambda found: found.items.append('salt'))
    assert page.items == ['bread', 'salt']
    assert await data_of(store, 'Page') == {'items': ['bread', 'salt']}


async def test_an_update_is_a_local_change_where_it_was_made_and_a_remote_one_elsewhere(stash: Stash) -> None:
    told: list[tuple[str, str]] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            stash.on_change(self, 'count', lambda change: told.append((ui.context.client.id, change.cause)))

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page, here, there = shown(stash, tab, Page), client_of(tab).id, client_of(other).id

    def count(found: Page) -> None:
        found.count += 1

    await stash.update(page, count)
    await idle()
    assert sorted(told) == sorted([(here, 'local'), (there, 'remote')])
    told.clear()
    shown(stash, other, Page).count = 7
    await idle()
    assert sorted(told) == sorted([(here, 'remote'), (there, 'local')])
