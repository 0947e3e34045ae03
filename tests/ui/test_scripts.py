"""A script without pages: NiceGUI runs it once before the server starts, and then again for each visitor."""

from __future__ import annotations

import gc
import re
import signal
import weakref
from pathlib import Path
from typing import Any

import httpx
import nicegui
import pytest
from nicegui import core, ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .processes import PATIENTLY, running
from .scene import Browser, close, data_of, eventually, serving

NICEGUIS_OWN = f'/_nicegui/{nicegui.__version__}/static/nicegui.css'
SCRIPT = """
import os
from dataclasses import dataclass
from nicegui import app, ui
from nicegui_stash import Stash, stored

os.environ['NICEGUI_STASH_RECOVER_TIMEOUT'] = '2.9'  # as a busy machine may take; a page is answered within 3 s
stash = Stash('state', flush_interval=0, identity=lambda request: 'everybody')


@stash.state
@dataclass
class Visits:
    title: str
    count: int = stored(0)
    letters: list[str] = stored([])


@stash.view
class View:
    seen: int = stored(0)

    def build(self) -> None:
        self.seen += 1
        ui.label(f'view {self.seen}')


visits = Visits('Visits')
visits.letters.append('a')
stash.keep(visits)
stash.on_change(visits, 'count', lambda: None)
stash.indicator()
stash.indicator(visits)
ui.label().bind_text_from(stash.status(visits), 'state')
visits.count += 1
visits.letters.append('b')
ui.label(f'{visits.title}: {visits.count}, {"".join(visits.letters)}, {stash.recovery(visits).status}')
ui.sub_pages({'/': View})
ui.run(port=int(os.environ['PORT']), storage_secret='of the script', reload=False, show=False)
"""


def shown(page: httpx.Response) -> tuple[str, str]:
    (visits,), (view,) = re.findall(r'Visits: [\w, ]*', page.text), re.findall(r'view \d+', page.text)
    return visits, view


def test_a_script_has_its_state_after_kill_9_and_says_nothing(tmp_path: Path) -> None:
    with httpx.Client(headers={'accept': 'text/html'}, **PATIENTLY) as browser:
        for first in (1, 3):
            with running(tmp_path, SCRIPT) as process:
                process.answers(lambda: httpx.get(f'{process.url}{NICEGUIS_OWN}', **PATIENTLY))
                for count in (first, first + 1):
                    letters, status = 'ab' if count == 1 else 'a' + 'b' * count, 'fresh' if count == 1 else 'recovered'
                    expected = (f'Visits: {count}, {letters}, {status}', f'view {count}')
                    assert shown(browser.get(process.url)) == expected
                    process.answers(lambda count=count: is_stored(tmp_path, count))
                process.kill()
                assert not re.search('warn|error|Traceback', process.output, re.IGNORECASE), process.output


def test_what_a_script_changes_while_it_is_torn_down_is_stored(tmp_path: Path) -> None:
    job = """
async def work() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        visits.count = 100


if not stash.recovery(visits).status == 'unavailable':
    background_tasks.create(work())
ui.run("""
    script = SCRIPT.replace('import os', 'import asyncio, os').replace('import app,', 'import app, background_tasks,')
    script = script.replace('ui.run(', job, 1)
    with httpx.Client(headers={'accept': 'text/html'}, **PATIENTLY) as browser, running(tmp_path, script) as process:
        process.answers(lambda: httpx.get(f'{process.url}{NICEGUIS_OWN}', **PATIENTLY))
        browser.get(process.url)
        process.answers(lambda: is_stored(tmp_path, 1))
        assert process.terminate() in {0, -signal.SIGTERM}
    (body,) = (path.read_text() for path in (tmp_path / 'state').rglob('*.json'))
    assert '"count":100' in body


def is_stored(folder: Path, count: int) -> bool | None:
    bodies = [path.read_text() for path in (folder / 'state').rglob('*.json')]
    return any(f'"count":{count}' in body and f'"seen":{count}' in body for body in bodies) or None


def are_gone(classes: list[weakref.ref[type]]) -> bool:
    gc.collect()
    return all(cls() is None for cls in classes)


async def test_what_is_declared_for_a_visitor_goes_with_the_visitor(
    store: FaultyStore, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    classes: list[weakref.ref[type]] = []

    def declared() -> tuple[Stash, type[Any]]:
        stash = Stash(url, flush_interval=0, identity=lambda _: 'everybody')

        @stash.state
        class Visits:
            count: int = stored(0)

        classes.append(weakref.ref(Visits))
        return stash, Visits

    def script() -> None:
        stash, visits_of = declared()
        visits = stash.keep(visits_of())
        visits.count += 1
        ui.label().bind_text_from(visits, 'count')

    async with serving(lambda: declared() and None, root=script):
        monkeypatch.setattr(core, 'script_mode', True)
        for _ in range(5):
            await close(await Browser(headers={'accept': 'text/html'}).open())
        await eventually(lambda: are_gone(classes[1:-1]))  # the first is the app's, the last is known to the registry
        monkeypatch.setattr(core, 'script_mode', False)
    assert await data_of(store, 'Visits') == {'count': 5}
    assert [record.message for record in caplog.records if 'second Stash' in record.message] == []
