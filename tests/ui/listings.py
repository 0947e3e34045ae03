"""A list with its filter in the address, and its browser: what it shows, receives, and does."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, stored

from .scene import client_of, idle, sent, tell


class Filter:
    q: str = stored('', scope='url')
    page: int = stored(1, scope='url', history='push', validate=lambda page: page > 0)
    tags: list[str] = stored(default_factory=list[str], scope='url')

    def build(self) -> None:
        ui.input('q').bind_value(self, 'q').mark('q')
        ui.label().bind_text_from(self, 'page', lambda page: f'page {page}').mark('page')
        ui.label().bind_text_from(self, 'tags', lambda tags: f'tags {list(tags)}').mark('tags')


@pytest.fixture
def listing(stash: Stash) -> type[Filter]:
    @stash.page('/list')
    class Listing(Filter):
        pass

    return Listing


def address(tab: User) -> str:
    """Return what the browser shows in the end, as the server knows it."""
    return client_of(tab).sub_pages_router.current_path


def told(tab: User) -> list[str]:
    """Return every change of the address that was sent to the browser."""
    return [data['code'] for data in sent(tab, 'run_javascript') if 'project' in data['code']]


async def go(tab: User, search: Any, *, made: Any = None, moved: Any = False) -> None:
    """Press back or forward, as the browser reports it."""
    tell(tab, {'kind': 'address', 'search': search, 'made': len(told(tab)) if made is None else made, 'moved': moved})
    await idle()
