"""Frames of one tab, which share its `sessionStorage`, keep what is theirs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from playwright.async_api import Frame, expect

from .server import Server
from .tab import IS_CONNECTED, PATIENCE_MS, Tab, Visitor

NAMES = ('left', 'right')


async def frames_of(tab: Tab, before: Iterable[str] = ()) -> tuple[dict[str, Frame], set[str]]:
    """Return the two frames once both are connected as other clients than before, and who they are."""
    frames: dict[str, Frame] = {}
    clients: set[str] = set()
    for name in NAMES:
        await tab.until('name => window.frames[name]?.document.getElementById("app")', name)
        frame = tab.page.frame(name)
        assert frame is not None
        is_there = f'old => {IS_CONNECTED} && window.__niceguiStash.acknowledged && !old.includes(window.clientId)'
        await frame.wait_for_function(is_there, arg=list(before), polling=50, timeout=PATIENCE_MS)
        frames[name] = frame
        clients.add(await frame.evaluate('window.clientId'))
    return frames, clients


async def fill(frames: dict[str, Frame]) -> None:
    for name, frame in frames.items():
        for field in ('draft', 'mine'):
            await frame.get_by_test_id(field).fill(f'{field} of {name}')
            await expect(frame.get_by_test_id(f'{field}-text')).to_have_text(f'{field} of {name}')


async def show(frames: dict[str, Frame], *, draft: bool, reason: str) -> None:
    for name, frame in frames.items():
        await expect(frame.get_by_test_id('reason')).to_have_text(reason)
        await expect(frame.get_by_test_id('mine')).to_have_value(f'mine of {name}')
        await expect(frame.get_by_test_id('draft')).to_have_value(f'draft of {name}' if draft else '')


@pytest.mark.parametrize('rejoin', ['reload', 'in_place'])
async def test_frames_of_one_tab_keep_their_drafts_and_fields(visitor: Visitor, folder: Path, rejoin: str):
    async with Server('frames.py', folder, nicegui_stash_rejoin=rejoin) as server:
        tab = await visitor.tab()
        await tab.page.goto(f'{server.url}/frames')
        frames, clients = await frames_of(tab)
        for frame in frames.values():
            await expect(frame.get_by_test_id('reason')).to_have_text('visit')
        await fill(frames)
        for _ in range(2):
            await server.kill()
            for frame in frames.values():
                await frame.wait_for_function('!window.socket.connected', polling=50)
            await server.start()
            frames, clients = await frames_of(tab, clients)
            await show(frames, draft=True, reason='rejoin')


async def test_frames_keep_their_fields_of_the_tab_over_f5_and_in_a_copy_of_it(visitor: Visitor, folder: Path):
    async with Server('frames.py', folder) as server:
        tab = await visitor.tab()
        await tab.page.goto(f'{server.url}/frames')
        frames, clients = await frames_of(tab)
        await fill(frames)
        await tab.page.reload()
        frames, clients = await frames_of(tab, clients)
        for name, frame in frames.items():
            await expect(frame.get_by_test_id('mine')).to_have_value(f'mine of {name}')
            await expect(frame.get_by_test_id('draft')).to_have_value('')
        async with visitor.context.expect_page() as opened:
            await tab.page.evaluate('() => { window.open(location.href) }')
        copies, _ = await frames_of(visitor.adopt(await opened.value), clients)
        await show(copies, draft=False, reason='duplicate')
