"""A person's browser and its tabs, in the words of the tests: open, type, press F5, follow a link, look."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, JSHandle, Page, Response, expect
from playwright.async_api import TimeoutError as PlaywrightTimeout

from .server import eventually

PATIENCE_MS = 60_000
"""A limit for what never comes, not a measure of how fast it does."""
IS_CONNECTED = 'window.did_handshake && window.socket?.connected'
IS_RECOVERED = 'document.querySelector("script[data-seal]") ? window.__niceguiStash.acknowledged : true'
FAST_RETRIES = 'window.socket.io.reconnectionDelay(100); window.socket.io.reconnectionDelayMax(300)'
HAS_CONNECTED = f'() => {{ if (!({IS_CONNECTED})) return false; {FAST_RETRIES}; return window.clientId; }}'
"""Returns the id of the client once it is connected. In one step, as the page may be replaced before the next one."""

SPECULATE = """([kind, url]) => {
    const rules = document.createElement('script');
    rules.type = 'speculationrules';
    rules.textContent = JSON.stringify({[kind]: [{source: 'list', urls: [url], eagerness: 'immediate'}]});
    document.head.append(rules);
}"""


@dataclass(frozen=True)
class Shown:
    """What a person sees on the form, and what the server says about this page at the same moment."""

    session: str
    reconnect: str
    tab: str
    reason: str
    status: str
    builds: int
    recoveries: int
    client: str

    @property
    def fields(self) -> dict[str, str]:
        return {'session': self.session, 'reconnect': self.reconnect, 'tab': self.tab}

    @property
    def is_blank(self) -> bool:
        return not any(self.fields.values())


class Visitor:
    """One browser of one person: cookies and tabs of its own."""

    live: ClassVar[set[Visitor]] = set()

    def __init__(self, browser: Browser, context: BrowserContext | None = None) -> None:
        self._browser = browser
        self._context = context
        self.tabs: list[Tab] = []

    async def __aenter__(self) -> Self:
        self._context = self._context or await self._browser.new_context()
        self.context.set_default_timeout(PATIENCE_MS)
        Visitor.live.add(self)
        return self

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        Visitor.live.discard(self)
        await self.context.close()
        if failure is None:
            assert [error for tab in self.tabs for error in tab.errors] == []

    @property
    def context(self) -> BrowserContext:
        assert self._context is not None, 'entered'
        return self._context

    async def tab(self) -> Tab:
        """Open an empty tab."""
        return self.adopt(await self.context.new_page())

    async def open(self, url: str) -> Tab:
        """Open a tab, type the address, and return when the page is connected and knows its visit."""
        tab = await self.tab()
        await tab.goto(url)
        await tab.recovered()
        return tab

    async def duplicate(self, tab: Tab) -> Tab:
        """Open the same page from `tab` itself: the browser gives the new tab a copy of its `sessionStorage`."""
        async with self.context.expect_page() as opened:
            await tab.page.evaluate('() => { window.open(location.href) }')
        copy = self.adopt(await opened.value)
        await copy.connected()
        await copy.recovered()
        return copy

    def console(self) -> str:
        """Return what all tabs wrote to their consoles."""
        return '\n'.join(f'tab {number}: {line}' for number, tab in enumerate(self.tabs) for line in tab.console)

    def adopt(self, page: Page) -> Tab:
        """Take a page that was opened by another way for one of this visitor's tabs."""
        tab = Tab(page)
        self.tabs.append(tab)
        return tab


