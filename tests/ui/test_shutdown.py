from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from nicegui import app, background_tasks

from nicegui_stash import Stash, stored
from nicegui_stash.session.registry import Registry
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app.signals import SignalWatch

from .scene import Browser, client_of, data_of, documents, idle, serving, shown


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        last: str = stored('')

        def build(self) -> None: ...

    return Page


@pytest.mark.proves('sigterm')
async def test_what_is_pending_when_the_server_stops_is_stored(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=60)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        page.count = 1
        await idle()
        page.count = 2
        await idle()
        assert await data_of(store, 'Page') == {'count': 1}  # the second put is spaced
    assert await data_of(store, 'Page') == {'count': 2}


async def test_what_a_task_assigns_while_it_is_cancelled_at_the_end_is_stored(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                page.last = 'cancelled'

        background_tasks.create(work())
        await idle()
    assert await data_of(store, 'Page') == {'last': 'cancelled'}


async def test_what_shutdown_handlers_assign_is_stored(url: str, store: FaultyStore) -> None:
    pages: list[object] = []

    def declare_all() -> Stash:
        stash = Stash(url)
        declare(stash)
        app.on_shutdown(lambda: setattr(pages[0], 'last', 'bye'))
        return stash

    async with serving(declare_all) as stash:
        tab = await Browser().open()
        pages.extend(instance.page for instance in stash._app_state.connection_of(client_of(tab)).page_objects)
    assert await data_of(store, 'Page') == {'last': 'bye'}


async def test_a_stash_that_is_made_while_the_server_runs_is_drained_too(url: str, store: FaultyStore) -> None:
    async with serving(lambda: None):
        stash = Stash(url, flush_interval=60)
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        page.count = 1
        await idle()
        page.count = 2
    assert await data_of(store, 'Page') == {'count': 2}


async def test_all_places_are_drained(url: str, store: FaultyStore) -> None:
    async with serving(lambda: [Stash(url, prefix=prefix, flush_interval=60) for prefix in 'ab']) as stashes:
        ann = Browser()
        for stash in stashes:
            cls = declare(stash)  # of the same path, so the later one is served
            page = shown(stash, await ann.open(), cls)
            page.count = 1
            await idle()
            page.count = 2
    found = await documents(store)
    assert [document['slices']['Page']['1']['']['data'] for document in found.values()] == [{'count': 2}] * 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds each drain was given: what a dead store costs at the end."""
    asked: list[float] = []
    drain = Registry.drain

    async def counting(self: Registry, timeout: float, **options: bool) -> list[str]:
        asked.append(timeout)
        return await drain(self, timeout, **options)

    monkeypatch.setattr(Registry, 'drain', counting)
    return asked


@pytest.mark.proves('sigterm')
async def test_with_a_dead_store_the_server_stops_within_drain_timeout_and_logs_the_key(
    url: str, store: FaultyStore, errors: Callable[[], list[str]], asked: list[float]
) -> None:
    async with serving(lambda: Stash(url, drain_timeout=0.3)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        page.count = 1
        await stash.flush(page)
        (key,) = await documents(store)
        store.down = True
        page.count = 2
    assert 0.3 <= round(sum(asked), 6) <= 0.4  # the clock counts from the start of the machine: rounded off
    assert errors() == [f'session {key}: its last changes could not be written before the server stopped']


async def test_with_a_store_that_never_answers_the_server_stops_within_drain_timeout(
    url: str, store: FaultyStore, errors: Callable[[], list[str]], asked: list[float]
) -> None:
    async with serving(lambda: Stash(url, drain_timeout=0.3)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        gate = store.hold('put')
        page.count = 1
        await gate.started.wait()
    assert 0.3 <= round(sum(asked), 6) <= 0.4  # the clock counts from the start of the machine: rounded off
    assert 'could not be written before the server stopped' in errors()[0]


async def test_a_store_that_refuses_does_not_keep_the_server_from_stopping(
    url: str, store: FaultyStore, errors: Callable[[], list[str]]
) -> None:
    async with serving(lambda: Stash(url, drain_timeout=0.3)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        store.refusing = True
        page.count = 1
    assert 'could not be written before the server stopped' in errors()[0]


async def test_a_store_that_comes_back_while_the_server_stops_gets_everything(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        store.down = True
        page.count = 1
        await idle()
        asyncio.get_running_loop().call_later(0.1, setattr, store, 'down', False)
    assert await data_of(store, 'Page') == {'count': 1}


async def test_the_store_is_closed_once_at_the_end(url: str, store: FaultyStore) -> None:
    closed: list[int] = []
    inner_close = store.inner.aclose

    async def close() -> None:
        closed.append(store.calls['put'])
        await inner_close()

    store.inner.aclose = close  # type: ignore[method-assign]
    async with serving(lambda: (Stash(url), Stash(url))) as (stash, _):
        cls = declare(stash)
        shown(stash, await Browser().open(), cls).count = 1
        assert closed == []
    assert closed == [1]


# ---- signals


@pytest.fixture
def received() -> Iterator[list[int]]:
    """The signals that the server would have received: its handlers stand in for those of uvicorn."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    yield received
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.proves('sigterm')
async def test_draining_begins_at_the_signal_and_the_server_receives_it(
    url: str, store: FaultyStore, received: list[int]
) -> None:
    async with serving(lambda: Stash(url, flush_interval=60)) as stash:
        cls = declare(stash)
        page = shown(stash, await Browser().open(), cls)
        page.count = 1
        await idle()
        page.count = 2
        await idle()
        signal.raise_signal(signal.SIGTERM)
        await idle()
        assert received == [signal.SIGTERM]
        assert await data_of(store, 'Page') == {'count': 2}


async def test_after_the_server_has_stopped_signals_are_handled_as_before(url: str, received: list[int]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with serving(lambda: Stash(url)):
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) != before
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


async def test_with_several_places_each_signal_is_received_once_and_handled_as_before_in_the_end(
    url: str, received: list[int]
) -> None:
    before = signal.getsignal(signal.SIGINT)
    async with serving(lambda: [Stash(url, prefix=prefix) for prefix in 'abc']):
        signal.raise_signal(signal.SIGINT)
        assert received == [signal.SIGINT]
    signal.raise_signal(signal.SIGINT)
    assert received == [signal.SIGINT] * 2
    assert signal.getsignal(signal.SIGINT) == before


async def test_a_handler_that_was_set_later_is_left_alone(url: str, received: list[int]) -> None:
    later: list[int] = []
    async with serving(lambda: Stash(url)):
        signal.signal(signal.SIGINT, lambda number, frame: later.append(number))
    signal.raise_signal(signal.SIGINT)
    assert (later, received) == ([signal.SIGINT], [])


async def test_the_server_goes_on_for_a_moment_after_a_first_sigterm_if_it_has_pages_to_tell(
    received: list[int],
) -> None:
    told = asyncio.Event()
    watch = SignalWatch(told.set, lambda: 3600.0)
    watch.start()
    try:
        signal.raise_signal(signal.SIGTERM)
        await told.wait()
        assert received == []
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGINT, signal.SIGTERM]
    finally:
        watch.stop()


async def test_the_server_receives_a_sigterm_after_that_moment(received: list[int]) -> None:
    ended = asyncio.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    watch = SignalWatch(lambda: None, lambda: 0.01)
    watch.start()
    try:
        signal.raise_signal(signal.SIGTERM)
        await ended.wait()
    finally:
        watch.stop()
    assert received == []
