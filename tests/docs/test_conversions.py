"""Small apps like NiceGUI's own examples, before and after: six changed lines at most, and their state is back."""

from __future__ import annotations

import asyncio
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash.testing import rejoin, reload, restart

from .conftest import Running
from .examples import DOCS

FOLDER = Path(__file__).parent / 'conversions'
NAMES = sorted(path.name.removesuffix('_before.py') for path in FOLDER.glob('*_before.py'))
PAGE = DOCS / 'conversions.md'


def code(name: str, when: str = 'after') -> str:
    return (FOLDER / f'{name}_{when}.py').read_text(encoding='utf-8')


def changed_lines(before: str, after: str) -> int:
    """Count the lines that somebody has to change, add or remove; a line that becomes another one counts once."""
    old, new = ([line for line in text.splitlines() if line.strip()] for text in (before, after))
    return sum(
        max(i2 - i1, j2 - j1)
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if tag != 'equal'
    )


async def value(user: User, kind: type[ui.input | ui.textarea | ui.select]) -> str:
    await user.should_see(kind)
    (element,) = (each for each in user.find(kind).elements if type(each) is kind)
    return element.value


def tick(user: User, label: str) -> None:
    """Send what a browser sends for a checkbox: the simulation sets its value without any event of the page."""
    client = user.client
    assert client is not None
    (box,) = user.find(label).elements
    (listener,) = (each for each in box._event_listeners.values() if each.type == 'update:modelValue')
    client.handle_event({'id': box.id, 'listener_id': listener.id, 'args': ['true']})


def test_three_apps_are_converted_and_shown_in_the_documentation() -> None:
    page = PAGE.read_text(encoding='utf-8')
    assert NAMES == ['authentication', 'spa', 'todo']
    for name in NAMES:
        for when in ('before', 'after'):
            assert f'{{literalinclude}} ../tests/docs/conversions/{name}_{when}.py' in page


@pytest.mark.parametrize('name', NAMES)
def test_at_most_six_lines_change(name: str) -> None:
    assert 0 < changed_lines(code(name, 'before'), code(name)) <= 6


async def test_before_the_todo_list_is_lost_with_the_page(running: Running) -> None:
    async with running(code('todo', 'before')) as user:
        await user.open('/')
        user.find('Water the plants').click()
        await user.should_see('1 of 2 done')
        await rejoin(user)
        await user.should_see('0 of 2 done')


async def test_the_todo_list_is_back_in_all_tabs_after_a_drop_and_a_restart(running: Running) -> None:
    async with running(code('todo')) as user:
        other = User(user.http_client)
        await user.open('/')
        await other.open('/')
        await user.should_see('0 of 2 done')
        user.find(ui.input).type('Buy flour')
        user.find('Add').click()
        await other.should_see('0 of 3 done')
        tick(other, 'Water the plants')
        await user.should_see('1 of 3 done')
        await rejoin(user)
        await user.should_see('Buy flour')
        await restart(user, other)
        for tab in (user, other):
            await tab.should_see('1 of 3 done')
            await tab.should_see('Buy flour')


async def test_a_view_of_the_single_page_app_is_back_and_its_draft_belongs_to_the_visit(running: Running) -> None:
    async with running(code('spa')) as user:
        client = await user.open('/letter')
        await user.should_see(ui.textarea)
        with client:
            user.find(ui.textarea).elements.pop().set_value('Dear Grace')
            user.find(ui.select).elements.pop().set_value('Grace')
        await restart(user)
        assert (await value(user, ui.select), await value(user, ui.textarea)) == ('Grace', 'Dear Grace')
        await reload(user)
        assert (await value(user, ui.select), await value(user, ui.textarea)) == ('Grace', '')


async def sign_in(user: User, name: str, password: str) -> None:
    client = user.client
    assert client is not None
    fields = {each.label: each for each in user.find(ui.input).elements}
    with client:
        fields['Name'].set_value(name)
        fields['Password'].set_value(password)
    user.find('Sign in').click()
    await user.should_see(f'Hello {name}')


async def test_a_note_is_back_for_who_is_signed_in_and_gone_for_the_next_person(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(code('authentication')) as user:
        sent: asyncio.Queue[str] = (
            asyncio.Queue()
        )  # a simulated browser does not follow what the server asks it to open
        monkeypatch.setattr(Client, 'open', lambda client, target, new_tab=False: sent.put_nowait(target))
        await user.open('/')
        await sign_in(user, 'ada', 'engine')
        user.find(ui.textarea).elements.pop().set_value('private')
        await restart(user)
        assert await value(user, ui.textarea) == 'private'
        old = user.http_client.cookies['session']
        user.find('Sign out').click()
        await user.open(await sent.get())
        assert user.http_client.cookies['session'] != old
        await sign_in(user, 'grace', 'compiler')
        assert await value(user, ui.textarea) == ''
