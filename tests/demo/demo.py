"""The demo in a process of its own, and what a visitor does in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.async_api import FrameLocator, Locator, Page, expect

from tests.browser.server import ROOT, Server, eventually
from tests.browser.tab import IS_CONNECTED, IS_RECOVERED, Tab
from tests.servers import forked
from tests.servers.process import PATIENCE, WITHOUT_TLS

PATIENTLY = Path(__file__).with_name('patiently.py')
PAGES = ('/', '/counter', '/form', '/wizard', '/board', '/together/garden', '/notebook', '/job', '/settings')


class Demo(Server):
    """The demo as `python -m demo_app` runs it, on the store of a URL; a `gated` job waits for `may_take`."""

    def __init__(self, folder: Path, url: str, *, gated: bool = False) -> None:
        super().__init__('demo_app', folder)
        self._stash_url = url
        self._options = ['gated'] if gated else []

    async def start(self) -> None:
        """Start the process and return when it answers."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
        environment = inherited | {
            'CI': 'true',  # no browser opens
            'NICEGUI_STASH_URL': self._stash_url,
            'NICEGUI_STORAGE_PATH': str(self.folder / 'nicegui'),
            'PORT': str(self.port),
            'PYTHONPATH': str(ROOT),
            'PYTHONUNBUFFERED': '1',
        }
        with self.log.open('ab') as output:
            self._process = forked.start([str(PATIENTLY), *self._options], self.folder, environment, output)
        Server.running.add(self)
        await eventually(self._answers, 'the demo answers', timeout=PATIENCE)

    def may_take(self, *steps: int) -> None:
        """Let the job of each process take these of its steps, counted from 1 by each process."""
        for step in steps:
            (self.folder / f'step {step}').touch()

    @contextmanager
    def lasting_trouble(self) -> Iterator[None]:
        """Let trouble with the store last until the end of the block, however slow the machine is."""
        gate = self.folder / 'trouble'
        gate.touch()
        try:
            yield
        finally:
            gate.unlink()

    async def kill(self) -> None:
        """End the process, and return when its child has ended with it, where it has one."""
        await super().kill()
        await eventually(self._is_silent, 'nobody answers')

    async def probe(self) -> dict[str, object]:
        """Ask for something that is no page."""
        async with httpx.AsyncClient(timeout=60, verify=WITHOUT_TLS) as client:
            return {'status': (await client.get(f'{self.url}/favicon.ico')).status_code}

    @property
    def starts(self) -> int:
        """How many processes have been ready to serve on this port."""
        return self.output().count('NiceGUI ready to go')

    async def _is_silent(self) -> bool:
        try:
            await self.probe()
        except httpx.TransportError:
            return True
        return False


async def pane(tab: Tab, title: str) -> FrameLocator:
    """Return a frame of `/two` once its page is connected and knows its visit."""
    element = await tab.page.locator(f'iframe[title="{title}"]').element_handle()
    frame = await element.content_frame()
    assert frame is not None
    await frame.wait_for_function(f'({IS_CONNECTED}) && ({IS_RECOVERED})', polling=50)
    return tab.page.frame_locator(f'iframe[title="{title}"]')


def content(page: Page) -> Locator:
    """Return what a page shows, without what stands beside it: there the same words may be."""
    return page.get_by_test_id('shown')


async def leave_a_trace(frame: FrameLocator) -> None:
    """Do in a frame of `/ways` what its server knows, and what only its browser knows."""
    await frame.get_by_label('A field of the draft').fill('half a thought')
    await frame.get_by_label('Bound to nothing').fill('another half')
    await frame.get_by_text('More', exact=True).click()
    await expect(frame.get_by_text('Open, until the page is loaded again.')).to_be_visible()
    await frame.get_by_test_id('scrolled').evaluate('element => { element.scrollTop = 123 }')
    await is_saved(frame)


async def press(tab: Tab, button: str) -> None:
    await tab.page.bring_to_front()  # a tab in the background draws so rarely that its buttons are long in coming
    await tab.page.get_by_role('button', name=button, exact=True).click()


