"""What a page's request does for what may be typed while the server is away: next to nothing."""

from __future__ import annotations

import json
import re
from unittest.mock import patch

import pytest
from nicegui import Client, ui

from nicegui_stash import Stash, stored
from nicegui_stash.settings import Rejoin

from .scene import Browser, idle, serving, type_into

BOUND = re.compile(r'<script type="application/json" class="nicegui-stash-bound">(.*?)</script>')


def declare(url: str, rejoin: Rejoin | None = None) -> Stash:
    stash = Stash(url, rejoin=rejoin)

    @stash.page('/')
    class Page:
        text: str = stored('')

        def build(self) -> None:
            ui.input('text').bind_value(self, 'text').mark('text')

    return stash


@pytest.mark.parametrize('said', ['max-age=0', 'no-cache'])
@pytest.mark.parametrize(('rejoin', 'script'), [('reload', 'typed.js'), ('in_place', 'in_place.js')])
async def test_only_a_page_that_is_reloaded_has_in_its_html_what_is_bound(
    url: str, said: str, rejoin: Rejoin, script: str
) -> None:
    async with serving(lambda: declare(url, rejoin)):
        browser = Browser()
        first = (await browser.get()).text
        again = (await browser.get(headers={'cache-control': said})).text
    assert f'src="/_nicegui/stash/{script}' in first
    assert 'nicegui-stash-bound' not in first
    found = BOUND.search(again)
    assert found is not None
    assert len(json.loads(found[1])) == 1


async def test_a_simulated_browser_gets_no_script_calls(url: str) -> None:
    told: list[str] = []
    async with serving(lambda: declare(url)):
        with patch.object(Client, 'run_javascript', lambda client, code, **options: told.append(code)):
            tab = await Browser().open()
            type_into(tab, 'text', 'some words')
            await idle()
    assert [code for code in told if 'typed' in code] == []
