"""Values inside objects that change without notice, such as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    click,
    client_of,
    close,
    data_of,
    element,
    eventually,
    idle,
    replace,
    shown,
    type_into,
    with_values,
)


@dataclass
class Guest:
    name: str = ''
    age: int = 18


def declare(stash: Stash, *, auto: bool = True) -> type:
    @stash.page('/', auto=auto)
    class Page:
        guest: Guest = stored(default_factory=Guest)
        guests: list[Guest] = stored([])

        def build(self) -> None: ...

    return Page


@pytest.mark.proves('flush')
@pytest.mark.parametrize('names_page', [True, False])
async def test_a_flush_is_a_barrier_for_what_was_just_changed_inside_an_object(
    stash: Stash, store: FaultyStore, names_page: bool
) -> None:
    stored_then: list[dict[str, Any]] = []

    @stash.page('/')
    class Page:
        guest: Guest = stored(default_factory=Guest)

        def build(self) -> None:
            ui.button('Rename', on_click=self.rename)

        async def rename(self) -> None:
            self.guest.name = 'Ann'
            await (stash.flush(self) if names_page else stash.flush())
            stored_then.append(await data_of(store, 'Page'))

    click(await Browser().open(), 'Rename')
    await eventually(lambda: stored_then)
    assert stored_then == [{'guest': {'name': 'Ann', 'age': 18}}]


async def test_a_flush_raises_for_what_was_changed_inside_an_object_and_does_not_fit(stash: Stash) -> None:
    cls = declare(stash)
    page: Any = shown(stash, await Browser().open(), cls)
    page.guest.age = 'old'
    with pytest.raises(ValueNotStorable):
        await stash.flush(page)


async def test_a_job_flushes_what_it_changed_inside_an_object_of_a_page_that_is_gone(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    await close(tab)
    page.guest.name = 'Ann'
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'guest': {'name': 'Ann', 'age': 18}}


async def test_a_flush_raises_when_the_rest_of_the_page_is_durable(stash: Stash, store: FaultyStore) -> None:
    @stash.state
    class Shared:
        guest: Guest = stored(default_factory=Guest)

    @stash.page('/')
    class Page:
        shared = stash.use(Shared)
        guest: Guest = stored(default_factory=Guest)

        def build(self) -> None: ...

    tab = await Browser().open()
    page: Any = shown(stash, tab, Page)
    page.shared.guest.age = 'old'
    page.guest.name = 'Ann'
    with client_of(tab), pytest.raises(ValueNotStorable, match=r'guest at \$\.age'):
        await stash.flush()
    assert await data_of(store, 'Page') == {'guest': {'name': 'Ann', 'age': 18}}


async def test_what_does_not_fit_inside_an_object_keeps_no_update_of_other_fields_from_counting(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        guest: Guest = stored(default_factory=Guest)
        count: int = stored(0)

        def build(self) -> None: ...

    def one_more(found: Any) -> None:
        found.count += 1

    page: Any = shown(stash, await Browser().open(), Page)
    page.guest.age = 'old'
    await stash.update(page, one_more)
    assert (page.count, page.guest.age) == (1, 'old')


async def test_a_default_that_validate_refuses_by_now_stops_no_later_change_from_being_shown(stash: Stash) -> None:
    names = {'', 'Ann'}

    @stash.page('/')
    class Page:
        guest: Guest = stored(default_factory=Guest, validate=lambda guest: guest.name in names)
        count: int = stored(0)

        def build(self) -> None: ...

    ann = Browser()
    page, other = [shown(stash, await ann.open(), Page) for _ in range(2)]
    names.remove('')
    page.guest.name = 'Bob'
    stash.reset(page)
    await idle()
    other.guest = Guest('Ann')
    other.count = 1
    await idle()
    assert (page.guest, page.count) == (Guest('Ann'), 1)


async def test_a_flush_leaves_to_save_what_save_is_to_submit(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash, auto=False)
    page = shown(stash, await Browser().open(), cls)
    page.guest.name = 'Ann'
    await stash.flush(page)
    assert await data_of(store, 'Page') == {}
    stash.save(page)
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'guest': {'name': 'Ann', 'age': 18}}


async def test_an_update_begins_with_what_was_just_changed_inside_an_object(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    page.guest.name = 'Ann'

    def grow(target: Any) -> None:
        target.guest.age += 1

    await stash.update(page, grow)
    assert page.guest == Guest('Ann', 19)
    assert await data_of(store, 'Page') == {'guest': {'name': 'Ann', 'age': 19}}


def declare_form(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        guest: Guest = stored(default_factory=Guest)
        note: list[Guest] = stored([])

        def build(self) -> None:
            ui.number('Age').mark('age').bind_value(self.guest, 'age')
            ui.number('Age').mark('nested').bind_value(self, ('guest', 'age'))
            ui.input('Name').mark('name').bind_value(self.guest, 'name')
            ui.button('Note', on_click=lambda: self.note.append(Guest('Bob')))
            ui.button('Reset', on_click=lambda: stash.reset(self))

    return Page


async def test_a_whole_number_that_an_element_brings_into_an_object_is_stored_as_an_int(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        guests: list[Guest] = stored([Guest()])
        sizes: dict[str, int] = stored({'small': 1})

        def build(self) -> None:
            ui.number().mark('age').bind_value(self.guests[0], 'age')
            ui.number().mark('small').bind_value(self.sizes, 'small')
            ui.button('Add', on_click=lambda: self.guests.append(Guest('Bob')))

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    type_into(tab, 'age', 42)
    click(tab, 'Add')
    type_into(tab, 'small', 2)
    await stash.flush(page)
    assert page.guests == [Guest(age=42), Guest('Bob')]
    assert (type(page.guests[0].age), type(page.sizes['small'])) == (int, int)
    found = await data_of(store, 'Page')
    assert found == {'guests': [{'name': '', 'age': 42}, {'name': 'Bob', 'age': 18}], 'sizes': {'small': 2}}


async def test_a_value_inside_an_object_that_does_not_fit_is_reported_and_marked_until_it_fits(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    cls = declare_form(stash)
    tab = await Browser().open()
    page: Any = shown(stash, tab, cls)
    status = stash.status(page)
    type_into(tab, 'age', None)
    await idle()
    assert (status.state, [(each.field, each.label) for each in status.troubles]) == ('refused', [('guest', 'Age')])
    assert element(tab, 'age').error == 'Please enter a whole number.'
    type_into(tab, 'name', 'Ann')
    click(tab, 'Note')
    await idle()
    assert element(tab, 'age').error == 'Please enter a whole number.'
    assert sum('in place' in record.getMessage() for record in caplog.records) == 1
    with pytest.raises(ValueNotStorable):
        await stash.flush(page)
    assert await data_of(store, 'Page') == {'note': [{'name': 'Bob', 'age': 18}]}
    type_into(tab, 'age', 30)
    await idle()
    assert (status.troubles, element(tab, 'age').error) == ((), None)
    await stash.flush(page)
    assert (await data_of(store, 'Page'))['guest'] == {'name': 'Ann', 'age': 30}


async def test_nested_names_of_an_element_are_marked_too(stash: Stash) -> None:
    cls = declare_form(stash)
    tab = await Browser().open()
    type_into(tab, 'nested', None)
    await idle()
    assert element(tab, 'nested').error == 'Please enter a whole number.'
    type_into(tab, 'nested', 19)
    await idle()
    assert (element(tab, 'nested').error, shown(stash, tab, cls).guest) == (None, Guest('', 19))


@pytest.mark.parametrize('is_reset', [True, False])
async def test_a_reset_or_an_assignment_ends_what_does_not_fit_inside_an_object(stash: Stash, is_reset: bool) -> None:
    cls = declare_form(stash)
    tab = await Browser().open()
    page: Any = shown(stash, tab, cls)
    status = stash.status(page)
    type_into(tab, 'age', None)
    await idle()
    if is_reset:
        click(tab, 'Reset')
    else:
        page.guest = Guest()
    await idle()
    assert (page.guest, status.troubles, status.state) == (Guest(), (), 'saved')


async def test_a_field_that_does_not_fit_keeps_no_other_from_being_saved(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', auto=False)
    class Page:
        guest: Guest = stored(default_factory=Guest)
        text: str = stored('')

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    page.guest.age = 'old'  # type: ignore[assignment]
    page.text = 'new'
    with pytest.raises(ValueNotStorable):
        stash.save(page)
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'text': 'new'}
    page.guest.age = 3
    stash.save(page)
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'text': 'new', 'guest': {'name': '', 'age': 3}}


@pytest.mark.parametrize(
    'there',
    [{'name': 'Ann', 'age': 18, 'mail': 'of a newer app'}, {'age': 18, 'name': 'Ann'}],
    ids=['with a part that is not known', 'in another order'],
)
async def test_what_another_server_wrote_in_its_own_form_is_no_change_of_this_page(
    stash: Stash, store: FaultyStore, there: dict[str, Any]
) -> None:
    @stash.page('/')
    class Page:
        guest: Guest = stored(default_factory=Guest)
        note: str = stored('')

        def build(self) -> None:
            ui.button('Note', on_click=lambda: setattr(self, 'note', 'noted'))
            ui.button('Rename', on_click=lambda: setattr(self.guest, 'name', 'Eve'))

    ann = Browser()
    first: Any = shown(stash, await ann.open(), Page)
    first.note = 'new'
    await stash.flush(first)
    await replace(store, with_values(guest=there))
    tab = await ann.open()
    page: Any = shown(stash, tab, Page)
    assert page.guest == Guest('Ann')
    click(tab, 'Note')
    await idle()
    await stash.flush(page)
    data = await data_of(store, 'Page')
    assert (data['note'], list(data['guest'].items())) == ('noted', list(there.items()))
    click(tab, 'Rename')
    await idle()
    await stash.flush(page)
    assert (await data_of(store, 'Page'))['guest'] == {'name': 'Eve', 'age': 18}
    page.guest.name = 'Ann'  # what it was shown as, and not what is stored
    await stash.flush(page)
    assert (await data_of(store, 'Page'))['guest'] == {'name': 'Ann', 'age': 18}
