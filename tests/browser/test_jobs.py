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
BEGIN = 'async def write(self) -> None:\n'
RESUME = 'Interrupted: resume'


def code(*, seconds: float, ttl: float = 30) -> str:
    """Return the guide's program with steps that take so long, and with a line in the log for each run."""
    whole = named('howto/jobs.md', 'report').code
    assert STEPS in whole
    return (
        whole.replace(STEPS, f'await asyncio.sleep({seconds})')
        .replace(BEGIN, f"{BEGIN}        print('begun')\n")
        .replace('self.write)', f'self.write, ttl={ttl})')
    )


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Example]:
    server = Example(folder)
    server.replace(code(seconds=0.05))
    async with server:
        yield server


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_role('button', name=button).click()


async def press_at_once(tab: Tab, button: str) -> None:
    """Press a button, which may be hidden by now: another server may have been quicker."""
    await tab.page.locator('button', has_text=button).dispatch_event('click')


async def offers(tab: Tab, button: str) -> None:
    await expect(tab.page.get_by_role('button', name=button)).to_be_visible()


async def chapters(tab: Tab) -> int:
    return int((await tab.page.get_by_text(' of 20 chapters').inner_text()).split()[0])


async def reaches(tab: Tab, number: int) -> None:
    async def has() -> bool:
        return await chapters(tab) >= number

    await eventually(has, f'{number} chapters')


@pytest.mark.proves('job')
@pytest.mark.parametrize('end', ['kill', 'terminate'])
async def test_a_page_shows_that_its_job_was_interrupted_and_resumes_it(
    server: Example, visitor: Visitor, end: str
) -> None:
    server.replace(code(seconds=0.2))
    await server.kill()
    await server.start()
    first, second = await visitor.open(server.url), await visitor.open(server.url)
    await press(first, 'Write')
    await offers(second, 'Stop')
    await reaches(second, 2)
    clients = [await tab.client() for tab in (first, second)]
    await (server.kill() if end == 'kill' else server.terminate())
    if end == 'terminate':
        assert server.has_stored('"state":"interrupted"')
    server.replace(code(seconds=0.01))
    await server.start()
    for tab, client in zip((first, second), clients, strict=True):
        await tab.connected(after=client)
        await offers(tab, RESUME)
    assert 1 <= await chapters(second) < 20
    await press(second, RESUME)
    for tab in (first, second):
        await expect(tab.page.get_by_text('20 of 20 chapters')).to_be_visible()
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
        server.replace(code(seconds=0.2, ttl=12))
    async with servers[0], servers[1], servers[2]:
        holder, *others = [await visitor.open(server.url) for server in servers]
        await press(holder, 'Write')
        await asyncio.gather(*(tab.reload() for tab in others))
        for tab in others:
            await offers(tab, 'Stop')
            await reaches(tab, 2)  # it follows the progress of the other server
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
