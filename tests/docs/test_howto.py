"""What the how-to guides promise of their examples, as far as a simulated browser can see it."""

from __future__ import annotations

import asyncio

import httpx
from nicegui import core, ui
from nicegui.testing import User

from .conftest import Running
from .looking import only, program, value

# ---- choose a scope


async def test_each_field_of_the_order_comes_back_where_its_scope_says(running: Running) -> None:
    async with running(program('choose-a-scope', 'order')) as user:
        client = await user.open('/order')
        with client:
            (await only(user, ui.toggle)).value = 'pay'
            (await only(user, ui.input)).value = 'half an addr'
        await user.open('/order')
        assert await value(user, ui.toggle) == 'pay'
        assert await value(user, ui.input) == ''
        second_tab = User(user.http_client)
        await second_tab.open('/order')
        assert await value(second_tab, ui.toggle) == 'choose'


async def test_a_field_that_is_not_live_follows_at_the_next_document(running: Running) -> None:
    async with running(program('choose-a-scope', 'not-live')) as user:
        other = User(user.http_client)
        await user.open('/profile')
        await other.open('/profile')
        user.find(ui.input).type('festina lente')
        await asyncio.sleep(0)
        assert await value(other, ui.input) == ''
        await other.open('/profile')
        assert await value(other, ui.input) == 'festina lente'


async def test_each_item_has_a_note_of_its_own(running: Running) -> None:
    async with running(program('choose-a-scope', 'item')) as user:
        await user.open('/item/7')
        user.find(ui.input).type('lucky')
        await user.open('/item/8')
        assert await value(user, ui.input) == ''
        await user.open('/item/7')
        assert await value(user, ui.input) == 'lucky'


# ---- put a filter into the address


async def test_the_list_of_lamps_shows_what_the_link_says(running: Running) -> None:
    async with running(program('filter-in-the-address', 'list')) as user:
        await user.open('/lamps?page=2')
        await user.should_see('Lamp 11')
        await user.should_not_see('Lamp 21')
        await user.open('/lamps?q=5&page=seven')
        await user.should_see('Lamp 15')
        await user.should_not_see('Lamp 11')
        user.find(ui.input).clear().type('60')
        await user.should_see('Lamp 60')
        await asyncio.sleep(0)
        client = user.client
        assert client is not None
        assert client.sub_pages_router.current_path == '/lamps?q=60&page=seven'


# ---- keep it in the visitor's browser


async def test_the_diary_comes_back_and_can_be_cleared(running: Running) -> None:
    async with running(program('keep-it-in-the-browser', 'diary')) as user:
        await user.open('/diary')
        user.find(ui.textarea).type('a day like any other')
        other = User(user.http_client)
        await other.open('/diary')
        assert await value(other, ui.textarea) == 'a day like any other'
        other.find('Clear').click()
        await asyncio.sleep(0.01)
        assert await value(user, ui.textarea) == ''


# ---- share settings


async def test_settings_are_shared_by_pages_and_live(running: Running) -> None:
    async with running(program('share-settings', 'shared')) as user:
        other = User(user.http_client)
        await other.open('/')
        await other.should_see('Hello stranger')
        await user.open('/settings')
        user.find(ui.input).type('Ada')
        await other.should_see('Hello Ada')


async def test_a_page_function_recovers_preferences(running: Running) -> None:
    async with running(program('share-settings', 'recovered')) as user:
        await user.open('/list')
        user.find('Compact').click()
        await user.open('/list')
        assert await value(user, ui.switch) is True


async def test_a_view_that_was_left_has_its_search_and_a_blank_answer(running: Running) -> None:
    async with running(program('share-settings', 'views')) as user:
        await user.open('/mail')
        client = user.client
        assert client is not None
        with client:
            (await only(user, ui.input)).value = 'invoices'
            (await only(user, ui.textarea)).value = 'Dear'
        user.find('Archive').click()
        assert await value(user, ui.number) == 2025
        user.find('Inbox').click()
        assert await value(user, ui.input) == 'invoices'
        assert await value(user, ui.textarea) == ''


