"""The job of the how-to guide, on real servers that are killed: what its pages show then, and who resumes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.docs.examples import named

from .examples import Example
from .server import eventually
from .tab import Tab, Visitor

STEPS = 'await asyncio.sleep(0.5)'
GATE = """while not os.path.exists(f'chapter {self.done + 1}'):
                await asyncio.sleep(0.01)"""
BEGIN = 'async def write(self) -> None:\n'
RESUME = 'Interrupted: resume'


def code(*, ttl: float = 30) -> str:
    """Return the guide's program with a gate for each step, and with a line in the log for each run."""
    whole = named('howto/jobs.md', 'report').code
    assert STEPS in whole
    return 'import os\n' + (
        whole.replace(STEPS, GATE)
        .replace(BEGIN, f"{BEGIN}        print('begun')\n")
        .replace('self.write)', f'self.write, ttl={ttl})')
    )


def may_write(server: Example, chapters: int) -> None:
    """Let the job on this server get as far as this chapter."""
    for number in range(chapters):
        (server.folder / f'chapter {number + 1}').touch()


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Example]:
    server = Example(folder)
    server.replace(code())
    async with server:
        yield server


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_role('button', name=button).click()


async def press_at_once(tab: Tab, button: str) -> None:
    """Press a button, which may be hidden by now: another server may have been quicker."""
    await tab.page.locator('button', has_text=button).dispatch_event('click')


async def offers(tab: Tab, button: str) -> None:
    await expect(tab.page.get_by_role('button', name=button)).to_be_visible()


async def has_written(tab: Tab, number: int) -> None:
    await expect(tab.page.get_by_text(f'{number} of 20 chapters', exact=True)).to_be_visible()


async def is_stored(server: Example, text: str) -> None:
    async def is_there() -> bool:
        return server.has_stored(text)

    await eventually(is_there, f'{text} is stored')


@pytest.mark.proves('job')
@pytest.mark.parametrize('end', ['kill', 'terminate'])
async def test_a_page_shows_that_its_job_was_interrupted_and_resumes_it(
    server: Example, visitor: Visitor, end: str
) -> None:
    may_write(server, 2)
    first, second = await visitor.open(server.url), await visitor.open(server.url)
    await press(first, 'Write')
    await offers(second, 'Stop')
    await has_written(second, 2)
    await is_stored(server, '"done":2')
    clients = [await tab.client() for tab in (first, second)]
    await (server.kill() if end == 'kill' else server.terminate())
    if end == 'terminate':
        assert server.has_stored('"state":"interrupted"')
    await server.start()
    for tab, client in zip((first, second), clients, strict=True):
        await tab.connected(after=client)
        await offers(tab, RESUME)
        await has_written(tab, 2)
    may_write(server, 20)
    await press(second, RESUME)
    for tab in (first, second):
        await has_written(tab, 20)
        await offers(tab, 'Write')
    assert server.output().count('begun') == 2


@pytest.mark.proves('job')
async def test_of_two_servers_one_resumes_what_a_third_left(folder: Path, visitor: Visitor) -> None:
    folders = [folder / name for name in ('one', 'two', 'three')]
    for each in folders:
        each.mkdir()
    servers = [Example(each) for each in folders]
    for server in servers:
        server.store = server.settings['nicegui_stash_url'] = folder / 'store'
        server.replace(code(ttl=12))
    may_write(servers[0], 2)
    async with servers[0], servers[1], servers[2]:
        holder, *others = [await visitor.open(server.url) for server in servers]
        await press(holder, 'Write')
        await asyncio.gather(*(tab.reload() for tab in others))
        for tab in others:
            await offers(tab, 'Stop')
            await has_written(tab, 2)  # it follows the progress of the other server
        await servers[0].kill()
        for tab in others:
            await offers(tab, RESUME)
        await asyncio.gather(*(press_at_once(tab, RESUME) for tab in others))
        for tab in others:
            await offers(tab, 'Stop')
        await press(others[0], 'Stop')
        for tab in others:
            await offers(tab, 'Write')
        assert [server.output().count('begun') for server in servers[1:]] in ([0, 1], [1, 0])
