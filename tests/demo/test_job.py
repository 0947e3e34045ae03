"""The demo's long job goes on while its page is away."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.server import eventually
from tests.browser.tab import Tab, Visitor

from .demo import Demo, came_back, content, press


async def has_done(tab: Tab, steps: int) -> None:
    await expect(tab.page.get_by_test_id('progress')).to_have_text(f'{steps} of 10 steps')


async def answers_with(visitor: Visitor, url: str, text: str) -> None:
    """Return when the first HTML of a page that nobody opens says this."""

    async def says() -> bool:
        return text in await (await visitor.context.request.get(url)).text()

    await eventually(says, f'{url} answers with {text!r}')


async def test_a_job_goes_on_while_its_page_is_away_and_its_progress_is_in_the_page_that_comes_back(
    visitor: Visitor, folder: Path
):
    async with Demo(folder, 'memory://', gated=True) as demo:
        tab = await visitor.open(f'{demo.url}/job')
        demo.may_take(1)
        await press(tab, 'Start')
        await expect(tab.page.get_by_role('button', name='Running…')).to_be_disabled()
        await has_done(tab, 1)
        client = await tab.client()
        await press(tab, 'Drop my connection')
        await tab.disconnected()
        demo.may_take(2, 3)
        await came_back(tab, client)
        await has_done(tab, 3)
        await tab.page.goto('about:blank')
        demo.may_take(*range(4, 11))
        await answers_with(visitor, f'{demo.url}/job', '10 of 10 steps')
        later = await visitor.open(f'{demo.url}/job')
        await has_done(later, 10)
        await expect(content(later.page).get_by_text('Folding the chart')).to_be_visible()
        await expect(later.page.get_by_role('button', name='Start again')).to_be_enabled()


async def test_a_job_that_ended_with_its_process_goes_on_where_it_was(visitor: Visitor, folder: Path):
    async with Demo(folder, str(folder / 'store'), gated=True) as demo:
        tab = await visitor.open(f'{demo.url}/job')
        demo.may_take(1, 2)
        await press(tab, 'Start')
        await has_done(tab, 2)
        client = await tab.client()
        await press(tab, 'Redeploy')
        await came_back(tab, client)
        assert demo.starts == 2
        await has_done(tab, 2)
        await press(tab, 'Go on')
        await has_done(tab, 4)
        await press(tab, 'Back to nothing')
        await has_done(tab, 0)
        await expect(content(tab.page).get_by_text('Nothing yet.')).to_be_visible()
