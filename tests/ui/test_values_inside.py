"""Values inside of objects that do not tell when they are changed, as of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, click, close, data_of, eventually, shown


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
    page = shown(stash, await Browser().open(), cls)
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
