"""A page with one bound element, and a browser that records its messages: for the tests of typed values."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash import Recovery, Stash, stored
from nicegui_stash.ui import nicegui_private
from nicegui_stash.ui.carryover.digest import digest

from .scene import Browser, idle, shown, tell

ANSWER = re.compile(r'typed\?\.settle\((.*)\)$')
EMPTY = digest('')


class Told(list[str]):
    """The messages to a page's browser, in order."""

    @property
    def answers(self) -> list[Any]:
        return [json.loads(found[1]) for code in self if (found := ANSWER.search(code))]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Clients count as connected by a browser, which records its messages."""
    told = Told()
    monkeypatch.setattr(nicegui_private, 'is_simulated', lambda client: False)
    monkeypatch.setattr(Client, 'run_javascript', lambda client, code, **_: told.append(code))
    return told


def declare(stash: Stash) -> type[Any]:
    @stash.page('/', build='request')
    class Page:
        text: str = stored('')
        notices = 0

        def build(self) -> None:
            self.input = ui.input('text').bind_value(self, 'text').mark('text')

        def on_recovered(self, recovery: Recovery) -> None:
            self.notices += 1

    return Page


async def open_page(stash: Stash, cls: type[Any], browser: Browser | None = None) -> tuple[User, Any]:
    tab = await (browser or Browser()).open()
    tell(tab, {'kind': 'report', 'reason': 'visit'})
    await idle()
    return tab, shown(stash, tab, cls)


def address_of(told: Told) -> str:
    """Return the announced address of the page's only element."""
    (addresses,) = [json.loads(code[code.index('(') + 1 : -1]) for code in told if 'typed?.bind' in code]
    ((_, address),) = addresses.items()
    return address


def enter(page: Any, text: str, *, number: object) -> None:
    """Have the page's element receive an event that the browser has counted."""
    listener = next(iter(page.input._event_listeners.values()))
    message = {'id': page.input.id, 'listener_id': listener.id, 'args': [json.dumps(text)], 'stash': number}
    page.input.client.handle_event(message)
