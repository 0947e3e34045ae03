"""What the how-to guides promise of their examples, as far as a simulated browser can see it."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import httpx
import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash import Unavailable
from nicegui_stash.stores import FileStore

from .conftest import Running
from .examples import named, program_of

T = TypeVar('T', bound=ui.element)


def program(page: str, name: str) -> str:
    return program_of(named(f'howto/{page}.md', name))


async def only(user: User, kind: type[T]) -> T:
    """Return the only element of a kind, when the page is built."""
    await user.should_see(kind)
    (element,) = (found for found in user.find(kind).elements if type(found) is kind)  # a textarea is an input as well
    return element


async def value(user: User, kind: type[Any]) -> Any:
    return (await only(user, kind)).value


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
    async with running(program('values-that-do-not-fit', 'bound')) as user:
        client = await user.open('/age')
        age, weight = sorted(user.find(ui.number).elements, key=lambda element: element.id)
        with client:
            age.value = None
            weight.value = None
        await asyncio.sleep(0)
        assert age.error == 'Expected `int`, got `null`'
        assert age.value is None
        assert not weight.error
        with client:
            age.value = 18.5
        await asyncio.sleep(0)
        assert age.error == 'Expected `int`, got `float`'
        with client:
            age.value = 40.0
        await asyncio.sleep(0)
        assert age.error is None
        await user.open('/age')
        age, weight = sorted(user.find(ui.number).elements, key=lambda element: element.id)
        assert (repr(age.value), weight.value) == ('40', None)


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


# ---- flush, forget, reset


async def unavailable(store: FileStore, key: str, body: bytes, *, if_match: str | None) -> None:
    raise Unavailable('put', key, 'the test has taken it away')


async def test_consent_says_when_it_is_durable(running: Running) -> None:
    async with running(program('flush', 'flush')) as user:
        await user.open('/consent')
        user.find('I agree').click()
        await user.should_see('Saved')


async def test_consent_says_why_it_is_not_durable_yet(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(program('flush', 'flush')) as user:
        await user.open('/consent')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', unavailable)
            user.find('I agree').click()
            await user.should_see('Not saved yet: the test has taken it away')
        user.find('I agree').click()
        await user.should_see('Saved')


async def test_the_status_shows_what_is_pending_and_why(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(program('flush', 'status')) as user:
        await user.open('/notes')
        await user.should_see('saved')
        with monkeypatch.context() as away:
            away.setattr(FileStore, 'put', unavailable)
            user.find(ui.textarea).elements.pop().set_value('a note')
            await user.should_see('offline')
            await user.should_see('1 to write')
            await user.should_see('the test has taken it away')
        await user.should_see('saved', retries=30)
        await user.should_see('0 to write')


async def test_signing_out_forgets(running: Running) -> None:
    async with running(program('sign-out', 'sign-out')) as user:
        await user.open('/account')
        user.find(ui.textarea).elements.pop().set_value('private')
        user.find('Sign out').click()
        await user.should_see('Goodbye')
        await user.open('/account')
        assert await value(user, ui.textarea) == ''


async def test_reset_gives_one_class_its_defaults_back(running: Running) -> None:
    async with running(program('sign-out', 'reset')) as user:
        await user.open('/filter')
        user.find(ui.input).type('red')
        user.find('Only open').click()
        user.find('Reset').click()
        await asyncio.sleep(0)
        assert await value(user, ui.input) == ''
        assert await value(user, ui.switch) is True


async def test_a_named_person_has_one_state_in_two_browsers(running: Running) -> None:
    async with running(program('sign-out', 'identity')) as user:
        phone = User(httpx.AsyncClient(transport=user.http_client._transport, base_url='http://test'))
        stranger = User(httpx.AsyncClient(transport=user.http_client._transport, base_url='http://test'))
        for browser, name in ((user, 'ada'), (phone, 'ada'), (stranger, 'bob')):
            browser.http_client.headers['x-user'] = name
            await browser.open('/todo')
        user.find('Add').click()
        await phone.should_see('1 to do')
        await stranger.should_see('0 to do')


async def test_a_guard_redirects_within_the_request(running: Running) -> None:
    async with running(program('fastapi', 'guarded')) as user:
        await user.open('/report')
        await user.should_see('The terms')


async def test_at_sign_in_a_new_identity_takes_what_is_stored_along_and_at_sign_out_nothing(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: asyncio.Queue[str] = asyncio.Queue()  # a simulated browser does not follow what the server asks it to open
    monkeypatch.setattr(Client, 'open', lambda client, target, new_tab=False: sent.put_nowait(target))
    async with running(program('sign-out', 'new-identity')) as user:
        await user.open('/secure')
        before = user.http_client.cookies['session']
        user.find('Step').click()
        user.find('Sign in').click()
        await user.open(await sent.get())
        await user.should_see('1 steps')
        assert user.http_client.cookies['session'] != before
        user.find('Sign out').click()
        await user.open(await sent.get())
        await user.should_see('0 steps')
        user.http_client.cookies = httpx.Cookies({'session': before})
        await user.open('/secure')
        await user.should_see('0 steps')


async def test_a_value_that_means_nothing_any_more_falls_back(running: Running) -> None:
    code = program('values-that-do-not-fit', 'validated')
    async with running(code) as user:
        await user.open('/size')
        user.find(ui.select).elements.pop().set_value('large')
        await user.open('/size')
        assert await value(user, ui.select) == 'large'
        cookies = user.http_client.cookies
    async with running(code.replace("'large'", "'huge'")) as user:
        user.http_client.cookies = cookies
        await user.open('/size')
        assert await value(user, ui.select) == 'small'


async def test_what_changed_inside_a_dataclass_is_saved(running: Running) -> None:
    async with running(program('values-that-do-not-fit', 'opaque')) as user:
        await user.open('/drawing')
        user.find('Add one later').click()
        await user.should_see('1 points')
        await user.open('/drawing')
        await user.should_see('1 points')


# ---- several servers, code without a page


async def test_a_vote_is_durable_and_counted(running: Running) -> None:
    async with running(program('several-servers', 'update')) as user:
        await user.open('/votes')
        user.find('Vote').click()
        await user.should_see('1 votes')
        user.find('Vote').click()
        await user.should_see('2 votes')


async def test_a_route_reads_and_writes_what_the_page_shows(running: Running) -> None:
    async with running(program('without-a-page', 'route')) as user:
        await user.open('/basket')
        assert (await user.http_client.post('/api/basket/apple')).json() == {'items': 1}
        await user.should_see('1 in the basket')
        assert (await user.http_client.get('/api/basket')).json() == {'items': ['apple']}


async def test_a_job_that_knows_the_session_shows_its_progress(running: Running) -> None:
    async with running(program('without-a-page', 'job')) as user:
        await user.open('/export')
        user.find('Start').click()
        await user.should_see('100 %', retries=20)


async def test_the_health_check_says_whether_the_store_answers(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def get(store: FileStore, key: str, *, unless: str | None = None) -> None:
        raise Unavailable('get', key, 'the test has taken it away')

    async with running(program('observe', 'health')) as user:
        assert (await user.http_client.get('/healthz')).status_code == 200
        monkeypatch.setattr(FileStore, 'get', get)
        assert (await user.http_client.get('/healthz')).status_code == 503
