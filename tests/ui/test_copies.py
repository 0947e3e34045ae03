"""A copy of a page object, as for a draft that may be cancelled, stores nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import pytest
from nicegui import ui

from nicegui_stash import Stash, StashError, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, idle, shown, text


class Written:
    """A class that says itself what of it is copied."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, 'said': 'so'}


class ByHand:
    """A class that copies itself, as is often seen."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = object.__new__(type(self))
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made


class Slotted:
    """A mixin with a slot, whose state is a pair."""

    __slots__ = ('slot',)


@pytest.mark.parametrize('mixin', [object, Written, ByHand, Slotted])
@pytest.mark.parametrize('make', [copy.copy, copy.deepcopy])
async def test_what_is_assigned_to_a_copy_is_not_stored_and_the_original_goes_on(
    stash: Stash, store: FaultyStore, make: Callable[[Any], Any], mixin: type
) -> None:
    @stash.state
    class Settings(mixin):
        name: str = stored('old')
        tags: list[str] = stored(['a'])

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            ui.label().mark('name').bind_text_from(self.settings, 'name')

    tab = await Browser().open()
    original = shown(stash, tab, Page).settings
    if mixin is Slotted:
        original.slot = 'filled'
    draft = make(original)
    draft.name, draft.tags = 'draft', ['b']
    await idle()
    assert (draft.name, draft.tags, original.name, original.tags) == ('draft', ['b'], 'old', ['a'])
    assert store.calls['put'] == 0
    with pytest.raises(StashError, match='was not made by nicegui_stash'):
        stash.save(draft)
    original.name = draft.name
    await stash.flush(original)
    assert (text(tab, 'name'), await data_of(store, 'Settings')) == ('draft', {'name': 'draft'})
    original.name = 'new'
    assert draft.name == 'draft'


async def test_a_deep_copy_has_collections_of_its_own_and_can_be_bound(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        tags: list[str] = stored([])
        name: str = stored('')

        def build(self) -> None:
            draft = copy.deepcopy(self)
            ui.label().mark('name').bind_text_from(draft, 'name')
            draft.tags.append('of the draft')
            draft.name = 'draft'
            self.name = 'page'

    tab = await Browser().open()
    page = shown(stash, tab, Page)
    assert (text(tab, 'name'), page.tags) == ('draft', [])
    await stash.flush(page)
    assert await data_of(store, 'Page') == {'name': 'page'}
