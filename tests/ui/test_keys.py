"""One slice for each value of a key: `key='item_id'` or several parameters, on pages and without one."""

from __future__ import annotations

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, StashError, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, data_of, idle, shown


def labels(tab: User, marker: str) -> list[str]:
    """Return the texts of the elements with a marker, in the order of the page."""
    found = [each for each in client_of(tab).elements.values() if marker in each._markers]
    return [str(getattr(each, 'text', '')) for each in sorted(found, key=lambda each: each.id)]


async def test_each_value_of_a_key_is_drawn_for_itself_and_the_least_recently_seen_is_dropped(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/item/{item_id}', key='item_id', max_keys=2)
    class Item:
        note: str = stored('')

        def build(self, item_id: int) -> None:
            ui.label(f'{item_id}: {self.note}').mark('note')

    ann = Browser()
    for number in (1, 2):
        tab = await ann.open(f'/item/{number}')
        page = shown(stash, tab, Item, str(number))
        page.note = f'note {number}'
        await stash.flush(page)
        client_of(tab).delete()
    again = await ann.open('/item/1')
    assert labels(again, 'note') == ['1: note 1']
    shown(stash, again, Item, '1').note = 'seen again'
    await stash.flush(shown(stash, again, Item, '1'))
    client_of(again).delete()
    third = await ann.open('/item/3')
    shown(stash, third, Item, '3').note = 'note 3'
    await stash.flush(shown(stash, third, Item, '3'))
    assert [(await data_of(store, 'Item', key=key)).get('note') for key in '123'] == ['seen again', None, 'note 3']
    assert labels(await ann.open('/item/2'), 'note') == ['2: ']


async def test_a_key_of_two_parameters_distinguishes_values_that_look_alike_when_joined(stash: Stash) -> None:
    @stash.page('/note', key=('shelf', 'book'))
    class Note:
        text: str = stored('')

        def build(self, shelf: str, book: str) -> None:
            ui.label(self.text).mark('text')

    ann = Browser()
    tab = await ann.open('/note?shelf=a/b&book=c')
    shown(stash, tab, Note, 'a%2Fb/c').text = 'a/b and c'
    await idle()
    assert labels(await ann.open('/note?shelf=a&book=b/c'), 'text') == ['']
    assert labels(await ann.open('/note?shelf=a/b&book=c'), 'text') == ['a/b and c']


async def test_code_without_a_page_says_which_value_of_a_key_it_means(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/item/{item_id}', key='item_id')
    class Item:
        note: str = stored('')

        def build(self, item_id: str) -> None:
            ui.label().mark('note').bind_text_from(self, 'note')

    ann = Browser()
    tab = await ann.open('/item/50%25')
    async with stash.open(client_of(tab).request.session['id']) as session:
        session.set(Item, key='50%', note='half')
        session.set(Item, key=7, note='seven')
        await session.update(Item, lambda item: setattr(item, 'note', f'{item.note} of it'), key='50%')
        await idle()
        assert labels(tab, 'note') == ['half of it']
        assert [session.fetch(Item, key=key).note for key in ('50%', 7, '7', 8)] == ['half of it', 'seven', 'seven', '']
        session.drop(Item, 'note', key='50%')
        session.reset(Item, key=7)
        assert [session.fetch(Item, key=key).note for key in ('50%', 7)] == ['', '']
    assert labels(await ann.open('/item/7'), 'note') == ['']


async def test_code_without_a_page_names_all_values_of_a_key_of_two_parameters(stash: Stash) -> None:
    @stash.page('/note', key=('shelf', 'book'))
    class Note:
        text: str = stored('')

        def build(self, shelf: str, book: int) -> None:
            ui.label().mark('text').bind_text_from(self, 'text')

    ann = Browser()
    tab = await ann.open('/note?shelf=a/b&book=3')
    async with stash.open(client_of(tab).request.session['id']) as session:
        session.set(Note, key=('a/b', 3), text='here')
        assert session.fetch(Note, key=('a', 'b/3')).text == ''
    await idle()
    assert labels(tab, 'text') == ['here']


async def test_a_key_that_is_missing_or_too_much_is_refused(stash: Stash) -> None:
    @stash.page('/note', key=('shelf', 'book'))
    class Note:
        text: str = stored('')

        def build(self, shelf: str, book: int) -> None: ...

    @stash.state
    class Plain:
        text: str = stored('')

    async with stash.open('an id') as session:
        for key in (None, 'a', ('a',), ('a', 'b', 'c')):
            with pytest.raises(StashError, match=r'^Note is stored for each shelf and book; pass key= with 2 values'):
                session.fetch(Note, key=key)
        with pytest.raises(StashError, match=r'^Plain has no key; leave key= out'):
            session.set(Plain, key='a', text='b')


async def test_slices_made_without_a_page_are_limited_too(stash: Stash) -> None:
    @stash.page('/item/{item_id}', key='item_id', max_keys=2)
    class Item:
        note: str = stored('')

        def build(self, item_id: int) -> None: ...

    async with stash.open('an id') as session:
        for number in range(5):
            session.set(Item, key=number, note=f'note {number}')
        await session.flush()
    async with stash.open('an id') as session:
        assert len(session.export()['slices']['Item']['1']) == 2
