"""The demo's long job goes on while its page is away."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect

from tests.browser.server import eventually
from tests.browser.tab import Tab, Visitor

from .demo import Demo, came_back, press


async def progress(tab: Tab) -> int:
    text = await tab.page.get_by_test_id('progress').inner_text()
    return int(text.split()[0])


async def reaches(tab: Tab, steps: int) -> None:
    """Return when at least so many steps are shown: the job does not wait for who looks."""

    async def is_reached() -> bool:
        return await progress(tab) >= steps

    await eventually(is_reached, f'{steps} steps')


async def test_a_job_goes_on_while_its_page_is_away_and_its_progress_is_in_the_page_that_comes_back(
    visitor: Visitor, demo: Demo
):
    tab = await visitor.open(f'{demo.url}/job')
    await press(tab, 'Start')
    await expect(tab.page.get_by_role('button', name='Running…')).to_be_disabled()
    await reaches(tab, 1)
    client = await tab.client()
    await press(tab, 'Drop my connection')
    await came_back(tab, client)
    await expect(tab.page.get_by_test_id('recovery')).to_contain_text('Came back by itself')
    assert await progress(tab) >= 3  # the connection was away for longer than two steps take
    await tab.page.goto('about:blank')
    later = await visitor.open(f'{demo.url}/job')
    await expect(later.page.get_by_test_id('progress')).to_have_text('10 of 10 steps')
    await expect(later.page.get_by_text('Folding the chart')).to_be_visible()
    await expect(later.page.get_by_role('button', name='Start again')).to_be_enabled()


async def test_a_job_that_ended_with_its_process_goes_on_where_it_was(visitor: Visitor, folder: Path):
    async with Demo(folder, str(folder / 'store')) as demo:
        tab = await visitor.open(f'{demo.url}/job')
        await press(tab, 'Start')
        await reaches(tab, 2)
        client = await tab.client()
        await press(tab, 'Redeploy')
        await came_back(tab, client)
        assert demo.starts == 2
        before = await progress(tab)
        assert before >= 2
        await press(tab, 'Go on')
        await reaches(tab, before + 1)
        await press(tab, 'Back to nothing')
        await expect(tab.page.get_by_test_id('progress')).to_have_text('0 of 10 steps')
        await expect(tab.page.get_by_text('Nothing yet.')).to_be_visible()
