"""An app in two versions, and a browser that has been on a server with the old one."""

from __future__ import annotations

from typing import Any

import msgspec
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.model.document import SESSION_PART, Part, SliceId
from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.visit.messages import Report, simulated

from .scene import SECRET, Browser, client_of, idle

V1 = SliceId('Cart', 1)
TAB, VISIT = '0b0f7c1e-5d8e-4a0e-9c55-0a8f2f6f1f4e', '498cf1ac-64e2-4c0e-b2a5-7f7f3f0d7c11'


def to_dicts(values: dict[str, Any]) -> dict[str, Any]:
    if 'items' in values:
        values['items'] = [{'name': name} for name in values['items']]
    return values


def declare_v1(stash: Stash) -> type:
    @stash.page('/')
    class Cart:
        items: list[str] = stored([])
        size: int = stored(0)

        def build(self) -> None:
            ui.label().mark('items').bind_text_from(self, 'items', ', '.join)
            ui.button('add', on_click=lambda: self.items.append('socks'))

    return Cart


def declare_v2(stash: Stash, **options: Any) -> type:
    @stash.page('/', **{'name': 'Cart', 'version': 2, 'migrations': {1: to_dicts}, **options})
    class NewCart:
        items: list[dict[str, str]] = stored([])
        size: int = stored(0, validate=lambda size: size < 100)
        draft: str = stored('', scope='reconnect')
        sort: str = stored('', scope='tab')

        def build(self) -> None:
            ui.label().mark('items').bind_text_from(
                self, 'items', lambda items: ', '.join(item['name'].upper() for item in items)
            )
            ui.button('add', on_click=lambda: self.items.append({'name': 'tent'}))

    return NewCart


class Old:
    """A browser, and its session on a server that runs the old version."""

    def __init__(self, browser: Browser, session: Session) -> None:
        self.browser = browser
        self.session = session

    async def put(self, part: Part = SESSION_PART, slice_id: SliceId = V1, **values: Any) -> None:
        """Change fields there, durably."""
        await self.session.revalidate(1.0)
        for name, value in values.items():
            self.session.set(slice_id, part, name, msgspec.Raw(msgspec.json.encode(value)))
        await self.session.flush()

    async def rejoin(self, tab_id: str = '') -> User:
        """Have a page that was open there come back by itself on the server that is tested."""
        tab = User(self.browser.http)
        tab.tab_id = tab_id or tab.tab_id
        simulated[tab.tab_id] = Report('rejoin', visit=VISIT)
        await tab.open('/')
        await idle()
        return tab


async def visited(stash: Stash, store: FaultyStore, slice_id: SliceId = V1, **values: Any) -> Old:
    """Return a browser that has been on an old server, where these values were stored."""

    @stash.page('/hello')
    class Hello:
        def build(self) -> None: ...

    browser = Browser()
    tab = await browser.open('/hello')
    registry = Registry(store, Keys((SECRET,)), Policy(flush_interval=0.0))
    session = registry.session(stash._app_state.connection_of(client_of(tab)).visit.session_id)
    await session.load(1.0)
    old = Old(browser, session)
    if values:
        await old.put(slice_id=slice_id, **values)
    return old
