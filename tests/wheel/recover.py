"""Check an installed wheel as a user would: a page is filled in, its server is killed, and another one takes over.

Run it with the Python of the environment that the wheel was installed into (with Playwright beside it):
`python tests/wheel/recover.py`. It needs Chromium, prints what it saw, and exits with 1 where something is missing.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import files, version
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

APP = """
import os
from nicegui import ui
from nicegui_stash import Stash, stored

stash = Stash()


@stash.page('/')
class Counter:
    count: int = stored(0)
    note: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.label().bind_text_from(self, 'count', lambda count: f'count is {count}')
        ui.button('add one', on_click=self.increment)
        ui.input('note').bind_value(self, 'note')
        ui.button('keep', on_click=self.keep)

    def increment(self) -> None:
        self.count += 1

    async def keep(self) -> None:
        await stash.flush(self)
        ui.label('all is durable')


ui.run(port=int(os.environ['PORT']), host='127.0.0.1', storage_secret='of this check', reload=False, show=False)
"""
CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
ARGUMENTS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
]


def check_files() -> None:
    """Raise `AssertionError` where the wheel lacks what the type checker or the browser needs."""
    installed = {str(path): Path(str(path.locate())) for path in files('nicegui-stash') or ()}
    assert 'nicegui_stash/py.typed' in installed, 'the wheel has no py.typed'
    scripts = [name for name in installed if name.startswith('nicegui_stash/ui/') and name.endswith('.js')]
    assert scripts, 'the wheel has no script for the browser'
    assert all(installed[name].stat().st_size for name in scripts), f'an empty script: {scripts}'
    assert not any(name.startswith(('tests/', 'demo_app/', 'docs/')) for name in installed), 'the wheel has more in it'
    print(f'wheel: {len(installed)} files, py.typed and {", ".join(scripts)} among them')


def free_port() -> int:
    """Return a port that nobody listens on, nor is given to a connection between the two lives of the server."""
    for step in range(2000):  # above those of the tests that run beside it, below those of outgoing connections
        port = 30_000 + (os.getpid() + step) % 2000
        with suppress(OSError), socket.socket() as probe:
            probe.bind(('127.0.0.1', port))
            return port
    raise RuntimeError('every port is taken')


@contextmanager
def server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run the app with its store in `folder` until it answers; it is killed at the end, with no time to say goodbye."""
    settings = {**os.environ, 'PORT': str(port), 'NICEGUI_STASH_URL': str(folder / 'store')}
    with (folder / 'server.log').open('ab') as log:
        process = subprocess.Popen([sys.executable, 'app.py'], cwd=folder, env=settings, stdout=log, stderr=log)
    try:
        wait_for(process, port)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 300  # nothing is compiled yet, and the tests run beside it
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f'the server ended with {process.returncode}')
        try:
            if httpx.get(f'http://127.0.0.1:{port}/').is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError('the server did not answer within 300 s')


def fill_in(page: Page) -> None:
    """Change both fields and wait until the server says that they are durable."""
    for number in (1, 2):
        page.get_by_role('button', name='add one').click()
        expect(page.get_by_text(f'count is {number}', exact=True)).to_be_visible()
    page.get_by_label('note').fill('half a sentence')
    page.get_by_role('button', name='keep').click()
    expect(page.get_by_text('all is durable')).to_be_visible()


def main() -> None:
    print(f'nicegui {version("nicegui")}, nicegui-stash {version("nicegui-stash")}, Python {sys.version.split()[0]}')
    check_files()
    assert CHROMIUM, 'there is no Chromium on this machine'
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder, port = Path(name), free_port()
        (folder / 'app.py').write_text(APP)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        expect.set_options(timeout=120_000)
        try:
            with server(folder, port):
                page.goto(f'http://127.0.0.1:{port}/')
                fill_in(page)
            with server(folder, port):
                expect(page.get_by_text('all is durable')).not_to_be_visible()  # it came back by itself
                expect(page.get_by_text('count is 2', exact=True)).to_be_visible()
                expect(page.get_by_label('note')).to_have_value('half a sentence')
                page.goto(f'http://127.0.0.1:{port}/')
                expect(page.get_by_text('count is 2', exact=True)).to_be_visible()
                expect(page.get_by_label('note')).to_have_value('')
        except BaseException:
            print((folder / 'server.log').read_text(errors='replace'), file=sys.stderr)
            raise
        finally:
            browser.close()
    print('recovered after SIGKILL: the count and the note in the open page, the count alone on a new visit')


if __name__ == '__main__':
    main()
