"""Undo and redo in a real Chromium: across `kill -9`, and by keys that stay the browser's own in an input."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .typist import shows, visit

pytestmark = pytest.mark.proves('undo')


async def shown(tab: Tab, *, undo: bool, redo: bool, **texts: str) -> None:
    """Return when labels show these texts, and the buttons can be pressed or cannot."""
    for name, text in texts.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(text)
    for name, is_enabled in (('undo', undo), ('redo', redo)):
        await expect(tab.page.get_by_test_id(name)).to_be_enabled(enabled=is_enabled)


@pytest.mark.parametrize('path', ['/', '/reload'])
async def test_steps_survive_a_kill(visitor: Visitor, folder: Path, path: str):
    async with Server('undoing.py', folder) as server:
        tab = await visit(visitor, server.url + path)
        click = tab.page.get_by_test_id
        await shown(tab, ticks='5', undo=False, redo=False)  # what a timer changes is no step
        await tab.type(name='Ann')
        await shown(tab, name='Ann', undo=True, redo=False)
        await click('count-a').click()
        await shown(tab, a='1', undo=True, redo=False)
        await click('row').click()
        await shown(tab, rows='1', undo=True, redo=False)
        await click('undo').click()
        await shown(tab, rows='0', a='1', undo=True, redo=True)
        await tab.flush()
        before = await tab.client()
        await server.kill()
        await tab.disconnected()
        await server.start()
        await tab.connected(after=before)
        await tab.recovered()
        await shown(tab, name='Ann', a='1', rows='0', ticks='5', undo=True, redo=True)
        await click('redo').click()
        await shown(tab, name='Ann', a='1', rows='1', undo=True, redo=False)
        await click('undo').click()
        await shown(tab, name='Ann', a='1', rows='0', undo=True, redo=True)
        await click('undo').click()
        await shown(tab, name='Ann', a='0', rows='0', undo=True, redo=True)
        await click('undo').click()
        await shown(tab, name='', a='0', rows='0', ticks='5', undo=False, redo=True)
        await shows(tab, name='')


async def test_keys_undo_outside_of_inputs_and_are_the_browsers_own_within(visitor: Visitor, folder: Path):
    async with Server('undoing.py', folder) as server:
        tab = await visit(visitor, server.url)
        page, click, free = tab.page, tab.page.get_by_test_id, tab.page.get_by_test_id('free')
        await shown(tab, ticks='5', undo=False, redo=False)
        await click('count-a').click()
        await shown(tab, a='1', undo=True, redo=False)
        await free.press_sequentially('typed')
        await free.press('Control+z')
        await expect(free).not_to_have_value('typed')
        await click('count-b').click()  # an undo of ours would have come before
        await shown(tab, b='1', a='1', undo=True, redo=False)
        editor = page.locator('.cm-content')
        await editor.press_sequentially('typed')
        await editor.press('Control+z')
        await expect(editor).not_to_have_text('typed')
        await click('count-c').click()
        await shown(tab, c='1', b='1', a='1', undo=True, redo=False)
        await free.fill('left there')
        await click('count-a').focus()
        await page.keyboard.press('Control+z')
        await shown(tab, c='0', b='1', a='1', undo=True, redo=True)
        await page.keyboard.press('Control+z')
        await shown(tab, c='0', b='0', a='1', undo=True, redo=True)
        await page.keyboard.press('Control+Shift+Z')
        await shown(tab, c='0', b='1', a='1', undo=True, redo=True)
        await page.keyboard.press('Control+y')
        await shown(tab, c='1', b='1', a='1', undo=True, redo=False)
        await page.keyboard.press('Meta+z')
        await shown(tab, c='0', b='1', a='1', undo=True, redo=True)
        await expect(free).to_have_value('left there')
