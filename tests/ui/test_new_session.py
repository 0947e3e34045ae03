"""Two people on one browser: a new identity at sign-in and sign-out, and what somebody with the old cookie can do."""

from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from fastapi import FastAPI, Request
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from nicegui import Client, app, ui
from nicegui.testing import User

from nicegui_stash import Stash, StashError, StoreError, stored
from nicegui_stash.stores.base import Mode
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app import session_rotation

from .scene import SECRET, Browser, client_of, close, documents, idle, serving, shown

pytestmark = pytest.mark.proves('next-person')


class Sent:
    """What the server asked the browsers to do: a simulated one does not do it by itself."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.run: list[tuple[str, str]] = []

    @property
    def link(self) -> str:
        return self.opened[-1]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What the server asks browsers to open and to run from now on."""
    sent = Sent()
    monkeypatch.setattr(Client, 'open', lambda client, target, new_tab=False: sent.opened.append(str(target)))
    run = Client.run_javascript

    def note(client: Client, code: str, **options: float):
        sent.run.append((client.id, code))
        return run(client, code, **options)

    monkeypatch.setattr(Client, 'run_javascript', note)
    return sent


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        note: str = stored('')
        draft: str = stored('', scope='reconnect')
        step: int = stored(0, scope='tab')

        def build(self) -> None:
            ui.label(f'note: {self.note}')

    return Page


async def renew(stash: Stash, tab: User, *, keep: bool = False, to: str | None = None) -> None:
    with client_of(tab):
        await stash.new_session(keep=keep, to=to)


def content(browser: Browser) -> dict[str, object]:
    """Return what the session cookie of a browser holds."""
    signed = TimestampSigner(SECRET).unsign(browser.http.cookies['session'])
    return json.loads(base64.b64decode(signed))


def with_cookie(cookie: str) -> Browser:
    browser = Browser()
    browser.http.cookies = httpx.Cookies({'session': cookie})
    return browser


# ---- two people


