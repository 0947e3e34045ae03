#!/usr/bin/env bash
# A `ui.table` goes back to page 1 when the app sets its page as soon as the client is connected.
#
# Quasar's QTable reports its pagination while it is set up: it emits `update:pagination` with what it was made with,
# completed by Quasar's defaults. NiceGUI's page keeps that event until the connection is there. So the server gets it
# after `client.connected()` has returned. The table's own handler takes it for what a person did, and puts the old page
# over the one that the app has just set. One would expect a page set by the app to stay until a person turns it.
#
# A second page sets it half a second later, when the report has come: there the table stays on page 2.
#
# Needs: Python 3.11 or newer, and Chromium (on Debian the package chromium).
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   nicegui 3.18.0, playwright 1.65.2, Chromium 156.0.8078.108
#   page 2 set at-once:  rows abc, the server knows page 1, reported [1]
#   page 2 set later:    rows def, the server knows page 2, reported [1]
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

tables: dict[str, ui.table] = {}
reported: dict[str, list[int]] = {}


@app.get('/known/{when}')
def known(when: str) -> dict[str, object]:
    return {'page': tables[when].pagination['page'], 'reported': reported[when]}


@ui.page('/{when}')
async def page(when: str) -> None:
    rows = [{'name': name} for name in 'abcdefghi']
    table = tables[when] = ui.table(rows=rows, pagination={'rowsPerPage': 3, 'page': 1}, row_key='name')
    pages = reported[when] = []
    table.on_pagination_change(lambda event: pages.append(event.value['page']))
    await ui.context.client.connected()
    if when == 'later':
        await asyncio.sleep(0.5)
    table.pagination = {**table.pagination, 'page': 2}


ui.run(host='127.0.0.1', port=int(sys.argv[1]), reload=False, show=False)
PYTHON

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import sync_playwright


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


found: dict[str, tuple[str, int]] = {}
with app() as url, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=os.environ['CHROMIUM'])
    versions = [f'{name} {importlib.metadata.version(name)}' for name in ('nicegui', 'playwright')]
    print(', '.join([*versions, f'Chromium {browser.version}']))
    for when in ('at-once', 'later'):
        page = browser.new_page()
        page.goto(f'{url}/{when}')
        page.wait_for_function('window.socket && window.socket.connected')
        page.wait_for_timeout(5000)
        rows, known = ''.join(page.locator('tbody td').all_inner_texts()), ask(f'{url}/known/{when}')
        print(f'page 2 set {when + ":":<9} rows {rows}, the server knows page {known["page"]}, reported {known["reported"]}')
        found[when] = rows, known['page']
    browser.close()

as_described = found == {'at-once': ('abc', 1), 'later': ('def', 2)}
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
