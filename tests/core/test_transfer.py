"""Whatever a store does becomes one of five outcomes, and never an exception."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from nicegui_stash.errors import Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from nicegui_stash.session.store_io import DEADLINE, Away, Denied, MustRead, Read, Stored, read, write
from nicegui_stash.stores import StoredObject
from nicegui_stash.stores.base import NOT_MODIFIED, Replace
from nicegui_stash.testing import FaultyStore

pytestmark = pytest.mark.usefixtures('loop')


async def test_answers_are_passed_on(store: FaultyStore) -> None:
    assert await read(store, 'key') == Read(None)
    stored = await write(store, 'key', b'body', 'create')
    assert isinstance(stored, Stored)
    assert await read(store, 'key') == Read(StoredObject(b'body', stored.etag))
    assert await read(store, 'key', stored.etag) == Read(NOT_MODIFIED)
    assert isinstance(await write(store, 'key', b'new', Replace(stored.etag)), Stored)


async def test_a_put_whose_condition_does_not_hold_must_read(store: FaultyStore) -> None:
    await write(store, 'key', b'body', 'create')
    outcome = await write(store, 'key', b'other', 'create')
    assert isinstance(outcome, MustRead)
    assert isinstance(outcome.error, Conflict)


@pytest.mark.parametrize(
    ('error', 'after_get', 'after_put'),
    [
        (Unavailable('x', 'key', 'away'), Away, Away),
        (Refused('x', 'key', 'denied'), Denied, Denied),
        (Conflict('x', 'key', 'changed'), Away, MustRead),
        (OutcomeUnknown('x', 'key', 'lost'), Away, MustRead),
        (StoreError('x', 'key', 'other'), Away, Away),
    ],
)
async def test_each_error_of_a_store_has_its_outcome(
    store: FaultyStore, error: StoreError, after_get: type, after_put: type
) -> None:
    store.fail_next('get', error)
    store.fail_next('put', error)
    outcomes: list[Any] = [await read(store, 'key'), await write(store, 'key', b'', 'create')]
    assert [type(outcome) for outcome in outcomes] == [after_get, after_put]
    assert [outcome.error for outcome in outcomes] == [error, error]


@pytest.mark.parametrize('error', [ValueError('x'), OSError('x'), KeyError('x'), RuntimeError('x')])
async def test_what_a_store_does_not_declare_is_logged_whole_and_becomes_an_outcome(
    store: FaultyStore, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    store.fail_next('get', error)
    store.fail_next('put', error)
    away = await read(store, 'key')
    unknown = await write(store, 'key', b'', 'create')
    assert isinstance(away, Away)
    assert isinstance(away.error, Unavailable)
    assert away.error.__cause__ is error
    assert isinstance(unknown, MustRead)
    assert isinstance(unknown.error, OutcomeUnknown)
    assert unknown.error.__cause__ is error
    ours = [record for record in caplog.records if record.name == 'nicegui_stash']
    told = [(record.levelno, record.exc_info, 'Traceback' in (record.exc_text or '')) for record in ours]
    assert told == [(logging.ERROR, None, True)] * 2


@pytest.mark.parametrize(
    ('operation', 'call', 'outcome', 'error'),
    [
        ('get', lambda store: read(store, 'key'), Away, Unavailable),
        ('put', lambda store: write(store, 'key', b'', 'create'), MustRead, OutcomeUnknown),
    ],
)
async def test_a_store_that_does_not_answer_is_given_up_after_the_deadline(
    store: FaultyStore,
    operation: Any,
    call: Callable[[FaultyStore], Awaitable[Any]],
    outcome: type,
    error: type[StoreError],
) -> None:
    store.hold(operation)
    begin = asyncio.get_running_loop().time()
    found = await call(store)
    assert type(found) is outcome
    assert type(found.error) is error
    assert found.error.reason == 'no answer within 30 s'
    assert asyncio.get_running_loop().time() - begin == pytest.approx(DEADLINE)


async def test_a_cancelled_caller_is_cancelled(store: FaultyStore) -> None:
    gate = store.hold('put')
    task = asyncio.ensure_future(write(store, 'key', b'', 'create'))
    await gate.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
