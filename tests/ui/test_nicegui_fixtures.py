"""An app as its author tests it: with the `user` and `create_user` fixtures of NiceGUI, and nothing of this library."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nicegui import ui
from nicegui.testing import User, user_simulation

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore
from tests.steady import count_only_waiting

from .scene import data_of, documents

APPS = Path(__file__).parent / 'apps'
MAIN_FILE = 'tests/ui/apps/shop.py'


@pytest.fixture(autouse=True)
def place(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the apps of these tests are found, and where they store."""
    monkeypatch.syspath_prepend(APPS)
    monkeypatch.setenv('NICEGUI_STASH_URL', url)


@pytest.fixture(autouse=True)
async def steady_clock() -> None:
    """As in `serving`, which these tests do without."""
    count_only_waiting()


@pytest.fixture(scope='module', autouse=True)
def unload() -> Iterator[None]:
    """Leave no module of the app behind for other tests."""
    yield
    for name in ('shop_state', 'shop_pages'):
        sys.modules.pop(name, None)


async def buy_two(user: User) -> None:
    await user.open('/')
    await user.should_see('visit 1')
    user.find('buy').click()
    user.find('buy').click()
    await user.should_see('cart: pen pen')


@pytest.mark.nicegui_main_file(MAIN_FILE)
@pytest.mark.parametrize('time', ['first', 'second', 'third'])
async def test_an_app_is_tested_again_and_again_although_its_stash_is_imported_once(user: User, time: str) -> None:
    await buy_two(user)
    user.find('to the other page').click()
    await user.should_see('2 things to pay')
    await user.open('/')
    await user.should_see('visit 2')


@pytest.mark.nicegui_main_file(MAIN_FILE)
async def test_each_user_has_a_separate_session(user: User, create_user: Callable[[], User]) -> None:
    await buy_two(user)
    other, third = create_user(), create_user()
    await buy_two(other)
    other.find('buy').click()
    await third.open('/checkout')
    await third.should_see('0 things to pay')
    await other.should_see('cart: pen pen pen')
    await user.should_see('cart: pen pen')


async def test_every_life_of_an_app_whose_stash_is_imported_once_is_drained(store: FaultyStore) -> None:
    for life in (1, 2):
        async with user_simulation(main_file=APPS / 'shop.py') as user:
            gate = store.hold('put')
            await buy_two(user)
            await gate.started.wait()
            asyncio.get_running_loop().call_later(0.05, store.release)  # only then, while the app stops already
        found = (await documents(store)).values()
        assert [each['slices']['Cart']['1']['']['data'] for each in found] == [{'items': ['pen', 'pen']}] * life


async def test_a_root_function_can_be_simulated(store: FaultyStore) -> None:
    def root() -> None:
        ui.sub_pages({'/': View})

    stash = Stash(flush_interval=0)

    @stash.view
    class View:
        count: int = stored(0)

        def build(self) -> None:
            ui.label().bind_text_from(self, 'count', lambda count: f'count {count}')
            ui.button('+1', on_click=lambda: setattr(self, 'count', self.count + 1))

    async with user_simulation(root=root) as user:
        await user.open('/')
        user.find('+1').click()
        await user.should_see('count 1')
        await user.open('/')
        await user.should_see('count 1')
    assert await data_of(store, 'View') == {'count': 1}


async def test_pages_can_be_declared_in_the_test(user: User) -> None:
    stash = Stash()

    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            ui.label().bind_text_from(self, 'count', lambda count: f'count {count}')
            ui.button('+1', on_click=lambda: setattr(self, 'count', self.count + 1))

    await user.open('/')
    user.find('+1').click()
    await user.should_see('count 1')
    await user.open('/')
    await user.should_see('count 1')
