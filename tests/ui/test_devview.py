"""The panel for developers: what it says, what it leaves alone, and that it costs nothing where nobody asked for it."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.stores import open_store
from nicegui_stash.stores.base import Checking, Expiring, Timekeeping, Watching
from nicegui_stash.stores.interrupted import InterruptedStore
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.devview.unstored import line_of

from .scene import Browser, click, client_of, documents, eventually, go, idle, serving, shown, type_into

DEVVIEW = ('nicegui_stash.ui.devview', 'nicegui_stash.stores.interrupted')


@pytest.fixture
async def dev(url: str, store: FaultyStore, errors: Callable[[], list[str]]) -> AsyncIterator[Stash]:
    """The `Stash` of an app whose developer looks at its pages."""
    async with serving(lambda: Stash(url, flush_interval=0, dev=True)) as stash:
        yield stash
        store.release()


def panels(tab: User) -> list[Any]:
    return [each for each in client_of(tab).elements.values() if type(each).__name__ == 'DevPanel']


async def panel(tab: User) -> Any:
    (found,) = await eventually(lambda: panels(tab))
    return found


async def says(tab: User, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Return what the panel says, once that holds."""
    found = await panel(tab)
    return await eventually(lambda: found.props['shown'] if holds(found.props['shown']) else None)


