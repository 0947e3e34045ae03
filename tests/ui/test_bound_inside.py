"""Elements bound to parts of a field's value stay bound when others change the field."""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Any

import pytest
from nicegui import binding, ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, data_of, element, idle, shown, type_into


@dataclass
class Guest:
    name: str = ''


async def show_changes() -> None:
    """Let other tabs follow, and NiceGUI poll attributes and entries, as it does ten times a second."""
    await idle()
    binding._refresh_step()
    await idle()


async def test_elements_of_a_dict_in_a_dict_follow_another_tab_and_a_reset(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        settings: dict[str, dict[str, str]] = stored({'look': {'theme': 'light'}})

        def build(self) -> None:
            ui.input().mark('theme').bind_value(self.settings['look'], 'theme')
            ui.button('Reset', on_click=lambda: stash.reset(self))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'theme', 'dark')
    await show_changes()
    assert element(right, 'theme').value == 'dark'
    click(right, 'Reset')
    await show_changes()
    assert element(left, 'theme').value == 'light'
    type_into(left, 'theme', 'blue')
    await stash.flush(shown(stash, left, Page))
    assert await data_of(store, 'Page') == {'settings': {'look': {'theme': 'blue'}}}


@pytest.mark.proves('replaced-object')
async def test_nested_names_lead_to_whatever_the_field_holds(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        guests: dict[str, Guest] = stored(default_factory=lambda: {'first': Guest()})

        def build(self) -> None:
            ui.input().mark('name').bind_value(self, ('guests', 'first', 'name'))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'name', 'Ann')
    await show_changes()
    assert element(right, 'name').value == 'Ann'
    type_into(right, 'name', 'Bob')
    await show_changes()
    assert element(left, 'name').value == 'Bob'
    assert shown(stash, left, Page).guests == {'first': Guest('Bob')}


@pytest.mark.proves('replaced-object')
async def test_an_object_that_is_put_elsewhere_keeps_its_content_after_a_reset_and_another_tab(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        draft: Guest = stored(default_factory=Guest)
        saved: Guest = stored(default_factory=Guest)

        def build(self) -> None: ...

    ann = Browser()
    left, right = [shown(stash, await ann.open(), Page) for _ in range(2)]
    left.draft = sent = Guest('Ann')
    left.saved = left.draft
    right.draft = Guest('Bob')
    await idle()
    assert (left.draft, left.saved, sent) == (Guest('Bob'), Guest('Ann'), Guest('Ann'))
    sent = left.draft
    stash.reset(left)
    await idle()
    assert (left.draft, sent) == (Guest(), Guest('Bob'))


Home: Any = make_dataclass('Home', [('city', str, '')])
Host: Any = make_dataclass(
    'Host',
    [
        ('name', str, ''),
        ('home', Home, field(default_factory=Home)),
        ('pets', list[Guest], field(default_factory=lambda: [Guest()])),
    ],
)


@pytest.mark.proves('replaced-object')
async def test_elements_bound_to_an_object_and_to_parts_of_it_follow_and_store_after_a_change_elsewhere(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/')
    class Page:
        host: Host = stored(default_factory=Host)

        def build(self) -> None:
            ui.input().mark('name').bind_value(self.host, 'name')
            ui.input().mark('city').bind_value(self.host.home, 'city')
            ui.input().mark('pet').bind_value(self.host.pets[0], 'name')
            ui.button('Reset', on_click=lambda: stash.reset(self))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    for tab, other, texts in ((left, right, 'abc'), (right, left, 'def'), (left, right, 'ghi')):
        for marker, entered in zip(('name', 'city', 'pet'), texts, strict=True):
            type_into(tab, marker, entered)
            await show_changes()
            assert element(other, marker).value == entered
    await stash.flush(shown(stash, left, Page))
    assert await data_of(store, 'Page') == {'host': {'name': 'g', 'home': {'city': 'h'}, 'pets': [{'name': 'i'}]}}
    click(left, 'Reset')
    await show_changes()
    assert [element(each, 'city').value for each in (left, right)] == ['', '']
    type_into(right, 'city', 'Ulm')
    await show_changes()
    assert element(left, 'city').value == 'Ulm'