async def test_what_was_renamed_comes_along(running: Running) -> None:
    before = """
from nicegui import ui
from nicegui_stash import Stash, stored
stash = Stash()

@stash.page('/tasks')
class TodoList:
    items: list[str] = stored([])

    def build(self) -> None:
        ui.button('Add', on_click=lambda: self.items.append('an old task'))

ui.run(storage_secret='of the examples')
"""
    async with running(before) as user:
        await user.open('/tasks')
        user.find('Add').click()
        cookies = user.http_client.cookies
    async with running(program('share-settings', 'renamed')) as user:
        user.http_client.cookies = cookies
        await user.open('/tasks')
        await user.should_see('an old task')


# ---- follow changes


async def test_a_list_drawn_in_a_loop_is_right_in_both_tabs(running: Running) -> None:
    async with running(program('follow-changes', 'drawn')) as user:
        tab = User(user.http_client)
        await user.open('/shopping')
        await tab.open('/shopping')
        user.find(ui.input).type('bread')
        user.find('Add').click()
        for each in (user, tab):
            await each.should_see('bread')
        tab.find('Empty').click()
        for each in (user, tab):
            await each.should_not_see(content='bread', kind=ui.label)


async def test_rows_are_drawn_in_both_tabs_and_what_is_typed_into_one_is_shown_in_the_other(running: Running) -> None:
    async with running(program('tables-and-rows', 'loop')) as user:
        tab = User(user.http_client)
        await user.open('/stock')
        await tab.open('/stock')
        user.find('Add').click()
        await tab.should_see('1 pieces')
        box = await only(tab, ui.number)
        (await only(user, ui.number)).value = 7
        await tab.should_see('7 pieces')
        assert (await only(tab, ui.number), box.value) == (box, 7)


async def test_a_grid_and_a_table_show_the_rows_of_both_tabs(running: Running) -> None:
    async with running(program('tables-and-rows', 'grid')) as user:
        tab = User(user.http_client)
        await user.open('/parts')
        await tab.open('/parts')
        user.find('Add').click()
        (await only(user, ui.table)).rows[0]['qty'] = 5
        await asyncio.sleep(0)
        for each in (user, tab):
            assert (await only(each, ui.table)).rows == [{'id': 1, 'name': 'bolt', 'qty': 5}]
            assert (await only(each, ui.aggrid)).options['rowData'] == [{'id': 1, 'name': 'bolt', 'qty': 5}]


async def test_what_a_person_set_is_remembered_as_the_block_and_the_elements_say(running: Running) -> None:
    async with running(program('remember-what-a-person-set', 'remember')) as user:
        client = await user.open('/orders')
        with client:
            (await only(user, ui.tabs)).value = 'Done'
            (await only(user, ui.input)).value = 'bolts'
        await user.open('/orders')
        assert await value(user, ui.tabs) == await value(user, ui.tab_panels) == 'Done'
        await asyncio.sleep(0.1)
        assert await value(user, ui.input) == 'bolts'
        second_tab = User(user.http_client)
        await second_tab.open('/orders')
        assert await value(second_tab, ui.tabs) == 'Done'
        assert await value(second_tab, ui.input) == ''


async def test_a_page_is_told_what_somebody_else_did(running: Running) -> None:
    async with running(program('follow-changes', 'told')) as user:
        tab = User(user.http_client)
        await user.open('/price')
        client = await tab.open('/price')
        with client:
            (await only(tab, ui.number)).value = 12.5
        await user.should_see('Somebody else set the price to 12.5')


# ---- values that do not fit


async def test_typed_values_come_back_as_they_were(running: Running) -> None:
    async with running(program('values-that-do-not-fit', 'types')) as user:
        await user.open('/booking')
        user.find('Add a guest').click()
        await user.open('/booking')
        await user.should_see('1 guests')