def row(said: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [row for each in said['classes'] for row in each['rows'] if row['name'] == name]
    return found


def lost(said: dict[str, Any]) -> dict[str, str]:
    return {each['name']: each['line'] for each in said['lost']}


def press(tab: User, found: Any, event: str) -> None:
    """Have the server receive an event of the panel, as its buttons send them."""
    (listener,) = [each for each in found._event_listeners.values() if each.type == event]
    client_of(tab).handle_event({'id': found.id, 'listener_id': listener.id, 'args': [None]})


def declare(stash: Stash) -> type:
    @stash.page('/', version=2)
    class Page:
        name: str = stored('nobody')
        draft: str = stored('', scope='reconnect')
        query: str = stored('', scope='url')

        def build(self) -> None:
            self.label = ui.label('built')
            self.tries = 3
            self.seen: list[int] = []
            ui.input('Name').mark('name').bind_value(self, 'name')
            ui.input('Draft').mark('draft').bind_value(self, 'draft')

    return Page


# ---- what it says


async def test_each_field_is_shown_with_its_scope_its_value_and_whether_that_is_in_the_store(
    dev: Stash, store: FaultyStore
):
    cls = declare(dev)
    tab = await Browser().open()
    said = await says(tab, lambda said: said['classes'])
    (page,) = said['classes']
    assert (page['name'], page['version'], page['key']) == ('Page', 2, '')
    assert [(each['name'], each['scope'], each['state']) for each in page['rows']] == [
        ('name', 'session', 'default'),
        ('draft', 'reconnect', 'default'),
        ('query', 'url', 'default'),
    ]
    gate = store.hold('put')
    type_into(tab, 'name', 'Ann')
    await gate.started.wait()
    said = await says(tab, lambda said: row(said, 'name')['state'] == 'pending')
    assert row(said, 'name') | {'put': None} == {
        'name': 'name',
        'scope': 'session',
        'value': '"Ann"',
        'default': '"nobody"',
        'size': 5,
        'state': 'pending',
        'put': None,
    }
    assert row(said, 'draft')['state'] == 'default'
    assert row(said, 'name')['put'] is None
    store.release()
    said = await says(tab, lambda said: row(said, 'name')['state'] == 'stored')
    assert row(said, 'name')['put'] is not None
    assert said['pending'] == 0
    shown(dev, tab, cls).query = 'red'
    await says(tab, lambda said: row(said, 'query')['state'] == 'in the address')


async def test_a_change_that_waits_for_save_is_said_to_wait(dev: Stash):
    @dev.page('/', auto=False)
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.input('Name').mark('name').bind_value(self, 'name')

    tab = await Browser().open()
    await panel(tab)
    type_into(tab, 'name', 'Ann')
    await says(tab, lambda said: row(said, 'name')['state'] == 'waits for save()')
    dev.save(shown(dev, tab, Page))
    await says(tab, lambda said: row(said, 'name')['state'] == 'stored')


async def test_an_attribute_that_is_assigned_after_the_build_is_named_with_the_line_that_stores_it(dev: Stash):
    cls = declare(dev)
    tab = await Browser().open()
    said = await says(tab, lambda said: said['classes'])
    assert said['lost'] == []
    page: Any = shown(dev, tab, cls)
    page.tries = 4
    page.seen.append(7)
    page._chosen = 'red'
    page.client = object()
    page.label = ui.label  # what building makes is no value
    said = await says(tab, lambda said: len(said['lost']) == 4)
    assert lost(said) == {
        'tries': 'tries: int = stored(3)',
        'seen': 'seen: list[int] = stored([])',
        '_chosen': "chosen: str = stored('')",
        'client': '',
    }
    assert {each['of'] for each in said['lost']} == {'Page'}
    page.tries = 3
    await says(tab, lambda said: 'tries' not in lost(said))


async def test_an_element_that_is_bound_to_nothing_stored_is_named_unless_it_is_remembered(dev: Stash):
    @dev.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            self.plain = ''
            ui.input('Name').mark('name').bind_value(self, 'name')
            ui.input('Shown').mark('shown').bind_value_from(self, 'name')
            ui.input('Plain').mark('plain').bind_value(self, 'plain')
            ui.input('Free').mark('free')
            ui.input('Secret', password=True).mark('secret')
            dev.remember(ui.input('Kept').mark('kept'))

    tab = await Browser().open()
    await panel(tab)
    for name in ('name', 'plain', 'free', 'secret', 'kept'):
        type_into(tab, name, 'typed')
    said = await says(tab, lambda said: len(said['lost']) == 2)
    assert lost(said) == {'plain': "plain: str = stored('')", 'Free': "stash.remember(ui.input('Free'))"}


@dataclass
class Item:
    name: str = ''
    tags: list[str] = field(default_factory=list)


@pytest.mark.parametrize(
    ('value', 'before', 'line'),
    [
        (True, None, 'x: bool = stored(False)'),
        (2.5, 1.5, 'x: float = stored(1.5)'),
        (None, None, 'x: str | None = stored(None)'),
        ([], None, 'x: list[str] = stored([])'),
        ([1, 'a', None], [], 'x: list[int | str | None] = stored([])'),
        ({'a': [1]}, None, 'x: dict[str, list[int]] = stored({})'),
        ({1}, None, 'x: set[int] = stored(set())'),
        (date(2026, 1, 2), None, 'x: date | None = stored(None)'),
        (Item(), None, 'x: Item | None = stored(None)'),
        ([object()], None, ''),
        ({'a': object()}, None, ''),
    ],
)
def test_the_line_to_write_fits_the_value(value: object, before: object, line: str):
    assert line_of('x', value, before) == line


# ---- the store, away and back


async def test_the_store_can_be_taken_away_and_brought_back(dev: Stash, store: FaultyStore):
    declare(dev)
    tab = await Browser().open()
    other = await Browser().open()
    found = await panel(tab)
    press(tab, found, 'store')
    await says(other, lambda said: said['away'])  # it is the store of all pages
    type_into(tab, 'name', 'Ann')
    said = await says(tab, lambda said: said['state'] == 'offline')
    assert 'a developer has taken it away' in said['problem']
    assert await documents(store) == {}
    press(tab, found, 'store')
    await says(tab, lambda said: not said['away'] and said['state'] == 'saved' and said['pending'] == 0)
    (document,) = (await documents(store)).values()
    assert document['slices']['Page']['2']['']['data'] == {'name': 'Ann'}


async def test_what_a_store_has_besides_is_still_there_when_it_can_be_taken_away(tmp_path: Path):
    inner = open_store(f'sqlite:///{tmp_path}/stash.db')
    outer = InterruptedStore(inner)
    for kind in (Checking, Expiring, Timekeeping, Watching):
        assert isinstance(outer, kind) == isinstance(inner, kind)
    assert isinstance(inner, Watching)
    await outer.aclose()


# ---- where it is not


async def test_without_the_option_nothing_of_it_is_imported_made_or_called(
    url: str, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in sys.modules if name.startswith(DEVVIEW)]:
        monkeypatch.delitem(sys.modules, name)
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        type_into(tab, 'name', 'Ann')
        await stash.flush(shown(stash, tab, cls))
        assert [name for name in sys.modules if name.startswith(DEVVIEW)] == []
        assert stash._app_state.on_open is None
        assert stash._app_state.runtime().registry.store is store
        assert min(client_of(tab).elements) == 0


async def test_a_page_without_a_stored_class_shows_nothing_until_a_view_has_one(dev: Stash):
    @dev.view
    class View:
        name: str = stored('')

        def build(self) -> None:
            ui.input('Name').mark('name').bind_value(self, 'name')

    @ui.page('/')
    def page() -> None:
        dev.remember(ui.input('Free').mark('free'))
        ui.sub_pages({'/': lambda: ui.label('no fields'), '/view': View})

    @ui.page('/plain')
    def plain() -> None:
        ui.label('nothing of a stash')

    tab = await Browser().open()
    assert (await Browser().open('/plain')).client is not None
    await go(tab, '/view')
    await says(tab, lambda said: [each['name'] for each in said['classes']] == ['View'])
    await go(tab, '/')
    await eventually(lambda: not panels(tab))


async def test_the_elements_of_the_app_have_the_numbers_that_they_have_without_it(url: str, store: FaultyStore):
    numbers: list[list[tuple[int, str]]] = []
    for on in (False, True):
        async with serving(lambda on=on: Stash(url, dev=on)) as stash:

            @stash.page('/')
            class Page:
                name: str = stored('')

                def build(self) -> None:
                    ui.input('Name').bind_value(self, 'name')
                    ui.button('Add', on_click=lambda: ui.label('added'))

            tab = await Browser().open()
            if on:
                await panel(tab)
            click(tab, 'Add')
            await idle()
            elements = client_of(tab).elements
            numbers.append([(number, each.tag) for number, each in elements.items() if number >= 0])
            assert client_of(tab).next_element_id == max(elements) + 1
            assert [number for number in elements if number < 0] == ([-2] if on else [])
    assert numbers[0] == numbers[1]


async def test_a_page_of_two_stashes_has_a_panel_of_each(dev: Stash):
    other = Stash('memory://other', dev=True)

    @other.state
    class Other:
        name: str = stored('')

    @dev.state
    class Own:
        name: str = stored('')

    @ui.page('/')
    async def page() -> None:
        await dev.recover(Own)
        await other.recover(Other)

    tab = await Browser().open()
    await eventually(lambda: len(panels(tab)) == 2)
    assert {each.id for each in panels(tab)} == {-2, -3}
    assert {each['name'] for panel in panels(tab) for each in panel.props['shown']['classes']} == {'Own', 'Other'}


async def test_what_is_made_later_in_a_block_is_still_remembered(dev: Stash, store: FaultyStore):
    @dev.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            with dev.remembering():
                self.box = ui.column()

    browser = Browser()
    tab = await browser.open()
    await panel(tab)
    with shown(dev, tab, Page).box:
        ui.input('Later').mark('later')
    await idle()
    type_into(tab, 'later', 'typed')
    await says(tab, lambda said: said['pending'] == 0 and said['size'] > 0)
    await eventually(lambda: dev.statistics().puts)
    (document,) = (await documents(store)).values()
    assert 'typed' in str(document)
    assert (await says(tab, lambda said: said['classes']))['lost'] == []


async def test_a_warning_says_once_that_it_is_on(url: str, store: FaultyStore, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, 'nicegui_stash'):
        async with serving(lambda: Stash(url, dev=True)) as stash:
            declare(stash)
            await panel(await Browser().open())
            await panel(await Browser().open())
    assert [each.getMessage() for each in caplog.records if 'dev=True' in each.getMessage()] == [
        'dev=True: whoever opens a page sees its fields and can end this server; leave it out in production'
    ]


async def test_a_page_that_is_gone_is_looked_at_no_more(dev: Stash):
    declare(dev)
    tab = await Browser().open()
    await panel(tab)
    registry = dev._app_state.runtime().registry
    looking = [task for task in registry._tasks if 'Panel._run' in repr(task.get_coro())]
    assert len(looking) == 1
    client_of(tab).delete()
    await eventually(looking[0].done)
