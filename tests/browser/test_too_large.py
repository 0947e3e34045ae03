"""What is too large to be sent or stored is marked as not saved, in the page's words, until it is shortened."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from .server import Server
from .tab import Tab, Visitor
from .told import dead, restart
from .typist import visit

DURABLE = 'window.__niceguiStash.typed.pending === 0'
INSERT = """([text, from, to]) => {
    const [id] = Object.entries(mounted_app.elements).find(([, each]) => each.class.includes('at-code'));
    getElement(id).editor.dispatch({changes: {from, to: to ?? from, insert: text}});
}"""
HAS_EDITOR = 'Object.keys(mounted_app.elements).some((id) => getElement(id)?.editor?.state)'
MORE_THAN_NICEGUI_SENDS = 'x' * 1_100_000
MORE_THAN_A_FIELD_HOLDS = 'y' * 300_000
MORE_THAN_IS_KEPT = 'w' * 2_100_000
MORE_THAN_IS_CARRIED = 'z' * 410_000


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('parts.py', tmp_path_factory.mktemp('large'), reconnect_timeout=0.5) as server:
        yield server


@pytest_asyncio.fixture(loop_scope='session')
async def tab(visitor: Visitor, server: Server) -> Tab:
    return await visit(visitor, f'{server.url}/large')


def at(tab: Tab, label: str) -> Locator:
    return tab.page.get_by_label(label, exact=True)


async def holds(tab: Tab, name: str, text: str) -> None:
    await expect(tab.page.get_by_test_id(name)).to_have_text(text)


async def is_refused(tab: Tab, *labels: str) -> None:
    indicator = tab.page.locator('.nicegui-stash-indicator')
    await expect(indicator).to_have_attribute('data-shown', 'refused')
    await expect(indicator).to_contain_text('Nicht gespeichert')
    for label in labels:
        await expect(indicator).to_contain_text(f'{label}: zu groß')


async def is_saved(tab: Tab) -> None:
    await tab.until(DURABLE)
    await expect(tab.page.get_by_text('Zu groß.', exact=True)).to_have_count(0)
    await expect(tab.page.locator('.nicegui-stash-indicator')).to_have_attribute('data-state', 'saved')


@pytest.mark.parametrize('text', [MORE_THAN_NICEGUI_SENDS, MORE_THAN_A_FIELD_HOLDS], ids=['to send', 'to store'])
async def test_it_is_marked_until_it_is_shortened(tab: Tab, text: str):
    await at(tab, 'first').fill('before')
    await holds(tab, 'first', '6:before')
    await at(tab, 'first').fill(text)
    await expect(tab.page.get_by_text('Zu groß.', exact=True)).to_be_visible()
    await is_refused(tab, 'first')
    await at(tab, 'second').fill('of another')
    await holds(tab, 'second', '10:of another')
    await is_refused(tab, 'first')
    await expect(at(tab, 'first')).to_have_value(text)
    await at(tab, 'first').fill('shorter')
    await holds(tab, 'first', '7:shorter')
    await is_saved(tab)


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_role('button', name=button, exact=True).click()


@pytest.mark.parametrize('button', ['Reset third', 'Reset'])
async def test_a_reset_clears_what_the_server_never_saw(tab: Tab, server: Server, button: str):
    await at(tab, 'third').fill(MORE_THAN_A_FIELD_HOLDS)
    await at(tab, 'part').fill(MORE_THAN_A_FIELD_HOLDS)
    await is_refused(tab, 'third', 'part')
    await press(tab, button)
    await expect(at(tab, 'third')).to_have_value('')
    if button == 'Reset third':
        await expect(at(tab, 'part')).to_have_value(MORE_THAN_A_FIELD_HOLDS)
        await is_refused(tab, 'part')
        await press(tab, 'Reset')
    await expect(at(tab, 'part')).to_have_value('')
    await is_saved(tab)
    await at(tab, 'third').fill('again')
    await holds(tab, 'third', '5:again')
    await at(tab, 'third').fill(MORE_THAN_A_FIELD_HOLDS)
    await is_refused(tab, 'third')
    await press(tab, button)
    await expect(at(tab, 'third')).to_have_value('')
    await is_saved(tab)
    await restart(server, tab, kill=True)
    await expect(at(tab, 'third')).to_have_value('')
    await is_saved(tab)


async def test_a_reset_clears_what_the_server_refused_after_a_crash(tab: Tab, server: Server):
    async with dead(server, tab):
        await tab.page.evaluate('window.__niceguiStash.tooLarge.limit(1e9)')  # as before the server has told its own
        await at(tab, 'third').fill(MORE_THAN_A_FIELD_HOLDS)
    await expect(at(tab, 'third')).to_have_value(MORE_THAN_A_FIELD_HOLDS)
    await expect(tab.page.locator('.nicegui-stash-indicator')).to_have_attribute('data-shown', 'refused')
    await press(tab, 'Reset third')
    await expect(at(tab, 'third')).to_have_value('')
    await is_saved(tab)
    await restart(server, tab, kill=True)
    await expect(at(tab, 'third')).to_have_value('')
    await is_saved(tab)


async def test_a_reset_clears_a_code_editor_too(tab: Tab):
    await tab.until(HAS_EDITOR)
    await tab.page.evaluate(INSERT, [MORE_THAN_A_FIELD_HOLDS, 0, 0])
    await is_refused(tab)
    await press(tab, 'Reset')
    await expect(tab.page.locator('.at-code .cm-content')).to_have_text('one')
    await is_saved(tab)
    await tab.page.evaluate(INSERT, ['zero ', 0, 0])
    await holds(tab, 'code', '9:zero one\n')


async def test_it_stays_where_the_server_sends_its_element_again(tab: Tab):
    await at(tab, 'third').fill('before')
    await holds(tab, 'third', '6:before')
    await at(tab, 'third').fill(MORE_THAN_A_FIELD_HOLDS)
    await is_refused(tab, 'third')
    await press(tab, 'Draw')
    await expect(tab.page.locator('.q-textarea.q-field--outlined')).to_be_visible()
    await expect(at(tab, 'third')).to_have_value(MORE_THAN_A_FIELD_HOLDS)
    await is_refused(tab, 'third')


async def test_what_is_too_large_to_be_kept_is_marked_too_and_not_lost_without_a_word(tab: Tab, server: Server):
    await at(tab, 'first').fill(MORE_THAN_IS_KEPT)
    await is_refused(tab, 'first')
    await at(tab, 'second').fill('second')
    await holds(tab, 'second', '6:second')
    await restart(server, tab, kill=True)
    await holds(tab, 'second', '6:second')
    await is_refused(tab, 'first')
    await at(tab, 'first').fill('short')
    await holds(tab, 'first', '5:short')
    await is_saved(tab)


async def test_it_is_back_and_marked_after_a_crash_and_takes_nothing_else_with_it(tab: Tab, server: Server):
    async with dead(server, tab):
        await at(tab, 'first').fill(MORE_THAN_IS_CARRIED)
        await at(tab, 'second').fill('second')
        await at(tab, 'third').fill('third')
    for _ in range(2):
        await holds(tab, 'third', '5:third')
        await holds(tab, 'second', '6:second')
        await expect(at(tab, 'first')).to_have_value(MORE_THAN_IS_CARRIED)
        await expect(tab.page.get_by_text('Zu groß.', exact=True)).to_be_visible()
        await is_refused(tab, 'first')
        await restart(server, tab, kill=True)
    await at(tab, 'first').fill('short enough')
    await holds(tab, 'first', '12:short enough')
    await is_saved(tab)


async def test_a_newer_value_of_another_tab_takes_its_place(tab: Tab, visitor: Visitor, server: Server):
    await at(tab, 'first').fill(MORE_THAN_A_FIELD_HOLDS)
    await is_refused(tab, 'first')
    other = await visit(visitor, f'{server.url}/large')
    await at(other, 'first').fill('newer')
    await expect(at(tab, 'first')).to_have_value('newer')
    await is_saved(tab)


async def test_a_part_of_a_field_and_an_element_without_validation_are_marked_too(tab: Tab):
    await at(tab, 'part').fill(MORE_THAN_A_FIELD_HOLDS)
    await expect(tab.page.get_by_text('Zu groß.', exact=True)).to_be_visible()
    await is_refused(tab, 'part')
    await at(tab, 'part').fill('')
    await is_saved(tab)
    editor = tab.page.locator('.at-editor')
    await editor.locator('[contenteditable=true]').fill(MORE_THAN_A_FIELD_HOLDS)
    await expect(editor).to_have_attribute('title', 'Zu groß.')
    await expect(editor).to_have_class(re.compile('nicegui-stash-refused'))
    await is_refused(tab)
    await editor.locator('[contenteditable=true]').fill('words')
    await holds(tab, 'second', '5:words')
    await is_saved(tab)


async def test_the_text_of_a_code_editor_is_whole_once_it_is_short_enough(tab: Tab):
    await tab.until(HAS_EDITOR)
    await tab.page.evaluate(INSERT, ['zero ', 0, 0])
    await holds(tab, 'code', '9:zero one\n')
    await tab.page.evaluate(INSERT, [MORE_THAN_A_FIELD_HOLDS, 0, 0])
    await is_refused(tab)
    await tab.page.evaluate(INSERT, ['two', 300_000, 300_005])
    await tab.page.evaluate(INSERT, ['', 0, 299_990])
    await holds(tab, 'code', '17:yyyyyyyyyytwoone\n')
    await is_saved(tab)
    await tab.page.evaluate(INSERT, ['!', 0, 0])
    await holds(tab, 'code', '18:!yyyyyyyyyytwoone\n')


async def test_what_forward_makes_of_it_is_judged_by_the_server(tab: Tab):
    await at(tab, 'short').fill(MORE_THAN_A_FIELD_HOLDS)
    await holds(tab, 'short', 'yyy')
    await is_saved(tab)
