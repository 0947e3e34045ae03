"""Small apps like NiceGUI's own examples, before and after: a few changed lines, and their state is back."""

from __future__ import annotations

import asyncio
import re
from difflib import SequenceMatcher
from pathlib import Path

from nicegui import ui
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


def field(user: User, label: str) -> ui.input:
    (element,) = (each for each in user.find(ui.input).elements if each.label == label)
    return element


async def value(user: User, label: str, expected: str) -> None:
    """Return once the field of this label shows this: a page function that is not async may show it later."""
    await user.should_see(kind=ui.input, content=label)
    for _ in range(5000):
        if field(user, label).value == expected:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f'{label} shows {field(user, label).value!r}')


def tick(user: User, label: str) -> None:
    """Send what a browser sends for a checkbox: the simulation sets its value without any event of the page."""
    client = user.client
    assert client is not None
    (box,) = user.find(kind=ui.checkbox, content=label).elements
    (listener,) = (each for each in box._event_listeners.values() if each.type == 'update:modelValue')
    client.handle_event({'id': box.id, 'listener_id': listener.id, 'args': ['true']})


def test_each_app_is_shown_in_the_documentation() -> None:
    page = PAGE.read_text(encoding='utf-8')
    for name in NAMES:
        assert f'{{literalinclude}} ../tests/docs/conversions/{name}_after.py' in page
        assert f'../tests/docs/conversions/{name}_before.py' in page


def test_the_documentation_says_how_many_lines_change() -> None:
    rows = re.findall(r'(?m)^- `(\w+)`, like `\w+`: (\d+)$', PAGE.read_text(encoding='utf-8'))
    assert {name: int(lines) for name, lines in rows} == {
        name: changed_lines(code(name, 'before'), code(name)) for name in NAMES
    }


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
        user.find(kind=ui.input, content='New task').type('Buy flour').trigger('keydown.enter')
        await other.should_see('0 of 3 done')
        tick(other, 'Water the plants')
        await user.should_see('1 of 3 done')
        await rejoin(user)
        await user.should_see('Buy flour')
        await restart(user, other)
        for tab in (user, other):
            await tab.should_see('1 of 3 done')
            await tab.should_see('Buy flour')
            await tab.should_see('In the house')
        drawn = boxes(user)
        for _ in range(100):
            await asyncio.sleep(0)
        assert boxes(user) == drawn, 'a task that is done draws the list anew without an end'


def boxes(user: User) -> set[int]:
    return {box.id for box in user.find(ui.checkbox).elements}


async def test_a_draft_in_the_single_page_app_is_back_with_its_visit_and_at_its_view(running: Running) -> None:
    async with running(code('spa')) as user:
        client = await user.open('/')
        await user.should_see('Message')
        with client:
            user.find(ui.textarea).elements.pop().set_value('May I come?')
        await restart(user)
        await shows(user, 'May I come?')
        user.find('Members').click()
        await user.should_see('Password')
        user.find('Contact').click()
        await shows(user, 'May I come?')
        await reload(user)
        await shows(user, '')


async def shows(user: User, message: str) -> None:
    await user.should_see('Message')
    for _ in range(5000):
        if user.find(ui.textarea).elements.pop().value == message:
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f'not {message!r}')


async def test_who_is_half_signed_in_goes_on_and_the_next_person_finds_nothing(
    running: Running,
) -> None:
    async with running(code('authentication')) as user:
        await user.open('/shelf')
        assert user.client is not None
        with user.client:
            field(user, 'Name').set_value('ada')
        await restart(user)
        await value(user, 'Name', 'ada')
        assert field(user, 'Password').value == ''
        with user.client:
            field(user, 'Password').set_value('engine')
        user.find('Sign in').click()
        await user.should_see('The shelf is empty.')
        await user.open('/')
        user.find('Sign out').click()
        await value(user, 'Name', '')
