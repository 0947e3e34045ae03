"""`scope='user'`: what is a person's, on every device, once somebody is signed in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from nicegui import app, ui
from nicegui.testing import User

from nicegui_stash import ConfigurationError, DeclarationError, Stash, StashError, stored
from nicegui_stash.session.keys import guest_key, object_key, user_key
from nicegui_stash.stores import Replace, StoredObject
from nicegui_stash.testing import FaultyStore
from nicegui_stash.testing.simulation import hop, reload, restart
from nicegui_stash.ui.app import people
from nicegui_stash.ui.carryover.targets import find_bound
from nicegui_stash.ui.rejoin.claim import Claim

from .scene import (
    SECRET,
    Browser,
    client_of,
    close,
    documents,
    element,
    eventually,
    idle,
    page_object_of,
    sent,
    serving,
    shown,
    tell,
    text,
    type_into,
)
from .typed_page import EMPTY, Told, told

__all__ = ['told']

ANN = user_key(SECRET, 'ann')
BOB = user_key(SECRET, 'bob')


signed_in: dict[str, str | None] = {}
"""Who is signed in, by the id of NiceGUI's session: its example of authentication has that in `app.storage.user`."""


def who(request: Request) -> str | None:
    return signed_in.get(request.session['id'])


def declare(stash: Stash) -> type[Any]:
    @stash.page('/', build='request')
    class Notes:
        note: str = stored('', scope='user')
        tags: list[str] = stored([], scope='user')
        count: int = stored(0, scope='user')
        zoom: int = stored(1)

        def build(self) -> None:
            ui.input().mark('note').bind_value(self, 'note')
            ui.label().mark('zoom').bind_text_from(self, 'zoom')
            ui.input(on_change=sign).mark('who')  # it signs in and out, and stays on the page

    def sign(event: Any) -> None:
        signed_in[app.storage.browser['id']] = None if event.value == 'nobody' else event.value

    @ui.page('/login')
    def login(username: str | None = None) -> None:
        signed_in[app.storage.browser['id']] = username
        ui.label('signed in' if username else 'signed out')

    return Notes


@pytest.fixture
async def stash(url: str, store: FaultyStore, errors: Callable[[], list[str]]) -> AsyncIterator[Stash]:
    async with serving(lambda: Stash(url, flush_interval=0, user=who)) as stash:
        signed_in.clear()
        yield stash
        store.release()
        store.down = store.refusing = False
        store.corrupt = None


async def sign_in(browser: Browser, name: str) -> None:
    """Sign in as NiceGUI's example does: on a page of its own."""
    assert (await browser.get(f'/login?username={name}')).status_code == 200


async def sign_out(browser: Browser) -> None:
    assert (await browser.get('/login')).status_code == 200


async def browser_of(name: str) -> Browser:
    browser = Browser()
    await sign_in(browser, name)
    return browser


async def data_of(store: FaultyStore, key: str) -> dict[str, Any]:
    """What is really stored of the class in one document."""
    stored_now = await store.inner.get(key)
    found = json.loads(stored_now.body) if isinstance(stored_now, StoredObject) else {'slices': {}}
    return found['slices'].get('Notes', {}).get('1', {}).get('', {'data': {}})['data']


def session_of(tab: User) -> str:
    return client_of(tab).request.session['id']


async def settled(stash: Stash) -> None:
    """Wait until nothing is adopted any more and all is put."""
    known = stash._app_state.people
    assert known is not None
    await eventually(lambda: not known._adoptions and not stash.statistics().pending)


# ---- one person, several devices


