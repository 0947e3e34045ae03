"""Finding out what a server makes of conditions, before anything is written to it."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from nicegui_stash.errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, Unavailable
from nicegui_stash.stores import ETag, MemoryStore, NotModified, StoredObject, open_store
from nicegui_stash.stores.base import Mode, Replace, replacing
from nicegui_stash.stores.objects.probe import ConditionsIgnored, probe
from nicegui_stash.stores.objects.probed import ProbedStore
from nicegui_stash.testing import FaultyStore
from tests.servers.s3 import S3Server


class Server(MemoryStore):
    """A server that keeps its word, with a part to be broken: whether a put is let through although it must not."""

    def __init__(self) -> None:
        super().__init__(f'probed-{uuid.uuid4().hex}')
        self.puts = 0

    async def current(self, key: str) -> ETag | None:
        found = await super().get(key)
        return found.etag if isinstance(found, StoredObject) else None

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        self.puts += 1
        current = await self.current(key)
        await asyncio.sleep(0)  # as over a network, others come between
        return await super().put(key, body, mode=replacing(current) if self.lets_through(current, mode) else mode)

    def lets_through(self, current: ETag | None, mode: Mode) -> bool:
        return False


class OverwritingOnCreate(Server):
    def lets_through(self, current: ETag | None, mode: Mode) -> bool:
        return mode == 'create'


class OverwritingOnReplace(Server):
    def lets_through(self, current: ETag | None, mode: Mode) -> bool:
        return isinstance(mode, Replace) and current is not None


class CreatingOnReplace(Server):
    def lets_through(self, current: ETag | None, mode: Mode) -> bool:
        return current is None


class Racing(Server):
    """Compares, waits, and then writes whatever has come between."""

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        if mode != replacing(await self.current(key)):
            raise Conflict('put', key, 'compared')
        await asyncio.sleep(0)
        return await MemoryStore.put(self, key, body, mode=replacing(await self.current(key)))


class OtherEtagOnRead(Server):
    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        found = await super().get(key, unless=unless)
        return StoredObject(found.body, ETag(f'{found.etag}-read')) if isinstance(found, StoredObject) else found


class Stale(Server):
    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        return await super().get(key, unless=unless and await self.current(key))


class NeverReplacing(Server):
    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        return await super().put(key, body, mode=mode if mode == 'create' else Replace(ETag('never')))


class Unquoted(Server):
    """Compares etags without the quotes in which it gives them, as Ceph does."""

    quoted_etags = True

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        found = await super().get(key, unless=unless)
        return StoredObject(found.body, ETag(f'"{found.etag}"')) if isinstance(found, StoredObject) else found

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        sent = mode if mode == 'create' or self.quoted_etags else Replace(ETag(mode.etag.strip('"')))
        return ETag(f'"{await super().put(key, body, mode=sent)}"')


class FailingOnALostRace(Server):
    """Answers what is in conflict with an internal error, as Ceph does."""

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        try:
            return await super().put(key, body, mode=mode)
        except Conflict as error:
            raise OutcomeUnknown('put', key, '500') from error


@pytest.mark.parametrize('kind', [Server, Unquoted, FailingOnALostRace])
async def test_a_server_that_keeps_its_word_is_left_as_it_was(kind: type[Server]) -> None:
    server = kind()
    await probe(server, 'app/')
    assert server.puts > 24
    assert [row.key async for row in server.list()] == []


async def test_a_server_that_compares_etags_without_quotes_is_found_out() -> None:
    server = Unquoted()
    await probe(server)
    assert server.quoted_etags is False


@pytest.mark.parametrize(
    ('kind', 'reason'),
    [
        (OverwritingOnCreate, 'overwrites an object that must not exist'),
        (OverwritingOnReplace, 'overwrites an object whose etag is no longer'),
        (CreatingOnReplace, 'writes an object that must exist'),
        (Racing, 'of 8 puts at the same time [2-8] succeeded'),
        (OtherEtagOnRead, 'another etag'),
        (Stale, 'says that an object is unchanged which was replaced'),
        (NeverReplacing, 'a conflict where there is none'),
    ],
)
async def test_a_server_that_breaks_its_word_is_refused_with_the_reason(kind: type[Server], reason: str) -> None:
    server = kind()
    with pytest.raises(ConditionsIgnored, match=reason):
        await probe(server)
    assert [row.key async for row in server.list()] == []


async def test_lost_answers_and_conflicts_with_itself_are_looked_through() -> None:
    server = FaultyStore(Server())
    server.lose_answers(2)
    await probe(server)
    server.conflict_after_apply()
    await probe(server)


async def test_a_server_that_does_not_answer_is_unavailable() -> None:
    server = FaultyStore(Server())
    server.down = True
    with pytest.raises(Unavailable):
        await probe(server)


async def test_a_server_that_forbids_writing_is_refused() -> None:
    server = FaultyStore(Server())
    server.refusing = True
    with pytest.raises(Refused) as caught:
        await probe(server)
    assert not isinstance(caught.value, ConditionsIgnored)


async def test_what_may_not_be_deleted_is_left_behind_and_said(caplog: pytest.LogCaptureFixture) -> None:
    server = FaultyStore(Server())
    server.fail_next('delete', Refused('delete', 'x', '403 AccessDenied'))
    await probe(server)
    assert '403 AccessDenied' in caplog.text


# ---- servers that ignore conditions


@pytest.mark.parametrize('name', ['rclone', 's3rver'])
def test_a_real_server_that_ignores_conditions_stops_the_start(name: str, request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(name)
    store = open_store(server.url(), server.options)
    assert isinstance(store, ProbedStore)
    with pytest.raises(ConfigurationError, match='overwrites an object that must not exist') as caught:
        store.check()
    assert caught.value.setting == 'url'


async def test_its_first_put_is_refused_where_the_start_did_not_find_it_out(rclone: S3Server) -> None:
    store = open_store(rclone.url(), rclone.options)
    for key in ('ab/x', 'ab/y'):
        with pytest.raises(Refused, match=f'put {key}: it overwrites an object that must not exist'):
            await store.put(key, b'body', mode='create')
    assert [row.key async for row in store.list()] == []
    await store.aclose()


async def test_it_is_served_where_lost_updates_are_allowed_and_promises_nothing(
    rclone: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(rclone.url(), rclone.options, allow_lost_updates=True)
    await store.put('ab/x', b'one', mode='create')
    await store.put('ab/x', b'two', mode='create')
    assert store.guarantee == 'none'
    assert 'two servers lose changes' in caplog.text
    await store.aclose()


# ---- when the probe is made


class Counted:
    """What a `ProbedStore` is made of, on one server whatever is opened."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.quoted_etags = True

    def __call__(self) -> Any:
        self.guarantee, self.flush_interval = self.server.guarantee, self.server.flush_interval
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self.server, name)


