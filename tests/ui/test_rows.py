"""Elements bound to the rows of a list stay bound when somebody else changes the list."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, data_of, element, idle, sent, shown, text, type_into
from .test_bound_inside import show_changes


def declare(stash: Stash) -> type[Any]:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': 1, 'name': 'bolt', 'qty': 3}, {'id': 2, 'name': 'nut', 'qty': 4}])

        def build(self) -> None:
            for row in self.rows:
                ui.number(row['name']).mark(row['name']).bind_value(row, 'qty')

    return Page


async def test_what_is_bound_to_a_row_follows_another_tab_and_is_stored_from_both(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    rows = [shown(stash, tab, cls).rows for tab in (left, right)]
    objects = [list(map(id, each)) for each in rows]
    type_into(left, 'bolt', 55)
    await idle()
    assert element(right, 'bolt').value == 55
    type_into(right, 'bolt', 66)
    await show_changes()
    assert element(left, 'bolt').value == 66
    assert [shown(stash, tab, cls).rows for tab in (left, right)] == rows
    assert [list(map(id, each)) for each in rows] == objects
    await stash.flush(shown(stash, left, cls))
    assert [row['qty'] for row in (await data_of(store, 'Page'))['rows']] == [66, 4]
    third = await ann.open()
    assert element(third, 'bolt').value == 66


async def test_a_row_that_is_removed_elsewhere_marks_its_elements_and_takes_nothing_silently(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    cls = declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open()
    status = stash.status(shown(stash, left, cls))
    del shown(stash, right, cls).rows[0]
    await idle()
    gone = 'This row was removed. What you enter here is not saved.'
    assert (element(left, 'bolt').error, element(left, 'nut').error) == (gone, None)
    assert [(each.kind, each.label) for each in status.troubles] == [('gone', 'bolt')]
    type_into(left, 'nut', 5)
    type_into(left, 'bolt', 7)
    await show_changes()
    assert element(left, 'bolt').error == gone
    assert any('this row is no longer there' in record.getMessage() for record in caplog.records)
    assert element(right, 'nut').value == 5
    await stash.flush(shown(stash, left, cls))
    assert [row['qty'] for row in (await data_of(store, 'Page'))['rows']] == [5]


@pytest.mark.parametrize('assigned', [True, False])
async def test_a_row_that_its_own_page_removed_or_replaced_takes_nothing_silently(stash: Stash, assigned: bool) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    row = page.rows[0]
    if assigned:
        page.rows = [{'id': 2, 'name': 'nut', 'qty': 9}]
    else:
        del page.rows[0]
    await idle()
    assert 'not saved' in element(tab, 'bolt').error
    type_into(tab, 'bolt', 7)
    await idle()
    assert 'not saved' in element(tab, 'bolt').error
    page.rows.append(row)
    await idle()
    type_into(tab, 'bolt', 8)
    await idle()
    assert (element(tab, 'bolt').error, page.rows[-1]['qty']) == (None, 8)


async def test_a_value_that_does_not_fit_a_row_stays_on_its_element_and_is_marked(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, int]] = stored([{'qty': 3}, {'qty': 4}])

        def build(self) -> None:
            for index, row in enumerate(self.rows):
                ui.number('qty').mark(f'qty{index}').bind_value(row, 'qty')

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    page = shown(stash, tab, Page)
    type_into(tab, 'qty0', 2.5)
    await show_changes()
    assert (element(tab, 'qty0').value, page.rows[0]['qty']) == (2.5, 3)
    assert element(tab, 'qty0').error == 'Please enter a whole number.'
    assert stash.status(page).state == 'refused'
    type_into(tab, 'qty1', 5)  # another row neither unmarks it nor shows the stored value in its place
    type_into(other, 'qty1', 6)
    await show_changes()
    assert (element(tab, 'qty0').value, element(tab, 'qty0').error) == (2.5, 'Please enter a whole number.')
    type_into(other, 'qty0', 8)
    await show_changes()
    assert (element(tab, 'qty0').value, element(tab, 'qty0').error) == (8, None)
    type_into(tab, 'qty0', 8.5)
    await show_changes()
    type_into(tab, 'qty0', 8)
    await show_changes()
    assert (element(tab, 'qty0').error, stash.status(page).troubles) == (None, ())
    page.rows[0]['qty'] = 9  # NiceGUI polls it as before
    await show_changes()
    assert element(tab, 'qty0').value == 9
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'rows': [{'qty': 9}, {'qty': 6}]}
    assert not [record for record in caplog.records if record.exc_info or record.exc_text]


async def test_a_refreshable_with_inputs_bound_to_rows_is_drawn_again_only_where_they_do_not_show_the_change(
    stash: Stash,
) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'name': 'bolt', 'note': ''}])
        drawn = 0

        def build(self) -> None:
            self.draw()
            stash.on_change(self, 'rows', self.draw.refresh)

        @ui.refreshable_method
        def draw(self) -> None:
            self.drawn += 1
            for index, row in enumerate(self.rows):
                ui.input().mark(f'name{index}').bind_value(row, 'name')
                ui.label(row['note']).mark(f'note{index}')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    pages = [shown(stash, tab, Page) for tab in (left, right)]
    boxes = [element(tab, 'name0') for tab in (left, right)]
    for end in range(1, 9):
        type_into(left, 'name0', 'bolt' + 'ABCDEFGH'[:end])
        await idle()
    assert [page.drawn for page in pages] == [1, 1]
    assert [element(tab, 'name0') for tab in (left, right)] == boxes
    assert boxes[1].value == 'boltABCDEFGH'
    pages[0].rows[0]['note'] = 'rusty'
    await idle()
    assert ([page.drawn for page in pages], text(left, 'note0'), text(right, 'note0')) == ([2, 2], 'rusty', 'rusty')
    pages[0].rows.append({'name': 'nut', 'note': ''})
    await idle()
    assert element(right, 'name1').value == 'nut'
    del pages[1].rows[0]
    await idle()
    assert [element(tab, 'name0').value for tab in (left, right)] == ['nut', 'nut']
    assert stash.status(pages[0]).troubles == ()
    type_into(left, 'name0', 'screw')
    await idle()
    assert ([page.drawn for page in pages], element(right, 'name0').value) == ([4, 4], 'screw')


async def test_a_refreshable_is_drawn_again_where_the_inputs_are_outside(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, str]] = stored([{'name': 'bolt'}])

        def build(self) -> None:
            ui.input().mark('name').bind_value(self.rows[0], 'name')
            self.draw()
            stash.on_change(self, 'rows', self.draw.refresh)

        @ui.refreshable_method
        def draw(self) -> None:
            ui.label(self.rows[0]['name']).mark('drawn')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'name', 'nut')
    await idle()
    assert (text(left, 'drawn'), text(right, 'drawn')) == ('nut', 'nut')


async def test_one_cell_that_changed_elsewhere_touches_the_elements_of_its_row_only(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([{'id': number, 'name': f'n{number}', 'qty': 0} for number in range(50)])

        def build(self) -> None:
            for row in self.rows:
                ui.input().mark(row['name']).bind_value(row, 'qty')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    await show_changes()
    outbox = client_of(right).outbox
    outbox.updates.clear()
    before = len(sent(right, 'update'))
    type_into(left, 'n7', 'many')
    await show_changes()
    touched = {*outbox.updates, *(each for update in sent(right, 'update')[before:] for each in update)}
    assert touched == {element(right, 'n7').id}  # NiceGUI may have sent it already


async def test_a_list_that_validate_refuses_as_a_whole_is_not_shown_in_part(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        rows: list[dict[str, int]] = stored([{'id': 1, 'qty': 2}, {'id': 2, 'qty': 3}], validate=is_small)

        def build(self) -> None: ...

    ann = Browser()
    left, right = [shown(stash, await ann.open(), Page) for _ in range(2)]
    left.rows[1]['qty'] = 4
    await show_changes()
    assert right.rows[1]['qty'] == 4
    left.rows[1]['qty'] = 50
    await show_changes()
    assert right.rows[1]['qty'] == 4


def is_small(rows: list[dict[str, int]]) -> bool:
    return sum(row['qty'] for row in rows) < 10


@dataclass
class Part:
    name: str = ''
    qty: int = 0


async def test_elements_bound_to_objects_in_a_list_follow_another_tab_and_are_stored(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        rows: list[Part] = stored(default_factory=lambda: [Part('bolt', 3), Part('nut', 4)])

        def build(self) -> None:
            for row in self.rows:
                ui.number(row.name).mark(row.name).bind_value(row, 'qty')
                ui.label().mark(f'{row.name}-said').bind_text_from(row, 'qty', '{} pieces'.format)

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    kept = shown(stash, right, Page).rows[1]
    for here, there, value in ((left, right, 55), (right, left, 66)):
        type_into(here, 'bolt', value)
        await show_changes()
        assert (element(there, 'bolt').value, text(there, 'bolt-said')) == (value, f'{value} pieces')
    assert shown(stash, right, Page).rows[1] is kept
    await stash.flush(shown(stash, left, Page))
    assert [row['qty'] for row in (await data_of(store, 'Page'))['rows']] == [66, 4]
    del shown(stash, right, Page).rows[0]
    await show_changes()
    gone = 'This row was removed. What you enter here is not saved.'
    type_into(left, 'bolt', 77)
    await show_changes()
    assert (element(left, 'bolt').error, element(left, 'nut').error) == (gone, None)
    type_into(left, 'nut', 5)
    await show_changes()
    assert element(right, 'nut').value == 5


async def test_a_row_that_moves_to_another_field_keeps_its_elements(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        todo: list[dict[str, str]] = stored([{'text': 'a'}, {'text': 'b'}])
        done: list[dict[str, str]] = stored(default_factory=list[dict[str, str]])

        def build(self) -> None:
            ui.input().mark('a').bind_value(self.todo[0], 'text')

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    card = page.todo[0]
    page.todo = page.todo[1:]
    page.done.append(card)
    await idle()
    type_into(tab, 'a', 'A')
    await idle()
    assert (element(tab, 'a').error, page.done) == (None, [{'text': 'A'}])
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'todo': [{'text': 'b'}], 'done': [{'text': 'A'}]}


class Changes:
    """Changes by chance to the rows of a page, as its code makes them."""

    def __init__(self, seed: int, *, has_ids: bool) -> None:
        self.chance = Random(seed)
        self.numbers = count()
        self.has_ids = has_ids

    def row(self) -> dict[str, Any]:
        number = next(self.numbers)
        return {'id': number, 'text': ''} if self.has_ids else {'text': f'row {number}'}

    def change(self, tab: Any, page: Any) -> None:
        match self.chance.choice(['add', 'remove', 'move', 'assign']):
            case 'add':
                page.rows.insert(self.chance.randint(0, len(page.rows)), self.row())
                with client_of(tab):
                    page.bind(self.chance.choice(page.rows))
            case 'remove' if page.rows:
                page.rows.pop(self.chance.randrange(len(page.rows)))
            case 'move' if page.rows:
                page.rows.append(page.rows.pop(self.chance.randrange(len(page.rows))))
            case _:
                page.rows = [each for each in page.rows if self.chance.random() < 0.8]


def is_there(page: Any, row: dict[str, Any]) -> bool:
    return any(row is each for each in page.rows)


@pytest.mark.parametrize('has_ids', [True, False])
@pytest.mark.parametrize('seed', range(8))
async def test_after_any_interleaved_changes_in_two_tabs_both_show_the_same_and_bindings_hold(
    stash: Stash, store: FaultyStore, seed: int, has_ids: bool
) -> None:
    changes = Changes(seed, has_ids=has_ids)

    @stash.page('/')
    class Page:
        rows: list[dict[str, Any]] = stored([changes.row() for _ in range(3)])

        def build(self) -> None:
            self.inputs: list[tuple[dict[str, Any], ui.input]] = []
            for each in self.rows:
                self.bind(each)

        def bind(self, each: dict[str, Any]) -> None:
            self.inputs.append((each, ui.input().mark(f'input{len(self.inputs)}').bind_value(each, 'text')))

    ann = Browser()
    tabs = [await ann.open(), await ann.open()]
    pages = [shown(stash, tab, Page) for tab in tabs]
    typed: list[tuple[Any, dict[str, Any], ui.input]] = []
    for number in range(60):
        tab, page = changes.chance.choice(list(zip(tabs, pages, strict=True)))
        if changes.chance.random() < 0.4:
            at = changes.chance.randrange(len(page.inputs))
            type_into(tab, f'input{at}', f'typed {number}')
            typed.append((page, *page.inputs[at]))
        else:
            changes.change(tab, page)
        if changes.chance.random() < 0.3:
            continue  # the other tab has not seen it when it changes something
        held = [list(page.rows) for page in pages]
        await show_changes()
        assert pages[0].rows == pages[1].rows
        if has_ids:
            before = [{row['id']: row for row in rows} for rows in held]
            assert all(
                row is rows.get(row['id'], row) for page, rows in zip(pages, before, strict=True) for row in page.rows
            )
        assert all(is_there(page, row) or 'not saved' in str(box.error) for page, row, box in typed)
        typed.clear()
        live = [(row, box) for page in pages for row, box in page.inputs if is_there(page, row)]
        assert [(box.value, box.error) for _, box in live] == [(row['text'], None) for row, _ in live]
    await stash.flush(pages[0])
    assert (await data_of(store, 'Page')).get('rows', pages[0].rows) == pages[0].rows
