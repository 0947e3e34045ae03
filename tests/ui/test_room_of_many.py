"""One room on several servers, shown by many pages over real sockets: all converge, and counts are exact.

Three servers share Redis, or two a database.

More of them: `ROOM_PAGES=20 ROOM_VOTES=50 pytest -s tests/ui/test_room_of_many.py` also prints how long a change takes.
"""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import quantiles
from typing import Any
from uuid import uuid4

import httpx
import pytest
import socketio

from tests.servers.process import PATIENCE
from tests.stores.redis_fixtures import running as redis
from tests.stores.redis_server import RedisServer

from .processes import PATIENTLY, Process, running

__all__ = ['redis']

SERVERS = {'redis': 3, 'sqlite': 2}
PAGES = int(os.environ.get('ROOM_PAGES', '3'))
"""On each server."""
VOTES = int(os.environ.get('ROOM_VOTES', '5'))
"""Of each page."""
FROZEN = 6.0
"""Seconds that a server stands still: longer than an operation of these stores may take. More would prove no more."""
APP = """
import os
from contextlib import suppress
from itertools import count
from nicegui import ui
from nicegui_stash import Stash, StoreError, stored

stash = Stash({url!r}, recover_timeout=100)


@stash.page('/board/{{board}}', room='board', response_timeout=300)
class Board:
    votes: int = stored(0, scope='room')
    ballots: list[str] = stored([], scope='room')
    title: str = stored('', scope='room')

    def build(self, board: str) -> None:
        self.me, self.numbers = f'{{os.getpid()}}-{{id(self)}}', count()
        ui.label(self.me).props('data-testid=me')
        self.answered = ui.label().props('data-testid=answered')
        ui.label().bind_text_from(self, 'ballots', ' '.join).props('data-testid=ballots')
        ui.button(on_click=self.erase).props('data-testid=erase')
        ui.label().bind_text_from(self, 'votes', str).props('data-testid=votes')
        ui.label().bind_text_from(self, 'title').props('data-testid=title')
        ui.button(on_click=self.vote).props('data-testid=vote')
        ui.button(on_click=self.rename).props('data-testid=rename')

    async def vote(self) -> None:
        ballot = f'{{self.me}}.{{next(self.numbers)}}'

        def add(found):
            found.votes += 1
            found.ballots.append(ballot)

        with suppress(StoreError):  # then it is accepted, and put later
            await stash.update(self, add)
            self.answered.text += f' {{ballot}}'

    def erase(self) -> None:
        stash.reset(self)

    def rename(self) -> None:
        self.title = f'by page {{id(self)}} of {{os.getpid()}}'


ui.run(
    host='127.0.0.1', port=int(os.environ['PORT']), show=False, show_welcome_message=False, reload=False,
    storage_secret='a secret', reconnect_timeout=300,
)
"""
ELEMENTS = re.compile(r'parseElements\(String\.raw`(.*?)`\)', re.DOTALL)
CLIENT = re.compile(r"'client_id': '([0-9a-f-]+)'")


class Page:
    """An open page without a browser: it knows the elements as the server sends them, and clicks."""

    def __init__(self, source: str, news: asyncio.Event) -> None:
        found, client = ELEMENTS.search(source), CLIENT.search(source)
        assert found, source
        assert client, source
        self._elements: dict[str, Any] = json.loads(html.unescape(found[1]))
        self._client_id = client[1]
        self.news = news
        self.clicks = 0
        """How many ballots it has cast."""
        self._socket = socketio.AsyncClient(reconnection=False)
        self._socket.on('update', self._update)

    async def connect(self, url: str) -> None:
        query = f'client_id={self._client_id}&tab_id={uuid4()}&document_id={uuid4()}&next_message_id=0'
        await self._socket.connect(
            f'{url}?{query}&implicit_handshake=true',
            socketio_path='/_nicegui_ws/socket.io',
            transports=['websocket'],
            wait_timeout=int(PATIENCE),
        )

    async def close(self) -> None:
        await self._socket.disconnect()

    async def _update(self, changed: dict[str, Any]) -> None:
        self._elements.update(changed)
        self.news.set()

    def _find(self, testid: str) -> tuple[str, Any]:
        return next(
            (id_, each)
            for id_, each in self._elements.items()
            if isinstance(each, dict) and each.get('props', {}).get('data-testid') == testid
        )

    def text(self, testid: str) -> str:
        return self._find(testid)[1].get('text', '')

    def ballots(self, testid: str = 'ballots') -> list[str]:
        return self.text(testid).split()

    def cast(self, first: int = 0) -> set[str]:
        """Return the ballots that it has cast, from this number on."""
        return {f'{self.text("me")}.{number}' for number in range(first, self.clicks)}

    async def click(self, testid: str) -> None:
        self.clicks += testid == 'vote'
        id_, element = self._find(testid)
        (listener,) = (each for each in element['events'] if each['type'] == 'click')
        message = {'client_id': self._client_id, 'id': int(id_), 'listener_id': listener['listener_id'], 'args': []}
        await self._socket.emit('event', message)


