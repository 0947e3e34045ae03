"""Two and three servers on one bucket, behind a balancer: documents on any of them, and a deploy that replaces all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.servers.fixtures import moto, seaweedfs
from tests.servers.s3 import S3Server

from .balancer import Balancer
from .server import Server, eventually
from .tab import HAS_CONNECTED, Tab, Visitor
from .told import words

__all__ = ['moto', 'seaweedfs']

LINES = 40


def server(app: str, folder: Path, bucket: S3Server, url: str) -> Server:
    """Return an app on the bucket, not started yet; how often it puts is left to the store."""
    return Server(
        app,
        folder,
        store=url,
        reconnect_timeout=60.0,
        arrival_looks='3,6,12,24',  # a put may take longer than a page usually looks for it
        nicegui_stash_storage_options=json.dumps(bucket.options),
    )


@asynccontextmanager
async def balanced(*servers: Server) -> AsyncIterator[Balancer]:
    async with AsyncExitStack() as running:
        await asyncio.gather(*(running.enter_async_context(each) for each in servers))
        await asyncio.gather(*(is_checked(each) for each in servers))
        yield await running.enter_async_context(Balancer(*servers))


async def is_checked(server: Server) -> None:
    """Return once the server knows its store, which takes SeaweedFS several seconds: until then its puts wait."""

    async def known() -> bool:
        log = server.output()
        return 'has not answered within' not in log or 'has been checked' in log

    await eventually(known, 'the store is checked')


ON_BUCKETS = pytest.mark.parametrize(
    ('bucket', 'number'),
    [pytest.param('moto', 2, marks=pytest.mark.once), ('seaweedfs', 3)],  # of both, the real server runs again
    ids=['moto-2', 'seaweedfs-3'],
    indirect=['bucket'],
)


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> S3Server:
    return request.getfixturevalue(request.param)


async def away_and_back(tab: Tab) -> None:
    await tab.follow('to-other')
    await tab.back()


@ON_BUCKETS
async def test_each_document_shows_what_was_typed_just_before_on_another_server(
    visitor: Visitor, folder: Path, bucket: S3Server, number: int
) -> None:
    url = bucket.url()
    servers = [server('form.py', folder, bucket, url) for _ in range(number)]
    async with balanced(*servers) as balancer:
        tab = await visitor.open(balancer.url)
        ways = [tab.reload, lambda: tab.follow('to-form'), lambda: tab.goto(balancer.url), lambda: away_and_back(tab)]
        for move in ways * 2:
            typed = words()
            await tab.type(**typed)
            typed['session'] += ' and more'
            await tab.type(session=typed['session'])  # accepted, and spaced from the last put
            before = await tab.client()
            await move()
            assert await tab.client() != before
            await expect(tab.page.get_by_test_id('session-input')).to_have_value(typed['session'])
            await expect(tab.page.get_by_test_id('tab-input')).to_have_value(typed['tab'])
            assert (await tab.look()).fields == typed | {'reconnect': ''}
        assert all(here is not there for here, there in zip(balancer.served, balancer.served[1:], strict=False))
        assert set(balancer.served) == set(servers)
        client = await tab.client()
        balancer.drop()
        await tab.disconnected()
        balancer.restore()
        assert await tab.connected() == client, 'the socket leads to the server that has made the document'


@dataclass
class Typist:
    """Somebody who types into the ledger, line after line, whatever happens to the servers.

    `accepted` is what the page has shown as accepted, by field, the last of each.
    """

    tab: Tab
    accepted: dict[str, str] = field(default_factory=dict[str, str])
    typed: int = 0
    again: int = 0
    """How often a page was replaced before it had shown what was typed."""

    async def type(self, until: asyncio.Event) -> None:
        for number in count():
            for name in (f'line_{number % LINES}', 'draft'):
                await self._enter(name, f'{name} {number}')
            if until.is_set():
                return

    async def _enter(self, name: str, text: str) -> None:
        while True:
            client = await self._connected()
            await self.tab.page.get_by_test_id(f'{name}-input').fill(text)
            outcome = await self.tab.until(SHOWN, [client, name, text])
            if await outcome.json_value() == 'accepted':
                self.accepted[name] = text
                self.typed += 1
                return
            self.again += 1

    async def _connected(self) -> str:
        handle = await self.tab.until(HAS_CONNECTED)
        return await handle.json_value()


SHOWN = """([client, name, text]) => {
    if (window.clientId !== client) return window.clientId && 'replaced';
    return document.querySelector(`[data-testid=${name}]`)?.innerText === text && 'accepted';
}"""


async def deploy(
    balancer: Balancer, new: list[Server], *, meanwhile: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Replace the servers one by one: start the new one, send documents to it, let the old one go.

    `meanwhile` is awaited while both can be reached.
    """
    for old, replacement in zip(list(balancer.in_service), new, strict=True):
        await replacement.start()
        balancer.in_service.append(replacement)
        balancer.in_service.remove(old)
        if meanwhile is not None:
            await meanwhile()
        await old.terminate()


async def types_on(typist: Typist) -> None:
    """Return when five more changes have been typed."""
    wanted = typist.typed + 5

    async def is_typed() -> bool:
        return typist.typed >= wanted

    await eventually(is_typed, 'five more changes are typed')


@ON_BUCKETS
async def test_a_deploy_that_replaces_one_server_after_another_loses_nothing_that_was_typed_meanwhile(
    visitor: Visitor, folder: Path, bucket: S3Server, number: int
) -> None:
    url = bucket.url()
    old, new = ([server('ledger.py', folder, bucket, url) for _ in range(number)] for _ in range(2))
    async with balanced(*old) as balancer, AsyncExitStack() as replacements:
        for each in new:
            replacements.push_async_exit(each)
        typist, done = Typist(await visitor.open(balancer.url)), asyncio.Event()
        typing = asyncio.create_task(typist.type(done))
        try:
            await deploy(balancer, new, meanwhile=partial(types_on, typist))
        finally:
            done.set()
            await typing
        assert set(balancer.in_service) == set(new)

        async def is_moved() -> bool:
            return balancer.served[-1] in new

        await eventually(is_moved, 'the page has left the last old server')
        assert typist.typed > 4 * number
        await shows(typist.tab, typist.accepted)
        await typist.tab.reload()
        await shows(typist.tab, typist.accepted | {'draft': ''})
        await typist.tab.reload()
        await shows(typist.tab, typist.accepted | {'draft': ''})


async def shows(tab: Tab, fields: dict[str, str]) -> None:
    """Return once all inputs and labels show this; fail if one never does."""
    for name, value in fields.items():
        await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(value)
        await expect(tab.page.get_by_test_id(name)).to_have_text(value)
