"""The demo's pages, tested with what an app's author has: NiceGUI's simulated user and `nicegui_stash.testing`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash.testing import FaultyStore, hop, rejoin, reload, restart

pytest_plugins = ['nicegui_stash.testing.plugin']
pytestmark = pytest.mark.nicegui_main_file('tests/testing/demo.py')


async def field(user: User, label: str) -> Any:
    """Return the input with this label, once the page is built."""
    await user.should_see(ui.input)
    (found,) = (each for each in user.find(ui.input).elements if each.label == label)
    return found


async def fill_in(user: User, label: str, value: str) -> None:
    found = await field(user, label)
    with found.client:
        found.value = value


async def test_the_draft_of_the_form_is_back_after_each_kind_of_rejoin_and_blank_after_f5(
    stash_store: FaultyStore, user: User
):
    await user.open('/form')
    await fill_in(user, 'E-mail', 'ada@example.org')
    for come_back in (rejoin, restart, hop):
        await come_back(user)
        assert (await field(user, 'E-mail')).value == 'ada@example.org'
        await user.should_see('Came back by itself')
    await reload(user)
    assert (await field(user, 'E-mail')).value == ''


async def test_a_booking_outlives_the_server_and_its_draft_is_blank(stash_store: FaultyStore, user: User):
    await user.open('/form')
    await fill_in(user, 'Name', 'Ada')
    user.find('I carry my rubbish back down').click()
    user.find('Book').click()
    await user.should_see('Ada · nights: 2 · guests: 2')
    await restart(user)
    await user.should_see('Ada · nights: 2 · guests: 2')
    assert (await field(user, 'Name')).value == ''


async def test_the_settings_of_one_visitor_are_shown_on_all_pages_and_to_nobody_else(
    stash_store: FaultyStore, user: User, create_user: Callable[[], User]
):
    other, tab = create_user(), User(user.http_client)
    await other.open('/settings')
    await tab.open('/board')
    await user.open('/settings')
    await fill_in(user, 'Name', 'Ada')
    await tab.should_see('Ada')
    await restart(user, other, tab)
    assert (await field(user, 'Name')).value == 'Ada'
    assert (await field(other, 'Name')).value == ''
    await tab.should_see('Ada')


async def test_while_the_store_is_away_every_page_works_and_says_so(stash_store: FaultyStore, user: User):
    stash_store.down = True
    for path in ('/', '/counter', '/form', '/wizard', '/board', '/job', '/settings'):
        await user.open(path)
        await user.should_see('nicegui_stash')
    await fill_in(user, 'Name', 'Ada')
    await user.should_see('Offline')
    stash_store.down = False
    await user.should_see('Saved')
