from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest
from nicegui import context, ui

from nicegui_stash import Change, Stash, StashError, stored
from nicegui_stash.testing import FaultyStore

from .scene import (
    Browser,
    click,
    client_of,
    element,
    go,
    idle,
    replace,
    shown,
    text,
    with_values,
)


async def test_a_remote_change_arrives_in_the_context_of_its_client(stash: Stash) -> None:
    seen: list[str] = []

    @stash.page('/')
    class Page:
        items: list[str] = stored([])

        def build(self) -> None:
            stash.on_change(self, 'items', self.changed)

        def changed(self, change: Change) -> None:
            if change.cause == 'remote':
                seen.append(context.client.id)
                ui.label(self.items[-1])

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    shown(stash, left, Page).items.append('from the left')
    await idle()
    assert seen == [client_of(right).id]
    await right.should_see('from the left')
    await left.should_not_see('from the left')


async def test_a_handler_that_raises_in_one_tab_does_not_disturb_the_other_nor_its_other_fields(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    raised: list[str] = []

    @stash.page('/')
    class Page:
        a: int = stored(0)
        b: int = stored(0)

        def build(self) -> None:
            ui.on_exception(lambda: raised.append(context.client.id))
            ui.label().mark('a').bind_text_from(self, 'a')
            ui.label().mark('b').bind_text_from(self, 'b')
            stash.on_change(self, 'a', self.changed)
            ui.label().bind_text_from(self, 'a', self.broken)

        def changed(self, change: Change) -> None:
            if change.cause == 'remote':
                raise RuntimeError('a broken handler')

        def broken(self, value: int) -> str:
            if value and context.client.id == middle_id:
                raise RuntimeError('a broken binding')
            return str(value)

    middle_id = ''
    ann = Browser()
    left, middle, right = await ann.open(), await ann.open(), await ann.open()
    middle_id = client_of(middle).id
    page = shown(stash, left, Page)
    with client_of(left):
        page.a, page.b = 1, 2
    await idle()
    assert sorted(errors()) == ['a broken binding', 'a broken handler', 'a broken handler']
    assert sorted(raised) == sorted([middle_id, middle_id, client_of(right).id])
    for tab in (left, middle, right):
        assert (text(tab, 'a'), text(tab, 'b')) == ('1', '2')


async def test_on_change_says_who_did_it(stash: Stash, store: FaultyStore) -> None:
    told: list[str] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None: ...

    ann = Browser()
    page, other = shown(stash, await ann.open(), Page), shown(stash, await ann.open(), Page)
    stash.on_change(page, 'count', lambda change: told.append(f'{change.cause} {page.count}'))
    page.count = 1
    other.count = 2
    await idle()
    await stash.flush(page)
    await replace(store, with_values(count=3))
    await ann.open()
    await idle()
    stash.reset(other)
    await idle()
    assert told == ['local 1', 'remote 2', 'remote 3', 'reset 0']


async def test_on_change_may_be_async_and_has_the_page_as_its_context(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            stash.on_change(self, 'count', self.changed)

        async def changed(self, change: Change) -> None:
            ui.label(f'{change.cause} {self.count}')

    ann = Browser()
    left, right = await ann.open(), await ann.open()
    shown(stash, left, Page).count = 1
    await idle()
    await left.should_see('local 1')
    await right.should_see('remote 1')


async def test_a_handler_ends_with_the_view_that_follows_what_several_views_share(stash: Stash) -> None:
    told: list[str] = []

    @stash.state
    class Settings:
        theme: str = stored('light')

    class Following:
        settings: Settings

        def build(self) -> None:
            stash.on_change(self.settings, 'theme', lambda: told.append(type(self).__name__))

    @stash.view
    class Form(Following):
        settings = stash.use(Settings)

    @stash.view
    class Other(Following):
        settings = stash.use(Settings)

    @ui.page('/')
    @ui.page('/other')
    def page() -> None:
        ui.sub_pages({'/': Form, '/other': Other})

    tab = await Browser().open('/')
    for path in ('/other', '/', '/other'):
        await go(tab, path)
    shown(stash, tab, Settings).theme = 'dark'
    await idle()
    assert told == ['Other']


async def test_a_handler_ends_with_the_part_of_the_page_that_it_was_given_in(stash: Stash) -> None:
    told: list[str] = []

    @stash.page('/')
    class Page:
        theme: str = stored('light')

        def build(self) -> None:
            stash.on_change(self, 'theme', lambda: told.append('page'))
            self.part()

        @ui.refreshable_method
        def part(self) -> None:
            stash.on_change(self, 'theme', lambda: told.append('part'))

    page = shown(stash, await Browser().open(), Page)
    for _ in range(3):
        await page.part.refresh()
    page.theme = 'dark'
    assert told == ['page', 'part']


async def test_a_handler_can_be_given_where_no_element_can_be_made(stash: Stash) -> None:
    told: list[int] = []

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)

    async def job() -> None:
        stash.on_change(page, 'count', lambda: told.append(page.count))

    await asyncio.create_task(job())
    page.count = 1
    assert told == [1]


async def test_a_handler_can_be_given_from_a_part_that_is_gone_by_then(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    told: list[int] = []
    gate, given = asyncio.Event(), asyncio.Event()

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            with ui.column().mark('part'):
                ui.button('Follow', on_click=self.follow)

        async def follow(self) -> None:
            await gate.wait()
            stash.on_change(self, 'count', lambda: told.append(self.count))
            given.set()

    tab = await Browser().open()
    click(tab, 'Follow')
    await idle()
    element(tab, 'part').delete()
    gc.collect()
    gate.set()
    await given.wait()
    shown(stash, tab, Page).count = 1
    assert (told, errors()) == ([1], [])


async def test_on_change_of_an_unknown_field_is_refused(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Page)
    with pytest.raises(StashError, match="Page has no stored field 'cuont'"):
        stash.on_change(page, 'cuont', lambda change: None)
