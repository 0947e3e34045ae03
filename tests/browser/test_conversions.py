"""A newcomer's path: a page loses its state with the server, a few lines later it does not. See docs/conversions.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import pytest
from playwright.async_api import Locator, Page, expect

from .examples import CONVERSIONS, Example
from .server import REJOIN, eventually
from .tab import PATIENCE_MS, Tab, Visitor


@dataclass(frozen=True)
class Conversion:
    """One page: where it is, what somebody does there, how that looks, and what of it is in the store then."""

    name: str
    path: str
    do: Callable[[Page], Awaitable[None]]
    looks: Callable[[Page], Awaitable[None]]
    stored: str

    def code(self, when: str) -> str:
        return (CONVERSIONS / f'{self.name}_{when}.py').read_text(encoding='utf-8')


async def do_chores(page: Page) -> None:
    await page.get_by_label('Task', exact=True).first.fill('Water the roses')  # a tick draws the list anew, twice
    new = page.get_by_label('New task')
    await new.fill('Buy flour')
    await new.press('Enter')
    await page.get_by_role('checkbox', name='Buy flour').click()


async def chores_are_done(page: Page) -> None:
    await expect(page.get_by_text('In the house')).to_be_visible()
    await expect(page.get_by_text('1 of 3 done')).to_be_visible()
    await expect(page.get_by_role('checkbox', name='Buy flour')).to_be_checked()
    await expect(page.get_by_label('Task', exact=True).first).to_have_value('Water the roses')


async def write_message(page: Page) -> None:
    await page.get_by_label('Message').fill('May I bring a friend?')


async def message_is_there(page: Page) -> None:
    await expect(page.get_by_label('Message')).to_have_value('May I bring a friend?')


async def begin_to_sign_in(page: Page) -> None:
    await page.get_by_label('Name').fill('ada')
    await page.get_by_label('Password').fill('engine')


async def name_is_there(page: Page) -> None:
    await expect(page.get_by_label('Name')).to_have_value('ada')
    kept = 'engine' if REJOIN == 'in_place' else ''  # only the page has it, and it is still the same one
    await expect(page.get_by_label('Password')).to_have_value(kept)


async def rename_ben(page: Page) -> None:
    await page.get_by_role('button', name='Add').click()
    await expect(page.get_by_role('cell', name='New', exact=True)).to_be_visible()
    await page.get_by_role('row', name='Ann').get_by_role('button', name='Remove').click()
    await expect(page.get_by_role('row', name='Ann')).to_have_count(0)  # a popup ends where the rows are drawn anew
    await page.get_by_role('cell', name='Ben', exact=True).click()
    await page.locator('.q-popup-edit input').fill('Benjamin')
    await page.locator('.q-popup-edit input').press('Enter')


async def ben_is_renamed(page: Page) -> None:
    await expect(page.locator('tbody tr')).to_contain_text(['Benjamin', 'New'])


async def age_ben(page: Page) -> None:
    await page.get_by_role('button', name='Add').click()
    await expect(page.locator('.ag-row [col-id=name]')).to_have_text(['Ann', 'Ben', 'New'])
    await page.get_by_role('gridcell', name='Ann').click()
    await page.get_by_role('button', name='Remove selected').click()
    await expect(page.locator('.ag-row [col-id=name]')).to_have_text(['Ben', 'New'])
    await page.locator('.ag-row [col-id=age]').first.dblclick()
    await page.locator('.ag-cell-inline-editing input').fill('22')
    await page.keyboard.press('Enter')


async def ben_is_older(page: Page) -> None:
    await expect(page.locator('.ag-row [col-id=name]')).to_have_text(['Ben', 'New'])
    await expect(page.locator('.ag-row [col-id=age]').first).to_have_text('22')


def column(page: Page, name: str) -> Locator:
    return page.locator('.bg-grey-3', has=page.get_by_text(name, exact=True))


async def finish_the_lawn(page: Page) -> None:
    await page.get_by_text('Sow the lawn').drag_to(column(page, 'Done'))
    await expect(column(page, 'Done').get_by_text('Sow the lawn')).to_be_visible()
    await page.get_by_text('Paint the fence').drag_to(column(page, 'Doing'))


async def lawn_is_done(page: Page) -> None:
    await expect(column(page, 'Done').get_by_text('Sow the lawn')).to_be_visible()
    await expect(column(page, 'Doing').get_by_text('Paint the fence')).to_be_visible()
    await expect(column(page, 'Next').get_by_text('Mend the roof')).to_be_visible()


async def begin_to_chat(page: Page) -> None:
    await page.wait_for_function(r'() => window.name = document.body.innerText.match(/guest \w+/)?.[0]', polling=50)
    await page.get_by_label('Message').fill('See you at')


async def guest_is_the_same(page: Page) -> None:
    await expect(page.get_by_label('Message')).to_have_value('See you at')
    await expect(page.get_by_text(await page.evaluate('window.name'))).to_be_visible()


CONVERTED = [
    Conversion('todo', '/', do_chores, chores_are_done, '"done":true'),
    Conversion('spa', '/', write_message, message_is_there, 'May I bring a friend?'),
    Conversion('authentication', '/shelf', begin_to_sign_in, name_is_there, '"ada"'),
    Conversion('table', '/', rename_ben, ben_is_renamed, '"Benjamin"'),
    Conversion('grid', '/', age_ben, ben_is_older, '"age":22'),
    Conversion('board', '/', finish_the_lawn, lawn_is_done, '"Paint the fence":"Doing"'),
    Conversion('chat', '/', begin_to_chat, guest_is_the_same, 'See you at'),
]


async def come_back(server: Example, tab: Tab) -> float:
    """Kill the server and start it again; return how many seconds later the page is connected."""
    client = await tab.client()
    began = perf_counter()
    await server.kill()
    await server.start()
    await tab.connected(after=client)
    return perf_counter() - began


@pytest.fixture
def record(record_testsuite_property: Callable[[str, object], None]) -> Callable[[str, float], None]:
    """Return what writes a measurement into the results: shown with `-rP`, and in the file of `--junitxml`."""

    def write(name: str, seconds: float) -> None:
        record_testsuite_property(name, f'{seconds:.1f}')
        print(f'{name}: {seconds:.1f}')  # noqa: T201 that is how pytest shows it

    return write


@pytest.mark.parametrize('conversion', CONVERTED, ids=lambda each: each.name)
async def test_a_newcomers_path(
    conversion: Conversion, folder: Path, visitor: Visitor, record: Callable[[str, float], None]
) -> None:
    server = Example(folder)
    server.replace(conversion.code('before'))
    async with server:
        tab = await visitor.open(f'{server.url}{conversion.path}')
        await conversion.do(tab.page)
        await come_back(server, tab)
        expect.set_options(timeout=1_000)  # for what must not come
        with pytest.raises(AssertionError):
            await conversion.looks(tab.page)
        expect.set_options(timeout=PATIENCE_MS)

        server.replace(conversion.code('after'))
        began = perf_counter()
        await come_back(server, tab)
        # what is typed in the moment in which a page connects can be lost on its way, with and without a stash
        await tab.until('window.__niceguiStash?.acknowledged')
        await conversion.do(tab.page)

        async def is_stored() -> bool:
            return server.has_stored(conversion.stored)

        await eventually(is_stored, f'{conversion.stored} in the store')
        back = await come_back(server, tab)
        await conversion.looks(tab.page)
        # measured and kept with the results, never compared: how long it takes is the machine's
        record(f'{conversion.name}: seconds from the changed lines to the state that came back', perf_counter() - began)
        record(f'{conversion.name}: seconds from kill -9 to a connected page', back)
    assert 'WARNING' not in server.output().upper()
