"""The demo's form keeps its draft, with what is typed while nobody answers."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser.tab import Tab, Visitor

from .demo import Demo, came_back, complaints, content, fill_in, is_saved, press, redeploy

TYPE_AT_DISCONNECT = """texts => window.socket.once('disconnect', () => {
    for (const label of ['Name', 'Anything else']) {
        const field = document.querySelector(`[aria-label="${label}"]`);
        field.focus();
        field.select();
        document.execCommand('insertText', false, texts.shift());
    }
})"""


async def expect_draft(page: Page) -> None:
    await expect(page.get_by_label('Name', exact=True)).to_have_value('gardener')
    await expect(page.get_by_label('E-mail')).to_have_value('gardener@example.org')
    await expect(content(page).get_by_text('Upper Tarn')).to_be_visible()
    await expect(content(page).get_by_text('Breakfast, Dinner')).to_be_visible()
    await expect(page.get_by_label('Arrival')).to_have_value('2031-07-14')
    await expect(page.get_by_label('Time')).to_have_value('16:30')
    await expect(page.get_by_label('Nights')).to_have_value('3')
    await expect(content(page).get_by_text('Guests: 3', exact=True)).to_be_visible()
    await expect(page.get_by_role('radio', name='Family room')).to_be_checked()
    await expect(page.get_by_role('switch', name='With a dog')).to_be_checked()
    await expect(page.get_by_label('Anything else')).to_have_value('The dog is a quiet one.')
    await expect(page.get_by_role('checkbox', name='I carry')).to_be_checked()


async def type_after(tab: Tab, button: str) -> None:
    """Press a button that has nobody answer, type in that moment, and see it stored when the tab has come back."""
    client = await tab.client()
    await tab.page.evaluate(TYPE_AT_DISCONNECT, ['somebody else', 'The dog is a quiet one. So am I.'])
    await press(tab, button)
    await came_back(tab, client)
    await expect(tab.page.get_by_label('Name', exact=True)).to_have_value('somebody else')
    await expect(tab.page.get_by_label('Anything else')).to_have_value('The dog is a quiet one. So am I.')
    await expect(tab.page.get_by_label('Arrival')).to_have_value('2031-07-14')
    await tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)
    await redeploy(tab)
    await expect(tab.page.get_by_label('Name', exact=True)).to_have_value('somebody else')


async def expect_no_draft(page: Page) -> None:
    await expect(page.get_by_label('Name', exact=True)).to_have_value('')
    await expect(content(page).get_by_text('Upper Tarn')).to_have_count(0)
    await expect(content(page).get_by_text('Guests: 2', exact=True)).to_be_visible()
    await expect(page.get_by_role('radio', name='Bunk room')).to_be_checked()
    await expect(page.get_by_role('switch', name='With a dog')).not_to_be_checked()
    await expect(page.get_by_label('Anything else')).to_have_value('')
    await expect(page.get_by_role('button', name='Book')).to_be_disabled()


class TestForm:
    async def test_its_draft_survives_a_redeploy(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/form')
        await fill_in(tab.page)
        await redeploy(tab)
        await expect_draft(tab.page)
        assert complaints(tab) == []

    async def test_its_draft_is_blank_when_the_visitor_reloads_the_page(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/form')
        await fill_in(tab.page)
        await tab.reload()
        await expect(tab.page.get_by_test_id('recovery')).to_contain_text('Reloaded')
        await expect_no_draft(tab.page)

    async def test_its_draft_has_what_is_typed_while_the_connection_is_dropped(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/form')
        await fill_in(tab.page)
        await is_saved(tab.page)
        await type_after(tab, 'Drop my connection')
        assert complaints(tab) == []

    async def test_its_draft_has_what_is_typed_while_the_server_is_replaced(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/form')
        await fill_in(tab.page)
        await is_saved(tab.page)
        await type_after(tab, 'Redeploy')
        assert complaints(tab) == []

    async def test_its_draft_has_on_files_what_is_typed_between_two_processes(self, visitor: Visitor, folder: Path):
        async with Demo(folder, str(folder / 'store')) as demo:
            tab = await visitor.open(f'{demo.url}/form')
            await fill_in(tab.page)
            await is_saved(tab.page)
            await type_after(tab, 'Redeploy')
            assert demo.starts == 3

    async def test_a_booking_blanks_the_draft_and_survives(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/form')
        await fill_in(tab.page)
        await press(tab, 'Book')
        await expect(content(tab.page).get_by_text('gardener · nights: 3 · guests: 3')).to_be_visible()
        await expect(content(tab.page).get_by_text('Upper Tarn')).to_have_count(1)
        await redeploy(tab)
        await expect(content(tab.page).get_by_text('gardener · nights: 3 · guests: 3')).to_be_visible()
        await press(tab, 'Cancel')
        await expect(content(tab.page).get_by_text('Nothing yet.')).to_be_visible()
        await expect_no_draft(tab.page)
        assert complaints(tab) == []
