"""What "Change what is stored" promises: of its examples, one after the other, and of the command's output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash.session.keys import object_key

from .conftest import Running
from .examples import EXAMPLES, ROOT, named, program_of

PAGE = 'howto/change-what-is-stored.md'
FOLDER = '/var/lib/app/state'


def program(name: str) -> str:
    """Return the program of an example; the mended migration takes the place of the one it mends."""
    if name != 'mended':
        return program_of(named(PAGE, name))
    (naive,) = re.findall(r'^def dates_and_diets.*?^    return values\n', program('migrated'), re.DOTALL | re.MULTILINE)
    return program('migrated').replace(naive, named(PAGE, name).code)


async def texts(user: User) -> list[str]:
    await user.should_see(ui.textarea)
    return [element.text for element in sorted(user.find(ui.label).elements, key=lambda element: element.id)]


async def value(user: User, label: str) -> Any:
    await user.should_see(label)
    return next(iter(user.find(label).elements)).value


async def test_the_form_goes_through_its_versions_and_back(running: Running) -> None:
    async with running(program('first')) as user:
        await user.open('/trip')
        user.find('When').type('24.12.2026')
        user.find('Guests').type('Ada Bob')
        cookies = user.http_client.cookies
    async with running(program('renamed')) as user:
        user.http_client.cookies = cookies
        await user.open('/trip')
        assert [await value(user, label) for label in ('When', 'Guests', 'Meal')] == ['24.12.2026', 'Ada Bob', 'any']
    for name in ('migrated', 'mended'):
        async with running(program(name)) as user:
            user.http_client.cookies = cookies
            await user.open('/trip')
            assert await texts(user) == ['24 December 2026', 'Ada, Bob']
    async with running(program('first')) as user:
        user.http_client.cookies = cookies
        await user.open('/trip')
        assert await value(user, 'When') == '24.12.2026'


# ---- the dry run


def keep(folder: Path, person: int, **data: Any) -> None:
    """Store what the first version of the form has written for a person."""
    key = object_key('of the examples', f'person {person}')
    now = int(time.time() * 1000)
    part = {'reset': 0, 'seen': now, 'data': data, 'tabs': {}, 'visits': {}}
    slices = {'Trip': {'1': {'': part}}} if data else {}
    document = {'format': 1, 'epoch': 0, 'seen': now, 'applied': {}, 'slices': slices}
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    (folder / key).write_text(json.dumps(document))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of the app: 31 dates, 5 that are none, 4 people who were elsewhere."""
    dates = [f'{day}.12.2026' for day in range(1, 31)] + ['31.2.2026']
    others = ['tomorrow', 'next week', '', '24/12', 'Christmas']
    for person, when in enumerate([*dates, *others]):
        keep(tmp_path / 'state', person, when=when, guests=['Ada'])
    for person in range(36, 40):
        keep(tmp_path / 'state', person)
    return tmp_path / 'state'


@pytest.mark.parametrize(('example', 'output', 'code'), [('migrated', 'naive', 1), ('mended', 'good', 0)])
def test_the_dry_run_says_what_the_page_shows(
    tmp_path: Path, state: Path, example: str, output: str, code: int
) -> None:
    (tmp_path / 'main.py').write_text(program(example), encoding='utf-8')
    done = subprocess.run(
        [sys.executable, '-m', 'nicegui_stash', 'migrate', str(state), 'main:Trip', '--dry-run'],
        cwd=tmp_path,
        env={'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ''
    told, shown = done.stdout.replace(str(state), FOLDER), named(PAGE, output).code
    assert told == shown if output == 'naive' else shown in told  # the second time only what is new
    assert done.returncode == code


def test_the_command_is_called_as_the_page_says() -> None:
    (call,) = [example for example in EXAMPLES if (example.page, example.language) == (PAGE, 'sh')]
    assert call.code == f'python -m nicegui_stash migrate {FOLDER} main:Trip --dry-run\n'
