"""`recover` in functions that `ui.sub_pages` calls: the same instance in all of them, while the page is open."""

from __future__ import annotations

from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, element, eventually, idle, text, type_into


def declare(stash: Stash) -> None:
    @stash.state
    class Settings:
        name: str = stored('')
        draft: str = stored('', scope='reconnect')

    async def form() -> None:
        settings = await stash.recover(Settings)
        ui.input().mark('name').bind_value(settings, 'name')
        ui.input().mark('draft').bind_value(settings, 'draft')

    async def summary() -> None:
        settings = await stash.recover(Settings)
        ui.label().mark('summary').bind_text_from(settings, 'name', lambda name: f'for {name}')
        ui.label().mark('drafted').bind_text_from(settings, 'draft')

    @ui.page('/')
    @ui.page('/summary')
    def page() -> None:
        ui.sub_pages({'/': form, '/summary': summary})
        ui.button('summary', on_click=lambda: ui.navigate.to('/summary'))
        ui.button('form', on_click=lambda: ui.navigate.to('/'))


async def test_functions_of_one_page_share_what_they_recover(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    tab = await Browser().open()
    type_into(tab, 'name', 'Ann')
    type_into(tab, 'draft', 'half')
    tab.find('summary').click()
    await tab.should_see('for Ann')
    assert text(tab, 'drafted') == 'half'  # it is the page's, not that of one sub page
    tab.find('form').click()
    await tab.should_see(ui.input)
    assert (element(tab, 'name').value, element(tab, 'draft').value) == ('Ann', 'half')
    assert (await data_of(store, 'Settings')) == {'name': 'Ann'}


async def test_another_tab_at_another_sub_page_follows_and_has_no_draft(stash: Stash) -> None:
    declare(stash)
    ann = Browser()
    left, right = await ann.open(), await ann.open('/summary')
    type_into(left, 'draft', 'half')
    type_into(left, 'name', 'Ann')
    await eventually(lambda: text(right, 'summary') == 'for Ann')
    await idle()
    assert text(right, 'drafted') == ''
