"""A page whose fields the browser keeps, and looks into a simulated browser."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.ui.scopes.simulated_browser import SimulatedStorage, storage_of

from .scene import Browser, client_of, idle, shown


class Desk:
    note: str = stored('', scope='browser')
    secret: str = stored('', scope='browser', encrypted=True)
    size: int = stored(1, scope='browser', validate=lambda size: size < 100)
    tags: list[str] = stored(default_factory=list[str], scope='browser')
    kept: str = stored('')

    def build(self) -> None:
        ui.input('note').bind_value(self, 'note').mark('note')
        ui.label().bind_text_from(self, 'note', lambda note: f'note: {note}').mark('shown')


@pytest.fixture
def desk(stash: Stash) -> type[Desk]:
    @stash.page('/')
    class Lamps(Desk):
        pass

    return Lamps


def items(tab: User) -> dict[str, str]:
    """Return what the browser of a tab keeps, by field of the only class."""
    return {key.rpartition(':')[2]: token for key, token in storage(tab).items.items()}


def storage(tab: User) -> SimulatedStorage:
    return storage_of(client_of(tab))


def place(tab: User, field: str) -> str:
    """Return the key under which a field is kept."""
    (key,) = [key for key in storage(tab).items if key.endswith(f':{field}')]
    return key


def problems(stash: Stash, page: object) -> dict[str, str]:
    return {problem.field: problem.why for problem in stash.recovery(page).problems}


def set_clock(stash: Stash, *, days: float) -> None:
    clock = stash._app_state.runtime().registry._shared.clock
    before = clock._wall
    clock._wall = lambda: before() + days * 86400


async def fill(stash: Stash, browser: Browser, cls: type[Desk], **values: Any) -> User:
    """Open a page and set fields of it."""
    tab = await browser.open()
    page = shown(stash, tab, cls)
    for name, value in values.items():
        setattr(page, name, value)
    await idle()
    return tab
