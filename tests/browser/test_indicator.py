"""The page says whether what was typed is saved: to eyes, keyboards and screen readers, and only when it matters."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from .proxy import Proxy
from .server import Server, eventually
from .tab import Visitor

RECORD = """() => {
    const element = document.querySelector('[data-testid=indicator]');
    window.shown = [element.dataset.shown];
    const look = () => window.shown.at(-1) === element.dataset.shown || window.shown.push(element.dataset.shown);
    new MutationObserver(look).observe(element, {attributes: true});
    const [set, clear] = [window.setTimeout, window.clearTimeout];
    const held = new Map();
    let last = 0;
    window.setTimeout = (call, after, ...rest) => {
        if (window.isHushed && after === 300) return 0;
        if (after !== 3000 || window.fades) return set(call, after, ...rest);
        held.set(--last, call);
        return last;
    };
    window.clearTimeout = (timer) => held.delete(timer) || clear(timer);
    window.fade = (fades) => {
        window.fades = fades;
        if (fades) [...held].forEach(([timer, call]) => held.delete(timer) && call());
    };
}"""
"""Notes what is shown. "Saved" is shown until `fade`: 3 s are too short for a busy machine to look at it."""
AWAY = 'The storage does not answer. Your changes are kept, and saved when it does.'
FULL = 'The storage refuses your changes (No space left on device). They are kept, and tried again.'
LOST = 'The connection to the server is lost. The page tries to get it back.'


class Told:
    """What the indicator of a page says, and what it has said since the page was opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.element = page.get_by_test_id('indicator')
        self.status = self.element.get_by_role('status')
        self.alert = self.element.get_by_role('alert')
        self.details = self.element.get_by_role('button', name='Details')
        self.note = page.get_by_label('Note')

    @classmethod
    async def of(cls, page: Page) -> Told:
        await page.evaluate(RECORD)
        return cls(page)

    async def hush(self, *, on: bool = True) -> None:
        """Let no save be said to take its time, however slow the machine is on which these tests run."""
        await self.page.evaluate('on => { window.isHushed = on }', on)

    async def says(self, state: str, text: str, *, why: str = '') -> None:
        """Return when it says this, in the live region that fits, and nothing in the other one."""
        spoken, silent = (self.alert, self.status) if state == 'refused' else (self.status, self.alert)
        await expect(spoken).to_have_text(f'{text}: {why}' if why else text)
        await expect(silent).to_have_text('')
        await expect(self.element).to_have_attribute('data-shown', state)
        await expect(self.element).to_have_css('opacity', '1')
        await expect(self.details).to_have_count(1 if why else 0)

    async def is_quiet(self) -> None:
        """Return when nothing is shown, as it is some time after "saved"."""
        await self.page.evaluate('window.fade(true)')
        await expect(self.element).to_have_css('opacity', '0')
        await expect(self.details).to_have_count(0)
        await self.page.evaluate('window.fade(false)')

    async def history(self) -> list[str]:
        return await self.page.evaluate('window.shown')


class Telling(Server):
    """The app of these tests."""

    async def make(self, trouble: str) -> None:
        """Make the store `slow`, `away`, `full` or `well` again."""
        async with httpx.AsyncClient(timeout=60) as client:
            (await client.post(f'{self.url}/store/{trouble}')).raise_for_status()

    async def puts(self) -> int:
        async with httpx.AsyncClient(timeout=60) as client:
            return (await client.get(f'{self.url}/store')).json()['put']

    async def messages(self, client_id: str) -> int:
        return (await self.probe())['messages'][client_id]


@pytest_asyncio.fixture(loop_scope='session')
async def server(folder: Path):
    async with Telling('telling.py', folder, reconnect_timeout=60.0) as server:
        yield server


async def has_focus(element: Locator) -> bool:
    return await element.evaluate('element => element === document.activeElement')


