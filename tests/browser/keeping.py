"""What the tests of scope `browser` share: the app that keeps values in the browser, and a look into it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from .proxy import way_to
from .server import Server, eventually
from .tab import Tab

ROOT = 'nicegui_stash::Desk::1:'


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('keeping.py', tmp_path_factory.mktemp('keeping')) as server:
        yield server


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def url(desk: Server, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async with way_to(desk, getattr(request, 'param', 0.0)) as url:
        yield url


async def shows(tab: Tab, **values: object) -> None:
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(value if hasattr(value, 'match') else str(value))


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_test_id(button).click()


async def kept(tab: Tab) -> dict[str, str]:
    """Return all that localStorage holds for our class, by field."""
    found: dict[str, str] = await tab.page.evaluate('({...localStorage})')
    return {key.removeprefix(ROOT): token for key, token in found.items() if key.startswith(ROOT)}


async def keeps(tab: Tab, *fields: str) -> dict[str, str]:
    """Return what the browser keeps once it is of these fields."""

    async def has() -> bool:
        return set(await kept(tab)) == set(fields)

    await eventually(has, f'the browser keeps {fields}')
    return await kept(tab)


async def put(tab: Tab, field: str, token: str) -> None:
    await tab.page.evaluate('([key, token]) => localStorage.setItem(key, token)', [ROOT + field, token])


async def is_kept(tab: Tab, field: str, before: str | None) -> None:
    """Return when the browser keeps another token of a field than before."""

    async def changed() -> bool:
        return (await kept(tab)).get(field) != before

    await eventually(changed, f'{field} is kept')


async def fill(tab: Tab, **values: str) -> dict[str, str]:
    """Type, and return what the browser keeps once it keeps all of it."""
    before = await kept(tab)
    await tab.type(**values)
    for field in values:
        await is_kept(tab, field, before.get(field))
    return await kept(tab)
