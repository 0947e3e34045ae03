"""What a person sees and sets on the page of `apps/remembering.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import expect

from .tab import Tab

ELEMENTS = (
    'tabs',
    'panel',
    'step',
    'slide',
    'expansion',
    'splitter',
    'drawer',
    'dialog',
    'menu',
    'input',
    'textarea',
    'number',
    'colour',
    'day',
    'slider',
    'range',
    'knob',
    'time',
    'clock',
    'chips',
    'pagination',
    'editor',
    'code',
    'checkbox',
    'switch',
    'radio',
    'toggle',
    'select',
    'rating',
    'stars',
    'raw',
    'table_rows',
    'table_columns',
    'table_selected',
    'filter',
    'grid_columns',
    'grid_width',
    'grid_rows',
    'grid_selected',
    'tree_expanded',
    'tree_ticked',
    'tree_selected',
    'scroll',
)

SEEN = """() => {
    const all = (css, root = document) => [...root.querySelectorAll(css)];
    const by = (name) => document.querySelector(`[data-testid=${name}]`);
    const texts = (css, root) => all(css, root).map((each) => each.innerText.trim());
    const isField = (each) => each.matches('input, textarea');
    const value = (name) => [by(name), ...all('input, textarea', by(name))].find(isField).value;
    const checked = (name) => by(name).getAttribute('aria-checked');
    const place = (each) => each.getBoundingClientRect();
    const shown = (each) => !!each && place(each).width > 0 && place(each).right > 0;
    const table = by('table'), grid = by('grid'), tree = by('tree');
    const id = (each) => each.getAttribute('col-id') ?? each.getAttribute('row-id');
    const heads = all('.ag-header-cell[col-id]', grid).filter((each) => !id(each).startsWith('ag-Grid'));
    heads.sort((one, other) => place(one).left - place(other).left);
    const size = heads.find((each) => id(each) === 'size');
    const rows = all('.ag-center-cols-container .ag-row', grid);
    rows.sort((one, other) => one.getAttribute('row-index') - other.getAttribute('row-index'));
    const node = (each) => each.innerText.trim().split('\\n')[0];
    const ticked = all('.q-checkbox[aria-checked=true]', tree).map((each) => each.closest('.q-tree__node-header'));
    return {
        tabs: texts('.q-tab--active').join(),
        panel: all('[data-testid=panel]').filter(shown).map((each) => each.innerText).join(),
        step: texts('.q-stepper__tab--active .q-stepper__title').join(),
        slide: all('[data-testid=slide]').filter(shown).map((each) => each.innerText).join(),
        expansion: !!document.querySelector('.q-expansion-item--expanded'),
        splitter: by('splitter').querySelector('.q-splitter__before').style.width,
        drawer: shown(by('drawer')),
        dialog: shown(by('dialog')),
        menu: shown(by('menu')),
        input: value('input'),
        textarea: value('textarea'),
        number: value('number'),
        colour: value('colour'),
        day: value('day'),
        slider: [by('slider'), ...all('*', by('slider'))].find((each) => each.ariaValueNow)?.ariaValueNow,
        range: texts('.q-slider__text', by('range')).join(),
        knob: by('knob').ariaValueNow,
        time: value('time'),
        clock: by('clock').querySelector('.q-time__header').innerText.replace(/\\s/g, ''),
        chips: texts('.q-chip__content', by('chips').closest('.q-field') ?? by('chips')).join(),
        pagination: by('pagination').querySelector('[aria-current=true]')?.innerText,
        editor: by('editor').querySelector('[contenteditable]').innerText,
        code: by('code').querySelector('.cm-content').innerText,
        checkbox: checked('checkbox'),
        switch: checked('switch'),
        radio: texts('.q-radio[aria-checked=true]', by('radio')).join(),
        toggle: texts('[aria-pressed=true]', by('toggle')).join(),
        select: (by('select').closest('.q-field') ?? by('select')).innerText.replace('arrow_drop_down', '').trim(),
        rating: all('.q-rating__icon--active', by('rating')).length,
        stars: all('.q-rating__icon--active', by('stars')).length,
        raw: checked('raw'),
        table_rows: texts('tbody tr td:nth-child(2)', table).join(),
        table_columns: texts('thead th', table).map((each) => each.replace('arrow_upward', '').trim()).join(),
        table_selected: texts('tbody tr.selected td:nth-child(2)', table).join(),
        filter: value('filter'),
        grid_columns: heads.map(id).join(),
        grid_width: size ? Math.round(place(size).width) : '',
        grid_rows: rows.map((each) => each.querySelector('[col-id=name]')?.innerText ?? '').join(),
        grid_selected: rows.filter((each) => each.classList.contains('ag-row-selected')).map(id).join(),
        tree_expanded: all('.q-tree__node-header', tree).filter(shown).map(node).join(),
        tree_ticked: ticked.map(node).join(),
        tree_selected: texts('.q-tree__node--selected', tree).join(),
        scroll: Math.round(by('scroll').querySelector('.q-scrollarea__container').scrollTop),
    };
}"""


async def seen(tab: Tab) -> dict[str, Any]:
    """Return what a person sees of each element."""
    return await tab.page.evaluate(SEEN)


async def settled(tab: Tab) -> None:
    """Return once the page has its tab and visit, and has shown what the server sent before."""
    await tab.until('window.__niceguiStash?.acknowledged')
    looks = tab.page.get_by_test_id('looks')
    before = int(await looks.inner_text())
    await tab.page.get_by_test_id('look').click()
    await expect(looks).to_have_text(str(before + 1))
    await expect(tab.page.locator('.ag-header-cell[col-id=name]')).to_be_visible()


async def set_all(tab: Tab, first: dict[str, Any]) -> None:
    """Set each element as a person does: where nothing has changed after a while, once more.

    A gesture is lost where the page moves under it, as while a tree unfolds on a busy machine.
    """
    await tab.page.bring_to_front()  # a hidden tab draws nothing
    for elements, gesture in GESTURES.items():
        for _ in range(ATTEMPTS):
            await gesture(tab)
            if await are_set(tab, elements, first):
                break
        else:
            raise AssertionError(f'still as at first: {elements}')


async def are_set(tab: Tab, elements: tuple[str, ...], first: dict[str, Any]) -> bool:
    """Return whether these elements look otherwise than at first, as soon as they do."""

    async def differ() -> bool:
        now = await seen(tab)
        return all(now[element] != first[element] for element in elements)

    loop = asyncio.get_running_loop()
    end = loop.time() + 10
    while loop.time() < end:
        if await differ():
            return True
        await asyncio.sleep(0.05)
    await settled(tab)  # what the server has been told by now is shown, or the gesture was lost
    return await differ()


async def drag(tab: Tab, css: str, by: int) -> None:
    await tab.page.locator(css).first.scroll_into_view_if_needed()
    box = await tab.page.locator(css).first.bounding_box()
    assert box is not None
    x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
    await tab.page.mouse.move(x, y)
    await tab.page.mouse.down()
    await tab.page.mouse.move(x + by / 2, y, steps=3)
    await tab.page.mouse.move(x + by, y, steps=3)
    await tab.page.mouse.up()


async def filter_table(tab: Tab) -> None:
    await tab.page.get_by_test_id('filter').fill('1')
    await settled(tab)  # else the table goes to page 1 when the server has answered


async def page_table(tab: Tab) -> None:
    table = tab.page.get_by_test_id('table')
    await table.locator('th', has_text='age').click()
    await expect(table.locator('tbody tr').first).to_contain_text('j1')
    await table.locator('button', has_text='chevron_right').click()
    await expect(table.locator('tbody tr').first).to_contain_text('g1')


async def set_table(tab: Tab) -> None:
    """Filter, sort, turn the page, select a row, and hide a column."""
    await filter_table(tab)
    await page_table(tab)
    await click('table', 'tbody .q-checkbox')(tab)
    await click('hide')(tab)
    await expect(tab.page.get_by_test_id('table').locator('th', has_text='size')).to_have_count(0)


async def expand_tree(tab: Tab) -> None:
    tree = tab.page.get_by_test_id('tree')
    await tree.locator('.q-tree__arrow').first.click()
    await expect(tree.get_by_text('n1')).to_be_visible()
    await expect(tree.locator('.q-tree__node-collapsible[style*=height]')).to_have_count(0)  # it has stopped moving


async def tick_tree(tab: Tab) -> None:
    tree = tab.page.get_by_test_id('tree')
    await tree.locator('.q-tree__node-header', has_text='n2').locator('.q-checkbox').click()


async def choose(tab: Tab) -> None:
    await tab.page.locator('.q-select').first.click()
    await tab.page.get_by_role('option', name='high').click()


async def scroll(tab: Tab) -> None:
    await tab.page.get_by_test_id('scroll').locator('.q-scrollarea__container').hover()
    await tab.page.mouse.wheel(0, 60)


Gesture = Callable[[Tab], Awaitable[None]]


def click(name: str, css: str = '', number: int = 0) -> Gesture:
    """Return a click on an element, or on what the selector finds in it."""

    async def act(tab: Tab) -> None:
        found = tab.page.get_by_test_id(name)
        await (found.locator(css).nth(number) if css else found).click()

    return act


def click_text(name: str, text: str) -> Gesture:
    async def act(tab: Tab) -> None:
        await tab.page.get_by_test_id(name).get_by_text(text, exact=True).click()

    return act


def fill(name: str, text: str) -> Gesture:
    async def act(tab: Tab) -> None:
        await tab.page.get_by_test_id(name).fill(text)

    return act


def press(name: str, css: str, key: str) -> Gesture:
    async def act(tab: Tab) -> None:
        found = tab.page.get_by_test_id(name)
        await (found.locator(css).first if css else found).press(key)

    return act


def write(name: str, css: str, text: str) -> Gesture:
    """Return typing at the beginning of what can be edited."""

    async def act(tab: Tab) -> None:
        await tab.page.get_by_test_id(name).locator(css).press('Control+Home')
        await tab.page.keyboard.type(text)

    return act


async def enter_chips(tab: Tab) -> None:
    chips = tab.page.locator('.q-field', has=tab.page.get_by_text('Chips', exact=True))
    for text in ('red', 'green'):
        await chips.locator('input').fill(text)
        await chips.locator('input').press('Enter')
        await expect(chips.locator('.q-chip', has_text=text)).to_be_visible()


def dragging(css: str, by: int) -> Gesture:
    return lambda tab: drag(tab, css, by)


async def enter_name_and_password(tab: Tab) -> None:
    await fill('password', 'a secret')(tab)
    await fill('input', 'Ada')(tab)


_HEAD = '[data-testid=grid] .ag-header-cell'
GESTURES: dict[tuple[str, ...], Gesture] = {
    ('tabs', 'panel'): lambda tab: tab.page.get_by_role('tab', name='three').click(),
    ('step',): click('on-first'),
    ('slide',): click('next-slide'),
    ('expansion',): click('expansion', '.q-item'),
    ('input',): enter_name_and_password,
    ('textarea',): fill('textarea', 'a note'),
    ('number',): fill('number', '7'),
    ('colour',): fill('colour', '#112233'),
    ('day',): fill('day', '2026-11-28'),
    ('slider',): lambda tab: tab.page.locator('.q-slider [tabindex], .q-slider[tabindex]').first.press('ArrowRight'),
    ('range',): press('range', '[tabindex="0"]', 'ArrowRight'),
    ('knob',): press('knob', '', 'ArrowUp'),
    ('time',): fill('time', '12:34'),
    ('clock',): click('clock', '.q-time__clock-position', 9),
    ('chips',): enter_chips,
    ('pagination',): click_text('pagination', '2'),
    ('editor',): write('editor', '[contenteditable=true]', 'words'),
    ('code',): write('code', '.cm-content', 'some '),
    ('splitter',): dragging('.q-splitter__separator', 60),
    ('checkbox',): click('checkbox'),
    ('switch',): click('switch'),
    ('raw',): click('raw'),
    ('radio',): click_text('radio', 'green'),
    ('toggle',): click_text('toggle', 'y'),
    ('select',): choose,
    ('rating',): click('rating', '.q-rating__icon-container', 2),
    ('stars',): click('stars', '.q-rating__icon-container', 3),
    ('filter',): filter_table,
    ('table_rows',): page_table,
    ('table_selected',): click('table', 'tbody .q-checkbox'),
    ('table_columns',): click('hide'),
    ('grid_rows',): click('grid', '.ag-header-cell[col-id=age] .ag-header-cell-label'),
    ('grid_selected',): click('grid', '.ag-row[row-id=i1] .ag-checkbox'),
    ('grid_width',): dragging(f'{_HEAD}[col-id=size] .ag-header-cell-resize', 40),
    ('grid_columns',): dragging(f'{_HEAD}[col-id=age] .ag-header-cell-label', -400),
    ('tree_expanded',): expand_tree,
    ('tree_ticked',): tick_tree,
    ('tree_selected',): click_text('tree', 'n1'),
    ('scroll',): scroll,
    ('drawer',): click('toggle-drawer'),
    ('dialog',): click('open-dialog'),
    ('menu',): click('open-menu'),
}
"""How each element is set, in an order in which none hides another; together they set all of `ELEMENTS`."""
ATTEMPTS = 4
