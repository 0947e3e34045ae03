from __future__ import annotations

from collections.abc import Callable

from fastapi import Response
from fastapi.responses import RedirectResponse
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, idle, sent, shown, text


async def test_prepare_runs_within_the_request_although_build_waits_for_the_browser(stash: Stash) -> None:
    order: list[str] = []

    @stash.page('/', build='connected')
    class Page:
        def prepare(self) -> None:
            order.append('prepare')

        def build(self) -> None:
            order.append('build')

    ann = Browser()
    await ann.get()
    assert order == ['prepare']
    await ann.open()
    assert order == ['prepare', 'prepare', 'build']


async def test_a_redirect_from_a_late_build_is_followed_in_the_browser(stash: Stash) -> None:
    @stash.page('/', build='connected')
    class Page:
        def build(self) -> Response:
            return RedirectResponse('/login?next=%2F')

    tab = await Browser().open()
    assert sent(tab, 'open') == [{'path': '/login?next=%2F', 'new_tab': False}]


async def test_another_response_from_a_late_build_is_a_named_error(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.page('/', build='connected')
    class Page:
        def build(self) -> Response:
            return Response('gone', 410)

    tab = await Browser().open()
    (said,) = errors()
    assert 'status 410' in said
    assert 'prepare()' in said
    await tab.should_see('500')


async def test_an_exception_from_a_late_build_shows_the_error_page(
    stash: Stash, errors: Callable[[], list[str]]
) -> None:
    @stash.page('/', build='connected')
    class Page:
        def build(self) -> None:
            ui.label('half of it')
            raise RuntimeError('broken')

    tab = await Browser().open()
    assert errors() == ['broken']
    await tab.should_see('500')
    await tab.should_not_see('half of it')


async def test_build_waits_only_if_something_is_stored_that_a_visit_may_own(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        name: str = stored('')
        draft: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.label('the form')

    ann = Browser()
    assert 'the form' in (await ann.get()).text
    tab = await ann.open()
    shown(stash, tab, Form).name = 'Ann'
    assert 'the form' in (await ann.get()).text
    shown(stash, tab, Form).draft = 'half'
    assert 'the form' not in (await ann.get()).text
    other = await ann.open()
    await other.should_see('the form')
    assert shown(stash, other, Form).draft == ''


async def test_build_waits_for_the_values_of_a_used_state_too(stash: Stash) -> None:
    @stash.state
    class Settings:
        step: int = stored(1, scope='tab')

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            ui.label(f'step {self.settings.step}').mark('step')

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Settings).step = 2
    await tab.open('/')
    await idle()
    assert text(tab, 'step') == 'step 2'


async def test_build_request_never_waits(stash: Stash) -> None:
    @stash.page('/', build='request')
    class Form:
        draft: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.label('the form')

    ann = Browser()
    shown(stash, await ann.open(), Form).draft = 'half'
    assert 'the form' in (await ann.get()).text


async def test_a_page_that_is_requested_and_never_connected_is_not_a_visit(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/')
    class Page:
        count: int = stored(0)
        seen: int = stored(0, scope='reconnect')

        def build(self) -> None:
            self.seen = 1

    answer = await Browser(headers={'Sec-Purpose': 'prefetch;prerender'}).get()
    assert answer.status_code == 200
    await idle()
    assert store.calls['put'] == 0