async def test_a_change_in_place_that_does_not_fit_is_undone_and_told(running: Running) -> None:
    async with running(program('values-that-do-not-fit', 'assigned')) as user:
        await user.open('/sizes')
        user.find('Append a text').click()
        await user.should_see('Sizes.sizes $[0]: Expected `int`, got `str`')
        await user.should_see('[]')


async def test_an_emptied_number_is_marked_until_a_value_fits(running: Running) -> None:
    async with running(program('dates-numbers-empty', 'bound')) as user:
        client = await user.open('/age')
        age, weight = sorted(user.find(ui.number).elements, key=lambda element: element.id)
        with client:
            age.value = None
            weight.value = None
        await asyncio.sleep(0)
        assert age.error == 'Please enter a whole number.'
        assert age.value is None
        assert not weight.error
        with client:
            age.value = 18.5
        await asyncio.sleep(0)
        assert age.error == 'Please enter a whole number.'
        with client:
            age.value = 40.0
        await asyncio.sleep(0)
        assert age.error is None
        await user.open('/age')
        age, weight = sorted(user.find(ui.number).elements, key=lambda element: element.id)
        assert (repr(age.value), weight.value) == ('40', None)


async def test_an_emptied_name_and_a_day_are_taken_as_they_are_meant(running: Running) -> None:
    async with running(program('dates-numbers-empty', 'bound')) as user:
        client = await user.open('/age')
        with client:
            (await only(user, ui.input)).value = None
            (await only(user, ui.date_input)).value = '2001-05-31'
        await user.open('/age')
        assert await value(user, ui.input) == ''
        assert str(await value(user, ui.date_input)) == '2001-05-31'


async def test_a_field_whose_stored_value_does_not_fit_has_its_default_and_is_told(running: Running) -> None:
    before = program('values-that-do-not-fit', 'problems').replace('level: int = stored(1)', "level: str = stored('')")
    before = before.replace(
        'ui.label()', "ui.button('Set', on_click=lambda: setattr(self, 'level', 'high'))\n        ui.label()"
    )
    async with running(before) as user:
        await user.open('/report')
        user.find('Set').click()
        await user.should_see('Level high')
        cookies = user.http_client.cookies
    async with running(program('values-that-do-not-fit', 'problems')) as user:
        user.http_client.cookies = cookies
        await user.open('/report')
        await user.should_see('Level 1')
        await user.should_see('level did not come back: Expected `int`, got `str`')


async def test_with_auto_false_nothing_is_stored_before_save(running: Running) -> None:
    async with running(program('values-that-do-not-fit', 'explicit')) as user:
        await user.open('/draft')
        user.find(ui.textarea).elements.pop().set_value('kept back')
        await user.open('/draft')
        assert await value(user, ui.textarea) == ''
        user.find(ui.textarea).elements.pop().set_value('saved')
        user.find('Save').click()
        await user.open('/draft')
        assert await value(user, ui.textarea) == 'saved'


async def test_a_board_is_shared_by_its_members_and_cleared_without_a_page(running: Running) -> None:
    async with running(program('people-and-rooms', 'without')) as user:
        await user.open('/board/a')
        user.find('Vote').click()
        await user.should_see('a: 1 votes')
        other = User(httpx.AsyncClient(transport=httpx.ASGITransport(core.app), base_url='http://test'))
        await other.open('/board/a')
        await other.should_see('2 here')
        await other.should_see('a: 1 votes')
        other.find('Vote').click()
        await user.should_see('a: 2 votes')


# ---- undo and redo


async def test_a_sketch_is_taken_back_and_made_again(running: Running) -> None:
    async with running(program('undo-and-redo', 'undo')) as user:
        await user.open('/sketch')
        user.find('Add').click()
        await user.should_see('[0]')
        await asyncio.sleep(0)  # what a simulated user does in one turn of the loop is one step
        (await only(user, ui.input)).value = 'a house'
        await asyncio.sleep(0)
        for label, shown, title in (('Undo', '[0]', ''), ('Undo', '[]', ''), ('Redo', '[0]', '')):
            await user.should_see(label)
            user.find(label).click()
            await user.should_see(shown)
            assert await value(user, ui.input) == title
