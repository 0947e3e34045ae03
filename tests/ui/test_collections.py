from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import binding, ui

from nicegui_stash import Change, Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, client_of, close, data_of, element, idle, shown, text, type_into


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


async def test_a_multiple_select_and_its_list_follow_each_other(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        chosen: list[str] = stored(['a'])

        def build(self) -> None:
            ui.select(['a', 'b', 'c'], multiple=True).mark('chosen').bind_value(self, 'chosen')
            ui.label().mark('said').bind_text_from(self, 'chosen', ' '.join)

    tab = await Browser().open()
    page, select = shown(stash, tab, Page), element(tab, 'chosen')
    page.chosen.append('b')
    assert (select.value, text(tab, 'said')) == (['a', 'b'], 'a b')
    assert select.props['model-value'] == select._value_to_model_value(['a', 'b'])
    tab.find('chosen').click()
    tab.find('c').click()
    assert (page.chosen, text(tab, 'said')) == (['a', 'b', 'c'], 'a b c')
    page.chosen.remove('a')
    assert (select.value, text(tab, 'said')) == (['b', 'c'], 'b c')
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'chosen': ['b', 'c']}


async def test_the_options_of_a_select_can_be_a_stored_list(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        names: list[str] = stored(['Ann'])
        chosen: str | None = stored(None)

        def build(self) -> None:
            ui.select(self.names, with_input=True, new_value_mode='add-unique').mark('chosen').bind_value(
                self, 'chosen'
            )

    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, Page)
    element(tab, 'chosen')._handle_new_value('Bob')
    page.chosen = 'Bob'
    assert page.names == ['Ann', 'Bob']
    assert shown(stash, await ann.open(), Page).names == ['Ann', 'Bob']


async def test_elements_bound_to_the_entries_of_a_dict_are_saved_and_follow_also_after_a_change_elsewhere(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        options: dict[str, str | int] = stored({'name': '', 'size': 1})

        def build(self) -> None:
            ui.input().mark('name').bind_value(self.options, 'name')
            ui.label().mark('all').bind_text_from(self, 'options', repr)

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'name', 'Ann')
    await idle()
    binding._refresh_step()  # NiceGUI looks at the entries of dicts ten times a second
    assert element(right, 'name').value == 'Ann'
    type_into(right, 'name', 'Bob')
    await idle()
    binding._refresh_step()
    assert element(left, 'name').value == 'Bob'
    assert text(left, 'all') == text(right, 'all') == "{'name': 'Bob', 'size': 1}"
    stash.reset(shown(stash, left, Page))
    await idle()
    binding._refresh_step()
    assert (element(left, 'name').value, element(right, 'name').value) == ('', '')
    type_into(left, 'name', 'Eve')
    await stash.flush(shown(stash, left, Page))
    assert await data_of(store, 'Page') == {'options': {'name': 'Eve', 'size': 1}}


async def test_the_rows_of_a_table_follow_the_list_they_are_bound_to(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': 1, 'name': 'Ann'}])

        def build(self) -> None:
            table = ui.table(rows=self.rows).mark('table')
            binding.bind_from(table, 'rows', self, 'rows')
            ui.button('add', on_click=lambda: self.rows.append({'id': 2, 'name': 'Bob'}))
            ui.button('rename', on_click=lambda: self.rows[0].update(name='Eve'))

    tab = await Browser().open()
    table = element(tab, 'table')
    sent = Updates(tab, table)
    click(tab, 'add')
    assert [row['name'] for row in table.rows] == ['Ann', 'Bob']
    assert sent.since_last() == ['Ann', 'Bob']
    click(tab, 'rename')
    assert [row['name'] for row in table.rows] == ['Eve', 'Bob']
    assert sent.since_last() == ['Eve', 'Bob']


async def test_a_refreshable_can_follow_a_list(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None:
            self.show()
            stash.on_change(self, 'items', lambda change: self.show.refresh())

        @ui.refreshable_method
        def show(self) -> None:
            ui.label(f'{len(self.items)} items').mark('said')

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    shown(stash, tab, Page).items.append('a')
    await idle()
    assert (text(tab, 'said'), text(other, 'said')) == ('1 items', '1 items')


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


async def test_a_list_that_was_replaced_tells_nobody_any_more(stash: Stash) -> None:
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


async def test_a_default_list_is_nobodys_in_common(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None: ...

    shown(stash, await Browser().open(), Page).items.append('mine')
    assert shown(stash, await Browser().open(), Page).items == []


async def test_on_change_is_told_once_for_each_change_in_place(stash: Stash) -> None:
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


class Updates:
    """What the server has for the browser about one element."""

    def __init__(self, tab: Any, found: Any) -> None:
        self.outbox = client_of(tab).outbox
        self.element = found
        self.outbox.updates.clear()

    def since_last(self) -> list[str]:
        assert self.element.id in self.outbox.updates, 'nothing would be sent'
        self.outbox.updates.clear()
        return [row['name'] for row in self.element._to_dict()['props']['rows']]
