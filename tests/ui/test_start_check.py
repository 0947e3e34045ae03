"""The look at a store before the app is served: a refusal stops the start, a store that hangs does not."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from nicegui import ui

from nicegui_stash import ConfigurationError, Stash, stored
from nicegui_stash.hosting import start_check
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, eventually, serving, shown


class Hanging(FaultyStore):
    """A store that looks at its server for as long as the test wants, and may be refused then."""

    def __init__(self, inner: FaultyStore) -> None:
        super().__init__(inner.inner)
        self.answers = threading.Event()
        self.error: Exception | None = None

    def check(self, prefix: str = '') -> None:
        del prefix
        assert self.answers.wait(90)
        if self.error is not None:
            raise self.error


def test_a_start_waits_for_three_seconds_at_most() -> None:
    assert start_check.PATIENCE <= 3


@pytest.fixture
def store(store: FaultyStore, monkeypatch: pytest.MonkeyPatch) -> Hanging:
    monkeypatch.setattr(start_check, 'PATIENCE', 0.1)
    return Hanging(store)


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        name: str = stored('')

        def build(self) -> None:
            ui.label('here')

    return Page


async def test_a_store_that_hangs_does_not_hold_up_the_start(
    url: str, store: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    ann = Browser()
    store.answers.set()
    async with serving(lambda: Stash(url)) as stash:
        declare(stash)
        await ann.open()  # gives her a cookie
    store.answers.clear()
    store.down = True
    async with serving(lambda: Stash(url)) as stash:
        page_class = declare(stash)
        page = shown(stash, await ann.open(), page_class)
        assert stash.recovery(page).status == 'unavailable'
        assert 'has not answered within 0.1 s' in caplog.text
        page.name = 'Ann'
        await eventually(lambda: stash.status(page).state == 'offline')
        store.down = False
        store.answers.set()
        await stash.flush(page)
        assert await data_of(store, 'Page') == {'name': 'Ann'}


async def test_a_refusal_that_comes_late_is_logged(url: str, store: Hanging, errors: Callable[[], list[str]]) -> None:
    store.error = ConfigurationError('url', 'it ignores conditions', 'Use another store')
    async with serving(lambda: Stash(url)) as stash:
        declare(stash)
        store.answers.set()
        await eventually(lambda: all(each.name != 'stash-check' for each in threading.enumerate()))
    assert errors() == ['the store was refused after the start: url: it ignores conditions. Use another store']


async def test_a_refusal_in_time_stops_the_start(url: str, store: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_check, 'PATIENCE', 60)
    store.error = ConfigurationError('url', 'it ignores conditions', 'Use another store')
    store.answers.set()
    with pytest.raises(ConfigurationError, match='ignores conditions'):
        start_check.check_at_start(store, '')
