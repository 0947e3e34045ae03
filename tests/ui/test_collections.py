from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Change, Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, close, data_of, idle, shown, text


def append_one(page: Any) -> None:
    page.items.append('new')


def insert_first(page: Any) -> None:
    page.items[:0] = ['first']


def remove_all(page: Any) -> None:
    page.items.clear()


def add_in_place(page: Any) -> None:
    page.items += ['more']


def sort_backwards(page: Any) -> None:
    page.items.sort(reverse=True)


def set_key(page: Any) -> None:
    page.sizes['wide'] = 3


def merge_keys(page: Any) -> None:
    page.sizes |= {'narrow': 1, 'wide': 2}


def drop_key(page: Any) -> None:
    page.sizes.pop('old')


def add_to_set(page: Any) -> None:
    page.tags.add(7)


def intersect(page: Any) -> None:
    page.tags &= {1}


def change_nested(page: Any) -> None:
    page.rows[0]['cells'].append('deep')


def change_what_was_put_in(page: Any) -> None:
    page.rows.append({'cells': []})
    page.rows[-1]['cells'].append('later')


@pytest.mark.parametrize(
    'change',
    [
        append_one,
        insert_first,
        remove_all,
        add_in_place,
        sort_backwards,
        set_key,
        merge_keys,
        drop_key,
        add_to_set,
        intersect,
        change_nested,
        change_what_was_put_in,
    ],
)
async def test_a_change_in_place_is_saved_and_shown_by_what_is_bound_here_and_in_another_tab(
    stash: Stash, store: FaultyStore, change: Callable[[Any], None]
) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored(['a', 'b'])
        sizes: dict[str, int] = stored({'old': 1})
        tags: set[int] = stored({1, 2})
        rows: list[dict[str, list[str]]] = stored([{'cells': ['x']}])

        def build(self) -> None:
            for name in ('items', 'sizes', 'tags', 'rows'):
                ui.label().mark(name).bind_text_from(self, name, repr)

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page = shown(stash, tab, Page)
    before = {name: copy.deepcopy(getattr(page, name)) for name in ('items', 'sizes', 'tags', 'rows')}
    change(page)
    (changed,) = [name for name in before if getattr(page, name) != before[name]]
    assert text(tab, changed) == repr(getattr(page, changed))
    await idle()
    assert getattr(shown(stash, other, Page), changed) == getattr(page, changed)
    assert text(other, changed) == text(tab, changed)
    await stash.flush(page)
    (value,) = (await data_of(store, 'Page')).values()
    assert value == json.loads(json.dumps(getattr(page, changed), default=sorted))
    assert getattr(shown(stash, await ann.open(), Page), changed) == getattr(page, changed)


async def test_each_change_of_a_long_list_is_followed_elsewhere_and_comes_back(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': number, 'cells': ['x' * 20]} for number in range(100)])

        def build(self) -> None:
            ui.label().mark('rows').bind_text_from(self, 'rows', repr)

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page, follower = shown(stash, tab, Page), shown(stash, other, Page)
    for number in range(100, 200):
        page.rows.append({'id': number, 'cells': []})
    page.rows[150]['cells'].append('deep')
    page.rows[3] = {'id': 3, 'cells': ['new']}
    page.rows.pop(0)
    with pytest.raises(ValueNotStorable):
        page.rows[149]['cells'].append(object())
    await idle()
    assert follower.rows == page.rows
    follower.rows[0]['cells'][0] = 'theirs'
    del follower.rows[-1]
    await idle()
    assert page.rows == follower.rows
    assert [row['id'] for row in page.rows] == list(range(1, 199))
    page.rows.insert(0, {'id': 0})
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'rows': page.rows}
    assert shown(stash, await ann.open(), Page).rows == page.rows
    assert text(tab, 'rows') == repr(page.rows)


async def test_a_bad_change_in_place_raises_with_its_path_and_is_undone(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, list[int]]] = stored([{'cells': [1]}])

        def build(self) -> None:
            ui.label().mark('rows').bind_text_from(self, 'rows', repr)

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    for change in (
        lambda: page.rows[0]['cells'].append('two'),
        lambda: page.rows[0].update(cells=[1, 'two']),
        lambda: page.rows.__setitem__(0, {'cells': [1, 'two']}),
    ):
        with pytest.raises(ValueNotStorable, match='Expected `int`, got `str`') as error:
            change()
        assert error.value.path in {"$[0]['cells'][1]", '$[0][...][1]'}
        assert page.rows == [{'cells': [1]}]
    assert text(tab, 'rows') == "[{'cells': [1]}]"
    with client_of(tab):
        await stash.flush()
    assert store.calls['put'] == 0


async def test_rows_follow_within_their_field_and_are_copied_into_another(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, str]] = stored([{'name': 'a'}, {'name': 'b'}])
        picked: list[dict[str, str]] = stored([])

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    row = page.rows[1]
    page.picked = [each for each in page.rows if each is row]
    page.rows = [each for each in page.rows if each is row]
    row['name'] = 'c'
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'rows': [{'name': 'c'}], 'picked': [{'name': 'b'}]}
    page.picked[0]['name'] = 'd'
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'rows': [{'name': 'c'}], 'picked': [{'name': 'd'}]}


async def test_a_list_that_was_replaced_notifies_no_field(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    old = page.items
    page.items = ['new']
    old.append('into the void')
    assert page.items == ['new']
    page.items.append('kept')
    assert page.items == ['new', 'kept']


async def test_the_callers_own_list_is_not_taken_over(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    mine = ['a']
    page.items = mine
    mine.append('b')
    assert page.items == ['a']


async def test_two_fields_that_were_given_one_list_do_not_share_it(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        left: list[str] = stored([])
        right: list[str] = stored([])

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    page.left = ['a']
    page.right = page.left
    page.right.append('b')
    assert (page.left, page.right) == (['a'], ['a', 'b'])


async def test_a_default_list_is_not_shared(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None: ...

    shown(stash, await Browser().open(), Page).items.append('mine')
    assert shown(stash, await Browser().open(), Page).items == []


async def test_on_change_is_called_once_for_each_change_in_place(stash: Stash) -> None:
    told: list[Change] = []

    @stash.page('/')
    class Page:
        items: list[int] = stored([])

        def build(self) -> None:
            stash.on_change(self, 'items', told.append)

    page = shown(stash, await Browser().open(), Page)
    page.items.extend([3, 1, 2])
    page.items.sort()
    page.items.sort()
    assert told == [Change('items', 'local')] * 2


async def test_a_collection_made_by_decode_keeps_its_class_and_is_compared_after_events(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        votes: Counter[str] = stored(default_factory=Counter, encode=dict, decode=Counter)

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    page.votes['a'] += 1
    await stash.flush(page)
    assert page.votes.most_common() == [('a', 1)]
    assert await data_of(store, 'Page') == {'votes': {'a': 1}}


async def test_a_collection_that_was_changed_outlives_its_page(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, Page)
    page.items.append('before')
    await close(tab)
    page.items.append('after')
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'items': ['before', 'after']}