async def test_a_person_finds_the_same_values_on_another_device_live(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    phone, desk = await (await browser_of('ann')).open(), await (await browser_of('ann')).open()
    stranger = await (await browser_of('bob')).open()
    type_into(phone, 'note', 'milk')
    shown(stash, phone, cls).zoom = 2
    await idle()
    assert [element(tab, 'note').value for tab in (desk, stranger)] == ['milk', '']
    assert shown(stash, desk, cls).zoom == 1, 'which is of the session'
    late = await (await browser_of('ann')).open()
    assert element(late, 'note').value == 'milk'
    await settled(stash)
    assert await data_of(store, ANN) == {'note': 'milk'}
    assert await data_of(store, BOB) == {}


async def test_what_is_a_persons_outlives_pages_and_servers(url: str, store: FaultyStore) -> None:
    for expected in ('', 'milk'):
        async with serving(lambda: Stash(url, user=who)) as stash:
            cls = declare(stash)
            page = shown(stash, await (await browser_of('ann')).open(), cls)
            assert page.note == expected
            page.note = 'milk'
            await stash.flush(page)
    assert list(await documents(store)) == [ANN], 'nothing was changed in a session'


async def test_a_page_on_another_server_shows_a_change_without_a_new_visit(tmp_path: Path) -> None:
    async with serving(lambda: Stash(f'sqlite:///{tmp_path}/stash.db', user=who)) as stash:
        cls = declare(stash)
        phone, desk = await (await browser_of('ann')).open(), await (await browser_of('ann')).open()
        await hop(desk)
        registries = {page_object_of(shown(stash, tab, cls)).visit.registry for tab in (phone, desk)}
        assert len(registries) == 2
        type_into(desk, 'note', 'milk')
        await eventually(lambda: element(phone, 'note').value == 'milk', timeout=60)
        type_into(phone, 'note', 'bread')
        await eventually(lambda: element(desk, 'note').value == 'bread', timeout=60)


async def test_counters_of_several_servers_are_exact(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    tabs = [await (await browser_of('ann')).open() for _ in range(3)]
    await hop(tabs[1])
    await hop(tabs[2])
    pages = [shown(stash, tab, cls) for tab in tabs]

    async def count(page: Any) -> None:
        for _ in range(10):
            await stash.update(page, lambda found: setattr(found, 'count', found.count + 1))

    await asyncio.gather(*map(count, pages))
    assert (await data_of(store, ANN))['count'] == 30


async def test_a_page_comes_back_to_its_person_after_the_server_was_killed(stash: Stash) -> None:
    cls = declare(stash)
    tab = await (await browser_of('ann')).open()
    shown(stash, tab, cls).note = 'milk'
    await stash.flush(shown(stash, tab, cls))
    await restart(tab, kill=True)
    assert element(tab, 'note').value == 'milk'
    assert stash.recovery(shown(stash, tab, cls)).status == 'recovered'


async def test_a_state_is_the_persons_of_the_page_that_uses_it(stash: Stash) -> None:
    @stash.state
    class Settings:
        dark: bool = stored(False, scope='user')

    @stash.page('/used')
    class Used:
        settings: Settings = stash.use(Settings)

        def build(self) -> None: ...

    @stash.page('/kept')
    class Kept:
        def build(self) -> None:
            settings = stash.keep(Settings())
            ui.label().mark('dark').bind_text_from(settings, 'dark')

    declare(stash)
    used, kept = await (await browser_of('ann')).open('/used'), await (await browser_of('ann')).open('/kept')
    shown(stash, used, Used).settings.dark = True
    await idle()
    assert text(kept, 'dark') == 'True'


async def test_a_room_and_a_person_and_a_session_are_three_documents(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/board/{board}', room='board')
    class Board:
        title: str = stored('', scope='room')
        folded: bool = stored(False, scope='user')
        sort: str = stored('')

        def build(self, board: str) -> None: ...

    declare(stash)
    page = shown(stash, await (await browser_of('ann')).open('/board/a'), Board)
    page.title, page.folded, page.sort = 'Garden', True, 'by name'
    await stash.flush(page)
    assert len(await documents(store)) == 3

    def both(found: Any) -> None:
        found.title, found.folded = 'a', False

    with pytest.raises(StashError, match='fields of several owners'):
        await stash.update(page, both)


# ---- signing in


async def test_what_was_entered_before_goes_over_at_sign_in(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'note', 'milk')
    shown(stash, tab, cls).tags.append('home')
    await close(tab)
    await settled(stash)
    guest = guest_key(SECRET, session_of(tab))
    assert await data_of(store, guest) == {'note': 'milk', 'tags': ['home']}
    await sign_in(browser, 'ann')
    tab = await browser.open()
    assert element(tab, 'note').value == 'milk'
    assert shown(stash, tab, cls).tags == ['home']
    await settled(stash)
    assert await data_of(store, ANN) == {'note': 'milk', 'tags': ['home']}
    assert (await documents(store))[guest]['erased'] is True


@pytest.mark.parametrize(
    ('adopt', 'note', 'left'), [('fill', 'bread', {}), ('replace', 'milk', {}), ('none', 'bread', {'note': 'milk'})]
)
async def test_the_persons_own_values_win_unless_the_app_says_otherwise(
    url: str, store: FaultyStore, adopt: Any, note: str, left: dict[str, Any]
) -> None:
    async with serving(lambda: Stash(url, user=who, adopt=adopt)) as stash:
        cls = declare(stash)
        page = shown(stash, await (await browser_of('ann')).open(), cls)
        page.note = 'bread'
        await stash.flush(page)
        browser = Browser()
        tab = await browser.open()
        shown(stash, tab, cls).note = 'milk'
        await settled(stash)
        await sign_in(browser, 'ann')
        assert element(await browser.open(), 'note').value == note
        await settled(stash)
        assert page.note == note, 'at once on the other device'
        assert await data_of(store, guest_key(SECRET, session_of(tab))) == left


async def test_an_open_page_follows_a_sign_in_without_a_reload(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    device = shown(stash, await (await browser_of('ann')).open(), cls)
    device.tags = ['home']
    browser = Browser()
    first, second = await browser.open(), await browser.open()
    type_into(first, 'note', 'milk')
    type_into(first, 'who', 'ann')
    await eventually(lambda: shown(stash, second, cls).tags == ['home'])
    await eventually(lambda: shown(stash, first, cls).tags == ['home'])
    assert [element(tab, 'note').value for tab in (first, second)] == ['milk', 'milk']
    type_into(second, 'note', 'bread')
    await idle()
    assert device.note == element(first, 'note').value == 'bread'
    await settled(stash)
    assert (await data_of(store, ANN))['note'] == 'bread'


async def test_whoever_signs_out_and_in_again_brings_what_was_entered_meanwhile(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    browser = Browser()
    for number in (1, 2):
        await sign_out(browser)
        page = shown(stash, await browser.open(), cls)
        assert page.tags == []
        page.tags.append(str(number))
        await settled(stash)
        await sign_in(browser, 'ann')
        page = shown(stash, await browser.open(), cls)
        assert page.tags == [str(number)]
        page.tags = []
        stash.reset(page)
        await settled(stash)
    calls = store.calls['get']
    await browser.open()
    assert store.keys['get'][calls:].count(guest_key(SECRET, session_of(await browser.open()))) == 0, 'it is known'


async def test_what_waits_for_save_is_still_there_after_a_sign_in_and_gone_after_a_sign_out(
    stash: Stash, store: FaultyStore
) -> None:
    @stash.page('/draft', auto=False)
    class Draft:
        text: str = stored('', scope='user')
        size: int = stored(1, scope='user')
        zoom: int = stored(1)

        def build(self) -> None: ...

    declare(stash)
    device = shown(stash, await (await browser_of('ann')).open('/draft'), Draft)
    device.text, device.size = 'of the other device', 2
    stash.save(device)
    browser = Browser()
    tab = await browser.open('/draft')
    page = shown(stash, tab, Draft)
    page.text, page.zoom = 'half a sentence', 3
    await sign_in(browser, 'ann')
    await browser.open()
    await eventually(lambda: page.size == 2)
    assert (page.text, page.zoom) == ('half a sentence', 3)
    stash.save(page)
    await idle()
    assert device.text == 'half a sentence'
    page.text, page.zoom = 'and more', 4
    await sign_out(browser)
    await browser.open()
    assert (page.text, page.size, page.zoom) == ('', 1, 4)
    stash.save(page)
    await idle()
    assert device.text == 'half a sentence'


async def test_two_tabs_that_come_signed_in_at_the_same_moment_on_two_servers_adopt_once(
    url: str, store: FaultyStore
) -> None:
    async with serving(lambda: Stash(url, user=who, adopt='replace', flush_interval=0)) as stash:
        cls = declare(stash)
        browser = Browser()
        tab = await browser.open()
        shown(stash, tab, cls).note = 'milk'
        await settled(stash)
        await sign_in(browser, 'ann')
        store.hold('put')
        await reload(tab)
        other = await browser.open()
        await hop(other)
        pages = [shown(stash, each, cls) for each in (tab, other)]
        assert len({page_object_of(page).visit.registry for page in pages}) == 2
        store.release()
        for page in pages:
            registry = page_object_of(page).visit.registry
            await eventually(lambda registry=registry: not any(each.pending for each in registry.live()))
        await eventually(lambda: pages[0].note == pages[1].note == 'milk')
        pages[0].note = ''
        await stash.flush(pages[0])
        await reload(other)
        await idle()
        assert (await data_of(store, ANN))['note'] == ''


async def test_a_sign_in_while_the_store_is_away_is_made_up_for(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    browser = Browser()
    tab = await browser.open()
    shown(stash, tab, cls).note = 'milk'
    await settled(stash)
    await close(tab)
    await sign_in(browser, 'ann')
    store.down = True
    tab = await browser.open()
    shown(stash, tab, cls).tags = ['late']
    store.down = False
    await eventually(lambda: element(tab, 'note').value == 'milk')
    await settled(stash)
    assert await data_of(store, ANN) == {'note': 'milk', 'tags': ['late']}


# ---- signing out


@pytest.mark.proves('person')
async def test_after_sign_out_a_page_shows_nothing_of_the_person(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    tab = await browser.open()
    type_into(tab, 'note', 'secret')
    await settled(stash)
    await sign_out(browser)
    tab = await browser.open()
    assert element(tab, 'note').value == ''
    type_into(tab, 'note', 'mine')
    await settled(stash)
    assert await data_of(store, ANN) == {'note': 'secret'}
    assert shown(stash, tab, cls).note == 'mine'


@pytest.mark.proves('person')
async def test_the_page_on_which_somebody_signs_out_shows_nothing_of_the_person(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    first, second = await browser.open(), await browser.open()
    page = shown(stash, first, cls)
    type_into(first, 'note', 'secret')
    page.tags, page.zoom = ['secret'], 3
    await settled(stash)
    type_into(first, 'who', 'nobody')
    await idle()
    for tab in (first, second):
        assert element(tab, 'note').value == ''
        assert shown(stash, tab, cls).tags == []
        assert text(tab, 'zoom') == '3', 'which is of the session'
    page.note = 'a task that goes on'
    type_into(second, 'note', 'typed too late')
    await idle()
    assert await data_of(store, ANN) == {'note': 'secret', 'tags': ['secret']}
    assert await data_of(store, guest_key(SECRET, session_of(first))) == {}


@pytest.mark.proves('person')
async def test_an_open_page_learns_within_a_second_that_the_app_has_signed_somebody_out(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, 'RELOAD_AFTER', 0.0)
    signed_in = ['ann']
    async with serving(lambda: Stash(url, user=lambda request: signed_in[0] if signed_in else None)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page = shown(stash, tab, cls)
        page.note = 'secret'
        signed_in.clear()
        await eventually(lambda: page.note == '')
        await eventually(lambda: any('reload' in each['code'] for each in sent(tab, 'run_javascript')))


@pytest.mark.proves('person')
async def test_whoever_signs_in_next_on_an_open_page_sees_nothing_of_the_last_one(stash: Stash) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    tab = await browser.open()
    type_into(tab, 'note', 'secret')
    await sign_in(browser, 'bob')
    type_into(tab, 'note', 'typed by bob')
    await idle()
    assert shown(stash, await browser.open(), cls).note == ''
    assert shown(stash, await (await browser_of('ann')).open(), cls).note == 'secret'


async def test_a_new_session_takes_a_person_from_the_pages_of_the_old_one(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    first, second = await browser.open(), await browser.open()
    type_into(first, 'note', 'secret')
    await settled(stash)
    with client_of(first):
        await stash.new_session(to='/')
    assert [element(tab, 'note').value for tab in (first, second)] == ['', '']
    type_into(second, 'note', 'too late')
    await idle()
    assert shown(stash, await (await browser_of('ann')).open(), cls).note == 'secret'
    assert await data_of(store, ANN) == {'note': 'secret'}


async def test_a_new_session_takes_along_what_is_to_be_adopted_or_erases_it(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    for keep in (True, False):
        tab = await Browser().open()
        old = guest_key(SECRET, session_of(tab))
        shown(stash, tab, cls).note = 'milk'
        await settled(stash)
        with client_of(tab):
            await stash.new_session(keep=keep, to='/')
        await settled(stash)
        assert (await documents(store))[old]['erased'] is True
        new = [key for key in await documents(store) if key != old and await data_of(store, key) == {'note': 'milk'}]
        assert len(new) == (1 if keep else 0)
        for key in new:
            await store.inner.delete(key)


# ---- erasing and telling


async def test_forget_leaves_the_person_alone_unless_asked(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    tab, device = await (await browser_of('ann')).open(), await (await browser_of('ann')).open()
    page = shown(stash, tab, cls)
    page.note, page.zoom = 'milk', 3
    with client_of(tab):
        await stash.forget()
    assert (page.note, page.zoom) == ('milk', 1)
    with client_of(tab):
        await stash.forget(user=True)
    await idle()
    assert (page.note, element(device, 'note').value) == ('', '')
    assert (await documents(store))[ANN]['erased'] is True


async def test_forget_erases_what_was_entered_before_signing_in(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    browser = Browser()
    tab = await browser.open()
    page = shown(stash, tab, cls)
    page.note = 'milk'
    await settled(stash)
    with client_of(tab):
        await stash.forget()
    assert page.note == ''
    await sign_in(browser, 'ann')
    assert element(await browser.open(), 'note').value == ''
    assert await data_of(store, ANN) == {}


async def test_export_tells_what_is_stored_for_the_person(stash: Stash) -> None:
    cls = declare(stash)
    browser = Browser()
    tab = await browser.open()
    page = shown(stash, tab, cls)
    page.note, page.zoom = 'milk', 3
    for _ in range(2):
        await settled(stash)
        with client_of(tab):
            found = await stash.export()
        assert found['slices']['Notes']['1']['']['data'] == {'zoom': 3}
        assert found['user']['slices']['Notes']['1']['']['data'] == {'note': 'milk'}
        assert list(found['user']['slices']) == ['Notes']
        await sign_in(browser, 'ann')
        tab = await browser.open()


async def test_code_without_a_page_opens_a_person_by_the_id(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await (await browser_of('ann')).open(), cls)
    async with stash.open_user('ann') as user:
        user.set(cls, note='from a job')
        with pytest.raises(StashError, match='no field'):
            user.set(cls, zoom=3)
        assert user.fetch(cls).note == 'from a job'
    await idle()
    assert page.note == 'from a job'
    async with stash.open_user('ann') as user:
        user.forget()
    await idle()
    assert page.note == ''
    assert stash.statistics().people == 1


async def test_a_reset_is_one_on_all_devices(stash: Stash) -> None:
    cls = declare(stash)
    pages = [shown(stash, await (await browser_of('ann')).open(), cls) for _ in range(2)]
    pages[0].note = 'milk'
    await idle()
    stash.reset(pages[0], scope='user')
    await idle()
    assert [page.note for page in pages] == ['', '']


# ---- the id is of the app, and no name of anything


async def test_the_id_of_a_person_is_nowhere_in_the_store_nor_in_the_log(
    stash: Stash, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level('DEBUG', 'nicegui_stash')
    cls = declare(stash)
    browser = Browser()
    tab = await browser.open()
    shown(stash, tab, cls).note = 'milk'
    await sign_in(browser, 'ann@example.com')
    tab = await browser.open()
    store.down = True
    shown(stash, tab, cls).note = 'bread'
    await idle()
    store.down = False
    await settled(stash)
    assert 'ann@example.com' not in json.dumps(await documents(store))
    assert not [record for record in caplog.records if 'ann@example.com' in record.getMessage()]


@pytest.mark.proves('person')
async def test_no_id_of_a_session_leads_to_a_person(stash: Stash) -> None:
    cls = declare(stash)
    page = shown(stash, await (await browser_of('ann')).open(), cls)
    page.note = 'milk'
    await stash.flush(page)
    for name in ('ann', 'user\0ann', '\0user\0ann'):
        async with stash.open(name) as session:
            assert session.export()['slices'] == {}
        async with stash.open_room(name) as room:
            assert room.export()['slices'] == {}
    assert len({kind(SECRET, 'ann') for kind in (object_key, user_key, guest_key)}) == 3


@pytest.mark.proves('person')
@pytest.mark.parametrize(('next_one', 'note'), [('ann', 'typed'), ('bob', '')])
async def test_what_was_typed_for_one_person_does_not_reach_the_next_one(
    stash: Stash, told: Told, next_one: str, note: str
) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    tab = await browser.open()
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    seal, address = _visit_of(stash, tab).visit.seal(), _address_of_note(stash, tab)
    await close(tab)
    await sign_in(browser, next_one)
    tab = await browser.open()
    tell(tab, {'kind': 'report', 'reason': 'rejoin', 'visit': seal.partition('.')[0]})
    await idle()
    visit = _visit_of(stash, tab).visit
    assert visit.is_seal(seal) == (next_one == 'ann')
    assert Claim('', '', '', seal.partition('.')[2]).is_sealed_for(visit) == (next_one == 'ann'), 'in place as well'
    for number, sealed in enumerate((seal, visit.seal()), 1):
        value = {'f': address, 'v': '"typed"', 'known': [EMPTY]}
        tell(tab, {'kind': 'typed', 'seal': sealed, 'values': [value]}, number=number)
        await idle()
    assert shown(stash, tab, cls).note == note


def _visit_of(stash: Stash, tab: User) -> Any:
    return stash._app_state.connection_of(client_of(tab))


def _address_of_note(stash: Stash, tab: User) -> str:
    bound = find_bound(_visit_of(stash, tab).page_objects)
    (address,) = [each for each, target in bound.items() if target.field == 'note']
    return address


@pytest.mark.parametrize('name', [b'ann', True, 1.5, ['ann'], 'x' * 501])
async def test_what_is_no_id_shows_no_page(
    url: str, store: FaultyStore, errors: Callable[[], list[str]], name: Any
) -> None:
    async with serving(lambda: Stash(url, user=lambda request: name)) as stash:
        declare(stash)
        assert (await Browser().get('/')).status_code == 500
        (said,) = errors()
        assert 'user= returns' in said
        assert store.calls['get'] == 0


async def test_an_empty_id_is_nobodys(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, user=lambda request: '')) as stash:
        cls = declare(stash)
        pages = [shown(stash, await Browser().open(), cls) for _ in range(2)]
        pages[0].note = 'milk'
        await idle()
        assert pages[1].note == ''


async def test_a_function_that_fails_later_is_taken_for_a_sign_out(url: str, errors: Callable[[], list[str]]) -> None:
    failing: list[bool] = []

    def ask(request: Request) -> str:
        if failing:
            raise OSError('no answer')
        return 'ann'

    async with serving(lambda: Stash(url, user=ask)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        type_into(tab, 'note', 'secret')
        failing.append(True)
        type_into(tab, 'note', 'more')
        await idle()
        assert shown(stash, tab, cls).note in ('', 'more')
        failing.clear()
        async with stash.open_user('ann') as user:
            assert user.fetch(cls).note == 'secret'
        assert 'user= failed' in errors()[0]


# ---- misuse


def test_a_field_of_a_person_needs_to_know_who_that_is(url: str) -> None:
    stash = Stash(url)

    class Page:
        note: str = stored('', scope='user')

        def build(self) -> None: ...

    with pytest.raises(
        DeclarationError, match=r"note.*scope='user' needs to know who is signed in; write Stash\(user="
    ):
        stash.page('/')(Page)


async def _ask(request: Request) -> str:
    return str(request)


def test_a_function_that_has_to_be_awaited_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r'^user: it is async'):
        Stash(url, user=_ask)  # type: ignore[arg-type]


@pytest.mark.parametrize(('option', 'value'), [('user', 'ann'), ('adopt', 'all')])
def test_options_that_cannot_be_used_are_refused(url: str, option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f'^{option}: '):
        Stash(url, **{option: value})


# ---- trouble


async def test_a_damaged_document_of_a_person_is_copied_and_begun_again(
    stash: Stash, store: FaultyStore, errors: Callable[[], list[str]]
) -> None:
    cls = declare(stash)
    browser = await browser_of('ann')
    tab = await browser.open()
    shown(stash, tab, cls).note = 'milk'
    await settled(stash)
    await close(tab)
    found = await store.inner.get(ANN)
    assert isinstance(found, StoredObject)
    await store.inner.put(ANN, b'{"format": 1, torn', mode=Replace(found.etag))
    tab = await (await browser_of('ann')).open()
    assert stash.recovery(shown(stash, tab, cls)).status == 'quarantined'
    shown(stash, tab, cls).note = 'bread'
    await settled(stash)
    assert await data_of(store, ANN) == {'note': 'bread'}
    assert 'the bytes are kept as quarantine/' in errors()[0]
