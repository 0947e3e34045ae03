"""The tools for testing one's own app, used as an app's author would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash.testing import FaultyStore, hop, rejoin, reload, restart

pytest_plugins = ['nicegui_stash.testing.plugin']
pytestmark = pytest.mark.nicegui_main_file('tests/testing/app.py')


async def fill_in(user: User) -> None:
    await user.open('/')
    user.find('Draft').type('half-ty')
    user.find('Send').click()
    user.find('Zoom').click()


async def test_a_rejoin_brings_everything_back(stash_store: FaultyStore, user: User):
    await fill_in(user)
    await rejoin(user)
    await user.should_see('draft: half-ty')
    await user.should_see('sent: 1')
    await user.should_see('zoom: 2')
    await user.should_see('rejoin')


async def test_a_rejoin_after_a_rejoin_continues_the_same_visit(stash_store: FaultyStore, user: User):
    await fill_in(user)
    await rejoin(user)
    await rejoin(user)
    await user.should_see('draft: half-ty')


async def test_a_rejoin_continues_the_visit_for_each_stash_of_the_page(stash_store: FaultyStore, user: User):
    await user.open('/notes')
    user.find('Note').type('half-ty')
    user.find('Aside').type('by the w')
    await rejoin(user)
    await user.should_see('note is half-ty')
    await user.should_see('aside is by the w')


async def test_a_rejoin_continues_the_visit_for_a_class_that_comes_to_the_open_page(
    stash_store: FaultyStore, user: User
):
    await user.open('/later')
    user.find('Show').click()
    await user.should_see('note is')
    user.find('Note').type('half-ty')
    await rejoin(user)
    user.find('Show').click()
    await user.should_see('note is half-ty')
    await user.open('/later')
    user.find('Show').click()
    await user.should_see('note is')
    await user.should_not_see('half-ty')


async def test_a_reload_is_a_new_visit_in_the_same_tab(stash_store: FaultyStore, user: User):
    await fill_in(user)
    await reload(user)
    await user.should_see('sent: 1')
    await user.should_see('zoom: 2')
    await user.should_not_see('half-ty')


async def test_a_restart_loses_nothing(stash_store: FaultyStore, user: User):
    await fill_in(user)
    await restart(user)
    await user.should_see('draft: half-ty')
    await user.should_see('sent: 1')


async def test_a_kill_loses_what_was_not_durable(stash_store: FaultyStore, user: User):
    await user.open('/')
    applied = stash_store.hold('put', applied=True)
    user.find('Send').click()
    await applied.started.wait()
    applied.release()
    gate = stash_store.hold('put')
    user.find('Send').click()
    await gate.started.wait()
    await user.should_see('sent: 2')
    await restart(user, kill=True)
    stash_store.release()
    await user.should_see('sent: 1')


@pytest.mark.proves('slow-store')
async def test_a_store_that_is_down_fails_no_page(stash_store: FaultyStore, user: User):
    stash_store.down = True
    await user.open('/')
    user.find('Send').click()
    await user.should_see('sent: 1')
    stash_store.down = False


async def test_the_store_of_the_test_before_is_not_there(stash_store: FaultyStore, user: User):
    await user.open('/')
    await user.should_see('sent: 0')
    assert user.find(ui.label).elements


async def test_a_hop_brings_everything_back_from_the_store_alone(stash_store: FaultyStore, user: User):
    await fill_in(user)
    reads = stash_store.calls['get']
    await rejoin(user)
    assert stash_store.calls['get'] <= reads + 1  # the session is in memory
    await hop(user)
    await user.should_see('draft: half-ty')
    await user.should_see('sent: 1')
    await user.should_see('zoom: 2')
    await user.should_see('rejoin')


async def test_two_servers_that_change_one_session_lose_nothing(stash_store: FaultyStore, user: User):
    tab = User(user.http_client)
    await user.open('/')
    await tab.open('/')
    user.find('Count').click()
    await tab.should_see('sent: 1')
    await hop(user)
    user.find('Count').click()
    await user.should_see('sent: 2')
    await tab.should_see('sent: 1')  # it is at the old server, which nobody has told
    tab.find('Name').type('Ada')
    tab.find('Count').click()
    await tab.should_see('sent: 3')
    user.find('Count').click()
    await user.should_see('sent: 4')
    await user.should_see('name: Ada')


async def test_what_the_old_server_has_pending_is_written_by_it(stash_store: FaultyStore, user: User):
    await user.open('/')
    gate = stash_store.hold('put')
    user.find('Send').click()
    await gate.started.wait()
    await hop(user)
    await user.should_see('sent: 0')
    stash_store.release()
    await user.should_see('sent: 1')  # looked at again, since the old server might still be draining


async def test_another_user_is_another_session(stash_store: FaultyStore, user: User, create_user: Callable[[], User]):
    other = create_user()
    await fill_in(user)
    await fill_in(other)
    other.find('Send').click()
    await restart(user, other)
    await user.should_see('sent: 1')
    await other.should_see('sent: 2')


async def test_and_so_it_is_in_the_next_test_of_the_module(
    stash_store: FaultyStore, user: User, create_user: Callable[[], User]
):
    other = create_user()
    await fill_in(other)
    await user.open('/')
    await user.should_see('sent: 0')
    await hop(other)
    await other.should_see('sent: 1')
