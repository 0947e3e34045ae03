"""An emptied element: what it means to its field, and what a person is told where it means nothing."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta
from nicegui import ui

from nicegui_stash import Change, Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, data_of, element, idle, shown, type_into
from .typed_page import Told, told  # noqa: F401 a fixture

EMPTY: Any = None


async def test_an_emptied_input_is_an_empty_text(stash: Stash, store: FaultyStore) -> None:
    changes: list[str] = []

    @stash.page('/')
    class Form:
        q: str = stored('lamp')
        short: Annotated[str, Meta(max_length=9)] = stored('lamp')
        may: str | None = stored('lamp')
        choice: Literal['', 'lamp'] = stored('lamp')

        def build(self) -> None:
            for name in ('q', 'short', 'may', 'choice'):
                ui.input().props('clearable').mark(name).bind_value(self, name)
            ui.label().mark('label').bind_text_from(self, 'q')
            ui.input().mark('again').bind_value(self, 'q')
            stash.on_change(self, 'q', self.note)

        def note(self, change: Change) -> None:
            changes.append(change.cause)

    tab = await Browser().open()
    form: Any = shown(stash, tab, Form)
    for name in ('q', 'short', 'may', 'choice'):
        type_into(tab, name, EMPTY)
        await idle()
        assert element(tab, name).error is None
    assert (form.q, form.short, form.may, form.choice) == ('', '', None, '')
    assert (element(tab, 'label').text, element(tab, 'again').value, changes) == ('', '', ['local'])
    await stash.flush(form)
    assert await data_of(store, 'Form') == {'q': '', 'short': '', 'may': None, 'choice': ''}


async def test_the_address_follows_an_emptied_input(stash: Stash) -> None:
    @stash.page('/')
    class Search:
        q: str = stored('', scope='url')

        def build(self) -> None:
            ui.input().props('clearable').mark('q').bind_value(self, 'q')

    tab = await Browser().open('/?q=bolt')
    type_into(tab, 'q', EMPTY)
    await idle()
    assert shown(stash, tab, Search).q == ''
    assert client_of(tab).sub_pages_router.current_path == '/'


async def test_a_cleared_select_is_an_empty_text(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        city: str = stored('a')

        def build(self) -> None:
            ui.select(['a', 'b'], clearable=True).mark('city').bind_value(self, 'city')

    tab = await Browser().open()
    type_into(tab, 'city', EMPTY)
    await idle()
    assert (shown(stash, tab, Form).city, element(tab, 'city').error) == ('', None)


async def test_a_text_that_may_not_be_empty_is_asked_for(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        name: Annotated[str, Meta(min_length=1)] = stored('Ann')

        def build(self) -> None:
            ui.input().props('clearable').mark('name').bind_value(self, 'name')

    tab = await Browser().open()
    type_into(tab, 'name', EMPTY)
    await idle()
    assert (shown(stash, tab, Form).name, element(tab, 'name').error) == ('Ann', 'Please enter a text.')


async def test_an_emptied_text_inside_a_dict_is_an_empty_text(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        form: dict[str, str] = stored({'name': 'Ann', 'mail': 'a@b'})

        def build(self) -> None:
            ui.input().props('clearable').mark('name').bind_value(self.form, 'name')
            ui.input().props('clearable').mark('mail').bind_value(self, ('form', 'mail'))

    tab = await Browser().open()
    type_into(tab, 'name', EMPTY)
    type_into(tab, 'mail', EMPTY)
    await idle()
    assert shown(stash, tab, Form).form == {'name': '', 'mail': ''}


async def test_code_that_assigns_nothing_to_a_text_is_told(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        name: str = stored('Ann')

        def build(self) -> None: ...

    form = shown(stash, await Browser().open(), Form)
    with pytest.raises(ValueError, match='Expected `str`, got `null`'):
        form.name = EMPTY


async def test_the_texts_of_the_indicator_reach_the_elements(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')
            stash.indicator(self, texts={'enter_whole_number': 'Bitte eine ganze Zahl eingeben.'})

    tab = await Browser().open()
    type_into(tab, 'count', EMPTY)
    await idle()
    assert element(tab, 'count').error == 'Bitte eine ganze Zahl eingeben.'


async def test_the_texts_of_all_indicators_that_are_shown_reach_the_elements(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)
        size: int = stored(3)

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')
            ui.select([3, 4], clearable=True).mark('size').bind_value(self, 'size')
            stash.indicator(self, texts={'enter_whole_number': 'Eine Zahl, bitte.'})

    tab = await Browser().open()
    form: Any = shown(stash, tab, Form)
    type_into(tab, 'count', EMPTY)
    type_into(tab, 'size', EMPTY)
    await idle()
    assert (element(tab, 'count').error, element(tab, 'size').error) == ('Eine Zahl, bitte.', 'Please choose.')
    with client_of(tab):
        late = stash.indicator(form, texts={'choose': 'Bitte auswählen.'})
    assert (element(tab, 'count').error, element(tab, 'size').error) == ('Eine Zahl, bitte.', 'Bitte auswählen.')
    assert [trouble.is_choice for trouble in stash.status(form).troubles] == [False, True]
    late.delete()
    type_into(tab, 'size', {'value': 0, 'label': '3'})
    type_into(tab, 'size', EMPTY)
    await idle()
    assert element(tab, 'size').error == 'Please choose.'


async def test_the_browser_keeps_a_refused_value_until_it_is_gone(stash: Stash, told: Told) -> None:  # noqa: F811
    @stash.page('/', build='request')
    class Form:
        count: int = stored(3)
        note: str = stored('')

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')
            ui.input().mark('note').bind_value(self, 'note')

    tab = await Browser().open()
    form = shown(stash, tab, Form)

    async def enter(marker: str, value: Any, number: int) -> str:
        found = element(tab, marker)
        listener = next(each for each in found._event_listeners.values() if each.type.startswith('update:'))
        client_of(tab).handle_event(
            {'id': found.id, 'listener_id': listener.id, 'args': [json.dumps(value)], 'stash': number}
        )
        await idle()
        await stash.flush(form)
        return told[-1].rpartition('.')[2]

    assert await enter('count', None, 1) == f'durable(1,["{address_of_number(told, tab)}"])'
    assert await enter('note', 'x', 2) == f'durable(2,["{address_of_number(told, tab)}"])'
    form.count = 5
    await idle()
    await stash.flush(form)
    assert told[-1].endswith('.durable(2)')


def address_of_number(told: Told, tab: Any) -> str:  # noqa: F811
    addresses = {}
    for code in told:
        if 'typed?.bind' in code:
            addresses |= json.loads(code[code.index('(') + 1 : -1])
    return addresses[str(element(tab, 'count').id)]
