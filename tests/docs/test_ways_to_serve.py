"""A root function, a router, several paths and a mounted app, as the guide has them."""

from __future__ import annotations

import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from nicegui import ui
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals

from nicegui_stash.testing import rejoin
from tests.steady import count_only_waiting

from .conftest import Running
from .looking import only, program, value

PAGE = 'ways-to-serve'


@asynccontextmanager
async def hosted(main: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[User]:
    """Run a program with `ui.run_with` as a server would: its `api` is asked, with the app below it."""
    monkeypatch.chdir(main.parent)
    monkeypatch.setenv('NICEGUI_STASH_URL', str(main.parent / 'stash'))
    monkeypatch.setenv('NICEGUI_STASH_RECOVER_TIMEOUT', '2.9')  # as in `running`
    monkeypatch.setenv('NICEGUI_USER_SIMULATION', 'true')
    count_only_waiting()
    with nicegui_reset_globals():
        api: FastAPI = runpy.run_path(str(main))['api']
        async with (
            api.router.lifespan_context(api),
            httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url='http://test') as http,
        ):
            yield User(http)


async def test_the_root_function_and_its_views_have_their_fields(running: Running) -> None:
    async with running(program(PAGE, 'single-page')) as user:
        client = await user.open('/')
        with client:
            (await only(user, ui.switch)).value = True
            (await only(user, ui.textarea)).value = 'Dear'
        await rejoin(user)
        assert await value(user, ui.switch) is True
        assert await value(user, ui.textarea) == 'Dear'
        await user.open('/archive')
        assert await value(user, ui.switch) is True
        assert await value(user, ui.number) == 2025
        user.find('Inbox').click()
        assert await value(user, ui.textarea) == ''


async def test_a_page_of_a_router_is_below_its_prefix(running: Running) -> None:
    async with running(program(PAGE, 'router')) as user:
        await user.open('/shop/cart')
        user.find('A pen').click()
        await user.open('/shop/cart')
        assert (await only(user, ui.label)).text == 'pen'


async def test_a_page_with_several_paths_has_its_views_and_its_fields_at_each(running: Running) -> None:
    async with running(program(PAGE, 'several-paths')) as user:
        await user.open('/report')
        await user.should_see('Everything at a glance')
        (await only(user, ui.number)).value = 150
        await user.open('/report/details')
        assert await value(user, ui.number) == 150
        (await only(user, ui.input)).value = 'a note'
        await user.open('/report/details')
        assert await value(user, ui.input) == 'a note'


async def test_a_mounted_page_and_the_route_beside_it_have_one_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = tmp_path / 'main.py'
    main.write_text(program(PAGE, 'mounted'), encoding='utf-8')
    async with hosted(main, monkeypatch) as user:
        await user.open('/gui/count')
        user.find('+1').click()
        assert str((await only(user, ui.label)).text) == '1'
        assert (await user.http_client.get('/gui/api/count')).json() == {'count': 1}
        assert (await user.http_client.get('/api/count')).status_code == 404
        await user.open('/gui/count')
        assert str((await only(user, ui.label)).text) == '1'
