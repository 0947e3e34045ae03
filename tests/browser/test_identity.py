"""Who a visitor is: the signed cookie, its renewal, and those who come without one."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import httpx
import itsdangerous
import pytest

from .server import SECRET, Server, eventually
from .tab import Visitor
from .told import fill

DAY = 24 * 60 * 60
HTML = {'accept': 'text/html'}


def aged(cookie: str, seconds: float) -> str:
    """Return the session's cookie as NiceGUI would have set it that long ago."""

    class Then(itsdangerous.TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time() - seconds)

    payload = b64encode(json.dumps({'id': content(cookie)['id']}).encode())
    return Then(SECRET).sign(payload).decode()


def content(cookie: str) -> dict[str, Any]:
    return json.loads(b64decode(itsdangerous.TimestampSigner(SECRET).unsign(cookie)))


async def session_cookie(visitor: Visitor) -> str:
    (cookie,) = [cookie for cookie in await visitor.context.cookies() if cookie['name'] == 'session']
    return cookie['value']


async def replace_cookie(visitor: Visitor, url: str, value: str) -> None:
    await visitor.context.add_cookies([{'name': 'session', 'value': value, 'url': url}])


async def test_a_cookie_that_has_almost_run_out_is_renewed_by_a_visit_for_the_same_session(
    visitor: Visitor, form: Server
):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    old = aged(await session_cookie(visitor), 13.9 * DAY)
    await replace_cookie(visitor, form.url, old)
    await tab.reload()
    renewed = await session_cookie(visitor)
    assert renewed != old
    assert content(renewed)['id'] == content(old)['id']
    _, signed = itsdangerous.TimestampSigner(SECRET).unsign(renewed, return_timestamp=True)
    assert time.time() - signed.timestamp() < 60
    (expires,) = [cookie['expires'] for cookie in await visitor.context.cookies() if cookie['name'] == 'session']
    assert expires > time.time() + 13 * DAY
    assert (await tab.look()).session == typed['session']


async def test_a_cookie_is_not_set_again_within_a_day(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    await fill(tab)
    await tab.reload()
    before = await session_cookie(visitor)
    async with tab.page.expect_response(lambda response: response.request.is_navigation_request()) as answer:
        await tab.reload()
    assert 'set-cookie' not in await (await answer.value).all_headers()
    assert await session_cookie(visitor) == before


async def test_a_cookie_that_has_run_out_is_another_session(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    await fill(tab)
    await replace_cookie(visitor, form.url, aged(await session_cookie(visitor), 15 * DAY))
    await tab.reload()
    shown = await tab.look()
    assert shown.is_blank
    assert shown.status == 'fresh'


@pytest.mark.proves('own-session')
async def test_a_cookie_signed_with_another_secret_is_another_session(visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    await fill(tab)
    payload = b64encode(json.dumps(content(await session_cookie(visitor))).encode())
    await replace_cookie(visitor, form.url, itsdangerous.TimestampSigner('another').sign(payload).decode())
    await tab.reload()
    assert (await tab.look()).is_blank


async def test_a_crawler_without_cookies_leaves_no_object(folder: Path):
    async with Server('form.py', folder) as server, httpx.AsyncClient(timeout=60, headers=HTML) as crawler:
        for _ in range(20):
            for path in ('/', '/other'):
                crawler.cookies.clear()
                answer = await crawler.get(server.url + path)
                assert answer.status_code == 200
        await server.terminate()
        assert server.objects() == []
        assert 'Traceback' not in server.complaints()


@pytest.mark.proves('no-object')
async def test_a_visitor_who_changes_nothing_leaves_no_object(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        await tab.look()
        await tab.follow('to-other')
        await tab.back()
        assert (await tab.look()).is_blank
        await server.terminate()
        assert server.objects() == []


@pytest.mark.proves('object-name', 'own-session')
async def test_the_object_of_a_visitor_does_not_tell_the_cookie(visitor: Visitor, folder: Path):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        await fill(tab, flush=True)
        (path,) = server.objects()
        session = content(await session_cookie(visitor))['id']
        assert session not in str(path)
        assert session not in path.read_text()


async def test_a_request_that_prefetches_is_not_a_visit(visitor: Visitor, folder: Path):
    async with Server('form.py', folder, ttl=40, reconnect_timeout=0.5) as server:
        tab = await visitor.open(server.url)
        await fill(tab, flush=True)
        await tab.page.goto('about:blank')
        await server.terminate()  # everything pending is put by now
        await server.start()
        (path,) = server.objects()
        before = json.loads(path.read_bytes())

        async def a_visit_would_be_noted() -> bool:
            return time.time() * 1000 > before['seen'] + 40_000 / 10 + 500

        await eventually(a_visit_would_be_noted, 'a tenth of the ttl has passed')
        cookies = {'session': await session_cookie(visitor)}
        async with httpx.AsyncClient(
            timeout=60, headers=HTML | {'sec-purpose': 'prefetch'}, cookies=cookies
        ) as browser:
            assert (await browser.get(server.url)).status_code == 200
        await server.terminate()
        assert json.loads(path.read_bytes()) == before


@pytest.mark.parametrize('kind', ['prefetch', 'prerender'])
async def test_a_page_that_was_loaded_ahead_is_one_visit_when_it_is_shown(visitor: Visitor, form: Server, kind: str):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await tab.follow('to-other')
    await tab.speculate(kind, f'{form.url}/')
    await tab.follow('to-form')
    shown = await tab.look()
    assert shown.fields == typed | {'reconnect': ''}
    assert (shown.reason, shown.recoveries) == ('visit', 1)
    await fill(tab)
