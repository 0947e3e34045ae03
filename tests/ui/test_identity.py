from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import itsdangerous
import pytest
from fastapi import Request
from nicegui import app, ui

from nicegui_stash import Stash, StashError, stored
from nicegui_stash.session.keys import object_key
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.visit import cookie as visit_cookie

from .scene import SECRET, Browser, client_of, documents, idle, sent, serving, shown, text


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        count: int = stored(0)

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')

    return Page


def cookie(session: dict[str, Any], secret: str = SECRET) -> str:
    """Return a session cookie as Starlette signs it."""
    data = base64.b64encode(json.dumps(session).encode())
    return itsdangerous.TimestampSigner(secret).sign(data).decode()


def session_of(browser: Browser) -> dict[str, Any]:
    """Return what is in a browser's session cookie."""
    value = itsdangerous.TimestampSigner(SECRET).unsign(browser.http.cookies['session'])
    return json.loads(base64.b64decode(value))


async def test_a_visitor_without_a_cookie_causes_no_store_call_and_leaves_no_object(
    stash: Stash, store: FaultyStore
) -> None:
    declare(stash)
    await Browser().open()
    await idle()
    assert store.calls == {}


async def test_a_visitor_who_comes_back_and_changes_nothing_leaves_no_object(stash: Stash, store: FaultyStore) -> None:
    declare(stash)
    ann = Browser()
    await ann.open()
    await ann.open()
    await idle()
    assert (store.calls['put'], await documents(store)) == (0, {})


@pytest.mark.parametrize(
    'forged',
    [
        'garbage',
        cookie({'id': 'an id'}, secret='another secret'),
        cookie({'id': 'an id'})[:-1],
        '"><script>',
    ],
    ids=['garbage', 'another secret', 'cut off', 'html'],
)
async def test_a_cookie_that_is_not_ours_causes_no_read_and_shows_defaults(
    stash: Stash, store: FaultyStore, forged: str
) -> None:
    cls = declare(stash)
    mallory = Browser()
    mallory.http.headers['cookie'] = f'session={forged}'
    tab = await mallory.open()
    assert text(tab, 'count') == '0'
    assert store.calls == {}
    shown(stash, tab, cls).count = 1
    await stash.flush(shown(stash, tab, cls))
    (key,) = await documents(store)
    assert object_key(SECRET, 'an id') != key


@pytest.mark.proves('own-session')
async def test_no_session_ever_shows_the_state_of_another(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    people = [Browser() for _ in range(5)]
    for number, person in enumerate(people):
        shown(stash, await person.open(), cls).count = number + 1
    tabs = [await person.open() for person in people]
    assert [text(tab, 'count') for tab in tabs] == ['1', '2', '3', '4', '5']
    shown(stash, tabs[0], cls).count = 99
    await idle()
    assert [text(tab, 'count') for tab in tabs] == ['99', '2', '3', '4', '5']
    await stash.flush(shown(stash, tabs[0], cls))
    assert len(await documents(store)) == 5


async def test_the_object_of_a_session_is_named_by_its_id_and_the_secret_alone(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    page = shown(stash, await ann.open(), cls)
    page.count = 1
    await stash.flush(page)
    (key,) = await documents(store)
    assert key == object_key(SECRET, session_of(ann)['id'])
    assert session_of(ann)['id'] not in key


@pytest.mark.proves('secrets')
async def test_other_secrets_name_other_objects_and_older_ones_are_looked_up(url: str, store: FaultyStore) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url, secrets='old')) as stash:
        cls = declare(stash)
        shown(stash, await ann.open(), cls).count = 1
    async with serving(lambda: Stash(url, secrets=['new', 'old'])) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        assert page.count == 1
        page.count = 2
    assert object_key('new', session_of(ann)['id']) in await documents(store)
    async with serving(lambda: Stash(url, secrets='new')) as stash:
        cls = declare(stash)
        assert shown(stash, await ann.open(), cls).count == 2


