from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import pytest
from nicegui import ui

from nicegui_stash import Stash, StashError, stored

from .scene import Browser, shown

T = TypeVar('T')


async def test_a_state_class_that_is_not_declared_cannot_be_used(stash: Stash) -> None:
    class Settings:
        dark: bool = stored(default=False)

    with pytest.raises(StashError, match=r'Settings is not declared with this Stash; put @stash\.state above it'):

        @stash.page('/')
        class Counter:
            settings: Settings = stash.use(Settings)

            def build(self) -> None: ...


async def test_a_state_class_of_another_stash_cannot_be_used(stash: Stash, url: str) -> None:
    @Stash(url, prefix='other').state
    class Settings:
        dark: bool = stored(default=False)

    with pytest.raises(StashError, match='Settings is not declared with this Stash'):
        stash.use(Settings)


async def test_a_class_with_a_key_cannot_be_used_since_nothing_says_which_value(stash: Stash) -> None:
    @stash.page('/item/{number}', key='number')
    class Item:
        def build(self, number: int) -> None: ...

    with pytest.raises(StashError, match='Item'):
        stash.use(Item)


async def test_a_class_that_is_not_decorated_cannot_be_recovered(stash: Stash, errors: Callable[[], list[str]]) -> None:
    class Counter:
        count: int = stored(0)

    raised: list[Exception] = []

    @ui.page('/')
    async def page() -> None:
        try:
            await stash.recover(Counter)
        except StashError as error:
            raised.append(error)

    await Browser().open()
    (error,) = raised
    assert re.search(r'Counter is not declared with this Stash; put @stash', str(error))


async def test_a_class_that_is_not_decorated_says_so_when_a_field_is_read_or_written() -> None:
    class Counter:
        count: int = stored(0)

    with pytest.raises(StashError, match=r'Counter is not decorated; put @stash\.page'):
        assert Counter().count
    with pytest.raises(StashError, match=r'Counter is not decorated; put @stash\.page'):
        Counter().count = 1


async def test_a_subclass_of_a_stored_class_must_be_decorated_itself(stash: Stash) -> None:
    @stash.state
    class Base:
        count: int = stored(0)

    class Derived(Base):
        total: int = stored(0)

    with pytest.raises(StashError, match='Derived is not declared with this Stash'):
        stash.use(Derived)


async def test_a_subclass_of_a_view_that_is_not_decorated_is_not_shown(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.view
    class Base:
        def build(self) -> None: ...

    class Derived(Base): ...

    @ui.page('/')
    def page() -> None:
        ui.sub_pages({'/': Derived})

    await Browser().open()
    assert any('produced an error' in each for each in errors())
    with pytest.raises(StashError, match='Derived is a subclass of a stored class and has to be decorated itself'):
        Derived()


async def test_the_fields_of_a_mixin_live_in_each_concrete_class(stash: Stash) -> None:
    class Noted:
        note: str = stored('')

    @stash.page('/a')
    class A(Noted):
        def build(self) -> None: ...

    @stash.page('/b')
    class B(Noted):
        def build(self) -> None: ...

    ann = Browser()
    shown(stash, await ann.open('/a'), A).note = 'for a'
    assert shown(stash, await ann.open('/b'), B).note == ''
    assert shown(stash, await ann.open('/a'), A).note == 'for a'