class Tab:
    """One tab of a browser, showing one of the apps of these tests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.console: list[str] = []
        self.errors: list[str] = []
        self._frames: list[str] = []
        self._documents: list[asyncio.Future[str]] = []
        page.on('console', self._on_console)
        page.on('pageerror', self._on_error)

    async def goto(self, url: str) -> None:
        await self.page.goto(url)
        await self.connected()

    async def until(self, predicate: str, arg: Any = None) -> JSHandle:
        """Return what a function in the page returns as soon as that is true; fail with what the page last said."""
        try:
            return await self.page.wait_for_function(predicate, arg=arg, polling=50)
        except PlaywrightTimeout as error:
            raise TimeoutError(f'never true: {predicate} of {arg}; on the console: {self.console[-5:]}') from error

    async def connected(self, *, after: str | None = None) -> str:
        """Return the id of the NiceGUI client once this tab has one, other than `after`, with an open socket."""
        handle = await self.until(f'old => window.clientId !== old && ({HAS_CONNECTED})()', after)
        return await handle.json_value()

    async def recovered(self) -> None:
        """Return when the server has the browser's report: until then, what is typed belongs to no visit yet.

        A page without stored fields has none to make.
        """
        await self.until(IS_RECOVERED)

    async def client(self) -> str:
        """Return the id of the NiceGUI client of the document that is shown."""
        return await self.page.evaluate('window.clientId')

    async def disconnected(self) -> None:
        """Return when the page has noticed that its socket is gone."""
        await self.until('window.socket && !window.socket.connected')

    async def reload(self) -> None:
        """Press F5 and return when the new document is connected and knows its visit."""
        await self.page.reload()
        await self.connected()
        await self.recovered()

    async def reload_in_vain(self) -> None:
        """Press F5 while nothing answers, and return when the browser shows its error page."""
        with pytest.raises(Error, match='ERR_'):
            await self.page.reload()
        await self.page.wait_for_url('chrome-error://**')

    async def follow(self, link: str) -> None:
        """Click a link that loads a document, and return when that is connected and knows its visit."""
        before = await self.client()
        await self.page.get_by_test_id(link).click()
        await self.connected(after=before)
        await self.recovered()

    async def speculate(self, kind: str, url: str) -> None:
        """Have the browser `prefetch` or `prerender` a page before anybody asked for it."""
        async with self.page.context.expect_event('requestfinished', lambda request: request.url == url) as request:
            await self.page.evaluate(SPECULATE, [kind, url])
        headers = await (await request.value).all_headers()
        assert kind in headers['sec-purpose'], headers

    async def switch(self, link: str, title: str) -> None:
        """Click a link that shows another view in the same document."""
        await self.page.get_by_test_id(link).click()
        await expect(self.page.get_by_test_id('title')).to_have_text(title)

    async def back(self) -> None:
        await self.page.go_back()
        await self.connected()
        await self.recovered()

    async def forward(self) -> None:
        await self.page.go_forward()
        await self.connected()
        await self.recovered()

    async def type(self, **values: str) -> None:
        """Type into the inputs of these names, and return when the server has accepted the values."""
        for name, value in values.items():
            await self.page.get_by_test_id(f'{name}-input').fill(value)
        for name, value in values.items():
            await expect(self.page.get_by_test_id(name)).to_have_text(value)

    async def flush(self) -> None:
        """Press the button that flushes, and return when everything accepted is durable."""
        flushed = self.page.get_by_test_id('flushed')
        before = int(await flushed.inner_text())
        await self.page.get_by_test_id('flush').click()
        await expect(flushed).to_have_text(str(before + 1))

    async def look(self, *, acknowledged: bool = True) -> Shown:
        """Return what the page shows once its report is acknowledged and the server's changes are all here.

        Fails where an input shows something else than the label of the same field.
        """
        if acknowledged:
            await self.until('window.__niceguiStash?.acknowledged')
        looks = self.page.get_by_test_id('looks')
        before = int(await looks.inner_text())
        await self.page.get_by_test_id('look').click()
        await expect(looks).to_have_text(str(before + 1))
        server: dict[str, Any] = json.loads(await self.page.get_by_test_id('server').inner_text())
        fields = {name: await self.page.get_by_test_id(f'{name}-input').input_value() for name in server['fields']}
        labels = {name: await self.page.get_by_test_id(name).inner_text() for name in server['fields']}
        assert fields == labels == server.pop('fields'), (fields, labels)
        return Shown(**fields, **server)

    def listen(self) -> None:
        """Keep from now on every document and every message that this tab receives, for `heard`."""
        self.page.on('response', self._on_response)
        self.page.on('websocket', lambda socket: socket.on('framereceived', self._on_frame))

    async def heard(self) -> str:
        """Return all that was received since `listen`."""
        return '\n'.join([*self._frames, *[await document for document in self._documents]])

    async def said(self, what: str) -> None:
        """Return when the page has written this to the console."""

        async def is_said() -> bool:
            return any(what in line for line in self.console)

        await eventually(is_said, f'{what!r} on the console')

    async def storage(self, key: str) -> str | None:
        """Return an item of this tab's `sessionStorage`."""
        return await self.page.evaluate('key => sessionStorage.getItem(key)', key)

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._documents.append(asyncio.ensure_future(response.text()))

    def _on_frame(self, frame: str | bytes) -> None:
        self._frames.append(frame if isinstance(frame, str) else frame.decode(errors='replace'))

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f'{message.type}: {message.text}')

    def _on_error(self, error: Error) -> None:
        self.errors.append(str(error))
        self.console.append(f'uncaught: {error}')
