"""What it costs to tell other servers of a put in Redis, and how soon a page there shows it.

The peer of the way to the page is a bare publish to the same Redis, which a server with nothing else to do sends on to
a websocket. Both ways begin in one process, and end in this one, in a client that has the whole message.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from uuid import uuid4

import aiohttp
import httpx

from nicegui_stash.stores.base import ETag, Replace
from nicegui_stash.stores.redis import store as redis_store
from nicegui_stash.stores.redis.store import RedisStore
from tests.stores.redis_server import RedisServer
from tests.ui.processes import PATIENTLY, Process, running
from tests.ui.test_room_of_many import Page

from .measure import Row, Samples, Target, without_garbage_collection

PUTS = 400
BODY = b'x' * 1000
LISTENERS = 2
"""Servers that hear of each put, as where three share a Redis."""
CHANGES = 200
PAUSE = 0.12
"""Seconds between two changes: a put goes out at once where the one before it is a tenth of a second old."""
TOLD = redis_store._PUT
UNTOLD = redis_store._Script('\n'.join(line for line in TOLD.source.splitlines() if 'PUBLISH' not in line))

APP = """
import os
import time
from nicegui import ui
from nicegui_stash import Stash, stored

stash = Stash({url!r})


@stash.page('/board/{{board}}', room='board')
class Board:
    stamp: str = stored('', scope='room')

    def build(self, board: str) -> None:
        ui.label().bind_text_from(self, 'stamp').props('data-testid=stamp')
        ui.button(on_click=self.change).props('data-testid=change')

    def change(self) -> None:
        self.stamp = str(time.perf_counter())


ui.run(
    host='127.0.0.1', port=int(os.environ['PORT']), show=False, show_welcome_message=False, reload=False,
    storage_secret='a secret',
)
"""
ECHO = """
import os
import time
import redis.asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

redis = redis.asyncio.from_url({url!r})


async def publish(request):
    await redis.publish('bare', str(time.perf_counter()))
    return PlainTextResponse('published')


async def echo(websocket):
    await websocket.accept()
    async with redis.pubsub() as heard:
        await heard.subscribe('bare')
        async for message in heard.listen():
            await websocket.send_text(message['data'].decode() if message['type'] == 'message' else '')


routes = [Route('/publish', publish), WebSocketRoute('/echo', echo)]
uvicorn.run(Starlette(routes=routes), host='127.0.0.1', port=int(os.environ['PORT']), log_level='warning')
"""


async def measure(folder: Path, rounds: int) -> list[Row]:
    server = RedisServer(folder, '--appendfsync', 'everysec')
    server.start()
    await server.is_up()
    try:
        puts = await puts_of(server, rounds)
        ways = await ways_of(server, folder, rounds)
    finally:
        server.kill()
    own, bare = 'from a change to a page on another server', 'a bare publish to a websocket'
    return [
        Row(
            f'a put of 1 KB in Redis, of which {LISTENERS} servers are told: CPU of both sides',
            'µs',
            puts['told'],
            puts['untold'],
            'without telling',
            Target('ratio', 1.05),
        ),
        Row(f'{own}: p99', 'ms', ways['ours p99'], ways['bare p99'], bare, Target('ratio', 3.0)),
        Row(f'{own}: median', 'ms', ways['ours median'], ways['bare median'], bare),
    ]


# ---- a put


async def puts_of(server: RedisServer, rounds: int) -> Samples:
    """Measure puts that are told of and puts that are not, in turns, in µs of CPU of this process and of Redis."""
    store, samples = RedisStore(server.url), Samples()
    pid = next(int(line[11:]) for line in (await store.ask('INFO')).decode().split() if line.startswith('process_id:'))
    listeners = [listen(server.port) for _ in range(LISTENERS)]
    etag = await store.put('a/key', BODY, mode='create')
    try:
        for number in range(-1, rounds * 2):
            for name in ('told', 'untold') if number % 2 else ('untold', 'told'):
                redis_store._PUT = TOLD if name == 'told' else UNTOLD
                with without_garbage_collection():
                    taken, etag = await cost_of(store, etag, pid)
                samples.add(name, taken)
    finally:
        redis_store._PUT = TOLD
        for each in listeners:
            each.close()
        await store.aclose()
    return samples.without_first()


def listen(port: int) -> socket.socket:
    """Subscribe to what is told, and read nothing of it: that is the work of another server."""
    listener = socket.create_connection(('127.0.0.1', port))
    listener.sendall(b'SUBSCRIBE %b\r\n' % redis_store.CHANGED)
    listener.recv(1000)
    return listener


async def cost_of(store: RedisStore, etag: ETag, pid: int) -> tuple[float, ETag]:
    begin = time.process_time() + cpu_of(pid)
    for _ in range(PUTS):
        etag = await store.put('a/key', BODY, mode=Replace(etag))
    return (time.process_time() + cpu_of(pid) - begin) / PUTS * 1e6, etag


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that another process has used, from the scheduler, as ticks are too coarse."""
    tasks = Path(f'/proc/{pid}/task').iterdir()
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in tasks) / 1e9


# ---- the way to a page


async def ways_of(server: RedisServer, folder: Path, rounds: int) -> Samples:
    """Measure both ways in turns, change by change."""
    samples = Samples()
    async with AsyncExitStack() as stack:
        here, there, bare = [
            stack.enter_context(running(make(folder / name), source.format(url=server.url)))
            for name, source in (('here', APP), ('there', APP), ('bare', ECHO))
        ]
        board = uuid4().hex
        changing, shown = [await open_page(each, board, stack) for each in (here, there)]
        publish, echoed = await stack.enter_async_context(echo(bare))
        for _ in range(-1, rounds):
            taken = Samples()
            with without_garbage_collection():
                for _ in range(CHANGES):
                    before = shown.text('stamp')
                    await changing.click('change')
                    while shown.text('stamp') == before:
                        shown.news.clear()
                        await shown.news.wait()
                    taken.add('ours', (time.perf_counter() - float(shown.text('stamp'))) * 1000)
                    await asyncio.sleep(PAUSE / 2)
                    await publish()
                    stamp = await echoed()
                    taken.add('bare', (time.perf_counter() - float(stamp)) * 1000)
                    await asyncio.sleep(PAUSE / 2)
            for name, found in taken.items():
                samples.add(f'{name} p99', quantiles(found, n=100, method='inclusive')[98])
                samples.add(f'{name} median', median(found))
    return samples.without_first()


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def open_page(server: Process, board: str, stack: AsyncExitStack) -> Page:
    address = f'{server.url}/board/{board}'
    await asyncio.to_thread(server.answers, lambda: httpx.get(address, **PATIENTLY))
    async with httpx.AsyncClient(**PATIENTLY) as browser:
        page = Page((await browser.get(address)).text, asyncio.Event())
    await page.connect(server.url)
    stack.push_async_callback(page.close)
    return page


@asynccontextmanager
async def echo(server: Process) -> AsyncIterator[tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[str]]]]:
    """Return what publishes, and what waits for the echo."""
    await asyncio.to_thread(server.answers, lambda: httpx.get(f'{server.url}/publish', **PATIENTLY))
    async with aiohttp.ClientSession() as session, session.ws_connect(f'{server.url}/echo') as websocket:
        await websocket.receive_str()  # it listens

        async def publish() -> None:
            async with session.get(f'{server.url}/publish') as answer:
                await answer.read()

        yield publish, websocket.receive_str
