"""`stash.present(page)`: how many people have the room of a page open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import Request, Response
from nicegui import app, ui
from nicegui.testing import User

from nicegui_stash import Present, Stash, StashError, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import hop, rejoin

from .scene import Browser, client_of, close, disconnect, eventually, idle, page_object_of, serving, shown, text
from .test_rooms_gate import connect

pytestmark = pytest.mark.proves('present')


def declare(stash: Stash) -> type[Any]:
    @stash.page('/board/{board}', room='board')
    class Board:
        title: str = stored('', scope='room')

        def prepare(self, board: str, request: Request) -> Response | None:
            self.present = stash.present(self)
            opened.append(self)
            return Response(status_code=403) if 'stranger' in request.query_params else None

        def build(self, board: str) -> None:
            ui.label().mark('present').bind_text_from(self.present, 'count', lambda count: f'{count} here')

    opened: list[Any] = []
    Board.opened = opened  # type: ignore[attr-defined]
    return Board


async def until_shown(tabs: list[User], expected: str) -> None:
    await eventually(lambda: {text(tab, 'present') for tab in tabs} == {expected})


async def test_each_browser_counts_once_from_its_connection_to_its_end(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    ann = Browser()
    first, second = await ann.open('/board/a'), await ann.open('/board/a')
    await until_shown([first, second], '1 here')
    other, apart = await Browser().open('/board/a'), await Browser().open('/board/b')
    await until_shown([first, second, other], '2 here')
    crawled = await Browser().get('/board/a')
    assert '3 here' in crawled.text, 'it is built as for one who will connect'
    await close(second)
    await close(apart)
    await until_shown([first, other], '2 here')
    await close(first)
    await until_shown([other], '1 here')
    assert sum(store.calls.values()) - store.calls['get'] == 0, 'nothing is put in the memory of one process'


async def test_a_page_that_comes_back_changes_nothing_for_the_others(stash: Stash) -> None:
    cls = declare(stash)
    ann, bob = await Browser().open('/board/a'), await Browser().open('/board/a')
    await until_shown([ann, bob], '2 here')
    counts: list[int] = []
    present = shown(stash, bob, cls).present
    with client_of(bob):
        ui.label().bind_text_from(present, 'count', counts.append)
    disconnect(ann)
    await rejoin(ann)
    await idle()
    await until_shown([ann, bob], '2 here')
    assert set(counts) == {2}


async def test_who_is_refused_does_not_count_and_is_told_nothing(stash: Stash) -> None:
    cls = declare(stash)
    member = await Browser().open('/board/a')
    assert (await Browser().get('/board/a?stranger')).status_code == 403
    refused = cls.opened[-1]
    await connect(page_object_of(refused).visit.client)
    other = await Browser().open('/board/a')
    await until_shown([member, other], '2 here')
    assert refused.present.count == 0
    with pytest.raises(StashError, match='this page has no room'):
        stash.present(refused)


async def test_a_page_without_a_room_has_nobody_to_count(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        def build(self) -> None:
            with pytest.raises(StashError, match='this page has no room'):
                stash.present(self)

    tab = await Browser().open('/')
    page = shown(stash, tab, Page)
    await close(tab)
    assert type(stash.present(page)) is Present


async def test_a_person_counts_once_on_all_devices_and_apart_after_signing_out(url: str) -> None:
    names: dict[str, str] = {}
    async with serving(lambda: Stash(url, user=lambda request: names.get(request.session['id']))) as stash:

        @stash.page('/board/{board}', room='board')
        class Board:
            own: str = stored('', scope='user')

            def build(self, board: str) -> None:
                ui.label().mark('present').bind_text_from(stash.present(self), 'count', lambda count: f'{count} here')

        @ui.page('/sign-in')
        def sign_in(name: str = '') -> None:
            names[app.storage.browser['id']] = name

        phone, desk = Browser(), Browser()
        for browser in (phone, desk):
            await browser.get('/sign-in?name=ann')
        tabs = [await phone.open('/board/a'), await desk.open('/board/a')]
        await until_shown(tabs, '1 here')
        await phone.get('/sign-in')
        await until_shown(tabs, '2 here')
        await phone.get('/sign-in?name=bob')
        again = await phone.open('/board/a')
        await close(tabs[0])
        await until_shown([tabs[1], again], '2 here')


async def test_pages_on_two_servers_that_share_a_database_count_each_other(tmp_path: Path) -> None:
    async with serving(lambda: Stash(f'sqlite:///{tmp_path}/stash.db')) as stash:
        cls = declare(stash)
        ann, bob = await Browser().open('/board/a'), await Browser().open('/board/a')
        await hop(bob)
        registries = {page_object_of(shown(stash, tab, cls)).visit.registry for tab in (ann, bob)}
        assert len(registries) == 2
        await until_shown([ann, bob], '2 here')
        await close(bob)
        await until_shown([ann], '1 here')