async def came_back(tab: Tab, client: str) -> None:
    """Return when the tab is another client, and says that it came back by itself; nothing covers it any more."""
    await tab.connected(after=client)
    await expect(tab.page.locator('.outage')).to_have_count(0)
    await expect(tab.page.get_by_test_id('recovery')).to_contain_text('Came back by itself')


async def redeploy(tab: Tab) -> None:
    """Press the button once all is saved, and return when the tab is back."""
    await is_saved(tab.page)
    client = await tab.client()
    await press(tab, 'Redeploy')
    await came_back(tab, client)


async def is_saved(page: Page | FrameLocator) -> None:
    await expect(page.get_by_test_id('durability')).to_have_attribute('data-state', 'saved')


async def have_trouble(tab: Tab, kind: str) -> None:
    """Let the store be in trouble for a while, and return when it is."""
    await press(tab, 'Trouble')
    await tab.page.get_by_role('menu').get_by_text(kind).click()
    await expect(tab.page.get_by_text(f'{kind}, for 6 seconds')).to_be_visible()
    await expect(tab.page.get_by_role('menu')).to_have_count(0)


async def count_both(tab: Tab, number: int) -> None:
    """Press both buttons of the counter page as often as this, from zero."""
    for _ in range(number):
        await press(tab, 'With nicegui_stash: one more')
        await press(tab, 'Plain NiceGUI: one more')
    await counts(tab, stashed=number, plain=number)


async def counts(tab: Tab, *, stashed: int, plain: int) -> None:
    await expect(tab.page.get_by_test_id('stashed')).to_have_text(str(stashed))
    await expect(tab.page.get_by_test_id('plain')).to_have_text(str(plain))


def complaints(tab: Tab) -> list[str]:
    """Return what a developer would see in red in the browser's console."""
    return [line for line in tab.console if line.startswith(('error:', 'uncaught:'))]


async def fill_in(page: Page) -> None:
    """Fill in every field of the form, so that it can be sent."""
    await page.get_by_label('Name', exact=True).fill('gardener')
    await page.get_by_label('E-mail').fill('gardener@example.org')
    await page.get_by_label('Hut').click()
    await page.get_by_role('option', name='Upper Tarn').click()
    await page.get_by_label('Meals').click()
    await page.get_by_role('option', name='Dinner').click()
    await page.keyboard.press('Escape')
    await expect(page.get_by_role('option')).to_have_count(0)
    await expect(page.get_by_label('Meals')).to_be_focused()  # the menu that closed has given the focus back
    await page.get_by_label('Arrival').fill('2031-07-14')
    await page.get_by_label('Time').fill('16:30')
    await page.get_by_label('Nights').fill('3')
    await page.get_by_role('slider').first.locator('[tabindex]').press('ArrowRight')
    await expect(content(page).get_by_text('Guests: 3', exact=True)).to_be_visible()
    await page.get_by_role('radio', name='Family room').click()
    await page.get_by_role('switch', name='With a dog').click()
    await page.get_by_label('Anything else').fill('The dog is a quiet one.')
    await page.get_by_role('checkbox', name='I carry').click()
    await expect(page.get_by_role('button', name='Book')).to_be_enabled()


async def order_pizza(tab: Tab) -> None:
    """Go through the wizard as far as its third step."""
    await tab.page.bring_to_front()
    await tab.page.get_by_role('radio', name='Large').click()
    await press(tab, 'Next')
    await content(tab.page).get_by_text('Capers').click()
    await expect(tab.page.get_by_test_id('ticket')).to_contain_text('Tomato, Mozzarella, Capers')
    await expect(tab.page.get_by_role('radio')).to_have_count(0)  # the first step has gone, and its button with it
    await press(tab, 'Next')
    await tab.page.get_by_label('Address').fill('Mill Lane 12')
    await expect(tab.page.get_by_test_id('ticket')).to_contain_text('Mill Lane 12')


async def move(tab: Tab, card: str, target: str) -> None:
    """Move a card of the board by its menu."""
    await tab.page.bring_to_front()
    await tab.page.locator('.card', has_text=card).get_by_role('button').click()
    await tab.page.get_by_text(f'Move to {target}').click()


async def has_cards(tab: Tab, lane: int, *cards: str) -> None:
    await expect(tab.page.get_by_test_id(f'lane-{lane}').locator('.card > div')).to_have_text(cards)
