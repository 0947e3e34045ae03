"""One person on two devices: live, what was entered before sign-in goes over, and sign-out shows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .typist import enter, shows, visit


async def sign_in(tab: Tab, server: Server, name: str) -> None:
    await tab.page.goto(f'{server.url}/login?name={name}')
    await expect(tab.page.get_by_test_id('who')).to_have_text(name)
    await tab.connected()


@pytest.mark.proves('person')
@pytest.mark.proves('adopted')
async def test_a_person_has_the_same_notes_on_two_devices_and_leaves_none_behind(
    visitors: Callable[[], Visitor], folder: Path
):
    async with (
        Server('people.py', folder, store=f'sqlite:///{folder}/stash.db') as server,
        visitors() as phone,
        visitors() as desk,
    ):
        here = await visit(phone, f'{server.url}/')
        await enter(here, note='milk', mine='of the telephone')
        await shows(here, note='milk', mine='of the telephone')  # or the request of the sign-in may come first
        await sign_in(here, server, 'ann')
        await shows(here, note='milk', mine='of the telephone')
        there = await visit(desk, f'{server.url}/')
        await shows(there, note='')
        await sign_in(there, server, 'ann')
        await shows(there, note='milk', mine='')
        await enter(there, note='milk and bread')
        await shows(here, note='milk and bread', mine='of the telephone')

        beside = await visit(phone, f'{server.url}/')
        await shows(beside, note='milk and bread')
        await here.page.get_by_test_id('sign-out').click()
        await shows(here, note='', mine='of the telephone')
        await shows(beside, note='', mine='of the telephone')
        await expect(beside.page.get_by_test_id('who')).to_have_text('nobody', timeout=60_000)  # it was reloaded
        await beside.connected()
        await beside.recovered()
        await enter(beside, note='of a guest')
        await enter(there, note='butter')
        late = await visit(phone, f'{server.url}/')
        await shows(late, note='of a guest')
        await shows(there, note='butter')

        await server.kill()
        before = await there.client()
        await server.start()
        await there.connected(after=before)
        await shows(there, note='butter')
        await sign_in(late, server, 'ann')
        await shows(late, note='butter')
