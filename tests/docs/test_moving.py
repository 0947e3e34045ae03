"""Moving from app.storage keeps what a person sees."""

from __future__ import annotations

import pytest
from nicegui import ui
from nicegui.testing import User

from .conftest import Running
from .examples import BEFORE, named, program_of

PAGE = 'moving-from-app-storage.md'
OLD_PAGE = named(PAGE, 'before').code.replace('/search', '/old')


@pytest.mark.parametrize('name', ['before', 'declared'])
async def test_what_was_pinned_is_there_on_the_next_visit(running: Running, name: str) -> None:
    async with running(program_of(named(PAGE, name))) as user:
        await pin(user, '/search', 'red')
        await user.open('/search')
        await user.should_see('1 pinned')


async def test_old_values_are_imported_once(running: Running) -> None:
    code = program_of(named(PAGE, 'import')).replace(BEFORE, BEFORE + OLD_PAGE)
    async with running(code) as user:
        await pin(user, '/old', 'red')
        await user.open('/search')
        await user.should_see('1 pinned')
        await pin(user, '/old', 'blue')
        await user.open('/search')
        await user.should_see('1 pinned')


async def pin(user: User, path: str, text: str) -> None:
    await user.open(path)
    user.find(ui.input).type(text)
    user.find('Pin').click()
