"""A store that loses everything while a page is open."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .server import Server, eventually
from .tab import Visitor
from .told import fill, restart, words


@pytest.mark.proves('lost')
async def test_all_fields_of_an_open_page_are_there_after_the_store_was_emptied_and_the_server_killed(
    visitor: Visitor, folder: Path
):
    async with Server('form.py', folder) as server:
        tab = await visitor.open(server.url)
        typed, _ = await fill(tab, flush=True)
        (stored,) = server.objects()
        shutil.rmtree(stored.parent)
        typed['reconnect'] = words()['reconnect']
        await tab.type(reconnect=typed['reconnect'])
        await tab.flush()

        async def is_stored() -> bool:
            return bool(server.objects())

        await eventually(is_stored, 'the object is written again')
        (again,) = server.objects()  # what the store has, as the page itself would bring back what it shows
        assert [name for name, value in typed.items() if value not in again.read_text()] == []
        await restart(server, tab, kill=True)
        assert (await tab.look()).fields == typed