async def test_it_says_nothing_before_the_first_change_and_nobody_can_tab_to_it(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await told.is_quiet()
    for region in (told.status, told.alert):
        await expect(region).to_have_count(1)  # there before it has anything to say, or it would not be read out
        await expect(region).to_have_text('')
    await tab.page.get_by_label('Your age').focus()
    await tab.page.keyboard.press('Tab')
    assert await has_focus(tab.page.get_by_role('button', name='after'))


async def test_a_quick_save_is_said_once_and_goes_quiet_without_taking_the_focus(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await told.hush()
    await told.note.press_sequentially('hello', delay=20)
    await told.says('saved', 'Saved')
    await told.is_quiet()
    assert await told.history() == ['', 'saved']
    assert await has_focus(told.note)
    await expect(told.status).to_have_text('Saved')  # who looks for it finds it; nothing new is read out
    await told.note.fill('again')
    await told.says('saved', 'Saved')


async def test_a_save_that_takes_its_time_is_saving_and_then_saved(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await server.make('slow')
    await told.note.fill('hello')
    await told.says('saving', 'Saving…')
    await server.make('well')
    await told.says('saved', 'Saved')
    await told.is_quiet()
    assert await told.history() == ['', 'saving', 'saved']


async def test_a_store_that_is_away_is_offline_with_the_reason_until_it_is_back(visitor: Visitor, server: Telling):
    tab, other = await visitor.open(server.url), await visitor.open(server.url)
    told, there = await Told.of(tab.page), await Told.of(other.page)
    await told.hush()
    await server.make('away')
    await told.note.fill('hello')
    await asyncio.gather(
        *(each.says('offline', 'Offline', why=AWAY) for each in (told, there))
    )  # they share a document
    client = await tab.client()
    sent, puts = await server.messages(client), await server.puts()

    async def has_retried() -> bool:
        return await server.puts() > puts + 1

    await eventually(has_retried, 'two more attempts')
    assert await server.messages(client) == sent, 'nothing is sent while nothing changes'
    assert await told.history() == ['', 'offline']
    await server.make('well')
    await asyncio.gather(*(each.says('saved', 'Saved') for each in (told, there)))
    await asyncio.gather(*(each.is_quiet() for each in (told, there)))


async def test_a_full_disk_is_an_alert_whose_details_a_keyboard_can_read(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await server.make('full')
    await told.note.fill('hello')
    await told.says('refused', 'Not saved', why=FULL)
    assert await has_focus(told.note), 'an alert is read out, and takes no focus'

    await tab.page.get_by_label('Your age').focus()
    await tab.page.keyboard.press('Tab')
    assert await has_focus(told.details)
    await expect(told.details).to_have_attribute('aria-expanded', 'false')
    await tab.page.keyboard.press('Enter')
    await expect(told.details).to_have_attribute('aria-expanded', 'true')
    await expect(tab.page.get_by_role('note')).to_have_text(FULL)
    await tab.page.keyboard.press('Escape')
    await expect(tab.page.get_by_role('note')).to_have_count(0)
    await tab.page.keyboard.press('Tab')
    assert await has_focus(tab.page.get_by_role('button', name='after')), 'nobody is held back'

    await tab.page.keyboard.press('Shift+Tab')
    await server.make('well')
    await expect(told.status).to_have_text('Saved')
    await tab.page.evaluate('window.fade(true)')
    assert await has_focus(told.details), 'what has the focus stays as long as it has it'
    await expect(told.element).to_have_css('opacity', '1')
    await tab.page.keyboard.press('Tab')
    assert await has_focus(tab.page.get_by_role('button', name='after'))
    await told.is_quiet()


async def test_a_value_that_does_not_fit_is_not_saved_until_it_does(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await tab.page.get_by_label('Your age').fill('')
    await told.says('refused', 'Not saved', why='Your age: Please enter a whole number.')
    await told.note.fill('hello')
    await expect(tab.page.get_by_test_id('note')).to_have_text('hello')
    await told.says('refused', 'Not saved', why='Your age: Please enter a whole number.')
    await tab.page.get_by_label('Your age').fill('19')
    await told.says('saved', 'Saved')
    await told.note.fill('x' * 3000)
    await told.says('refused', 'Not saved', why='Note: this is too large to be saved.')
    await told.note.fill('short')
    await told.says('saved', 'Saved')


async def test_a_document_of_a_newer_version_is_left_alone_and_the_page_says_so(visitor: Visitor, server: Telling):
    tab = await visitor.open(server.url)
    told = await Told.of(tab.page)
    await told.note.fill('hello')
    await told.says('saved', 'Saved')
    (path,) = server.objects()
    path.write_text(json.dumps({**json.loads(path.read_text()), 'format': 99}))
    await told.note.fill('later')
    why = 'What you saved comes from a newer version of this app, and this one leaves it as it is.'
    await told.says('refused', 'Not saved', why=why)


async def test_a_lost_connection_is_offline_and_saved_when_it_is_back(visitor: Visitor, server: Telling):
    async with Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        told = await Told.of(tab.page)
        await told.hush()
        client = await tab.client()
        proxy.drop()
        await told.says('offline', 'Offline', why=LOST)
        await told.note.fill('typed meanwhile')
        proxy.restore()
        await told.says('saved', 'Saved')
        await expect(tab.page.get_by_test_id('note')).to_have_text('typed meanwhile')
        await told.is_quiet()
        assert await tab.client() == client
        assert await told.history() == ['', 'offline', 'saved']


async def test_a_page_that_comes_back_as_a_new_document_is_quiet(visitor: Visitor, folder: Path):
    async with Telling('telling.py', folder, reconnect_timeout=0.5) as server, Proxy(server.port) as proxy:
        tab = await visitor.open(proxy.url)
        told = await Told.of(tab.page)
        await told.note.fill('hello')
        await told.says('saved', 'Saved')
        client = await tab.client()
        proxy.drop()
        await told.says('offline', 'Offline', why=LOST)
        await server.forgot(client)
        proxy.restore()
        await tab.connected(after=client)
        told = await Told.of(tab.page)
        await told.is_quiet()
        await expect(told.note).to_have_value('hello')
        assert await told.history() == ['']


async def test_all_of_it_with_a_round_trip_of_200_ms(visitor: Visitor, server: Telling):
    async with Proxy(server.port, latency=0.1) as proxy:
        tab = await visitor.open(proxy.url)
        told = await Told.of(tab.page)
        await told.hush()
        await told.note.press_sequentially('hello', delay=50)
        await told.says('saved', 'Saved')
        await told.is_quiet()
        await told.hush(on=False)
        await server.make('slow')
        await told.note.fill('slow')
        await told.says('saving', 'Saving…')
        await server.make('well')
        await told.says('saved', 'Saved')
        await told.hush()
        await server.make('away')
        await told.note.fill('away')
        await told.says('offline', 'Offline', why=AWAY)
        await server.make('well')
        await told.says('saved', 'Saved')
        await server.make('full')
        await told.note.fill('full')
        await told.says('refused', 'Not saved', why=FULL)
        await server.make('well')
        await told.says('saved', 'Saved')
        proxy.drop()
        await told.says('offline', 'Offline', why=LOST)
        await told.hush(on=False)
        await told.note.fill('typed meanwhile')
        await server.make('slow')
        proxy.restore()
        await told.says('saving', 'Saving…')  # and never "saved" before that: what was typed is not saved yet
        await server.make('well')
        await told.says('saved', 'Saved')
        await told.is_quiet()
        assert await told.history() == [
            *['', 'saved', 'saving', 'saved', 'offline', 'saved', 'refused', 'saved'],
            *['offline', 'saving', 'saved'],
        ]


async def test_it_speaks_the_language_that_it_is_given(visitor: Visitor, server: Telling):
    tab = await visitor.open(f'{server.url}/german')
    told = await Told.of(tab.page)
    await told.note.fill('hallo')
    await told.says('saved', 'Gespeichert')
    await tab.page.get_by_label('Your age').fill('')
    await told.says('refused', 'Nicht gespeichert', why='Das geht nicht: age')


async def test_one_in_the_layout_speaks_for_the_view_that_is_shown(visitor: Visitor, server: Telling):
    tab = await visitor.open(f'{server.url}/views')
    told = await Told.of(tab.page)
    await told.note.fill('hello')
    await told.says('saved', 'Saved')
    await tab.page.get_by_label('Your age').fill('')
    await told.says('refused', 'Not saved', why='Your age: Please enter a whole number.')
    await tab.page.get_by_role('link', name='second').click()
    await told.says('saved', 'Saved')  # the value that did not fit is gone with its view
    await expect(told.note).to_have_value('')
    await told.is_quiet()
    await told.note.fill('in the second view')
    await told.says('saved', 'Saved')


async def test_it_does_not_fade_for_those_who_want_no_motion_and_costs_other_pages_nothing(
    visitor: Visitor, server: Telling, form: Server
):
    tab = await visitor.tab()
    await tab.page.emulate_media(reduced_motion='reduce')
    loaded: list[str] = []
    tab.page.on('request', lambda request: loaded.append(request.url))
    await tab.goto(server.url)
    await expect(tab.page.get_by_test_id('indicator')).to_have_css('transition', 'none')
    assert any('indicator' in url for url in loaded)
    loaded.clear()
    await tab.goto(form.url)
    assert loaded
    assert not any('indicator' in url for url in loaded)