class Room:
    """All pages that show it, by their server."""

    def __init__(self) -> None:
        self.board = uuid4().hex  # its own, as the server of Redis outlives a test
        self.news = asyncio.Event()
        self.servers: list[Process] = []
        self.pages: list[Page] = []
        self.of: dict[Process, list[Page]] = {}

    async def open(self, server: Process) -> None:
        async with httpx.AsyncClient(**PATIENTLY) as browser:
            page = Page((await browser.get(f'{server.url}/board/{self.board}')).text, self.news)
        await page.connect(server.url)
        self.pages.append(page)
        self.of.setdefault(server, []).append(page)

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self.news.clear()
                await self.news.wait()

    def texts(self, testid: str) -> set[str]:
        return {page.text(testid) for page in self.pages}


@pytest.fixture(params=SERVERS)
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Room]:
    url = f'sqlite:///{tmp_path}/stash.db'
    if request.param == 'redis':
        redis: RedisServer = request.getfixturevalue('redis')
        await redis.is_up()
        url = redis.url
    room = Room()
    async with AsyncExitStack() as stack:
        for number in range(SERVERS[request.param]):
            (folder := tmp_path / str(number)).mkdir()
            room.servers.append(stack.enter_context(running(folder, APP.format(url=url))))
        for server in room.servers:
            await asyncio.to_thread(
                server.answers, lambda server=server: httpx.get(f'{server.url}/board/other', **PATIENTLY)
            )
            for _ in range(PAGES):
                await room.open(server)
        yield room
        for page in room.pages:
            await page.close()


async def vote(page: Page) -> None:
    for _ in range(VOTES):
        await page.click('vote')


@pytest.mark.once
async def test_all_pages_converge_and_no_vote_is_lost(room: Room) -> None:
    await asyncio.gather(*map(vote, room.pages))
    total = str(len(room.pages) * VOTES)
    await room.until(lambda: room.texts('votes') == {total})
    await asyncio.gather(*(page.click('rename') for page in room.pages))
    await room.pages[0].click('vote')  # behind what it has renamed
    await room.until(lambda: room.texts('votes') == {str(len(room.pages) * VOTES + 1)})
    await room.until(lambda: len(room.texts('title')) == 1 and room.texts('title') != {''})
    for server in room.servers:  # what is stored is what all of them show
        await room.open(server)
    await room.until(lambda: len(room.texts('title')) == len(room.texts('votes')) == 1)
    if 'ROOM_PAGES' in os.environ:
        await measure(room)


@pytest.mark.once
@pytest.mark.proves('room', 'erased')
async def test_nothing_is_lost_or_back_when_one_server_is_frozen_and_one_killed(room: Room) -> None:
    here, frozen, doomed = room.servers[0], room.servers[1], room.servers[-1]

    def are_erased(server: Process) -> bool:
        return not any(page.text('title') or early & set(page.ballots()) for page in room.of[server])

    def answered() -> set[str]:
        """Return the ballots of the server that is killed of which its pages know, without those before the erasure."""
        return {ballot for page in room.of[doomed] for ballot in {*page.ballots('answered')} & page.cast(first[page])}

    async def vote_and_die() -> None:
        """Vote on a server, and kill it as soon as a page knows that a vote was counted."""
        await asyncio.gather(*map(vote, room.of[doomed]))
        await room.until(answered)
        await asyncio.to_thread(doomed.kill)

    await room.of[frozen][0].click('rename')
    await asyncio.gather(*map(vote, room.pages))
    await room.until(lambda: room.texts('votes') == {str(len(room.pages) * VOTES)} and '' not in room.texts('title'))
    early = set(room.pages[0].ballots())
    assert early == {ballot for page in room.pages for ballot in page.cast()}

    await asyncio.gather(*map(vote, room.of[frozen]))  # some of these are under way when it stops
    frozen.freeze()
    thawing = asyncio.create_task(asyncio.sleep(FROZEN))
    await room.of[here][0].click('erase')
    await room.until(lambda: are_erased(here))
    first = {page: page.clicks for page in room.pages}
    await asyncio.gather(*map(vote, room.of[here]))
    if doomed is not frozen:
        await room.until(lambda: are_erased(doomed))
        await vote_and_die()
    await thawing
    frozen.thaw()
    await room.until(lambda: are_erased(frozen))
    if doomed is frozen:
        await vote_and_die()
    else:
        await asyncio.gather(*map(vote, room.of[frozen]))

    room.pages = [page for page in room.pages if page not in room.of[doomed]]
    cast = {ballot for page in room.pages for ballot in page.cast(first[page])}
    counted = cast | answered()
    await room.until(lambda: all(counted <= set(page.ballots()) for page in room.pages))
    await room.open(here)  # which shows what is stored
    await room.until(lambda: len(room.texts('ballots')) == len(room.texts('votes')) == 1)
    ballots = room.pages[0].ballots()
    assert len(set(ballots)) == len(ballots) == int(room.pages[0].text('votes')), 'each counts once'
    assert not early & set(ballots)
    assert room.texts('title') == {''}
    assert set(ballots) - cast <= {ballot for page in first for ballot in page.cast()}


async def measure(room: Room) -> None:
    """Print how long one vote takes from a click until every page of every server was sent it."""
    taken = list[float]()
    for number in range(100):
        expected = str(int(room.pages[0].text('votes')) + 1)
        begin = time.perf_counter()
        await room.pages[number % len(room.pages)].click('vote')
        await room.until(lambda expected=expected: room.texts('votes') == {expected})
        taken.append((time.perf_counter() - begin) * 1000)
    cuts = quantiles(taken, n=100, method='inclusive')
    print(f'\na vote on all of {len(room.pages)} pages: median {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms')  # noqa: T201 asked for
