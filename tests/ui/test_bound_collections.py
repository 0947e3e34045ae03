from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import binding, ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, client_of, data_of, element, idle, shown, text, type_into


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


async def test_a_binding_that_raises_undoes_no_change_in_place(
    stash: Stash, store: FaultyStore, errors: Callable[[], list[str]]
) -> None:
    @stash.page('/')
    class Page:
        names: list[str] = stored(['Ann'])

        def build(self) -> None:
            ui.label().mark('initial').bind_text_from(self, 'names', lambda names: names[-1][0])
            ui.button('Add', on_click=self.add)

        def add(self) -> None:
            self.names.append('')
            self.names.append('Bob')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    click(left, 'Add')
    await idle()
    for tab in (left, right):
        assert shown(stash, tab, Page).names == ['Ann', '', 'Bob']
        assert text(tab, 'initial') == 'B'
    await stash.flush(shown(stash, left, Page))
    assert await data_of(store, 'Page') == {'names': ['Ann', '', 'Bob']}
    assert set(errors()) == {'string index out of range'}
