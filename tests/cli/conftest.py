"""An app in a module of its own, sessions that it stored in an older version, and the command that looks at them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from nicegui.testing.general import nicegui_reset_globals

from nicegui_stash.cli import main
from nicegui_stash.session.keys import object_key

SECRET = 'the secret of the tests'
APP = """
from typing import Any

from nicegui import ui
from nicegui_stash import Stash, stored

stash = Stash('state')


def to_dicts(values: dict[str, Any]) -> dict[str, Any]:
    if 'items' in values:
        values['items'] = [{'name': name} for name in values['items']]
    values['size'] = int(values.get('size', 0))
    return values


@stash.page('/', version=3, migrations={1: to_dicts, 2: dict})
class Cart:
    items: list[dict[str, str]] = stored([])
    size: int = stored(0, validate=lambda size: 100 // (99 - size) < 200)
    colour: str = stored('red', renamed_from='color')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None: ...


ui.run(storage_secret='of the app')
"""

Run = Callable[..., tuple[int, str, str]]
Write = Callable[[str], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder in which the command is run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def app(folder: Path) -> Iterator[Write]:
    """Write the module `shop`, which is forgotten after the test with everything that it declared."""

    def write(code: str) -> None:
        (folder / 'shop.py').write_text(dedent(code), encoding='utf-8')

    write(APP)
    known = set(sys.modules)
    with nicegui_reset_globals():
        yield write
    for name in set(sys.modules) - known:
        if name.startswith('shop'):
            del sys.modules[name]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `migrate`; return its exit code and what it wrote to stdout and stderr."""
    return _runner('migrate', capsys)


@pytest.fixture
def doctor(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for option in ('RECOVER_TIMEOUT', 'REVALIDATE_TIMEOUT'):  # it advises on what a busy machine does not keep
        monkeypatch.setenv(f'NICEGUI_STASH_{option}', '60')
    return _runner('doctor', capsys)


@pytest.fixture
def sweep(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return _runner('sweep', capsys)


def _runner(command: str, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main([command, *arguments])
        except SystemExit as error:  # from argparse
            code = int(str(error.code))
        written = capsys.readouterr()
        return code, written.out, written.err

    return call


@pytest.fixture
def dry_run(app: Write, folder: Path, run: Run) -> Run:
    """Run it on the class of the app and the folder of its state, with further options."""
    (folder / 'state').mkdir()
    return lambda *options: run('state', 'shop:Cart', '--dry-run', *options)


def document(slices: dict[str, Any], *, days: float = 0, **others: Any) -> bytes:
    """A stored document, last seen some days ago. Slices are given by name, version and key."""
    seen = int((time.time() - days * 86400) * 1000)
    return json.dumps({'format': 1, 'epoch': 0, 'seen': seen, 'applied': {}, 'slices': slices, **others}).encode()


def slice_of(visits: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """A slice with these session fields, and with drafts by visit."""
    parts = {visit: {'seen': 1, 'data': values} for visit, values in (visits or {}).items()}
    return {'reset': 0, 'seen': 1, 'data': data, 'tabs': {}, 'visits': parts}


def cart(version: int, **data: Any) -> bytes:
    """A document with one slice of the app's class."""
    return document({'Cart': {str(version): {'': slice_of(**data)}}})


def key_of(person: str) -> str:
    return object_key(SECRET, person)


def keep(folder: Path, person: str, body: bytes, *, prefix: str = '') -> str:
    """Store a person's document in the folder of the app; return its key."""
    key = f'{prefix}{key_of(person)}'
    path = folder / 'state' / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return key


def rows(table: str) -> dict[str, int]:
    """Read a table: how often it counts what."""
    lines = [line.split(maxsplit=1) for line in table.splitlines()]
    return {line[1]: int(line[0]) for line in lines if len(line) == 2 and line[0].isdigit()}
