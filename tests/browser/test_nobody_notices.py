"""Somebody types while the server is killed again and again: nothing is lost, and nothing moves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Frame, expect

from .server import Server
from .tab import Tab, Visitor
from .test_in_place import back, errors, open_page

ROUNDS = int(os.environ.get('ROUNDS', '2'))
"""How often the server is killed; `ROUNDS=100` for a long look."""

TYPIST = """() => {
    // 40 characters a second, half a second in each input
    const names = [...Array(10).keys()].flatMap((number) => [`bound-${number}`, `free-${number}`]);
    const typist = (window.typist = { typed: {}, count: 0 });
    const type = () => {
        const name = names[Math.floor(typist.count / 20) % names.length];
        const input = document.querySelector(`[data-testid=${name}-input]`);
        if (document.activeElement !== input) {
            input.focus({ preventScroll: true });
            input.setSelectionRange(input.value.length, input.value.length);
        }
        const letter = String.fromCharCode(97 + (typist.count++ % 26));
        document.execCommand('insertText', false, letter);
        typist.typed[name] = (typist.typed[name] ?? '') + letter;
    };
    typist.timer = setInterval(type, 25);
}"""

EDITOR = """() => {  // whose element has no id in NiceGUI 3.14
    const found = Object.keys(mounted_app.elements).find((each) => getElement(each)?.editor?.state);
    return (window.editor = () => getElement(found).editor) && found;
}"""

ARRANGE = """() => {
    const id = (name) => Number(document.querySelector(name).id.slice(1));
    const scrollers = [...document.querySelectorAll('[data-testid^=scroller]')];
    scrollers.forEach((each, index) => { each.scrollTop = 100 * index + 77; });
    const editor = window.editor();
    editor.dispatch({ changes: { from: 0, insert: 'zero ' }, userEvent: 'input.type' });
    editor.dispatch({ selection: { anchor: 3, head: 7 } });
    getElement(id('.at-grid')).api.moveColumns(['c'], 0);
    getElement(id('.at-grid')).api.setColumnWidths([{ key: 'b', newWidth: 123 }]);
    scrollTo(0, 55);
    window.look = () => ({
        scrolled: [scrollY, ...scrollers.map((each) => each.scrollTop)],
        expanded: document.querySelector('[data-testid=expansion]').classList.contains('q-expansion-item--expanded'),
        dialog: document.querySelector('[data-testid=in-dialog]')?.value,
        cursor: window.editor().state.selection.toJSON().ranges,
        columns: getElement(id('.at-grid')).api.getColumnState().map(({ colId, width }) => `${colId} ${width}`),
        table: document.querySelector('.at-table .q-table__bottom').innerText,
        isPlaying: !document.querySelector('.at-audio').paused,
    });
}"""


async def arrange(tab: Tab) -> dict[str, Any]:
    """Do what a person does who works on the page, and return how it looks then."""
    page = tab.page
    await page.get_by_test_id('expansion').get_by_text('more').click()
    await expect(page.get_by_text('inside')).to_be_visible()
    for shown in ('6-10 of 50', '11-15 of 50'):
        await page.locator('.at-table .q-table__bottom button').get_by_text('chevron_right').click()
        await expect(page.locator('.at-table .q-table__bottom')).to_contain_text(shown)
    await page.get_by_test_id('open').click()
    await page.get_by_test_id('in-dialog').fill('within')
    await page.locator('.at-grid .ag-cell').first.wait_for()
    await page.locator('.at-audio').evaluate('audio => audio.play()')
    await tab.until(EDITOR)
    await page.evaluate(ARRANGE)
    await expect(page.get_by_test_id('code')).to_have_text('zero one two three')
    look = await page.evaluate('window.look()')
    assert look['expanded'], look
    assert look['dialog'] == 'within', look
    assert look['scrolled'][1:] == [77, 177, 277], look
    assert look['columns'][0].startswith('c '), look
    return look


@pytest.mark.timeout(600 + 60 * ROUNDS)
async def test_nobody_notices_that_the_server_was_killed(visitor: Visitor, folder: Path):
    async with Server('everything.py', folder) as server:
        tab = await open_page(visitor, server.url)
        navigated: list[Frame] = []

        def note(frame: Frame) -> None:
            navigated.append(frame)

        tab.page.on('framenavigated', note)
        before = await arrange(tab)
        played = await tab.page.locator('.at-audio').evaluate('audio => audio.currentTime')
        await tab.page.evaluate(TYPIST)
        for _ in range(ROUNDS):
            client = await tab.client()
            await tab.until('count => window.typist.count > count + 30', await tab.page.evaluate('window.typist.count'))
            await server.kill()
            await tab.disconnected()
            await tab.until('count => window.typist.count > count + 30', await tab.page.evaluate('window.typist.count'))
            await server.start()
            await back(tab, client)
            after = await tab.page.evaluate('window.look()')
            assert after['scrolled'] == pytest.approx(before['scrolled'], abs=1)
            assert after == before | {'scrolled': after['scrolled']}
        await tab.page.evaluate('clearInterval(window.typist.timer)')
        assert await tab.page.locator('.at-audio').evaluate('audio => audio.currentTime') > played
        typed: dict[str, str] = await tab.page.evaluate('window.typist.typed')
        for name, text in typed.items():
            await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(text)
            await expect(tab.page.get_by_test_id(name)).to_have_text(text)
        await expect(tab.page.get_by_test_id('in-place')).to_have_text('True')
        assert navigated == []
        assert errors(tab) == []
        await tab.page.locator('.at-code .cm-content').focus()
        await tab.page.keyboard.press('Control+z')
        await expect(tab.page.get_by_test_id('code')).to_have_text('one two three')
