"""What a person enters into forms is stored, or marked, across F5 and a crash."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from .server import Server, eventually
from .tab import Tab, Visitor
from .told import restart
from .typist import visit


@pytest_asyncio.fixture(scope='class', loop_scope='session')
async def server(folder: Path) -> AsyncIterator[Server]:
    async with Server('entering.py', folder, reconnect_timeout=0.5) as server:
        yield server


async def holds(tab: Tab, **fields: str) -> None:
    for name, shown in fields.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(shown)


async def is_stored(tab: Tab) -> None:
    await expect(tab.page.locator('.nicegui-stash-indicator')).to_have_attribute('data-state', 'saved')


class TestOneServer:
    async def test_dates_are_taken_as_text_and_half_a_date_is_marked(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, server.url)
        day, due, at = (tab.page.get_by_label(name, exact=True) for name in ('day', 'due', 'at'))
        await day.press_sequentially('2030-05-31')
        await at.fill('10:30')
        await due.fill('2030-06')
        await expect(tab.page.get_by_text('Please enter a date.', exact=True)).to_be_visible()
        await holds(tab, day='datetime.date(2030, 5, 31)', at='datetime.time(10, 30)', due='datetime.date(2030, 1, 1)')
        await due.fill('2030-06-02')
        await expect(tab.page.get_by_text('Please enter a date.', exact=True)).to_have_count(0)
        await is_stored(tab)
        await tab.reload()
        await holds(tab, day='datetime.date(2030, 5, 31)', due='datetime.date(2030, 6, 2)')
        await expect(day).to_have_value('2030-05-31')
        await expect(at).to_have_value('10:30:00')
        await tab.page.locator('.at-at button').click()
        await expect(tab.page.locator('.q-time__header')).to_contain_text('10')
        await expect(tab.page.locator('.q-time__header')).to_contain_text('30')

    async def test_a_computed_default_is_the_same_in_two_tabs_after_f5_and_after_a_kill(
        self, visitor: Visitor, server: Server
    ):
        first, second = [await visitor.open(f'{server.url}/guest') for _ in range(2)]
        shown = await first.page.get_by_test_id('id').inner_text()
        await holds(second, id=shown)
        for tab in (first, second):
            await tab.reload()
            await holds(tab, id=shown)

        async def is_there() -> bool:
            return any(shown in stored.read_text() for stored in server.objects())

        await eventually(is_there, 'the default is stored')
        client = await second.client()
        await restart(server, first, kill=True)
        await second.connected(after=client)
        for tab in (first, second):
            await holds(tab, id=shown)
            await tab.reload()
            await holds(tab, id=shown)

    async def test_an_emptied_text_is_empty_in_the_address_too(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, f'{server.url}/?q=bolt')
        await tab.page.locator('.at-q .q-field__focusable-action').click()
        await tab.page.locator('.at-name .q-field__focusable-action').click()
        await holds(tab, q="''", name="''")
        await expect(tab.page).to_have_url(f'{server.url}/')
        await is_stored(tab)
        await tab.reload()
        await holds(tab, q="''", name="''")

    async def test_a_choice_waits_for_its_options(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, server.url)
        await tab.page.get_by_role('button', name='cities').click()
        await holds(tab, cities='abc')  # a select without options does not open
        await tab.page.get_by_label('city', exact=True).click()
        await tab.page.get_by_role('option', name='c', exact=True).click()
        animal = tab.page.get_by_label('animal', exact=True)
        await animal.fill('emu')
        await animal.press('Enter')
        await holds(tab, city="'c'", animal="'emu'")
        await is_stored(tab)
        await tab.reload()
        await holds(tab, city="'c'", animal="'emu'")
        await expect(animal).to_have_value('emu')
        await tab.page.get_by_role('button', name='cities').click()
        await expect(tab.page.locator('.q-select').filter(has_text='city')).to_contain_text('c')
        await restart(server, tab, kill=True)
        await holds(tab, city="'c'", animal="'emu'")

    async def test_a_refused_value_is_marked_again_after_a_crash(self, visitor: Visitor, server: Server):
        tab = await visit(visitor, server.url)
        count, due, name = (tab.page.get_by_label(each, exact=True) for each in ('count', 'due', 'name'))
        await count.fill('')
        await due.fill('2030-06')
        await name.fill('Bo')
        hints = [tab.page.get_by_text(f'Please enter a {what}.', exact=True) for what in ('whole number', 'date')]
        for hint in hints:
            await expect(hint).to_be_visible()
        await tab.until('window.__niceguiStash.typed.pending === 2')  # all but the refused ones
        await restart(server, tab, kill=True)
        for hint in hints:
            await expect(hint).to_be_visible()
        await holds(tab, count='3', name="'Bo'", due='datetime.date(2030, 1, 1)')
        await expect(count).to_have_value('')
        await expect(due).to_have_value('2030-06')
        await count.fill('7')
        await due.fill('2030-06-03')
        await tab.until('window.__niceguiStash.typed.pending === 0')
        await holds(tab, count='7', due='datetime.date(2030, 6, 3)')

    async def test_what_forward_cannot_take_to_a_row_or_a_dict_is_marked_again_after_a_crash(
        self, visitor: Visitor, server: Server
    ):
        tab = await visit(visitor, server.url)
        until, qty, name = (tab.page.get_by_label(each, exact=True) for each in ('until', 'qty', 'name'))
        hints = [tab.page.get_by_text(f'Please enter a {what}.', exact=True) for what in ('date', 'whole number')]
        await until.fill('2030-02')
        await qty.fill('two')
        await name.fill('Eve')
        for _ in range(2):
            for hint in hints:
                await expect(hint).to_be_visible()
            await expect(until).to_have_value('2030-02')
            await expect(qty).to_have_value('two')
            await holds(tab, name="'Eve'", rows="[{'id': 1, 'qty': 3}]", stay="{'until': datetime.date(2030, 1, 8)}")
            await tab.until('window.__niceguiStash.typed.pending === 2')  # all but the refused ones
            await restart(server, tab, kill=True)
        await until.fill('2030-02-03')
        await qty.fill('2')
        await tab.until('window.__niceguiStash.typed.pending === 0')
        await holds(tab, rows="[{'id': 1, 'qty': 2}]", stay="{'until': datetime.date(2030, 2, 3)}")
        other = await visit(visitor, server.url)
        await qty.fill('x')
        await expect(hints[1]).to_be_visible()
        await other.page.get_by_label('qty', exact=True).fill('9')
        await holds(other, rows="[{'id': 1, 'qty': 9}]")
        await holds(tab, rows="[{'id': 1, 'qty': 9}]")
        await expect(qty).to_have_value('9')
        await expect(hints[1]).to_have_count(0)
