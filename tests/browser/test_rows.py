"""What a person enters into rows, a table or a grid is stored, and shown in other tabs, after F5 and after kill -9."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from .server import Server, eventually
from .tab import Tab, Visitor
from .told import dead


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def stock(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('stock.py', tmp_path_factory.mktemp('stock')) as server:
        yield server


KNOWS_DURABLE = """() => {
    const { typed } = window.__niceguiStash;
    return typed.pending === 0 && !typed.snapshot()?.edits;
}"""
"""Whether the page has been told that all is durable that was entered into it, also into tables and grids."""
KNOWS_ROWS = 'window.__niceguiStash.typed && window.__niceguiStash.acknowledged'


async def two_tabs(stock: Server, visitor: Visitor, path: str) -> tuple[Tab, Tab]:
    first, second = await visitor.open(stock.url + path), await visitor.open(stock.url + path)
    return first, second


async def kill(stock: Server, *tabs: Tab) -> None:
    """End the server once everything is durable, and return when all tabs are back."""
    clients = [await tab.client() for tab in tabs]
    for tab in tabs:
        await tab.until(KNOWS_DURABLE)
    await eventually(partial(stock_is_stored, stock), 'all is stored')
    await stock.kill()
    await stock.start()
    for tab, client in zip(tabs, clients, strict=True):
        await tab.connected(after=client)


async def stock_is_stored(stock: Server) -> bool:
    """Whether all that the server has accepted, such as by a button, is stored."""
    async with httpx.AsyncClient(timeout=60) as client:
        return (await client.get(f'{stock.url}/pending')).json() == 0


async def test_inputs_bound_to_rows_follow_each_other_in_two_tabs(stock: Server, visitor: Visitor):
    first, second = await two_tabs(stock, visitor, '/inputs')
    for here, there, value in ((first, second, '55'), (second, first, '66')):
        await here.page.get_by_label('bolt').fill(value)
        await expect(there.page.get_by_label('bolt')).to_have_value(value)
    await second.reload()
    await expect(second.page.get_by_label('bolt')).to_have_value('66')
    await kill(stock, first, second)
    await expect(first.page.get_by_label('bolt')).to_have_value('66')
    await first.page.get_by_role('button', name='Remove').click()
    said = second.page.get_by_text('This row was removed. What you enter here is not saved.')
    await expect(said).to_have_count(1)
    await second.page.get_by_label('bolt').fill('77')
    await expect(said).to_have_count(1)


COUNT_TOUCHED = """() => {
    const told = (window.told = new Set()), touched = (window.touched = new Set());
    window.socket.on('update', (message) => Object.keys(message).forEach((id) => id !== '_id' && told.add(`c${id}`)));
    const nearest = (node) => (node.closest ? node : node.parentElement).closest('[id^=c]')?.id;
    new MutationObserver((changes) => changes.forEach((change) => touched.add(nearest(change.target)))).observe(
        document.getElementById('app'), { subtree: true, childList: true, characterData: true, attributes: true });
}"""
"""Notes which elements the server sends from now on, and in which of them the page changes."""


async def test_one_cell_of_1000_rows_that_changes_elsewhere_touches_at_most_3_elements(stock: Server, visitor: Visitor):
    first, second = await two_tabs(stock, visitor, '/many')
    shown = second.page.locator('.amount').nth(500)
    await expect(shown).to_have_text('500')
    await expect(second.page.locator('.amount')).to_have_count(1000)

    async def change(value: str) -> None:
        """Change the cell; all has come by then that was sent before."""
        await first.page.get_by_label('Amount').fill(value)
        await expect(shown).to_have_text(value)
        await expect(second.page.get_by_label('Amount')).to_have_value(value)

    await change('4400')
    await second.page.evaluate(COUNT_TOUCHED)
    await change('5500')
    await change('6600')
    label = await shown.get_attribute('id')
    for noted in await second.page.evaluate('[[...told], [...touched]]'):
        assert label in noted
        assert len(noted) <= 3, noted


async def test_typing_into_inputs_that_a_change_draws_again_keeps_focus_and_all_letters(
    stock: Server, visitor: Visitor
):
    first, second = await two_tabs(stock, visitor, '/drawn')
    typed = first.page.get_by_label('Name')
    await typed.focus()
    await first.page.keyboard.press('End')
    await first.page.keyboard.type('ABCDEFGH', delay=60)
    await expect(typed).to_have_value('boltABCDEFGH')
    await expect(typed).to_be_focused()
    await expect(second.page.get_by_label('Name')).to_have_value('boltABCDEFGH')
    await second.page.get_by_role('button', name='Add').click()
    await expect(first.page.get_by_label('Name')).to_have_count(2)
    await first.page.get_by_label('Name').nth(1).fill('nuts')
    await expect(second.page.get_by_label('Name').nth(1)).to_have_value('nuts')


async def test_a_table_is_edited_in_two_tabs(stock: Server, visitor: Visitor):
    first, second = await two_tabs(stock, visitor, '/table')
    await set_in_table(first.page, 'bolt', '55')
    await shows(second.page.locator('tbody tr'), 'bolt55', 'nut4')
    await set_in_table(second.page, 'nut', '2.5')
    await expect(second.page.get_by_text('qty: Please enter a whole number.')).to_be_visible()
    await shows(second.page.locator('tbody tr'), 'bolt55', 'nut4')
    await second.page.get_by_role('button', name='Add').click()
    await shows(first.page.locator('tbody tr'), 'bolt55', 'nut4', 'pin5')
    await kill(stock, first, second)
    await shows(second.page.locator('tbody tr'), 'bolt55', 'nut4', 'pin5')
    await second.reload()
    await shows(second.page.locator('tbody tr'), 'bolt55', 'nut4', 'pin5')


async def set_in_table(page: Page, name: str, value: str) -> None:
    await page.locator('tbody tr', has_text=name).locator('td').nth(1).click()
    box = page.locator('.q-popup-edit input')
    await box.fill(value)
    await box.press('Enter')
    await expect(box).to_have_count(0)


@pytest.mark.parametrize('path', ['/grid', '/keyless'])
async def test_a_grid_is_edited_in_two_tabs(stock: Server, visitor: Visitor, path: str):
    first, second = await two_tabs(stock, visitor, path)
    amounts = [tab.page.locator('.ag-row [col-id=qty]') for tab in (first, second)]
    await set_in_grid(first.page, 0, '55')
    await shows(amounts[1], '55', '4')
    await set_in_grid(second.page, 1, '2.5')
    await expect(second.page.get_by_text('Amount: Please enter a whole number.')).to_be_visible()
    await shows(amounts[1], '55', '4')
    await second.page.get_by_role('button', name='Add').click()
    await shows(amounts[0], '55', '4', '5')
    await first.page.get_by_role('button', name='Remove').click()
    await shows(amounts[1], '4', '5')
    await set_in_grid(second.page, 1, '66')
    await shows(amounts[0], '4', '66')
    await first.page.locator('.ag-row [col-id=qty]').nth(1).dblclick()  # an editor stays open while others work
    await set_in_grid(second.page, 0, '44')
    await shows(first.page.locator('.ag-row-first [col-id=qty]'), '44')
    await first.page.locator('.ag-cell-inline-editing input').fill('77')
    await first.page.keyboard.press('Enter')
    await shows(amounts[1], '44', '77')
    await kill(stock, first, second)
    await shows(amounts[0], '44', '77')
    await first.reload()
    await shows(amounts[0], '44', '77')


LOST = 'The server was away: what you last changed in a table may not be saved.'


@pytest.mark.parametrize('path', ['/grid', '/table'])
async def test_an_edit_that_no_server_hears_is_not_lost_without_a_word(stock: Server, visitor: Visitor, path: str):
    tab = await visitor.open(stock.url + path)
    await tab.until(KNOWS_ROWS)
    edit = (
        (lambda value: set_in_grid(tab.page, 0, value))
        if path == '/grid'
        else lambda value: set_in_table(tab.page, 'bolt', value)
    )
    shown = tab.page.locator(
        '.ag-row-first [col-id=qty]' if path == '/grid' else 'tbody tr:first-child td:nth-child(2)'
    )
    await edit('31')
    await expect(shown).to_have_text('31')
    await kill(stock, tab)
    await expect(tab.page.get_by_text(LOST)).to_have_count(0)
    async with dead(stock, tab):
        await edit('41')
        await expect(shown).to_have_text('41')
    await expect(tab.page.get_by_text(LOST)).to_be_visible()
    await expect(shown).to_have_text('31')
    await edit('51')
    await expect(shown).to_have_text('51')


async def test_a_grid_that_was_edited_in_vain_shows_what_is_stored_after_a_return_in_place(
    visitor: Visitor, folder: Path
):
    async with Server('stock.py', folder, nicegui_stash_rejoin='in_place') as stock:
        tab = await visitor.open(f'{stock.url}/grid')
        await tab.until(KNOWS_ROWS)
        await tab.page.evaluate('window.isMarked = true')
        shown = tab.page.locator('.ag-row-first [col-id=qty]')

        async def store(amount: int) -> None:
            await set_in_grid(tab.page, 0, str(amount))

            async def is_stored() -> bool:
                return any(f'"qty":{amount}'.encode() in path.read_bytes() for path in stock.objects())

            await eventually(is_stored, f'{amount} is stored')

        await store(31)
        await kill(stock, tab)
        async with dead(stock, tab):
            await set_in_grid(tab.page, 0, '41')
            await expect(shown).to_have_text('41')
        await expect(shown).to_have_text('31')
        await store(51)
        await kill(stock, tab)
        await expect(shown).to_have_text('51')
        assert await tab.page.evaluate('window.isMarked')


async def test_what_was_chosen_comes_back_with_rows_nodes_and_tabs_that_come_later(stock: Server, visitor: Visitor):
    tab = await visitor.open(f'{stock.url}/later')
    fill = tab.page.get_by_role('button', name='Fill')
    row, node = tab.page.locator('tbody tr', has_text='nut'), tab.page.locator('.q-tree__node', has_text='nut')
    in_grid, second = tab.page.locator('.ag-row[row-id="2"]'), tab.page.get_by_role('tab', name='second')
    await fill.click()
    await row.locator('.q-checkbox').click()
    await expect(row.locator('.q-checkbox')).to_be_checked()  # the page has moved as far as it does
    await in_grid.locator('.ag-checkbox').click()
    await expect(in_grid).to_have_class(re.compile('ag-row-selected'))
    await node.locator('.q-checkbox').click()
    await expect(node.locator('.q-checkbox')).to_be_checked()
    await second.click()

    async def is_stored() -> bool:
        [stored] = [path.read_text() for path in stock.objects() if '/later' in path.read_text()] or ['']
        told = ('"selected":[2]', '"selected":["2"]', '"ticked":[2]', '"value":"second"')
        return all(part in stored for part in told)

    await eventually(is_stored, 'what was chosen is stored')
    for event in 'F5', 'kill -9':
        if event == 'kill -9':
            client = await tab.client()
            await stock.kill()
            await stock.start()
            await tab.connected(after=client)
        await tab.reload()
        await expect(row).to_have_count(0)
        await expect(second).to_have_count(0)
        await fill.click()
        await expect(row.locator('.q-checkbox')).to_be_checked()
        await expect(node.locator('.q-checkbox')).to_be_checked()
        await expect(second).to_have_attribute('aria-selected', 'true')
        await expect(in_grid).to_have_class(re.compile('ag-row-selected'))


async def set_in_grid(page: Page, at: int, value: str) -> None:
    await page.locator('.ag-row [col-id=qty]').nth(at).dblclick()
    box = page.locator('.ag-cell-inline-editing input')
    await box.fill(value)
    await box.press('Enter')
    await expect(box).to_have_count(0)


async def shows(rows: Locator, *texts: str) -> None:
    await expect(rows).to_have_text(list(texts))
