"""Flushed values survive kill -9, and servers that share a folder lose no changes: real processes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys, object_key
from nicegui_stash.session.loading import quarantine_key
from nicegui_stash.session.registry import Registry
from nicegui_stash.stores import FileStore, SQLiteStore, StoredObject
from tests import playing

from .scene import put, values

KEY = object_key('a secret', 'an id')


def play(scene: str, *arguments: object) -> str:
    """Run a scene of `processes.py` and return what it printed."""
    return '\n'.join(playing.play('tests.core.processes', scene, *arguments))


@pytest.fixture(params=['{}/state', 'sqlite:///{}/state/stash.db'], ids=['folder', 'sqlite'])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place that every process of this host may use."""
    return request.param.format(tmp_path)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    registry = Registry(FileStore(tmp_path), Keys(['a secret']), Policy())
    yield registry
    assert await registry.drain(300) == []
    await registry.aclose()


@pytest.mark.once
@pytest.mark.slow
def test_of_200_servers_that_die_right_after_a_flush_no_value_is_lost(url: str) -> None:
    assert play('die_after_flush', url, 200) == '0 200'


@pytest.mark.slow
def test_a_server_killed_at_any_time_loses_nothing_that_was_flushed(url: str) -> None:
    lost, flushed = play('die_at_any_time', url, 40).split()
    assert lost == '0'
    assert int(flushed) >= 40


@pytest.mark.proves('kill')
def test_what_was_accepted_two_group_commits_before_a_kill_is_there_without_a_flush(tmp_path: Path) -> None:
    """1000 kills: `python -m tests.core.processes die_unflushed sqlite:////tmp/stash.db 1000`."""
    assert play('die_unflushed', f'sqlite:///{tmp_path}/stash.db', 20) == '0'


@pytest.mark.proves('kill')
def test_a_server_killed_at_random_leaves_fields_of_several_types_as_one_change_made_them(url: str) -> None:
    """300 kills: `python -m tests.core.processes die_torn sqlite:////tmp/stash.db 300`."""
    torn, seen = play('die_torn', url, 15).split()
    assert torn == '0'
    assert seen == '15'


@pytest.mark.slow
def test_a_server_that_stands_still_with_the_lock_for_ten_seconds_costs_no_change(tmp_path: Path) -> None:
    assert play('stand_still', f'sqlite:///{tmp_path}/stash.db', 10) == 'True [0, 0] True True'


@pytest.mark.slow
def test_two_servers_lose_none_of_1000_changes_to_different_fields_of_one_session(url: str) -> None:
    found = json.loads(play('write_together', url, 2, 500))
    changes = {f'server-{name}-change-{number}': f'{name}-{number}' for name in range(2) for number in range(500)}
    fields = {f'server-{name}-field-{number % 50}': f'{name}-{number}' for name in range(2) for number in range(500)}
    assert [name for name in changes if found.get(name) != changes[name]] == []
    assert found == changes | fields
    assert len({found[name] for name in fields}) == 100


DAMAGED = {
    'empty': b'',
    'truncated': b'{"format":1,"epoch":0,"seen":17637',
    'zeroes': b'\x00' * 4096,
    'no JSON': b'not json',
    'a list': b'[]',
    'of the wrong shape': b'{"format":1,"slices":7}',
}


@pytest.mark.parametrize('body', DAMAGED.values(), ids=DAMAGED.keys())
async def test_a_damaged_document_in_a_database_is_kept_and_the_next_process_reads_what_replaced_it(
    tmp_path: Path, body: bytes
) -> None:
    store = SQLiteStore(tmp_path / 'stash.db')
    await store.put(KEY, body, mode='create')
    registry = Registry(store, Keys(['a secret']), Policy())
    session = registry.session('an id')
    assert await session.load(300)
    assert (session.condition, values(session)) == ('quarantined', {})
    put(session, 'count', 1)
    await session.flush()
    await registry.aclose()
    await store.aclose()
    assert json.loads(play('show', f'sqlite:///{tmp_path}/stash.db')) == {'count': 1}
    again = SQLiteStore(tmp_path / 'stash.db')
    kept = await again.get(quarantine_key(KEY, body))
    assert isinstance(kept, StoredObject)
    assert kept.body == body
    await again.aclose()


@pytest.mark.parametrize('body', DAMAGED.values(), ids=DAMAGED.keys())
async def test_a_damaged_file_is_kept_and_the_next_process_reads_what_replaced_it(
    registry: Registry, tmp_path: Path, body: bytes
) -> None:
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    session = registry.session('an id')
    assert await session.load(300)
    assert (session.condition, values(session)) == ('quarantined', {})
    put(session, 'count', 1)
    await session.flush()
    assert (tmp_path / quarantine_key(KEY, body)).read_bytes() == body
    assert json.loads(path.read_bytes())['slices']['Counter']['1']['']['data'] == {'count': 1}


async def test_a_file_of_an_unknown_format_is_left_as_it_is(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / KEY
    path.parent.mkdir(parents=True)
    path.write_bytes(b'{"format":2}')
    session = registry.session('an id')
    assert await session.load(300) is False
    assert path.read_bytes() == b'{"format":2}'
    assert [file for file in tmp_path.rglob('*') if file.is_file() and file != path] == []


async def test_a_file_edited_by_hand_is_read_again(registry: Registry, tmp_path: Path) -> None:
    session = registry.session('an id', exists=False)
    put(session, 'count', 1)
    await session.flush()
    path = tmp_path / KEY
    edited = path.read_bytes().replace(b'"count":1', b'"count":100')
    path.write_bytes(edited)
    assert await session.revalidate(300)
    assert values(session) == {'count': 100}


@pytest.mark.slow
async def test_a_fresh_process_reads_what_this_one_wrote(registry: Registry, tmp_path: Path) -> None:
    session = registry.session('an id', exists=False)
    put(session, 'text', 'ä " \\ \u2028')
    put(session, 'number', 2**70)
    await session.flush()
    assert json.loads(play('show', tmp_path)) == {'text': 'ä " \\ \u2028', 'number': 2**70}
