#!/usr/bin/env bash
# NiceGUI erases what was entered into a bound input before the WebSocket connected, after the server has handled it.
#
# A page with a bound input shows its value as soon as the HTML is there, and can be used. Its events wait for the
# connection, and the server handles them. But `bind_value` set the input's value while the page was built, and that
# has queued a call of the client's method `updateValue`. It arrives after the connect and carries no value: the input
# shows again what its props hold, which is the value of the HTML. Typing does not change these props. The input then
# reports that value as if it had been entered, so that it also overwrites what the server has just stored. One would
# expect the text to stay, since its events are kept for the connection. An input whose value was given to its
# constructor does keep it.
#
# A slow network is imitated: the app accepts the WebSocket only after the text was entered. The text comes in one
# event, as from a paste or from the browser's autofill.
#
# Needs: Python 3.11 or newer, and Chromium (on Debian the package chromium).
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   nicegui 3.18.0, playwright 1.65.2, Chromium 156.0.8078.108
#   the page, not connected:  given 'Ada', bound 'Ada'
#   after entering:           given 'Ada Lovelace', bound 'Ada Lovelace'
#   sent at the connect:      runMethod(5, "updateValue", [])
#   after the connect:        given 'Ada Lovelace', bound 'Ada'
#   handled by the server:    given ['Ada Lovelace'], bound ['Ada Lovelace', 'Ada']
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
CHROMIUM=$(command -v chromium || command -v chromium-browser) || cannot_run 'Chromium is needed; on Debian: chromium'
export CHROMIUM
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'nicegui==3.18.0' 'playwright==1.65.2' \
    || cannot_run 'pip could not install the packages'

cat >app.py <<'PYTHON'
import asyncio
import sys

from nicegui import app, ui
from starlette.types import ASGIApp, Receive, Scope, Send

person = {'name': 'Ada'}
handled: dict[str, list[str]] = {'given': [], 'bound': []}
entered = asyncio.Event()


class SlowNetwork:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope['type'] == 'websocket':
            await entered.wait()
        await self.app(scope, receive, send)


app.add_middleware(SlowNetwork)


@app.get('/connect')
def connect() -> None:
    for values in handled.values():
        values.clear()  # of what happened while the page was built
    entered.set()


@app.get('/handled')
def get_handled() -> dict[str, list[str]]:
    return handled


@ui.page('/')
def page() -> None:
    ui.input('given', value='Ada', on_change=lambda event: handled['given'].append(event.value))
    ui.input('bound', on_change=lambda event: handled['bound'].append(event.value)).bind_value(person, 'name')


ui.run(host='127.0.0.1', port=int(sys.argv[1]), reload=False, show=False)
PYTHON

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

NAMES = ('given', 'bound')


@contextmanager
def app() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    with subprocess.Popen((sys.executable, 'app.py', str(port)), stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f'http://127.0.0.1:{port}'
        finally:
            server.kill()


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def shown(page: Page) -> dict[str, str]:
    return {name: page.get_by_label(name).input_value() for name in NAMES}


def say(what: str, values: dict[str, Any]) -> None:
    print(f'{what + ":":<25} ' + ', '.join(f'{name} {value!r}' for name, value in values.items()))


with app() as url, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=os.environ['CHROMIUM'])
    versions = [f'{name} {importlib.metadata.version(name)}' for name in ('nicegui', 'playwright')]
    print(', '.join([*versions, f'Chromium {browser.version}']))
    page = browser.new_page()
    frames: list[str] = []
    page.on('websocket', lambda each: each.on('framereceived', lambda frame: frames.append(str(frame))))
    page.goto(url)
    for name in NAMES:
        page.get_by_label(name).wait_for()
    say('the page, not connected', shown(page))
    for name in NAMES:
        page.get_by_label(name).press('End')
        page.keyboard.insert_text(' Lovelace')
    typed = shown(page)
    say('after entering', typed)
    assert not page.evaluate('window.socket.connected')
    ask(f'{url}/connect')
    page.wait_for_function('window.socket.connected')
    for _ in range(100):  # until it has been erased, or has had 10 seconds for it
        page.wait_for_timeout(100)
        if shown(page)['bound'] != typed['bound'] and len(ask(f'{url}/handled')['bound']) > 1:
            break
    calls = re.findall(r'runMethod\(\d+, "updateValue", \[\]\)', ''.join(frames).replace('\\', ''))
    after, handled = shown(page), ask(f'{url}/handled')
    for call in calls:
        print(f'{"sent at the connect:":<25} {call}')
    say('after the connect', after)
    say('handled by the server', handled)
    browser.close()

as_described = (
    typed == {'given': 'Ada Lovelace', 'bound': 'Ada Lovelace'}
    and after == {'given': 'Ada Lovelace', 'bound': 'Ada'}
    and sorted(handled['bound']) == ['Ada', 'Ada Lovelace']
)
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
