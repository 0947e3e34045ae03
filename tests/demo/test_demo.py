"""The demo keeps what it says it keeps, on any screen, and nobody sees an error meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import expect

from tests.browser.tab import Visitor

from .demo import (
    PAGES,
    Demo,
    came_back,
    complaints,
    content,
    count_both,
    counts,
    has_cards,
    is_saved,
    leave_a_trace,
    move,
    order_pizza,
    pane,
    press,
    redeploy,
)
from .looks import all_can_be_read, fits, nothing_is_under_the_bar

PANES = ('First tab', 'Second tab')
SCHEME = 'document.body.classList.contains("body--dark")'
CHANGE_IN_TROUBLE = """([kind, role]) => {
    const said = document.querySelector(`[data-testid=durability] [role=${role}]`);
    window.said = [];
    const listen = (target, hear) => new MutationObserver(hear).observe(target, {
        subtree: true, childList: true, characterData: true,
    });
    listen(said, () => window.said.push(said.textContent));
    let isChanged = false;
    listen(document.body, () => {
        if (isChanged || !document.body.textContent.includes(`${kind}, for 6 seconds`)) return;
        isChanged = true;
        document.querySelector('[aria-label="With nicegui_stash: one more"]').click();
    });
}"""
"""Counts as soon as the page says that there is trouble, which does not last, and notes what the bar says of it."""
NOTE_COVER = """() => {
    const cover = () => document.querySelector('.outage')?.textContent ?? '';
    const note = () => { sessionStorage.cover = `${sessionStorage.cover ?? ''} ${cover()}`; };
    new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
"""Notes what covers the page, which may be loaded again before anybody looks."""
ACCENT = 'getComputedStyle(document.querySelector(".avatar")).backgroundColor'


class TestEveryPage:
    @pytest.mark.parametrize('path', PAGES)
    async def test_opens_with_the_bar_and_without_an_error(self, visitor: Visitor, demo: Demo, path: str):
        tab = await visitor.open(demo.url + path)
        await expect(tab.page.get_by_role('heading', level=1)).to_be_visible()
        name = path.split('/')[1].capitalize()
        await expect(tab.page).to_have_title(f'{name} · nicegui_stash' if name else 'nicegui_stash')
        await expect(tab.page.get_by_test_id('recovery')).to_contain_text('Opened')
        await is_saved(tab.page)
        assert complaints(tab) == []

    @pytest.mark.parametrize('path', [*PAGES, '/nowhere'])
    async def test_fits_every_width_and_can_be_read_in_every_light(self, visitor: Visitor, demo: Demo, path: str):
        tab = await visitor.open(demo.url + path)
        for width in (320, 390, 600, 768, 800, 1024, 1280):
            await tab.page.set_viewport_size({'width': width, 'height': 800})
            await fits(tab)
            await nothing_is_under_the_bar(tab)
            await expect(tab.page.locator('.bar').get_by_text('Redeploy').locator('visible=true')).to_have_count(1)
        for width in (1280, 390):
            await tab.page.set_viewport_size({'width': width, 'height': 800})
            for scheme in ('light', 'dark'):
                await tab.page.emulate_media(color_scheme=scheme, reduced_motion='reduce')
                await tab.until(f'is => {SCHEME} === is', scheme == 'dark')
                await all_can_be_read(tab)

    async def test_fits_a_phone(self, phone: Visitor, demo: Demo):
        tab = await phone.open(f'{demo.url}/counter')
        await fits(tab)
        await redeploy(tab)
        await fits(tab)
        assert complaints(tab) == []

    async def test_is_reached_from_the_menu_of_a_phone(self, phone: Visitor, demo: Demo):
        tab = await phone.open(demo.url)
        client = await tab.client()
        await press(tab, 'Menu')
        await tab.page.get_by_role('menu').get_by_text('Board').click()
        await tab.connected(after=client)
        await expect(tab.page.get_by_role('heading', level=1)).to_have_text('Board')


class TestCounter:
    async def test_survives_a_redeploy_and_the_plain_one_does_not(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/counter')
        await count_both(tab, 3)
        await redeploy(tab)
        await counts(tab, stashed=3, plain=0)
        await expect(tab.page.get_by_role('button', name='kill -9')).to_have_count(0)  # its memory is the store
        assert complaints(tab) == []

    async def test_survives_a_dropped_connection_and_the_plain_one_does_not(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/counter')
        await count_both(tab, 2)
        client = await tab.client()
        await tab.page.evaluate(NOTE_COVER)
        await press(tab, 'Drop my connection')
        await came_back(tab, client)
        assert re.search(r'Trying again in \d+ s', await tab.storage('cover') or '')
        await counts(tab, stashed=2, plain=0)
        assert complaints(tab) == []

    async def test_survives_on_files_each_end_of_the_process_and_the_plain_one_does_not(
        self, visitor: Visitor, folder: Path
    ):
        async with Demo(folder, str(folder / 'store')) as demo:
            tab = await visitor.open(f'{demo.url}/counter')
            await count_both(tab, 2)
            for starts, button in ((2, 'kill -9'), (3, 'Redeploy')):
                await is_saved(tab.page)
                client = await tab.client()
                await press(tab, button)
                await came_back(tab, client)
                assert demo.starts == starts
                await counts(tab, stashed=2, plain=0)

    async def test_is_lost_by_nobody_when_many_are_redeployed(
        self, visitors: Callable[[], Visitor], visitor: Visitor, demo: Demo
    ):
        async with visitors() as another:
            mine, theirs = await visitor.open(f'{demo.url}/counter'), await another.open(f'{demo.url}/counter')
            await count_both(mine, 1)
            await count_both(theirs, 2)
            client = await theirs.client()
            await redeploy(mine)
            await came_back(theirs, client)
            await counts(mine, stashed=1, plain=0)
            await counts(theirs, stashed=2, plain=0)


class TestBesideThePage:
    async def test_are_its_class_and_what_the_store_has_live(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/counter')
        await expect(tab.page.get_by_role('region', name='Source')).to_contain_text('count: int = stored(0)')
        document = tab.page.get_by_test_id('document')
        await expect(document).to_have_text('Nothing is stored for this browser yet.')
        await count_both(tab, 2)
        await expect(document).to_contain_text('"count": 2')
        other = await visitor.open(f'{demo.url}/settings')
        await expect(other.page.get_by_role('region', name='Source')).to_contain_text('class Settings:')
        await expect(other.page.get_by_test_id('document')).to_contain_text('"count": 2')
        await other.page.get_by_label('Name', exact=True).fill('gardener')
        await expect(document).to_contain_text('"name": "gardener"')
        assert complaints(tab) == complaints(other) == []

    async def test_is_opened_on_a_phone_and_stays_open(self, phone: Visitor, demo: Demo):
        tab = await phone.open(f'{demo.url}/board')
        source = tab.page.get_by_role('region', name='Source')
        await expect(tab.page.get_by_text('Source and stored state')).to_be_visible()
        await expect(source).to_be_hidden()
        await tab.page.get_by_text('Source and stored state').click()
        await expect(source).to_contain_text('class Board(Lanes, Page):')
        await fits(tab)
        await redeploy(tab)
        await expect(source).to_be_visible()


class TestTwoTabsInOneWindow:
    async def test_are_two_tabs_of_one_session_that_come_back_within_their_window(self, visitor: Visitor, demo: Demo):
        tab = await visitor.tab()
        await tab.page.goto(f'{demo.url}/two?page=/wizard')
        first, second = [await pane(tab, title) for title in PANES]
        await first.get_by_role('radio', name='Large').click()
        await expect(first.get_by_test_id('ticket')).to_contain_text('Large')
        await second.get_by_role('radio', name='Small').click()
        await expect(second.get_by_test_id('ticket')).to_contain_text('Small')
        await is_saved(first)
        await is_saved(second)
        await tab.page.evaluate('window.isTheSame = true')
        await first.get_by_role('button', name='Redeploy', exact=True).click()
        for frame, size in ((first, 'Large'), (second, 'Small')):
            await expect(frame.get_by_test_id('recovery')).to_contain_text('Came back by itself')
            await expect(frame.get_by_test_id('ticket')).to_contain_text(size)
        assert await tab.page.evaluate('window.isTheSame')
        await tab.page.get_by_role('link', name='Counter').click()
        await expect(tab.page).to_have_title('Two tabs: Counter · nicegui_stash')
        first, second = [await pane(tab, title) for title in PANES]
        await first.get_by_role('button', name='With nicegui_stash: one more').click()
        await expect(second.get_by_test_id('stashed')).to_have_text('1')
        assert complaints(tab) == []

    async def test_are_reached_from_a_page_and_show_no_other(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/board')
        await tab.page.get_by_role('link', name='Two tabs').click()
        await expect(tab.page).to_have_title('Two tabs: Board · nicegui_stash')
        for title in PANES:
            within = await pane(tab, title)
            await expect(within.get_by_role('heading', level=1)).to_have_text('Board')
            await expect(within.get_by_role('link', name='Two tabs')).to_be_hidden()
        await tab.page.goto(f'{demo.url}/two?page=//example.org')
        await expect(tab.page).to_have_title('Two tabs: Counter · nicegui_stash')


class TestBothWaysBack:
    @pytest.mark.parametrize('button', ['Redeploy', 'kill -9'])
    async def test_are_beside_each_other_and_say_how_long_each_took(self, visitor: Visitor, folder: Path, button: str):
        async with Demo(folder, str(folder / 'store')) as demo:
            tab = await visitor.open(f'{demo.url}/')
            await press(tab, 'See both ways back')
            await expect(tab.page).to_have_title('Two ways back · nicegui_stash')
            panes = {title: await pane(tab, title) for title in ('In place', 'By a reload')}
            for frame in panes.values():
                await leave_a_trace(frame)
            await panes['In place'].get_by_role('button', name=button, exact=True).click()
            for way in ('in-place', 'reload'):
                took = tab.page.locator(f'[data-way={way}]')
                await expect(took).to_have_text(re.compile(r'^\d+\.\d\d s$'), timeout=150_000)
            for title, frame in panes.items():
                stays = title == 'In place'
                await expect(frame.get_by_test_id('recovery')).to_contain_text('Came back by itself')
                await expect(frame.get_by_label('A field of the draft')).to_have_value('half a thought')
                await expect(frame.get_by_label('Bound to nothing')).to_have_value('another half' if stays else '')
                await expect(frame.get_by_text('Open, until the page is loaded again.')).to_be_visible(visible=stays)
                place = await frame.get_by_test_id('scrolled').evaluate('element => element.scrollTop')
                assert place == (123 if stays else 0)


class TestAnAddressThatIsNone:
    async def test_has_a_page_with_the_look_of_the_others_and_a_way_back(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/settings')
        await press(tab, 'Dark')
        await tab.until(SCHEME)
        answer = await tab.page.goto(f'{demo.url}/nowhere')
        assert answer is not None
        assert answer.status == 404
        await expect(tab.page).to_have_title('Not found · nicegui_stash')
        await tab.until(SCHEME)
        client = await tab.connected()
        await press(tab, 'Back to the start')
        await tab.connected(after=client)
        await expect(tab.page).to_have_url(f'{demo.url}/')

    async def test_has_no_page_for_a_script(self, visitor: Visitor, demo: Demo):
        answer = await visitor.context.request.get(f'{demo.url}/nowhere.js', headers={'accept': '*/*'})
        assert answer.status == 404
        assert await answer.json() == {'detail': 'Not Found'}


class TestWizard:
    async def test_its_step_and_values_survive_a_redeploy(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/wizard')
        await order_pizza(tab)
        await redeploy(tab)
        await expect(tab.page.get_by_label('Address')).to_have_value('Mill Lane 12')
        ticket = tab.page.get_by_test_id('ticket')
        for text in ('Large, 36 cm', 'Tomato, Mozzarella, Capers', 'Mill Lane 12', 'At 19:00'):
            await expect(ticket).to_contain_text(text)
        other = await visitor.open(f'{demo.url}/wizard')
        await expect(other.page.get_by_test_id('ticket')).to_contain_text('Medium, 30 cm')
        await expect(other.page.get_by_role('radio', name='Medium')).to_be_visible()
        assert complaints(tab) == complaints(other) == []


class TestBoard:
    async def test_survives_a_redeploy_and_is_the_same_in_another_tab(self, visitor: Visitor, demo: Demo):
        tab, other = await visitor.open(f'{demo.url}/board'), await visitor.open(f'{demo.url}/board')
        new = tab.page.get_by_test_id('lane-0').get_by_label('Add a card')
        await new.fill('Oil the hinges')
        await new.press('Enter')
        await expect(content(other.page).get_by_text('Oil the hinges')).to_be_visible()
        await move(other, 'Repair the gate', 'Doing')
        await expect(tab.page.get_by_test_id('lane-1').get_by_text('Repair the gate')).to_be_visible()
        await tab.page.bring_to_front()
        gate = tab.page.locator('.card', has_text='Repair the gate')
        await gate.drag_to(tab.page.get_by_test_id('lane-2'))
        await expect(other.page.get_by_test_id('lane-2').get_by_text('Repair the gate')).to_be_visible()
        client = await other.client()
        await redeploy(tab)
        await came_back(other, client)
        for shown in (tab, other):
            await has_cards(shown, 0, 'Water the tomatoes', 'Order seeds', 'Oil the hinges')
            await has_cards(shown, 1, 'Paint the shed')
            await has_cards(shown, 2, 'Sharpen the spade', 'Repair the gate')
            assert complaints(shown) == []

    async def test_is_shared_by_all_who_open_its_address(
        self, visitor: Visitor, visitors: Callable[[], Visitor], demo: Demo
    ):
        async with visitors() as somebody_else:
            tab = await visitor.open(f'{demo.url}/')
            await content(tab.page).get_by_role('link', name='Together').click()
            await expect(tab.page).to_have_url(f'{demo.url}/together/garden')
            await has_cards(tab, 1, 'Paint the shed')
            other = await somebody_else.open(f'{demo.url}/together/garden')
            apart = await somebody_else.open(f'{demo.url}/together/yard')
            await has_cards(other, 1, 'Paint the shed')
            for shown, count in ((tab, 2), (other, 2), (apart, 1)):
                await expect(shown.page.get_by_test_id('present')).to_have_text(f'{count} here')
            await move(tab, 'Repair the gate', 'Doing')
            await has_cards(other, 1, 'Paint the shed', 'Repair the gate')
            await move(other, 'Paint the shed', 'Done')
            await has_cards(tab, 2, 'Sharpen the spade', 'Paint the shed')
            await has_cards(tab, 1, 'Repair the gate')
            await has_cards(apart, 1, 'Paint the shed')
            await fits(tab)
            await is_saved(tab.page)
            assert complaints(tab) == complaints(other) == complaints(apart) == []

    async def test_shows_what_the_address_says_and_says_there_what_it_shows(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/board?find=seeds')
        await expect(content(tab.page).get_by_text('Order seeds')).to_be_visible()
        await expect(tab.page.locator('.card')).to_have_count(1)
        await tab.page.get_by_label('Find').fill('gate')
        await expect(content(tab.page).get_by_text('Repair the gate')).to_be_visible()
        await expect(tab.page).to_have_url(f'{demo.url}/board?find=gate')
        await tab.page.get_by_label('Find').fill('no such card')
        await expect(tab.page.get_by_role('status').get_by_text('No card contains that.')).to_be_visible()
        await tab.page.get_by_label('Find').fill('gate')
        await expect(content(tab.page).get_by_text('No card contains that.')).to_be_hidden()
        await redeploy(tab)
        await expect(tab.page.locator('.card')).to_have_count(1)
        await tab.page.get_by_label('Clear').click()
        await expect(tab.page).to_have_url(f'{demo.url}/board')
        await expect(content(tab.page).get_by_text('Order seeds')).to_be_visible()
        assert complaints(tab) == []


class TestNotebook:
    async def test_is_kept_by_the_browser_unless_somebody_tampers_with_it(self, visitor: Visitor, demo: Demo):
        tab, other = await visitor.open(f'{demo.url}/notebook'), await visitor.open(f'{demo.url}/notebook')
        note, kept = tab.page.get_by_label('Private note'), tab.page.get_by_test_id('kept')
        await note.fill('a surprise')
        await expect(kept).to_contain_text('words: e.')
        await press(tab, 'Merry')
        await expect(other.page.get_by_label('Private note')).to_have_value('a surprise')
        await expect(kept).to_contain_text('mood: s.')
        await redeploy(tab)
        await expect(note).to_have_value('a surprise')
        await press(tab, 'Tamper')
        await expect(tab.page.get_by_test_id('problem')).to_contain_text('words: it was tampered with')
        await expect(note).to_have_value('')
        await press(tab, 'Clear')
        await expect(kept).to_have_text('nothing')
        assert complaints(tab) == []


class TestSettings:
    async def test_are_live_in_another_tab_whichever_page_it_shows(self, visitor: Visitor, demo: Demo):
        tab, other = await visitor.open(f'{demo.url}/settings'), await visitor.open(f'{demo.url}/board')
        await tab.page.get_by_label('Name', exact=True).fill('gardener')
        await expect(other.page.get_by_test_id('name')).to_have_text('gardener')
        before = await other.page.evaluate(ACCENT)
        await press(tab, 'plum')
        await other.until(f'before => {ACCENT} !== before', before)
        await press(tab, 'Dark')
        await other.until(SCHEME)
        await press(tab, 'Compact')
        await other.until('document.documentElement.dataset.density === "compact"')
        await tab.until(f'other => {ACCENT} === other', await other.page.evaluate(ACCENT))
        await redeploy(tab)
        await tab.until(SCHEME)
        await press(tab, 'Back to the defaults')
        await expect(tab.page.get_by_test_id('name')).to_have_text('Add your name')
        await tab.until(f'!{SCHEME}')
        assert complaints(tab) == complaints(other) == []

    async def test_are_in_the_first_html_of_every_page(self, visitor: Visitor, demo: Demo):
        tab = await visitor.open(f'{demo.url}/settings')
        await press(tab, 'clay')
        await press(tab, 'Dark')
        await tab.until(SCHEME)
        for path in PAGES:
            html = await (await visitor.context.request.get(demo.url + path)).text()
            assert '"theme": "dark", "accent": "clay"' in html


class TestForgetMe:
    async def test_brings_back_the_defaults_in_all_tabs_and_for_good(self, visitor: Visitor, demo: Demo):
        tab, board = await visitor.open(f'{demo.url}/counter'), await visitor.open(f'{demo.url}/board')
        await count_both(tab, 2)
        await move(board, 'Order seeds', 'Done')
        await expect(board.page.get_by_test_id('lane-2').get_by_text('Order seeds')).to_be_visible()
        await press(tab, 'Forget me')
        await press(tab, 'Keep it')
        await expect(tab.page.get_by_role('dialog')).to_have_count(0)
        await counts(tab, stashed=2, plain=2)
        await press(tab, 'Forget me')
        await tab.page.get_by_role('dialog').get_by_role('button', name='Forget me').click()
        await counts(tab, stashed=0, plain=2)
        await expect(board.page.get_by_test_id('lane-0').get_by_text('Order seeds')).to_be_visible()
        await tab.reload()
        await counts(tab, stashed=0, plain=0)
        await board.reload()
        await has_cards(board, 0, 'Water the tomatoes', 'Repair the gate', 'Order seeds')
        assert complaints(tab) == complaints(board) == []


class TestTroubleWithTheStore:
    @pytest.mark.parametrize(
        ('kind', 'role', 'text'),
        [
            ('Slow store', 'status', 'Saving…'),
            ('Store away', 'status', 'Offline'),
            ('Full disk', 'alert', 'Not saved'),
        ],
    )
    async def test_is_told_by_the_bar_until_it_is_over(
        self, visitor: Visitor, demo: Demo, kind: str, role: Literal['status', 'alert'], text: str
    ):
        tab = await visitor.open(f'{demo.url}/counter')
        told = tab.page.get_by_test_id('durability')
        await tab.page.evaluate(CHANGE_IN_TROUBLE, [kind, role])
        with demo.lasting_trouble():
            await press(tab, 'Trouble')
            await tab.page.get_by_role('menu').get_by_text(kind).click()
            await tab.until('text => window.said.some((each) => each.includes(text))', text)
        await expect(told.get_by_role('status')).to_have_text('Saved')
        await expect(tab.page.get_by_test_id('stashed')).to_have_text('1')
        await tab.reload()
        await expect(tab.page.get_by_test_id('stashed')).to_have_text('1')
        assert complaints(tab) == []