@pytest.fixture
def probed() -> Callable[[Any], ProbedStore]:
    return lambda server: ProbedStore(Counted(server))


async def test_puts_that_begin_together_wait_for_one_probe(probed: Callable[[Any], ProbedStore]) -> None:
    server = Server()
    await probe(server)
    alone, server.puts = server.puts, 0
    store = probed(server)
    await asyncio.gather(*(store.put(f'k{number}', b'body', mode='create') for number in range(10)))
    assert server.puts == alone + 10
    await store.put('later', b'body', mode='create')
    assert server.puts == alone + 11


async def test_reading_needs_no_probe(probed: Callable[[Any], ProbedStore]) -> None:
    server = Server()
    store = probed(server)
    assert await store.get('x') is None
    assert [row async for row in store.list()] == []
    assert server.puts == 0


async def test_a_check_at_the_start_spares_the_first_put_from_it(moto: S3Server) -> None:
    store = open_store(moto.url(), moto.options)
    assert isinstance(store, ProbedStore)
    store.check('app')
    assert store._known
    await store.put('app/ab/x', b'body', mode='create')
    await store.aclose()


class Gated(Server):
    """Lets no put of another thread pass before the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.gate = threading.Event(), threading.Event()

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        if threading.current_thread() is not threading.main_thread():
            self.reached.set()
            await asyncio.to_thread(self.gate.wait, 60)
        return await super().put(key, body, mode=mode)


class LateSubmit(ThreadPoolExecutor):
    """Returns from `submit` when what was submitted is at the gate, and the gate is open."""

    server: ClassVar[Gated]

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(*args, **kwargs)
        self.server.gate.wait(60)
        return future


@pytest.mark.parametrize('executor', [ThreadPoolExecutor, LateSubmit])
async def test_puts_wait_for_the_check_that_is_under_way(
    executor: type[ThreadPoolExecutor], probed: Callable[[Any], ProbedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('nicegui_stash.stores.objects.probed.ThreadPoolExecutor', executor)
    server = LateSubmit.server = Gated()
    await probe(server)
    alone, server.puts = server.puts, 0
    store = probed(server)
    check = asyncio.create_task(asyncio.to_thread(store.check))
    await asyncio.to_thread(server.reached.wait, 60)
    given_up, put = [asyncio.create_task(store.put(key, b'body', mode='create')) for key in ('x', 'y')]
    for _ in range(10):
        await asyncio.sleep(0)
    given_up.cancel()
    server.gate.set()
    await asyncio.gather(check, put)
    assert given_up.cancelled()
    assert server.puts == alone + 1


async def test_an_unreachable_server_does_not_stop_the_start_and_is_probed_when_it_is_back(
    probed: Callable[[Any], ProbedStore], caplog: pytest.LogCaptureFixture
) -> None:
    server = FaultyStore(Server())
    server.down = True
    store = probed(server)
    store.check()
    assert 'does not answer yet' in caplog.text
    gate = server.hold('put')
    puts = [asyncio.create_task(store.put(f'k{number}', b'body', mode='create')) for number in range(5)]
    await gate.started.wait()
    gate.release()
    outcomes = await asyncio.gather(*puts, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
    assert server.calls['put'] == 2, 'one probe of the start, and one for all five'
    server.down = False
    await store.put('k', b'body', mode='create')
    assert server.calls['put'] > 24


async def test_a_refused_server_is_not_asked_again_at_once(probed: Callable[[Any], ProbedStore]) -> None:
    server = OverwritingOnCreate()
    store = probed(server)
    for _ in range(3):
        with pytest.raises(Refused):
            await store.put('x', b'body', mode='create')
    assert server.puts == 2
    store._refused_until = 0.0
    server.lets_through = lambda current, mode: False  # type: ignore[method-assign]
    await store.put('x', b'body', mode='create')


async def test_a_probe_that_is_cancelled_is_made_by_the_next_put(probed: Callable[[Any], ProbedStore]) -> None:
    server = FaultyStore(Server())
    gate = server.hold('put')
    store = probed(server)
    first = asyncio.create_task(store.put('x', b'body', mode='create'))
    await gate.started.wait()
    second = asyncio.create_task(store.put('y', b'body', mode='create'))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    server.release()
    await second
    assert isinstance(await store.get('y'), StoredObject)
