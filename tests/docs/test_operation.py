"""What the operation page promises."""

from __future__ import annotations

import dataclasses
import re
import uuid

import httpx
import pytest

from nicegui_stash.session.registry import Statistics
from nicegui_stash.session.store_io import Away, Denied, MustRead, Read, Stored
from nicegui_stash.stores import MemoryStore, opening
from nicegui_stash.testing import FaultyStore

from .conftest import Running
from .examples import DOCS, ROOT, named, program_of

PAGE = 'operation.md'
TEXT = (DOCS / PAGE).read_text(encoding='utf-8')


def part(heading: str) -> str:
    return TEXT.split(f'### {heading}\n', 1)[1].split('\n### ', 1)[0]


def test_every_member_of_the_statistics_is_explained() -> None:
    told = {
        name
        for members in re.findall(r'^- (`.*?`): ', part('Statistics'), re.MULTILINE)
        for name in re.findall(r'\w+', members)
    }
    assert told == {field.name for field in dataclasses.fields(Statistics)}


def test_every_outcome_of_a_span_is_explained() -> None:
    for outcome in (Read, Stored, MustRead, Away, Denied):
        assert f'`{outcome.__name__.lower()}`' in part('OpenTelemetry')


def test_every_message_of_the_log_is_one_of_the_code() -> None:
    sources = ' '.join(path.read_text(encoding='utf-8') for path in (ROOT / 'nicegui_stash').rglob('*.py'))
    code = re.sub(r"'\s*\n\s*f?'", '', sources)
    messages = re.findall(r'^- (`.*?`): ', part('The log'), re.MULTILINE)
    assert len(messages) == part('The log').count('\n- ') > 10
    for message in messages:
        for words in re.findall(r'`([^`]+)`', message):
            for piece in words.split('…'):
                assert piece.strip() in code, piece


SIGN_IN = """
@ui.page('/sign-in')
def sign_in() -> None:
    app.storage.user['role'] = 'operator'
"""


async def test_the_inspector_is_there_for_an_operator_and_nobody_else(running: Running) -> None:
    example = named(PAGE, 'inspector')
    async with running(program_of(dataclasses.replace(example, code=example.code + SIGN_IN))) as user:
        assert (await user.http_client.get('/_stash')).status_code == 404
        await user.open('/sign-in')
        await user.open('/_stash')
        await user.should_see('Latency of the store')


async def test_healthz_says_whether_the_store_answers(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FaultyStore(MemoryStore(f'health-{uuid.uuid4().hex}'))
    monkeypatch.setitem(opening._FACTORIES, 'faulty', lambda url, options: store)
    monkeypatch.setenv('NICEGUI_STASH_URL', 'faulty://')
    code = named(PAGE, 'healthz').code.replace(
        'ui.run_with(api, ', 'from nicegui import app\napp.include_router(api.router)\nui.run('
    )
    async with running(code) as user:
        monkeypatch.setenv('NICEGUI_STASH_URL', 'faulty://')
        answer: httpx.Response = await user.http_client.get('/healthz')
        assert (answer.status_code, answer.json()) == (200, {'store': True})
        store.down = True
        answer = await user.http_client.get('/healthz')
        assert (answer.status_code, answer.json()) == (503, {'store': False})
