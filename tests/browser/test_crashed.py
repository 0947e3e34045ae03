"""A tab whose process died, and which somebody loads again: Playwright gives its page up, so it is asked by itself."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Self

from playwright.async_api import Browser, CDPSession

from .server import Server, eventually
from .tab import IS_CONNECTED, Tab, Visitor
from .told import fill

INPUTS = 'Object.fromEntries([...document.querySelectorAll("input")].map((each) => [each.dataset.testid, each.value]))'
IS_BACK = f'{IS_CONNECTED} && window.__niceguiStash?.acknowledged'
LOOK = 'document.querySelector("[data-testid=look]").click() ?? true'
SERVER = 'document.querySelector("[data-testid=server]").innerText'


class Dead:
    """The tab of a process that died, seen through the browser. A question that meets no document is never answered."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._asked = 0
        self._answers: dict[int, Any] = {}
        self._root: CDPSession
        self._session = ''

    async def kill(self, tab: Tab) -> Self:
        """End the process that shows a tab."""
        inside = await tab.page.context.new_cdp_session(tab.page)
        target = (await inside.send('Target.getTargetInfo'))['targetInfo']['targetId']
        async with tab.page.expect_event('crash'):
            self._crash = asyncio.ensure_future(inside.send('Page.crash'))
            self._crash.add_done_callback(asyncio.Future.exception)  # nobody is left to answer
        self._root = await self._browser.new_browser_cdp_session()
        self._root.on('Target.receivedMessageFromTarget', self._hear)
        attached = await self._root.send('Target.attachToTarget', {'targetId': target, 'flatten': False})
        self._session = attached['sessionId']
        return self

    async def reload(self) -> None:
        """Press F5, and return when the new document is connected and knows its visit."""
        await self._send('Page.reload')
        await self.until(IS_BACK)

    async def until(self, expression: str) -> Any:
        """Return what an expression is in the tab, as soon as that is true."""
        asked: list[int] = []

        async def ask() -> Any:
            asked.append(await self._send('Runtime.evaluate', expression=expression, returnByValue=True))
            return next((answer for number in asked if (answer := self._answers.get(number))), None)

        return await eventually(ask, expression)

    async def _send(self, method: str, **params: Any) -> int:
        self._asked += 1
        message = json.dumps({'id': self._asked, 'method': method, 'params': params})
        await self._root.send('Target.sendMessageToTarget', {'sessionId': self._session, 'message': message})
        return self._asked

    def _hear(self, event: dict[str, Any]) -> None:
        message = json.loads(event['message'])
        if 'id' in message:
            self._answers[message['id']] = message.get('result', {}).get('result', {}).get('value')


async def test_a_tab_whose_process_died_continues_its_visit(chromium: Browser, visitor: Visitor, form: Server):
    tab = await visitor.open(form.url)
    typed, before = await fill(tab)
    dead = await Dead(chromium).kill(tab)
    await dead.reload()
    shows = ' && '.join(f'{INPUTS}["{name}-input"] === "{value}"' for name, value in typed.items())
    await dead.until(shows)
    assert await dead.until(LOOK)
    server = json.loads(await dead.until(SERVER))
    assert (server['fields'], server['reason']) == (typed, 'rejoin')
    assert server['client'] != before.client


async def test_a_copy_of_a_tab_that_is_loaded_again_before_it_is_connected_is_a_duplicate(
    visitor: Visitor, form: Server
):
    tab = await visitor.open(form.url)
    typed, _ = await fill(tab)
    await visitor.context.route(f'{form.url}/', lambda route: route.fulfill(status=502, body='not now'))
    async with visitor.context.expect_page() as opened:
        await tab.page.evaluate('() => { window.open(location.href) }')
    copy = visitor.adopt(await opened.value)
    await copy.page.get_by_text('not now').wait_for()
    await visitor.context.unroute(f'{form.url}/')
    await copy.reload()
    shown = await copy.look()
    assert shown.reason == 'duplicate'
    assert shown.fields == typed | {'reconnect': ''}
