"""Where a page leads elsewhere, the browser gets to the same address whenever the page is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from .server import Server
from .tab import Visitor


@pytest.mark.parametrize('to', ['/below/here/probe', '/elsewhere?a=b', '{origin}/elsewhere'])
@pytest.mark.parametrize('mount', ['', '/below/here'])
async def test_a_redirect_of_build_leads_to_the_same_address_early_and_late_and_from_a_view(
    visitor: Visitor, folder: Path, mount: str, to: str
):
    async with Server('leaving.py', folder, mount=mount) as server:
        origin = server.url.removesuffix(mount)
        for path in ('request', 'connected', 'view'):
            tab = await visitor.tab()
            await tab.page.goto(f'{server.url}/{path}?to={to.format(origin=origin)}', wait_until='commit')
            await tab.page.wait_for_url(to.format(origin=origin) if 'origin' in to else origin + to)
