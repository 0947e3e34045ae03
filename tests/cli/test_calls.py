"""How the command is called, what it says to a wrong call, and that it starts no server."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from nicegui_stash.cli import main, report
from nicegui_stash.cli.report import Progress

from .conftest import APP, Run, Write, cart, keep

ROOT = Path(__file__).parents[2]


def test_without_dry_run_it_says_where_migration_happens_and_does_nothing(app: Write, run: Run, folder: Path) -> None:
    before = keep(folder, 'one', cart(1))
    body = (folder / 'state' / before).read_bytes()
    code, table, said = run('state', 'shop:Cart')
    assert (code, table) == (2, '')
    assert said.startswith('There is nothing to run: a session is migrated when a page recovers it')
    assert (folder / 'state' / before).read_bytes() == body


@pytest.mark.parametrize(
    ('target', 'says'),
    [
        ('shop', "'shop' is not of this form"),
        (':Cart', "':Cart' is not of this form"),
        ('shop:', "'shop:' is not of this form"),
        ('shopp:Cart', "there is no module 'shopp' in "),
        ('shop.pages:Cart', "there is no module 'shop.pages' in "),
        ('shop:Card', 'shop has no Card'),
        ('shop:Cart.Inner', 'shop has no Cart.Inner'),
        ('shop:stash', 'stash in shop is not stored'),
        ('shop:Any', 'Any in shop is not stored'),
        ('shop:Sub', 'Sub in shop is not stored'),
    ],
)
def test_what_is_no_stored_class_is_said(app: Write, dry_run: Run, run: Run, target: str, says: str) -> None:
    app(APP.replace('ui.run(', 'class Sub(Cart): ...\n\n\nui.run('))
    code, table, said = run('state', target, '--dry-run')
    assert (code, table) == (2, '')
    assert said.startswith(f'module:Class: {says}')


def test_a_class_within_a_class_is_found(app: Write, dry_run: Run, run: Run) -> None:
    app("""
        from nicegui_stash import Stash, stored

        class Pages:
            @Stash('state').state
            class Settings:
                dark: bool = stored(False)
        """)
    code, table, _ = run('state', 'shop:Pages.Settings', '--dry-run')
    assert (code, table) == (0, 'Pages.Settings (stored as Settings), version 1, 0 sessions in state\n')


@pytest.mark.parametrize(
    ('code', 'says'),
    [
        ('import no_such_package', "shop.py:1: ModuleNotFoundError: No module named 'no_such_package'"),
        ('\n1 / 0', 'shop.py:2: ZeroDivisionError: division by zero'),
        ('raise SystemExit("not today")', 'shop.py:1: SystemExit: not today'),
        ('def', 'SyntaxError'),
    ],
)
def test_a_module_that_cannot_be_imported_is_told_with_its_place(
    app: Write, dry_run: Run, code: str, says: str
) -> None:
    app(code)
    exit_code, table, said = dry_run()
    assert (exit_code, table) == (2, '')
    assert said.startswith('module:Class: importing shop failed at ')
    assert says in said


def test_a_module_sees_none_of_our_options_and_prints_nothing_into_the_table(app: Write, dry_run: Run) -> None:
    app('import sys\nprint(sys.argv[1:])\n' + APP)
    before = sys.argv
    code, table, said = dry_run()
    assert (code, table, said) == (0, 'Cart, version 3, 0 sessions in state\n', '[]\n')
    assert sys.argv is before


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        ([], 'the following arguments are required: command'),
        (['migrate', 'state'], 'the following arguments are required: module:Class'),
        (['mend'], "invalid choice: 'mend'"),
        (['migrate', 'state', 'shop:Cart', '--storage-options', '{'], 'argument --storage-options: it is not JSON'),
        (['migrate', 'state', 'shop:Cart', '--storage-options', '[]'], 'it must be a JSON object'),
    ],
)
def test_a_wrong_call_is_explained(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ('url', 'says'),
    [
        ('nowhere', "URL: there is no folder 'nowhere'"),
        ('file:///no/where', "URL: there is no folder '/no/where'"),
        ('nosuch://x', "url: 'nosuch://x' has an unknown protocol"),
        ('redis://:private@host/name', 'names no database'),
    ],
)
def test_a_wrong_url_is_said_before_anything_is_imported(app: Write, run: Run, url: str, says: str) -> None:
    app('raise AssertionError')
    code, table, said = run(url, 'shop:Cart', '--dry-run')
    assert (code, table) == (2, '')
    assert says in said
    assert 'private' not in said


# ---- as a process


def processed(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('PYTEST', 'NICEGUI'))}
    return subprocess.run(
        [sys.executable, '-m', 'nicegui_stash', *arguments],
        cwd=folder,
        env={**inherited, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize('guard', ['', "if __name__ in {'__main__', '__mp_main__'}:\n    "])
def test_the_main_file_of_an_app_is_looked_at_without_starting_its_server(tmp_path: Path, guard: str) -> None:
    (tmp_path / 'main.py').write_text(APP.replace('ui.run(', f'{guard}ui.run('))
    keep(tmp_path, 'one', cart(1, items=['socks']))
    done = processed(tmp_path, 'migrate', 'state', 'main:Cart', '--dry-run')
    assert (done.returncode, done.stderr) == (0, '')
    assert '1  would migrate from version 1' in done.stdout


def test_help_says_what_the_exit_codes_mean(tmp_path: Path) -> None:
    done = processed(tmp_path, 'migrate', '--help')
    assert done.returncode == 0
    assert 'Exit code: 0, or 1 if something would be' in done.stdout


# ---- progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_and_is_left_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(report, 'time', SimpleNamespace(monotonic=lambda: 1.0))
    with Progress(stream) as progress:
        progress.show(1, 4)
        progress.show(2, 4)  # too soon to be drawn
        progress.show(4, 4)
    assert stream.getvalue() == (f'\r[{"#" * 7}{"." * 23}] 1 of 4\r[{"#" * 30}] 4 of 4\r\x1b[K')


def test_what_is_no_terminal_shows_nothing() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.show(1, 1)
    assert stream.getvalue() == ''
