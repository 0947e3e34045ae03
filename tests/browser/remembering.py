"""What a person sees and sets on the page of `apps/remembering.py`."""

from __future__ import annotations

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
    'input',
    'textarea',
    'number',
    'colour',
    'day',
    'slider',
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
        input: value('input'),
        textarea: value('textarea'),
        number: value('number'),
        colour: value('colour'),
        day: value('day'),
        slider: [by('slider'), ...all('*', by('slider'))].find((each) => each.ariaValueNow)?.ariaValueNow,
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


async def set_all(tab: Tab) -> None:
    """Set each element as a person does."""
    page = tab.page
    at = page.get_by_test_id
    await page.bring_to_front()  # a hidden tab draws nothing
    await page.get_by_role('tab', name='three').click()
    await at('on-first').click()
    await at('next-slide').click()
    await at('expansion').locator('.q-item').click()
    await at('input').fill('Ada')
    await at('password').fill('a secret')
    await at('textarea').fill('a note')
    await at('number').fill('7')
    await at('colour').fill('#112233')
    await at('day').fill('2026-11-28')
    await page.locator('.q-slider [tabindex], .q-slider[tabindex]').first.press('ArrowRight')
    await drag(tab, '.q-splitter__separator', 60)
    for name in ('checkbox', 'switch', 'raw'):
        await at(name).click()
    await at('radio').get_by_text('green').click()
    await at('toggle').get_by_text('y').click()
    await page.locator('.q-select').first.click()
    await page.get_by_role('option', name='high').click()
    await at('rating').locator('.q-rating__icon-container').nth(2).click()
    await at('stars').locator('.q-rating__icon-container').nth(3).click()
    await set_table(tab)
    await set_grid(tab)
    await set_tree(tab)
    await at('scroll').locator('.q-scrollarea__container').hover()
    await page.mouse.wheel(0, 60)
    await at('toggle-drawer').click()
    await at('open-dialog').click()
    await expect(at('dialog')).to_be_visible()
    await expect(at('drawer')).to_be_visible()


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


async def set_table(tab: Tab) -> None:
    page, table = tab.page, tab.page.get_by_test_id('table')
    await page.get_by_test_id('filter').fill('1')
    await settled(tab)  # else the table goes to page 1 when the server has answered
    await table.locator('th', has_text='age').click()
    await expect(table.locator('tbody tr').first).to_contain_text('j1')
    await table.locator('button', has_text='chevron_right').click()
    await expect(table.locator('tbody tr').first).to_contain_text('g1')
    await table.locator('tbody .q-checkbox').first.click()
    await page.get_by_test_id('hide').click()
    await expect(table.locator('th', has_text='size')).to_have_count(0)


async def set_grid(tab: Tab) -> None:
    grid = tab.page.get_by_test_id('grid')
    head = grid.locator('.ag-header-cell[col-id=age]')
    await head.locator('.ag-header-cell-label').click()
    await expect(grid.locator('.ag-row[row-index="0"] [col-id=name]')).to_have_text('j1')
    await grid.locator('.ag-row[row-id=i1] .ag-checkbox').click()
    await drag(tab, '[data-testid=grid] .ag-header-cell[col-id=size] .ag-header-cell-resize', 40)
    await drag(tab, '[data-testid=grid] .ag-header-cell[col-id=age] .ag-header-cell-label', -400)


async def set_tree(tab: Tab) -> None:
    tree = tab.page.get_by_test_id('tree')
    await tree.locator('.q-tree__arrow').first.click()
    await expect(tree.get_by_text('n1')).to_be_visible()
    await expect(tree.locator('.q-tree__node-collapsible[style*=height]')).to_have_count(0)  # it has stopped moving
    box = tree.locator('.q-tree__node-header', has_text='n2').locator('.q-checkbox')
    await box.click()
    await expect(box).to_have_attribute('aria-checked', 'true')
    await tree.get_by_text('n1', exact=True).click()