async def test_after_sign_out_the_next_person_finds_nothing_and_the_old_cookie_opens_nothing(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    family = Browser()
    tab = await family.open()
    shown(stash, tab, cls).note = 'of the first person'
    await stash.flush(shown(stash, tab, cls))
    old = family.http.cookies['session']
    await renew(stash, tab)
    assert 'of the first person' not in json.dumps(await documents(store))
    answer = await family.get(sent.link)
    assert (answer.status_code, answer.headers['location']) == (303, '/')
    assert family.http.cookies['session'] != old
    second = await family.open()
    assert shown(stash, second, cls).note == ''
    shown(stash, second, cls).note = 'of the second person'
    await stash.flush(shown(stash, second, cls))
    assert shown(stash, await with_cookie(old).open(), cls).note == ''


async def test_at_sign_in_everything_comes_along_and_the_cookie_from_before_opens_nothing(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.note, page.step, page.draft = 'mine', 3, 'half'
    planted = ann.http.cookies['session']  # whoever planted it in this browser knows it
    await renew(stash, tab, keep=True)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == 'mine'
    assert shown(stash, await with_cookie(planted).open(), cls).note == ''
    (moved,) = [found for found in (await documents(store)).values() if not found.get('erased')]
    assert moved['slices']['Page']['1']['']['data'] == {'note': 'mine'}
    assert [tab['data'] for tab in moved['slices']['Page']['1']['']['tabs'].values()] == [{'step': 3}]


async def test_what_the_app_kept_in_the_cookie_goes_at_sign_out_and_stays_at_sign_in(stash: Stash, sent: Sent) -> None:
    declare(stash)

    @app.get('/signed-in')
    def signed_in(request: Request) -> str:
        request.session['user'] = 'ann'
        return 'ok'

    ann = Browser()
    tab = await ann.open()
    await ann.get('/signed-in')
    await renew(stash, tab, keep=True)
    await ann.get(sent.link)
    assert content(ann)['user'] == 'ann'
    await renew(stash, await ann.open())
    await ann.get(sent.link)
    assert 'user' not in content(ann)


async def test_the_other_tabs_are_reloaded_once_the_browser_has_shown_its_new_cookie(stash: Stash, sent: Sent) -> None:
    declare(stash)
    ann, bob = Browser(), Browser()
    leaving, other, _ = await ann.open(), await ann.open(), await bob.open()
    await renew(stash, leaving)
    await ann.get(sent.link)
    sent.run.clear()
    await idle()
    assert sent.run == []
    arrived = await ann.open()
    reloaded = [client for client, code in sent.run if 'location.reload' in code]
    assert reloaded == [client_of(other).id]
    assert client_of(arrived).id not in reloaded


# ---- the link


async def test_a_link_is_followed_once_and_again_only_by_the_browser_that_followed_it(stash: Stash, sent: Sent) -> None:
    declare(stash)
    ann = Browser()
    tab = await ann.open()
    old = ann.http.cookies['session']
    await renew(stash, tab)
    assert (await ann.get(sent.link)).status_code == 303
    assert (await ann.get(sent.link)).status_code == 303  # it was answered, and asks again
    replayed = await with_cookie(old).get(sent.link)
    assert (replayed.status_code, replayed.text) == (403, 'This link was used already.')


async def test_a_link_in_an_access_log_tells_no_session_id(stash: Stash, sent: Sent) -> None:
    declare(stash)
    ann = Browser()
    tab = await ann.open()
    old = content(ann)['id']
    await renew(stash, tab)
    await ann.get(sent.link)
    new = content(ann)['id']
    token = parse_qs(urlsplit(sent.link).query)['token'][0]
    _, told = URLSafeTimedSerializer('no secret').loads_unsafe(token)
    assert old != new
    assert told['to'] == '/'
    assert not [each for each in told.values() if each in {old, new}]


async def test_a_link_of_another_session_is_refused(stash: Stash, sent: Sent) -> None:
    declare(stash)
    ann, mallory = Browser(), Browser()
    await renew(stash, await mallory.open())
    await ann.open()
    before = content(ann)['id']
    assert (await ann.get(sent.link)).status_code == 403
    assert (await Browser().get(sent.link)).status_code == 403
    assert content(ann)['id'] == before


async def test_a_link_that_is_forged_or_too_old_is_refused(
    stash: Stash, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(stash)
    ann = Browser()
    await renew(stash, await ann.open())
    token = parse_qs(urlsplit(sent.link).query)['token'][0]
    resigned = (
        token[:-10] + ('A' if token[-10] != 'A' else 'B') + token[-9:]
    )  # the last sign has bits that mean nothing
    for forged in ('', 'nonsense', resigned, 'A' + token):
        assert (await ann.get(f'{session_rotation.PATH}?token={forged}')).status_code == 403
    monkeypatch.setattr(session_rotation, 'MAX_AGE', -1)
    assert (await ann.get(sent.link)).status_code == 403


async def test_the_answer_is_not_cached_and_sends_no_referrer(stash: Stash, sent: Sent) -> None:
    declare(stash)
    ann = Browser()
    await renew(stash, await ann.open())
    answer = await ann.get(sent.link)
    assert (answer.headers['cache-control'], answer.headers['referrer-policy']) == ('no-store', 'no-referrer')


@pytest.mark.parametrize(
    'to',
    [
        'https://evil.example/', '//evil.example/', '///evil.example/', '/\\evil.example/', '\\\\evil.example',
        '/\t/evil.example/', '/\n/evil.example/', 'evil', '', ' /', '/a\r\nSet-Cookie: id=1',
    ],
)  # fmt: skip
async def test_the_browser_is_never_sent_to_another_site(stash: Stash, sent: Sent, to: str) -> None:
    declare(stash)
    tab = await Browser().open()
    with client_of(tab), pytest.raises(StashError, match='must be a path of this app'):
        await stash.new_session(to=to or ' ')
    assert sent.opened == []


@pytest.mark.parametrize(
    ('prefix', 'location'),
    [('', '/?a=1'), ('/app', '/app/?a=1')],
)
async def test_behind_a_proxy_the_browser_stays_below_its_prefix(
    stash: Stash, sent: Sent, prefix: str, location: str
) -> None:
    declare(stash)
    ann = Browser(headers={'X-Forwarded-Prefix': prefix} if prefix else {})
    await renew(stash, await ann.open('/?a=1'))
    assert (await ann.get(sent.link)).headers['location'] == location


# ---- a store in trouble


async def test_with_the_store_away_sign_out_says_so_and_the_browser_keeps_its_identity(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).note = 'private'
    await stash.flush(shown(stash, tab, cls))
    store.down = True
    with pytest.raises(StoreError):
        await renew(stash, tab)
    assert sent.opened == []
    assert shown(stash, await ann.open(), cls).note == ''  # the erasure is accepted all the same
    store.down = False


async def test_a_sign_in_that_fails_half_way_loses_nothing(stash: Stash, store: FaultyStore, sent: Sent) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).note = 'mine'
    await stash.flush(shown(stash, tab, cls))
    put, calls = store.put, 0

    async def fail_second(key: str, body: bytes, *, mode: Mode):
        nonlocal calls
        calls += 1
        store.down = calls >= 2  # the copy is stored, and then the store goes away
        return await put(key, body, mode=mode)

    store.put = fail_second  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await renew(stash, tab, keep=True)
    store.put, store.down = put, False  # type: ignore[method-assign]
    await idle()
    page = shown(stash, await ann.open(), cls)
    assert page.note == 'mine'
    await stash.flush(page)
    kept = [found for found in (await documents(store)).values() if found['slices']]
    assert [found['slices']['Page']['1']['']['data'] for found in kept] == [{'note': 'mine'}]


async def test_what_is_typed_in_another_tab_while_the_copy_is_put_comes_along(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    shown(stash, tab, cls).note = 'first'
    await stash.flush(shown(stash, tab, cls))
    gate = store.hold('put')
    work = asyncio.ensure_future(renew(stash, tab, keep=True))
    await gate.started.wait()
    shown(stash, other, cls).note = 'second'
    store.release()
    await work
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == 'second'


async def test_an_app_without_a_secret_in_its_storage_secret_does_not_start(url: str) -> None:
    with pytest.raises(SystemExit, match='storage_secret'):
        async with serving(lambda: Stash(url, secrets='of the store'), secret=''):
            pass


# ---- what is still changed after the call


async def test_what_a_page_assigns_after_sign_in_goes_to_the_new_session(stash: Stash, sent: Sent) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page, planted = shown(stash, tab, cls), ann.http.cookies['session']
    page.note, page.step = 'mine', 3
    await renew(stash, tab, keep=True)
    assert (page.note, page.step) == ('mine', 3)
    page.note += ' and signed in'
    page.draft, page.step = 'half', 4
    await stash.flush(page)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == 'mine and signed in'
    found = shown(stash, await with_cookie(planted).open(), cls)
    assert (found.note, stash.recovery(found).status) == ('', 'fresh')


async def test_what_a_page_assigns_after_sign_out_is_dropped_and_logged_once(
    stash: Stash, store: FaultyStore, sent: Sent, caplog: pytest.LogCaptureFixture
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page, old = shown(stash, tab, cls), ann.http.cookies['session']
    await renew(stash, tab)
    for note in ('of nobody', 'of nobody at all'):
        page.note = note
        await idle()
    assert page.note == 'of nobody at all'
    with pytest.raises(StoreError, match='new session'):
        await stash.flush(page)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == ''
    assert shown(stash, await with_cookie(old).open(), cls).note == ''
    assert 'of nobody' not in json.dumps(await documents(store))
    assert [record.message for record in caplog.records if 'not kept' in record.message] == [
        'what is changed now is not kept: the browser has got a new session'
    ]
    assert stash.statistics().pending_bytes == 0


@pytest.mark.proves('own-session')
async def test_who_had_come_with_the_old_cookie_neither_sees_nor_changes_the_new_session(
    stash: Stash, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    planted = ann.http.cookies['session']
    mallory = shown(stash, await with_cookie(planted).open(), cls)
    page = shown(stash, tab, cls)
    await renew(stash, tab, keep=True)
    page.note = 'private'
    mallory.draft, mallory.note = 'hers', 'changed'
    await idle()
    assert (page.note, mallory.note) == ('private', 'changed')
    await stash.flush(page)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == 'private'
    assert shown(stash, await with_cookie(planted).open(), cls).note == ''


async def test_the_old_cookie_finds_an_empty_session_that_works_as_a_new_one(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    planted = ann.http.cookies['session']
    await renew(stash, tab, keep=True)
    mallory = with_cookie(planted)
    found = shown(stash, await mallory.open(), cls)
    found.note = 'of the old cookie'
    await stash.flush(found)
    assert shown(stash, await mallory.open(), cls).note == 'of the old cookie'
    assert shown(stash, tab, cls).note == ''


async def test_what_another_tab_changes_while_the_old_session_is_erased_is_erased_as_well(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    planted = ann.http.cookies['session']
    shown(stash, tab, cls).note = 'mine'
    await stash.flush(shown(stash, tab, cls))
    gate = store.hold('put')
    work = asyncio.ensure_future(renew(stash, tab))
    await gate.started.wait()
    shown(stash, other, cls).note = 'late'
    store.release()
    await work
    await idle()
    assert 'late' not in json.dumps(await documents(store))
    assert shown(stash, await with_cookie(planted).open(), cls).note == ''


async def test_a_page_whose_sign_in_failed_goes_on_in_its_session(stash: Stash, store: FaultyStore, sent: Sent) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, cls)
    page.note = 'mine'
    await stash.flush(page)
    put, calls = store.put, 0

    async def fail_second(key: str, body: bytes, *, mode: Mode):
        nonlocal calls
        calls += 1
        if calls == 2:  # the copy is stored, and the page goes on while the old session is erased
            page.note = 'mine, changed meanwhile'
        store.down = calls >= 2
        return await put(key, body, mode=mode)

    store.put = fail_second  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await renew(stash, tab, keep=True)
    store.put, store.down = put, False  # type: ignore[method-assign]
    assert page.note == 'mine, changed meanwhile'
    page.draft = 'half'
    await stash.flush(page)
    assert shown(stash, await ann.open(), cls).note == 'mine, changed meanwhile'
    await renew(stash, tab, keep=True)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == 'mine, changed meanwhile'


@pytest.mark.parametrize('at_once', [True, False])
async def test_a_button_that_is_pressed_twice_leads_to_one_new_session(stash: Stash, sent: Sent, at_once: bool) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).note = 'mine'
    if at_once:
        await asyncio.gather(renew(stash, tab, keep=True), renew(stash, tab, keep=True))
    else:
        await renew(stash, tab, keep=True)
        await renew(stash, tab, keep=True)
    assert [(await ann.get(link)).status_code for link in sent.opened] == [303, 303]
    assert shown(stash, await ann.open(), cls).note == 'mine'


async def test_a_button_that_is_pressed_again_while_the_old_session_is_erased_leads_to_the_same_one(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).note = 'mine'
    await stash.flush(shown(stash, tab, cls))
    copied = store.hold('put')
    first = asyncio.create_task(renew(stash, tab, keep=True))
    await copied.started.wait()
    erased = store.hold('put')
    await erased.started.wait()
    second = asyncio.create_task(renew(stash, tab, keep=True))
    await idle()
    store.release()
    await asyncio.gather(first, second)
    assert [(await ann.get(link)).status_code for link in sent.opened] == [303, 303]
    assert shown(stash, await ann.open(), cls).note == 'mine'


async def test_flush_waits_for_the_session_of_a_page_that_has_gone_since_its_sign_in(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    tab = await Browser().open()
    page = shown(stash, tab, cls)
    page.note = 'one'
    await renew(stash, tab, keep=True)
    await close(tab)
    store.hold('put')
    page.note = 'two'
    flushed = asyncio.create_task(stash.flush(page))
    await idle()
    assert not flushed.done()
    store.release()
    await flushed
    assert 'two' in json.dumps(await documents(store))


async def test_sign_out_right_after_sign_in_erases_what_came_along(
    stash: Stash, store: FaultyStore, sent: Sent
) -> None:
    cls = declare(stash)
    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, cls).note = 'mine'
    await renew(stash, tab, keep=True)
    await renew(stash, tab)
    await ann.get(sent.link)
    assert shown(stash, await ann.open(), cls).note == ''
    assert 'mine' not in json.dumps(await documents(store))


# ---- mounted in another app


async def test_below_the_mount_path_of_run_with_the_browser_gets_its_cookie_and_comes_back_there(
    url: str, sent: Sent
) -> None:
    parent = FastAPI()

    def mount() -> Stash:
        stash = Stash(url, flush_interval=0)
        declare(stash)
        ui.run_with(parent, mount_path='/gui', storage_secret=SECRET)
        return stash

    async with serving(mount) as stash:
        ann = Browser()
        ann.http = httpx.AsyncClient(transport=httpx.ASGITransport(parent), base_url='http://test')
        assert (await ann.get('/gui/')).status_code == 200
        client = next(iter(Client.instances.values()))
        old = ann.http.cookies['session']
        with client:
            await stash.new_session()
        answer = await ann.get(f'/gui{sent.link}')
        assert (answer.status_code, answer.headers['location']) == (303, '/gui/')
        assert ann.http.cookies['session'] != old
        assert (await ann.get('/gui/')).status_code == 200
