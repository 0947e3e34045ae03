"""A thousand sessions on a store in every kind of trouble: logged once, bounded, and all durable soon after it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import pytest

from nicegui_stash.errors import OutcomeUnknown, Refused, StoreError, TooMuchPending, Unavailable
from nicegui_stash.session.outage import Outage
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.stores.base import ETag, Mode, NotModified, StoredObject
from nicegui_stash.testing import FaultyStore

from .conftest import MakeRegistry
from .scene import pending_changes, put, stored

SESSIONS = 1000
MINUTE = 60.0


class Troubled(FaultyStore):
    """A store in one kind of trouble while `trouble` is set, which is asked for each operation."""

    trouble: Callable[[str, str], StoreError | None] | None = None
    delay = 0.0
    hangs = False
    loses = False

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        await self._suffer('get', key)
        return await super().get(key, unless=unless)

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        await self._suffer('put', key)
        etag = await super().put(key, body, mode=mode)
        if self.loses:
            raise OutcomeUnknown('put', key, 'the answer is lost')
        return etag

    async def _suffer(self, operation: str, key: str) -> None:
        await asyncio.sleep(self.delay)
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None and (error := self.trouble(operation, key)):
            raise error


def away(store: Troubled) -> None:
    store.down = True


def throttling(store: Troubled) -> None:
    """Answer every tenth operation only."""
    count = iter(range(10**9))
    store.trouble = lambda operation, key: Unavailable(operation, key, '503 SlowDown') if next(count) % 10 else None


def refusing(store: Troubled) -> None:
    store.trouble = lambda operation, key: Refused(operation, key, '403', 'give it the right')


def failing_inside(store: Troubled) -> None:
    """Answer what is in conflict, and everything else, with an internal error."""
    store.trouble = lambda operation, key: OutcomeUnknown(operation, key, '500') if operation == 'put' else None


def losing_answers(store: Troubled) -> None:
    store.loses = True


def hanging(store: Troubled) -> None:
    store.hangs = True


def slow(store: Troubled) -> None:
    store.delay = 3.0


def well(store: Troubled) -> None:
    store.down = store.hangs = store.loses = False
    store.trouble, store.delay = None, 0.0


@pytest.fixture
def troubled(store: FaultyStore) -> Troubled:
    return Troubled(store.inner)


def sessions_of(registry: Registry) -> list[Session]:
    return [registry.session(f'{number}', exists=False) for number in range(SESSIONS)]


async def all_durable(registry: Registry) -> None:
    while pending_changes(registry)[0]:
        await asyncio.sleep(0.1)


async def edit(sessions: list[Session], seconds: float) -> None:
    for step in range(int(seconds / 5)):
        for session in sessions:
            put(session, 'step', step)
            put(session, f'field-{step}', step)
        await asyncio.sleep(5)


@pytest.mark.once  # 1,000 sessions in memory, in time that passes at once
@pytest.mark.parametrize(
    ('trouble', 'seconds'),
    [
        (away, 3),
        (throttling, 10),
        (failing_inside, 10),
        (losing_answers, 10),
        (slow, 10),
        (hanging, 40),  # until its last operation is given up
        (refusing, 50),  # it is asked slowly
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
async def test_everything_is_durable_soon_after_and_the_log_says_it_once(
    make_registry: MakeRegistry,
    troubled: Troubled,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[Troubled], None],
    seconds: float,
) -> None:
    registry = make_registry(on=troubled)
    sessions = sessions_of(registry)
    for session in sessions:
        put(session, 'before', 1)
    await asyncio.sleep(1)
    assert pending_changes(registry) == (0, 0)
    trouble(troubled)
    await edit(sessions, MINUTE)
    well(troubled)
    begin = asyncio.get_running_loop().time()
    await all_durable(registry)
    assert asyncio.get_running_loop().time() - begin <= seconds
    assert pending_changes(registry) == (0, 0)
    assert {session.activity for session in sessions} == {'saved'}
    expected = {'before': 1, 'step': 11, **{f'field-{step}': step for step in range(12)}}
    for session in sessions[::100]:
        assert await stored(troubled.inner, session.key) == expected
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) <= 1
    kept = [each for record in caplog.records for each in record.args or () if isinstance(each, BaseException)]
    assert kept == [], 'with its frames, and with them a session'


async def test_what_is_kept_meanwhile_is_bounded_and_refused_out_loud(
    make_registry: MakeRegistry, troubled: Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    registry = make_registry(on=troubled, max_session_pending=2000, max_process_pending=50_000)
    sessions = sessions_of(registry)
    away(troubled)
    refused = 0
    for step in range(30):
        for session in sessions:
            try:
                put(session, f'field-{step}', 'x' * 100)
            except TooMuchPending:
                refused += 1
        await asyncio.sleep(2)
    statistics = registry.statistics()
    assert statistics.pending_bytes <= 50_000
    assert statistics.refused_changes == refused > 0
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 2
    well(troubled)
    await all_durable(registry)
    put(sessions[0], 'again', 'x' * 100)
    await sessions[0].flush()


async def test_a_store_that_is_away_is_asked_by_few_for_all(make_registry: MakeRegistry, troubled: Troubled) -> None:
    registry = make_registry(on=troubled)
    sessions = sessions_of(registry)
    away(troubled)
    for session in sessions:
        put(session, 'count', 1)
    await asyncio.sleep(MINUTE)
    assert troubled.calls['put'] <= SESSIONS + 3 * MINUTE
    before = troubled.calls['put']
    await asyncio.sleep(MINUTE)
    assert MINUTE <= troubled.calls['put'] - before <= 2.1 * MINUTE
    well(troubled)
    await all_durable(registry)


async def test_a_store_that_answers_now_and_then_does_not_time_a_session_again_that_resumes(
    loop: asyncio.AbstractEventLoop,
) -> None:
    outage, wakers = Outage(lambda: 0.5), [loop.create_future() for _ in range(100)]
    for waker in wakers:
        outage.join(waker)
    before = len(loop._scheduled)  # type: ignore[attr-defined]
    for _ in range(10):
        outage.failed()
        outage.over()
    assert len(loop._scheduled) == before + len(wakers)  # type: ignore[attr-defined]
    await asyncio.wait(wakers)


@pytest.mark.once  # as above
async def test_whose_document_alone_fails_does_not_ask_oftener_because_others_are_answered(
    make_registry: MakeRegistry, troubled: Troubled
) -> None:
    registry = make_registry(on=troubled)
    sessions = sessions_of(registry)
    failing = {session.key for session in sessions[: SESSIONS // 2]}
    asked = Counter[str]()

    def broken(operation: str, key: str) -> StoreError | None:
        asked[key] += 1
        return Unavailable(operation, key, 'this shard is away') if key in failing else None

    troubled.trouble = broken
    for step in range(60):
        for session in sessions:
            put(session, 'count', step)
        await asyncio.sleep(1)
    assert max(asked[key] for key in failing) <= 10 + MINUTE / 2.5
    assert registry.statistics().pending == len(failing)
    well(troubled)
    await all_durable(registry)


async def test_a_flush_does_not_wait_for_its_turn(make_registry: MakeRegistry, troubled: Troubled) -> None:
    registry = make_registry(on=troubled)
    sessions = sessions_of(registry)
    away(troubled)
    for session in sessions:
        put(session, 'count', 1)
    await asyncio.sleep(MINUTE)
    with pytest.raises(Unavailable):
        await sessions[-1].flush()
    well(troubled)
    begin = asyncio.get_running_loop().time()
    await sessions[-1].flush()
    assert asyncio.get_running_loop().time() == begin
    await all_durable(registry)
