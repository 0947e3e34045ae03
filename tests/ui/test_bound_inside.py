"""Elements that are bound to what is inside of a field's value stay bound when somebody else changes the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import pytest
from nicegui import binding, ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, data_of, element, idle, shown, type_into


@dataclass
class Guest:
    name: str = ''


def new_guest() -> Guest:
    return Guest()


@dataclass
class Named(Guest):
    """What `__post_init__` makes, and what is kept of it, follows too."""

    upper: str = field(init=False, default='')

    def __post_init__(self) -> None:
        self.upper = self.name.upper()
        self.length = len(self.name)

    @cached_property
    def initial(self) -> str:
        return self.name[:1]


@dataclass(slots=True)
class Slotted:
    name: str = ''


class Record(msgspec.Struct):
    name: str = ''


@dataclass(frozen=True)
class Frozen:
    name: str = ''


@dataclass
class Strict:
    name: str = ''

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self):
            raise AttributeError('it is set once')
        super().__setattr__(name, value)


async def show_changes() -> None:
    """Let other tabs be told, and NiceGUI look at attributes and entries, as it does ten times a second."""
    await idle()
    binding._refresh_step()
    await idle()


@pytest.mark.parametrize('make', [Guest, Slotted, Record, new_guest])
async def test_elements_of_an_object_follow_another_tab_and_a_reset_and_are_saved_after_them(
    stash: Stash, store: FaultyStore, make: Callable[[], Any]
) -> None:
    @stash.page('/')
    class Page:
        guest: Any = stored(default_factory=make)
        __annotations__ = {'guest': type(make())}

        def build(self) -> None:
            ui.input().mark('name').bind_value(self.guest, 'name')
            ui.button('Reset', on_click=lambda: stash.reset(self))

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    type_into(left, 'name', 'Ann')
    await show_changes()
    assert element(right, 'name').value == 'Ann'
    type_into(right, 'name', 'Bob')
    await show_changes()
    assert element(left, 'name').value == 'Bob'
    click(left, 'Reset')
    await show_changes()
    assert (element(left, 'name').value, element(right, 'name').value) == ('', '')
    type_into(left, 'name', 'Eve')
    await stash.flush(shown(stash, left, Page))
    assert (await data_of(store, 'Page'))['guest']['name'] == 'Eve'


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


async def open_two(stash: Stash, make: Callable[[], Any]) -> tuple[Any, Any]:
    @stash.page('/')
    class Page:
        guest: Any = stored(default_factory=make)
        __annotations__ = {'guest': type(make())}

        def build(self) -> None: ...

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    return shown(stash, left, Page), shown(stash, right, Page)


async def test_what_is_made_of_the_attributes_of_an_object_follows_too(stash: Stash) -> None:
    left, right = await open_two(stash, Named)
    assert right.guest.initial == ''
    left.guest = Named('Ann')
    await idle()
    assert (right.guest.upper, right.guest.length, right.guest.initial) == ('ANN', 3, 'A')


@pytest.mark.parametrize('make', [Frozen, Strict])
async def test_an_object_that_cannot_be_changed_is_replaced(stash: Stash, make: Callable[..., Any]) -> None:
    left, right = await open_two(stash, make)
    before = right.guest
    left.guest = make('Ann')
    await idle()
    assert (right.guest, before) == (make('Ann'), make())


PRESET = Guest('nobody')


async def test_an_object_that_the_app_may_use_elsewhere_is_never_changed_by_another_tab(stash: Stash) -> None:
    left, right = await open_two(stash, lambda: PRESET)
    left.guest = Guest('Ann')
    await idle()
    assert right.guest == Guest('Ann')
    right.guest = PRESET
    await idle()
    left.guest = Guest('Bob')
    await idle()
    assert (right.guest, PRESET) == (Guest('Bob'), Guest('nobody'))
