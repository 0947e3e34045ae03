"""The steps of the tutorial do what the tutorial says, as far as a simulated browser can see it."""

from __future__ import annotations

import httpx
import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Unavailable
from nicegui_stash.stores import FileStore, Mode

from .conftest import Running
from .examples import named


def step(name: str) -> str:
    return named('tutorial.md', name).code


async def pack(user: User, item: str) -> None:
    await user.should_see(ui.input)
    user.find(ui.input).type(item)
    user.find('Add').click()
    await user.should_see(item, kind=ui.label)


async def open_with(user: User, cookies: httpx.Cookies) -> None:
    """Open the page in a browser that has been here before."""
    user.http_client.cookies = cookies
    await user.open('/')


async def test_without_declarations_the_list_is_gone_on_the_next_page_view(running: Running) -> None:
    async with running(step('plain')) as user:
        await user.open('/')
        await pack(user, 'socks')
        await user.open('/')
        await user.should_not_see('socks')


@pytest.mark.parametrize('name', ['stored', 'durable'])
async def test_the_declared_list_is_back_on_the_next_page_view_and_after_a_restart(running: Running, name: str) -> None:
    async with running(step(name)) as user:
        await user.open('/')
        await pack(user, 'socks')
        await pack(user, 'tent')
        await user.open('/')
        await user.should_see('socks')
        cookies = user.http_client.cookies
    async with running(step(name)) as user:
        await open_with(user, cookies)
        await user.should_see('socks')
        await user.should_see('tent')


async def test_the_draft_is_blank_on_a_new_visit(running: Running) -> None:
    async with running(step('stored')) as user:
        await user.open('/')
        user.find(ui.input).type('half a wo')
        await user.open('/')
        await user.should_see(ui.input)
        (draft,) = user.find(ui.input).elements
        assert draft.value == ''


async def test_the_number_in_another_tab_follows(running: Running) -> None:
    async with running(step('durable')) as user:
        other = User(user.http_client)
        await user.open('/')
        await other.open('/')
        await pack(user, 'socks')
        await other.should_see('1 to pack')
        await other.should_see('socks')


async def test_finishing_says_that_it_is_saved(running: Running) -> None:
    async with running(step('durable')) as user:
        await user.open('/')
        user.find('All packed').click()
        await user.should_see('Saved. You can close the lid.')
        await user.should_see('saved')


async def test_finishing_while_the_store_is_away_says_that_too(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(store: FileStore, key: str, body: bytes, *, mode: Mode) -> None:
        raise Unavailable('put', key, 'the test has taken the disk away')

    async with running(step('durable')) as user:
        await user.open('/')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', put)
            user.find('All packed').click()
            await user.should_see('Not saved yet. It will be, as soon as the store answers.')
            await user.should_see('offline')
        await user.should_see('saved')


async def test_what_version_1_stored_is_migrated(running: Running) -> None:
    async with running(step('durable')) as user:
        await user.open('/')
        await pack(user, 'socks')
        cookies = user.http_client.cookies
    async with running(step('migrated')) as user:
        await open_with(user, cookies)
        await user.should_see('socks')
        await user.should_see('recovered: recovered')
        await pack(user, 'tent')
    async with running(step('durable')) as user:  # a rollback
        await open_with(user, cookies)
        await user.should_see('socks')
        await user.should_not_see('tent')
