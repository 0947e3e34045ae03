"""Take the pictures for the documentation: `python -m tests.demo.take` writes docs/images.

`python -m tests.demo.take moving` takes the moving one alone, `… ways` that of both ways back. It needs the dependency
group `pictures`.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright, expect

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.server import ROOT, Server
from tests.browser.tab import Tab, Visitor

from .demo import (
    Demo,
    came_back,
    content,
    fill_in,
    have_trouble,
    is_saved,
    leave_a_trace,
    move,
    order_pizza,
    pane,
    press,
    redeploy,
)

IMAGES = ROOT / 'docs' / 'images'
WIDE = {'viewport': {'width': 1280, 'height': 700}, 'device_scale_factor': 1.5}
TALL = {'viewport': {'width': 1280, 'height': 940}, 'device_scale_factor': 1.5}
LOW = {'viewport': {'width': 900, 'height': 640}, 'device_scale_factor': 1.25}
GAP = 16
"""Pixels between the pictures of a row."""
MOVING = {'viewport': {'width': 1240, 'height': 920}, 'device_scale_factor': 1.5}
UNHURRIED = 'window.socket.io.reconnectionDelay(9000); window.socket.io.reconnectionDelayMax(9000)'
"""So that all words are typed before the page is loaded again, on a busy machine too."""
MOVING_WIDTH = 1000
"""Pixels of the moving picture."""
PHONE = {'viewport': {'width': 390, 'height': 844}, 'device_scale_factor': 2, 'has_touch': True, 'is_mobile': True}


@asynccontextmanager
async def picture(
    browser: Browser, demo: Demo, name: str, path: str, screen: dict[str, object], *choices: str
) -> AsyncIterator[Tab]:
    """Open a page for somebody who has chosen these settings; take its picture at the end, after a redeploy."""
    context = await browser.new_context(reduced_motion='reduce', **screen)
    async with Visitor(browser, context) as visitor:
        tab = await visitor.open(f'{demo.url}/settings')
        await tab.page.get_by_label('Name', exact=True).fill('gardener')
        await expect(content(tab.page).get_by_text('Hello, gardener!')).to_be_visible()
        for choice in choices:
            await press(tab, choice)
        await tab.goto(demo.url + path)
        yield tab
        await redeploy(tab)
        await tab.page.mouse.move(0, 0)
        await tab.page.wait_for_load_state('networkidle')
        await tab.page.screenshot(path=IMAGES / f'demo-{name}.png', animations='disabled')


async def take(browser: Browser, demo: Demo) -> None:
    async with picture(browser, demo, 'form', '/form', TALL, 'ocean') as tab:
        await fill_in(tab.page)
        await press(tab, 'Book')
        await expect(content(tab.page).get_by_text('gardener · nights: 3 · guests: 3')).to_be_visible()
        await fill_in(tab.page)
    async with picture(browser, demo, 'board', '/board', WIDE, 'plum', 'Dark') as tab:
        for lane, text in ((0, 'Ask about the beehive'), (1, 'Compost, second bin'), (2, 'Prune the pear tree')):
            new = tab.page.get_by_test_id(f'lane-{lane}').get_by_label('Add a card')
            await new.fill(text)
            await new.press('Enter')
            await expect(content(tab.page).get_by_text(text)).to_be_visible()
        await move(tab, 'Repair the gate', 'Doing')
        await expect(tab.page.get_by_test_id('lane-1').get_by_text('Repair the gate')).to_be_visible()
    async with picture(browser, demo, 'filter', '/board?find=the', WIDE, 'ocean') as tab:
        await expect(tab.page.get_by_label('Find')).to_have_value('the')
        await expect(content(tab.page).get_by_text('Order seeds')).to_have_count(0)
    async with picture(browser, demo, 'notebook', '/notebook', WIDE, 'slate') as tab:
        await tab.page.get_by_label('Private note').fill('The beehive is to be a surprise. Ask for the key.')
        await press(tab, 'Merry')
        await expect(tab.page.get_by_test_id('kept')).to_contain_text('words: e.')
    async with picture(browser, demo, 'phone', '/wizard', PHONE, 'clay', 'Dark') as tab:
        await order_pizza(tab)


async def take_indicator(browser: Browser, demo: Demo) -> None:
    """Take the indicator in each of its states, and the whole page with the details of one."""
    context = await browser.new_context(reduced_motion='reduce', **WIDE)
    async with Visitor(browser, context) as visitor:
        tab = await visitor.open(f'{demo.url}/form')
        indicator = tab.page.get_by_test_id('durability')
        name = tab.page.get_by_label('Name', exact=True)

        async def shows(state: str, text: str) -> None:
            await expect(indicator).to_have_attribute('data-shown', state)
            await name.fill(text)  # once more, so that "saved" is there for as long as it can be
            await expect(indicator).to_have_attribute('data-shown', state)
            await tab.page.mouse.move(0, 0)
            box = await indicator.bounding_box()
            assert box is not None
            clip = {'x': box['x'] - 12, 'y': box['y'] - 4, 'width': 132, 'height': box['height'] + 8}
            await tab.page.screenshot(path=IMAGES / f'indicator-{state}.png', clip=clip, animations='disabled')

        await name.fill('g')
        await shows('saved', 'ga')
        for trouble, state in (('Slow store', 'saving'), ('Store away', 'offline'), ('Full disk', 'refused')):
            await have_trouble(tab, trouble)
            await name.fill('gard')
            await shows(state, 'gardener')
            if state == 'refused':
                await indicator.get_by_role('button', name='Details').click()
                await expect(tab.page.get_by_role('note')).to_be_visible()
                await tab.page.screenshot(path=IMAGES / 'demo-indicator.png', animations='disabled')
                await tab.page.keyboard.press('Escape')
            await expect(indicator).to_have_attribute('data-state', 'saved')


async def take_typing(browser: Browser, demo: Demo) -> None:
    """Take the form while somebody types and nobody answers, and when it has come back."""
    context = await browser.new_context(reduced_motion='reduce', **TALL)
    async with Visitor(browser, context) as visitor:
        tab = await visitor.open(f'{demo.url}/form')
        notes = tab.page.get_by_label('Anything else')
        await fill_in(tab.page)
        client = await tab.client()
        await press(tab, 'Drop my connection')
        await tab.page.mouse.move(0, 0)
        await tab.disconnected()
        await notes.press_sequentially(' She sleeps where she is told, and needs no bed.')
        await expect(tab.page.get_by_test_id('durability')).to_have_attribute('data-shown', 'offline')
        await expect(tab.page.get_by_role('tooltip')).to_have_count(0)
        await tab.page.screenshot(path=IMAGES / 'demo-typed-away.png')
        await came_back(tab, client)
        await expect(notes).to_have_value('The dog is a quiet one. She sleeps where she is told, and needs no bed.')
        await tab.page.get_by_test_id('recovery').hover()
        await expect(tab.page.get_by_text('with what you typed meanwhile')).to_be_visible()
        await tab.page.screenshot(path=IMAGES / 'demo-typed-back.png', animations='disabled')


class Film:
    """Frames of a page, each shown for some milliseconds."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    async def show(self, milliseconds: int) -> None:
        """Show the page as it is."""
        shot = await self._tab.page.screenshot(animations='disabled', caret='initial')
        frame = Image.open(io.BytesIO(shot)).convert('RGB')
        self._frames.append(
            frame.resize((MOVING_WIDTH, MOVING_WIDTH * frame.height // frame.width), Image.Resampling.LANCZOS)
        )
        self._durations.append(milliseconds)

    async def type(self, words: str) -> None:
        """Type into what has the focus, a frame for each word."""
        for word in words.split(' '):
            await self._tab.page.keyboard.type(f' {word}')
            await self.show(300)

    def save(self, name: str) -> None:
        """Write an endless animation."""
        first, *others = self._frames
        settings = {'duration': self._durations, 'loop': 0, 'quality': 60, 'method': 6}
        first.save(IMAGES / name, save_all=True, append_images=others, **settings)


async def take_moving(browser: Browser, demo: Demo) -> None:
    """Film somebody who types over a redeploy."""
    context = await browser.new_context(reduced_motion='reduce', **MOVING)
    async with Visitor(browser, context) as visitor:
        tab = await visitor.open(f'{demo.url}/form')
        film, notes = Film(tab), tab.page.get_by_label('Anything else')
        await fill_in(tab.page)
        await is_saved(tab.page)
        await notes.focus()
        await notes.press('End')
        await film.show(900)
        await film.type('She sleeps')
        client = await tab.client()
        await tab.page.get_by_role('button', name='Redeploy', exact=True).hover()
        await film.show(900)
        await tab.page.evaluate(UNHURRIED)
        await press(tab, 'Redeploy')
        await tab.disconnected()
        await notes.focus()
        await notes.press('End')
        await tab.page.mouse.move(0, 0)
        await film.show(600)
        await film.type('where she is told,')
        await came_back(tab, client)
        await expect(notes).to_have_value('The dog is a quiet one. She sleeps where she is told,')
        await film.show(1200)
        await film.type('and needs no bed.')
        await is_saved(tab.page)
        await tab.page.get_by_test_id('recovery').hover()
        await expect(tab.page.get_by_text('with what you typed meanwhile')).to_be_visible()
        await film.show(3000)
        film.save('demo-redeploy.webp')


async def take_ways(browser: Browser, _: Demo) -> None:
    """Take both ways back before and after a redeploy, which ends a process, in a row."""
    context = await browser.new_context(reduced_motion='reduce', **LOW)
    with tempfile.TemporaryDirectory() as folder:
        async with Demo(Path(folder), f'{folder}/store') as demo, Visitor(browser, context) as visitor:
            tab = await visitor.tab()
            await tab.page.goto(f'{demo.url}/ways')
            panes = [await pane(tab, title) for title in ('In place', 'By a reload')]
            for frame in panes:
                await leave_a_trace(frame)
            shots = [await tab.page.screenshot(animations='disabled')]
            await panes[0].get_by_role('button', name='Redeploy', exact=True).click()
            for way in ('in-place', 'reload'):
                await expect(tab.page.locator(f'[data-way={way}]')).to_contain_text(' s')
            await tab.page.mouse.move(0, 0)
            for frame in panes:
                await expect(frame.locator('.outage, .q-tooltip')).to_have_count(0)
                await is_saved(frame)
            shots.append(await tab.page.screenshot(animations='disabled'))
    before, after = (Image.open(io.BytesIO(shot)).convert('RGB') for shot in shots)
    row = Image.new('RGB', (2 * before.width + GAP, before.height), 'white')
    row.paste(before, (0, 0))
    row.paste(after, (before.width + GAP, 0))
    await asyncio.to_thread(row.save, IMAGES / 'demo-ways.png')


async def take_inspector(browser: Browser, folder: Path) -> None:
    """Take the inspector of a process that has some sessions, three of which have changed while the store is away."""
    context = await browser.new_context(reduced_motion='reduce', **TALL)
    async with Server('inspected.py', folder) as server, Visitor(browser, context) as visitor:
        for what in ('history', 'sessions/1200', 'away/3'):
            assert (await context.request.post(f'{server.url}/{what}')).ok
        await context.add_cookies([{'name': 'role', 'value': 'operator', 'url': server.url}])
        tab = await visitor.open(f'{server.url}/_stash')
        await expect(tab.page.get_by_role('row', name='offline')).to_have_count(3)
        await tab.page.wait_for_load_state('networkidle')
        await tab.page.screenshot(path=IMAGES / 'inspector.png', animations='disabled')


async def take_panel(browser: Browser, folder: Path) -> None:
    """Take the panel of a page on which somebody has typed, and pressed a button whose handler assigns an attribute."""
    context = await browser.new_context(viewport={'width': 640, 'height': 460}, reduced_motion='reduce')
    async with Server('developed.py', folder, nicegui_stash_dev='1') as server, Visitor(browser, context) as visitor:
        tab = await visitor.open(server.url)
        panel = tab.page.locator('.nicegui-stash-dev')
        await panel.get_by_role('button', name='stash').click()
        await tab.type(name='Ann', draft='half a thought')
        await tab.page.get_by_test_id('click').click()
        await expect(panel.locator('[data-lost]')).to_be_visible()
        await expect(panel.locator('[data-state=stored]')).to_have_count(2)
        await expect(tab.page.get_by_test_id('indicator')).to_contain_text('Saved')
        await tab.page.screenshot(path=IMAGES / 'dev-panel.png', animations='disabled')


def shrink(names: list[str]) -> None:
    """Write these pictures, or all, again with 256 colours, chosen so that rare ones stay: a third of the bytes."""
    for path in IMAGES.glob('demo-*.png'):
        if names and path.stem.removeprefix('demo-') not in names:
            continue
        Image.open(path).convert('RGB').quantize(256, kmeans=3, dither=Image.Dither.NONE).save(path, optimize=True)


async def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    alone = {'moving': take_moving, 'ways': take_ways}
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright, Demo(Path(folder), 'memory://') as demo:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            for name in sys.argv[1:] or alone:
                await alone[name](browser, demo)
            if not sys.argv[1:]:
                await take(browser, demo)
                await take_indicator(browser, demo)
                await take_typing(browser, demo)
                await take_inspector(browser, Path(folder))
                await take_panel(browser, Path(folder))
            await asyncio.to_thread(shrink, sys.argv[1:])
            await browser.close()


if __name__ == '__main__':
    asyncio.run(main())
