"""What a person sets on elements that are bound to no field: each element, in each scope, over each event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from .remembering import ELEMENTS, seen, set_all, set_table, settled
from .server import Server, eventually
from .tab import Tab, Visitor

pytestmark = [
    pytest.mark.proves('remember'),
    pytest.mark.timeout(900),  # the first test waits for all of `told`, each step of which has a limit of its own
]
SCOPES = ('session', 'tab', 'reconnect')
EVENTS = ('F5', 'duplicate', 'kill -9')
CHANGED = {
    'tabs': 'ONE',
    'panel': 'panel one',
    'radio': 'red',
    'table_rows': 'e1,f1,g1',
    'table_columns': ',name',
    'grid_columns': 'name,size',
    'grid_rows': 'b1,c1,d1,e1,f1,g1,h1,i1,j1',
    'tree_expanded': 'play_arrow,n1,n2',
}
"""What a page shows that has lost a tab, an option, a row, a node, and the column by which rows were sorted."""


@dataclass
class Told:
    """What a person saw: at first, after setting everything, and after each event, by scope."""

    first: dict[str, Any]
    objects_before: int = 0
    was_set: dict[str, dict[str, Any]] = field(default_factory=dict)
    after: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    stored: str = ''


async def looks_like(tab: Tab, wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what a person sees, as soon as it is what is wanted, or what differs after a while."""
    await settled(tab)
    loop = asyncio.get_running_loop()
    end = loop.time() + 60
    while (now := await seen(tab)) != wanted and loop.time() < end:
        await asyncio.sleep(0.1)
    return now


async def all_set(tab: Tab, first: dict[str, Any]) -> dict[str, Any]:
    """Set everything, and return what a person sees once the server has answered, as it does for a tick of a tree."""
    await set_all(tab, first)
    unset: list[str] = []

    async def all_differ() -> bool:
        now = await seen(tab)
        unset[:] = [element for element in ELEMENTS if now[element] == first[element]]
        return not unset

    try:
        await eventually(all_differ, 'everything is set')
    except TimeoutError as error:
        raise AssertionError(f'still as at first: {unset}') from error
    return await seen(tab)


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def told(visitors: Callable[[], Visitor], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    async with Server('remembering.py', tmp_path_factory.mktemp('remember')) as server, visitors() as visitor:
        tabs = {scope: await visitor.open(f'{server.url}/{scope}') for scope in SCOPES}
        for tab in tabs.values():
            await settled(tab)
        told = Told(await seen(tabs['session']), len(server.objects()))

        async def compare(event: str, **comes_back: bool) -> None:
            for scope, tab in tabs.items():
                wanted = told.was_set[scope] if comes_back[scope] else told.first
                told.after[scope, event] = await looks_like(tab, wanted)

        for scope, tab in tabs.items():
            told.was_set[scope] = await all_set(tab, told.first)
        originals = dict(tabs)
        for scope, tab in originals.items():
            tabs[scope] = await visitor.duplicate(tab)
        await compare('duplicate', session=True, tab=True, reconnect=False)
        for scope, tab in originals.items():
            await tabs[scope].page.close()
            tabs[scope] = tab
        for tab in tabs.values():
            await tab.reload()
        await compare('F5', session=True, tab=True, reconnect=False)
        told.was_set['reconnect'] = await all_set(tabs['reconnect'], told.first)
        await is_stored(server)
        await come_back(server, tabs)
        await compare('kill -9', session=True, tab=True, reconnect=True)
        told.stored = server.objects()[0].read_text()
        server.settings['changed'] = 1
        await come_back(server, tabs)
        for scope, tab in tabs.items():
            await tab.until('document.querySelectorAll(".q-tab").length === 2')
            told.changed[scope] = await looks_like(tab, told.was_set[scope] | CHANGED)
        yield told


async def is_stored(server: Server) -> None:
    """Return when what was set last, on the page of the visit, is stored."""

    async def is_there() -> bool:
        visits = server.document()['slices']['stash.remember']['1']['/reconnect']['visits'].values()
        return any({'q-scroll-area', 'nicegui-dialog'} <= set(visit['data']) for visit in visits)

    await eventually(is_there, 'all is stored')


async def come_back(server: Server, tabs: dict[str, Tab]) -> None:
    clients = {scope: await tab.client() for scope, tab in tabs.items()}
    await server.kill()
    await server.start()
    for scope, tab in tabs.items():
        await tab.connected(after=clients[scope])


@pytest.mark.parametrize('event', EVENTS)
@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('element', ELEMENTS)
async def test_an_element_comes_back_as_its_scope_says(told: Told, element: str, scope: str, event: str):
    was_set, first = told.was_set[scope][element], told.first[element]
    assert was_set != first, 'it was not set'
    comes_back = scope != 'reconnect' or event == 'kill -9'
    assert told.after[scope, event][element] == (was_set if comes_back else first)


async def test_who_sets_nothing_leaves_no_object(told: Told):
    assert told.objects_before == 0


async def test_a_password_is_never_stored(told: Told):
    assert 'Ada' in told.stored
    assert 'a secret' not in told.stored


@pytest.mark.parametrize('scope', SCOPES)
@pytest.mark.parametrize('element', ELEMENTS)
async def test_a_changed_page_loses_only_what_no_longer_fits(told: Told, element: str, scope: str):
    assert told.changed[scope][element] == CHANGED.get(element, told.was_set[scope][element])


async def test_two_tabs_do_not_overwrite_each_others_elements(
    visitors: Callable[[], Visitor], tmp_path_factory: pytest.TempPathFactory
):
    async with Server('remembering.py', tmp_path_factory.mktemp('two')) as server, visitors() as visitor:
        one, two = [await visitor.open(f'{server.url}/session') for _ in range(2)]
        await settled(one)
        await settled(two)  # else it shows what is stored by the time its visit is known
        await one.page.get_by_test_id('input').fill('Ada')
        await two.page.get_by_test_id('textarea').fill('a note')
        await settled(one)
        await settled(two)
        await expect(two.page.get_by_test_id('input')).to_have_value('')  # an open tab keeps what it shows
        await one.reload()
        await expect(one.page.get_by_test_id('input')).to_have_value('Ada')
        await expect(one.page.get_by_test_id('textarea')).to_have_value('a note')


@pytest.mark.parametrize('scope', SCOPES)
async def test_a_table_comes_back_on_a_page_that_was_answered_before_the_store(
    visitors: Callable[[], Visitor], tmp_path_factory: pytest.TempPathFactory, scope: str
):
    folder = tmp_path_factory.mktemp('late')
    async with Server('remembering.py', folder, recover_timeout=0.0001) as server, visitors() as visitor:
        tab = await visitor.open(f'{server.url}/{scope}')
        await settled(tab)
        await set_table(tab)
        await settled(tab)
        was_set = await seen(tab)
        assert (was_set['table_rows'], was_set['table_selected']) == ('g1,f1,e1', 'g1')
        await eventually(lambda: table_is_stored(server, scope), 'the table is stored')
        for _ in range(2):  # what is shown late is kept
            await come_back(server, {scope: tab})
            assert await looks_like(tab, was_set) == was_set


async def table_is_stored(server: Server, scope: str) -> bool:
    [stored] = [path.read_text() for path in server.objects()] or ['']
    return f'/{scope}' in stored and all(part in stored for part in ('"page":2', '"selected":["g1"]', '"hidden":["'))
