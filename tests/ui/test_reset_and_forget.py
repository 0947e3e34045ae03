from __future__ import annotations

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.stores import Replace
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, client_of, data_of, documents, idle, serving, shown, slice_of, text


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        items: list[str] = stored(['default'])
        step: int = stored(1, scope='tab')
        draft: str = stored('', scope='reconnect')

        def __init__(self) -> None:
            self.count = 10

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')
            ui.label().mark('items').bind_text_from(self, 'items', ' '.join)
            ui.button('forget', on_click=stash.forget)

    return Page


def fill(page: object, count: int = 20) -> None:
    page.count, page.step, page.draft = count, 2, 'half'  # type: ignore[attr-defined]
    page.items.append('more')  # type: ignore[attr-defined]


def is_blank(page: object) -> bool:
    return (page.count, page.items, page.step, page.draft) == (10, ['default'], 1, '')  # type: ignore[attr-defined]


async def test_reset_shows_the_defaults_at_once_here_and_then_in_the_other_tab(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    page, other = shown(stash, left, cls), shown(stash, right, cls)
    fill(page)
    fill(other, 30)
    await idle()
    stash.reset(page)
    assert is_blank(page)
    assert (text(left, 'count'), text(left, 'items')) == ('10', 'default')
    await idle()
    assert is_blank(other)
    assert (text(right, 'count'), text(right, 'items')) == ('10', 'default')
    await stash.flush(page)
    found = await slice_of(store, 'Page')
    assert (found['data'], found['tabs'], found['visits'], found['reset']) == ({}, {}, {}, 1)


async def test_what_is_changed_after_a_reset_is_kept_in_both_tabs(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    ann = Browser()
    page, other = shown(stash, await ann.open(), cls), shown(stash, await ann.open(), cls)
    fill(page)
    await idle()
    stash.reset(page)
    page.count += 1
    await idle()
    assert (page.count, other.count) == (11, 11)
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'count': 11}


async def test_reset_with_auto_off_takes_back_what_was_not_saved(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', auto=False)
    class Form:
        name: str = stored('')

        def build(self) -> None: ...

    form = shown(stash, await Browser().open(), Form)
    form.name = 'Ann'
    stash.save(form)
    form.name = 'Bob'
    stash.reset(form)
    assert form.name == ''
    stash.save(form)
    await stash.flush(form)
    assert (await data_of(store, 'Form')).get('name', '') == ''


async def test_reset_leaves_other_classes_and_other_keys_alone(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/{number}', key='number')
    class Item:
        note: str = stored('')

        def build(self, number: int) -> None: ...

    cls = declare(stash)
    ann = Browser()
    one, two = await ann.open('/1'), await ann.open('/2')
    first, second = shown(stash, one, Item, '1'), shown(stash, two, Item, '2')
    page = shown(stash, await ann.open(), cls)
    first.note, second.note, page.count = 'first', 'second', 20
    stash.reset(first)
    await idle()
    assert (first.note, second.note, page.count) == ('', 'second', 20)
    await stash.flush(first)
    assert await data_of(store, 'Item', key='2') == {'note': 'second'}


@pytest.mark.proves('one-browser')
async def test_forget_erases_everything_durably_and_shows_defaults_in_all_tabs(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    page, other = shown(stash, left, cls), shown(stash, right, cls)
    fill(page)
    fill(other, 30)
    await stash.flush(page)
    click(left, 'forget')
    await idle()
    assert is_blank(page)
    assert is_blank(other)
    assert (text(left, 'count'), text(right, 'count')) == ('10', '10')
    (document,) = (await documents(store)).values()
    assert (document['slices'], document['erased'], document['epoch']) == ({}, True, 1)
    assert is_blank(shown(stash, await ann.open(), cls))


async def test_forget_is_durable_when_it_returns_and_the_page_has_defaults_then(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    fill(page)
    with client_of(tab):
        await stash.forget()
    assert is_blank(page)
    (document,) = (await documents(store)).values()
    assert document['erased']


async def test_forget_of_one_browser_leaves_another_alone(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = await Browser().open(), await Browser().open()
    shown(stash, ann, cls).count = 20
    shown(stash, bob, cls).count = 30
    with client_of(ann):
        await stash.forget()
    await idle()
    assert (shown(stash, ann, cls).count, shown(stash, bob, cls).count) == (10, 30)


async def test_what_was_forgotten_does_not_come_back_with_the_change_of_a_page_that_had_not_heard(
    url: str, store: FaultyStore
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        fill(page)
        await stash.flush(page)
        (key,) = await documents(store)
        gate = store.hold('put')
        page.count = 99
        await gate.started.wait()
        body = b'{"format":1,"epoch":1,"seen":%d,"applied":{},"slices":{},"erased":true}' % (2**42)
        found = await store.inner.get(key)
        await store.inner.put(key, body, mode=Replace(found.etag))  # type: ignore[union-attr]  # another server forgets
        store.release()
        await stash.flush(page)
        await idle()
        assert is_blank(page)
    (document,) = (await documents(store)).values()
    assert document['slices'] == {}


@pytest.mark.parametrize('how', ['reset', 'forget'])
async def test_a_reset_while_the_store_is_away_is_carried_out_when_it_is_back(
    url: str, store: FaultyStore, how: str
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        fill(shown(stash, await ann.open(), cls))
    async with serving(lambda: Stash(url, flush_interval=0, recover_timeout=0.01)) as stash:
        cls = declare(stash)
        gate = store.hold('get')
        tab = await ann.open()
        page = shown(stash, tab, cls)
        assert stash.recovery(page).status == 'unavailable'
        page.count = 50
        if how == 'reset':
            stash.reset(page)
        else:
            click(tab, 'forget')
            await idle()
        assert is_blank(page)
        assert gate.started.is_set()
        store.release()
        with client_of(tab):
            await stash.flush()
        await idle()
        assert is_blank(page)
        assert is_blank(shown(stash, await ann.open(), cls))