async def test_the_cookie_is_renewed_once_a_day(stash: Stash, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(stash)
    days = [20_000]
    monkeypatch.setattr(visit_cookie, 'time', SimpleNamespace(time=lambda: days[0] * 86400.0 + 100))
    ann = Browser()
    first = await ann.get()
    assert 'session=' in first.headers['set-cookie']
    session_id = session_of(ann)['id']
    assert 'set-cookie' not in (await ann.get()).headers
    assert 'set-cookie' not in (await ann.get()).headers
    days[0] += 1
    assert 'Max-Age=1209600' in (await ann.get()).headers['set-cookie']
    assert 'set-cookie' not in (await ann.get()).headers
    assert session_of(ann)['id'] == session_id


async def test_the_cookie_is_renewed_by_a_page_of_views_whose_session_is_in_memory(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    @stash.view
    class View:
        count: int = stored(0)

        def build(self) -> None: ...

    @ui.page('/')
    def frame() -> None:
        ui.sub_pages({'/': View})

    days = [20_000]
    monkeypatch.setattr(visit_cookie, 'time', SimpleNamespace(time=lambda: days[0] * 86400.0 + 100))
    ann = Browser()
    await ann.open()
    days[0] += 1
    assert 'set-cookie' in (await ann.get()).headers
    assert 'set-cookie' not in (await ann.get()).headers


async def test_identity_names_the_session_in_place_of_the_cookie(url: str, store: FaultyStore) -> None:
    def account(request: Request) -> str | None:
        return request.headers.get('x-account')

    async with serving(lambda: Stash(url, flush_interval=0, identity=account)) as stash:
        cls = declare(stash)
        phone, laptop = Browser(headers={'x-account': 'ann'}), Browser(headers={'x-account': 'ann'})
        bob = Browser(headers={'x-account': 'bob'})
        page = shown(stash, await phone.open(), cls)
        page.count = 1
        assert text(await laptop.open(), 'count') == '1'
        assert text(await bob.open(), 'count') == '0'
        await stash.flush(page)
        (key,) = await documents(store)
        assert key == object_key(SECRET, 'identity\0ann')
        answer = await phone.get()
        assert 'set-cookie' not in answer.headers


async def test_identity_can_be_named_in_the_environment(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'accounts.py').write_text("def account(request):\n    return request.headers.get('x-account')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv('NICEGUI_STASH_IDENTITY', 'accounts:account')
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        shown(stash, await Browser(headers={'x-account': 'ann'}).open(), cls).count = 1
        assert text(await Browser(headers={'x-account': 'ann'}).open(), 'count') == '1'
        assert text(await Browser(headers={'x-account': 'bob'}).open(), 'count') == '0'


async def test_a_visitor_whom_identity_does_not_know_has_the_session_of_the_cookie(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [20_000]
    monkeypatch.setattr(visit_cookie, 'time', SimpleNamespace(time=lambda: days[0] * 86400.0 + 100))
    async with serving(lambda: Stash(url, identity=lambda request: request.headers.get('x-account'))) as stash:
        cls = declare(stash)
        ann = Browser()
        shown(stash, await ann.open(), cls).count = 1
        assert text(await ann.open(), 'count') == '1'
        assert text(await Browser().open(), 'count') == '0'
        days[0] += 1
        assert 'set-cookie' in (await ann.get()).headers


@pytest.mark.proves('own-session')
async def test_a_forged_cookie_cannot_open_a_named_session(url: str) -> None:
    async with serving(lambda: Stash(url, identity=lambda request: request.headers.get('x-account'))) as stash:
        cls = declare(stash)
        shown(stash, await Browser(headers={'x-account': 'ann'}).open(), cls).count = 1
        for session_id in ('ann', 'identity\0ann'):
            mallory = Browser()
            mallory.http.cookies.set('session', cookie({'id': session_id}, secret='guessed'))
            assert text(await mallory.open(), 'count') == '0'


async def test_an_identity_that_raises_is_an_error_of_that_page_alone(
    url: str, errors: Callable[[], list[str]]
) -> None:
    def account(request: Request) -> str | None:
        if 'x-broken' in request.headers:
            raise RuntimeError('no directory')
        return 'ann'

    async with serving(lambda: Stash(url, identity=account)) as stash:
        declare(stash)
        assert (await Browser(headers={'x-broken': '1'}).get()).status_code == 500
        assert errors() != []
        assert (await Browser().get()).status_code == 200


async def test_sign_out_gives_the_browser_an_empty_session_and_the_old_cookie_opens_nothing(
    stash: Stash, store: FaultyStore
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.count = 5
    await stash.flush(page)
    stolen = ann.http.cookies['session']
    with client_of(tab):
        await stash.new_session(to='/')
    (path,) = [data['path'] for data in sent(tab, 'open')]
    answer = await ann.get(path)
    assert (answer.status_code, answer.headers['location']) == (303, '/')
    assert text(await ann.open(), 'count') == '0'
    mallory = Browser()
    mallory.http.cookies.set('session', stolen)
    assert text(await mallory.open(), 'count') == '0'
    assert (await Browser().get(path)).status_code == 403


async def test_sign_in_can_take_along_what_was_there(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).count = 5
    before = session_of(ann)['id']
    with client_of(tab):
        await stash.new_session(keep=True)
    (path,) = [data['path'] for data in sent(tab, 'open')]
    await ann.get(path)
    assert session_of(ann)['id'] != before
    assert text(await ann.open(), 'count') == '5'


@pytest.mark.parametrize('target', ['https://evil.example', '//evil.example', '/\\evil.example', 'evil'])
async def test_a_new_session_leads_to_no_other_site(stash: Stash, target: str) -> None:
    declare(stash)
    tab = await Browser().open()
    with client_of(tab), pytest.raises(StashError, match='must be a path of this app'):
        await stash.new_session(to=target)


async def test_what_a_browser_may_know_of_its_session_is_nothing_but_its_id(stash: Stash) -> None:
    cls = declare(stash)
    ann = Browser()
    shown(stash, await ann.open(), cls).count = 123456
    answer = await Browser(cookies=ann.http.cookies).get()
    assert set(session_of(ann)) == {'id', visit_cookie.RENEWED}
    assert object_key(SECRET, session_of(ann)['id']) not in answer.text


async def test_code_in_a_route_reaches_the_session_of_its_request(stash: Stash) -> None:
    cls = declare(stash)

    @app.get('/api/count')
    async def count() -> int:
        async with stash.current() as session:
            return session.fetch(cls).count

    ann = Browser()
    shown(stash, await ann.open(), cls).count = 3
    assert (await ann.get('/api/count')).json() == 3
    assert (await Browser().get('/api/count')).json() == 0
