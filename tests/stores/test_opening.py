from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
from fsspec.registry import known_implementations

from nicegui_stash.errors import ConfigurationError
from nicegui_stash.stores import FileStore, FsspecStore, MemoryStore, open_store, opening, register_store
from nicegui_stash.stores.opening import default_url

SECRET = 'hunter2'


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install packages that register stores: `third_party(package, scheme, value)`."""

    def install(package: str, scheme: str, value: str) -> None:
        folder = tmp_path / package
        information = folder / f'{package}-1.0.dist-info'
        information.mkdir(parents=True)
        (information / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n')
        (information / 'entry_points.txt').write_text(f'[nicegui_stash.stores]\n{scheme} = {value}\n')
        (folder / f'{package}.py').write_text(
            'from nicegui_stash.stores import MemoryStore\n'
            'opened = []\n'
            'def make(url, storage_options):\n'
            '    opened.append((url, dict(storage_options)))\n'
            '    return MemoryStore("third-party")\n'
        )
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()

    return install


@pytest.mark.parametrize('form', ['{}', 'file://{}', 'file://localhost{}', 'local://{}', 'FILE://{}'])
async def test_a_path_and_a_file_url_are_a_folder(tmp_path: Path, form: str) -> None:
    store = open_store(form.format(tmp_path / 'a b' / 'stash'))
    assert isinstance(store, FileStore)
    await store.put('x', b'body', mode='create')
    assert (tmp_path / 'a b/stash/x').read_bytes() == b'body'
    await store.aclose()


async def test_a_path_object_is_a_folder_whatever_it_looks_like(tmp_path: Path) -> None:
    store = open_store(tmp_path / 'a::b')
    await store.put('x', b'body', mode='create')
    assert (tmp_path / 'a::b/x').read_bytes() == b'body'
    await store.aclose()


async def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(tmp_path))
    store = open_store('~/stash')
    await store.put('x', b'body', mode='create')
    assert (tmp_path / 'stash/x').read_bytes() == b'body'
    await store.aclose()


@pytest.mark.parametrize(
    ('url', 'path'),
    [
        ('sqlite:///state/stash.db', 'here/state/stash.db'),
        ('sqlite:///{}/a b/100%25?.db', 'a b/100%25?.db'),
        ('SQLite:///~/stash.db', 'home/stash.db'),
    ],
)
async def test_a_sqlite_url_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, path: str) -> None:
    (tmp_path / 'here').mkdir()
    monkeypatch.chdir(tmp_path / 'here')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    store = open_store(url.format(tmp_path))
    await store.put('x', b'body', mode='create')
    assert (tmp_path / path).is_file()
    await store.aclose()


@pytest.mark.parametrize(
    'url', ['sqlite://', 'sqlite:///', 'sqlite://stash.db', 'sqlite:///:memory:', 'sqlite:///a.db?timeout=5']
)
def test_a_sqlite_url_without_a_file_is_refused_with_the_lines_to_write(url: str) -> None:
    with pytest.raises(ConfigurationError, match='names no file') as caught:
        open_store(url)
    assert 'sqlite:////absolute/stash.db' in caught.value.remedy
    assert 'sqlite:///C:/app/stash.db' in caught.value.remedy


def test_a_path_of_a_database_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match='looks like a database') as caught:
        open_store(str(tmp_path / 'stash.db'))
    assert 'sqlite:///' in caught.value.remedy
    (tmp_path / 'stash.db').mkdir()
    assert isinstance(open_store(str(tmp_path / 'stash.db')), FileStore)


def refused_without(module: str, url: str) -> str:
    """Return the traceback of a process that opens this URL while one module cannot be imported.

    A process of its own, since a package that is imported a second time is another one, also for the tests that follow.
    """
    program = (
        'import sys\n'
        'from nicegui_stash.stores import open_store\n'
        'sys.modules[sys.argv[1]] = None\n'
        'open_store(sys.argv[2])'
    )
    command = [sys.executable, '-c', program, module, url]  # a traceback of Python 3.13 shows the program
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'ConfigurationError: ' in done.stderr
    return done.stderr


def test_a_python_without_sqlite_says_so() -> None:
    assert 'needs sqlite3' in refused_without('_sqlite3', 'sqlite:///stash.db')


async def test_the_default_is_a_database_but_a_folder_that_has_objects_stays_the_store(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / 'app stash'
    assert default_url(folder) == f'sqlite:///{folder}/stash.db'
    earlier = FileStore(folder)
    earlier.check()  # as the start of an app does, which may then have had no visitor
    assert default_url(folder) == f'sqlite:///{folder}/stash.db'
    assert 'nicegui_stash' not in caplog.text
    await earlier.put('ab/x.json', b'of a visitor', mode='create')
    assert default_url(folder) == str(folder)
    move = f"python -m nicegui_stash copy '{folder}' 'sqlite:///{folder}/stash.db'"
    assert f'move its objects by: {move}' in caplog.text
    database = open_store(f'sqlite:///{folder}/stash.db')
    await database.put('ab/x.json', b'of a visitor', mode='create')
    assert default_url(folder) == f'sqlite:///{folder}/stash.db'
    assert [row.key async for row in earlier.list()] == ['ab/x.json'], 'the files of the database are no objects'
    await database.aclose()
    await earlier.aclose()


def test_opening_touches_nothing(tmp_path: Path) -> None:
    open_store(str(tmp_path / 'stash'))
    open_store(f'sqlite:///{tmp_path}/stash.db')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('url', 'name'), [('memory://', ''), ('memory://a', 'a'), ('memory:///a', 'a'), ('memory://a/b/', 'a/b')]
)
async def test_a_memory_url_names_a_store_of_this_process(url: str, name: str) -> None:
    store = open_store(url)
    assert isinstance(store, MemoryStore)
    assert repr(store) == f'MemoryStore({name!r})'


async def test_a_third_party_registers_a_scheme(third_party: Any) -> None:
    third_party('stash_of_others', 'others', 'stash_of_others:make')
    store = open_store('others://host/x', {'token': SECRET})
    assert repr(store) == "MemoryStore('third-party')"
    assert sys.modules['stash_of_others'].opened == [('others://host/x', {'token': SECRET})]


def test_an_app_registers_a_store_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, '_FACTORIES', dict(opening._FACTORIES))
    opened: list[tuple[str, Any]] = []

    def make(url: str, options: Any) -> MemoryStore:
        opened.append((url, dict(options)))
        return MemoryStore('own')

    register_store('Own', make)
    assert repr(open_store('own://host/x', {'token': SECRET})) == "MemoryStore('own')"
    assert opened == [('own://host/x', {'token': SECRET})]


def test_a_third_partys_store_that_cannot_be_loaded_is_named(third_party: Any) -> None:
    third_party('stash_broken', 'broken', 'stash_broken:nothing')
    with pytest.raises(ConfigurationError, match=r'broken://.*nothing') as caught:
        open_store('broken://x')
    assert 'stash_broken:nothing' in caught.value.remedy


def test_a_scheme_registered_by_two_packages_is_refused(third_party: Any) -> None:
    third_party('stash_one', 'twice', 'stash_one:make')
    third_party('stash_two', 'twice', 'stash_two:make')
    with pytest.raises(ConfigurationError, match=r'several packages \(stash_one, stash_two\)'):
        open_store('twice://x')


def test_a_third_party_cannot_take_over_a_folder(third_party: Any, tmp_path: Path) -> None:
    third_party('stash_taker', 'file', 'stash_taker:make')
    assert isinstance(open_store(f'file://{tmp_path}'), FileStore)


@pytest.mark.parametrize('url', ['ftp://host/x', 'dir::file:///tmp/x', 'dir::memory://x'])
def test_a_store_without_conditional_puts_has_to_be_asked_for(url: str) -> None:
    with pytest.raises(ConfigurationError, match='no conditional put') as caught:
        open_store(url)
    assert caught.value.setting == 'allow_lost_updates'
    assert isinstance(open_store(url, allow_lost_updates=True), FsspecStore)


@pytest.mark.parametrize('url', ['nosuch://x', 'dir::nosuch://x', 'nosuch::file:///x', 'http+nosuch://x'])
def test_an_unknown_protocol_is_refused_with_the_known_forms(url: str) -> None:
    with pytest.raises(ConfigurationError, match='unknown protocol') as caught:
        open_store(url, allow_lost_updates=True)
    assert repr(url) in str(caught.value)
    assert 'memory://' in caught.value.remedy
    assert 'file:///' in caught.value.remedy


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        known_implementations,
        'wanting',
        {'class': 'no_such_package.FileSystem', 'err': 'Install no-such-package to access wanting'},
    )
    with pytest.raises(ConfigurationError, match='Install no-such-package') as caught:
        open_store('wanting://bucket', allow_lost_updates=True)
    assert 'wanting://bucket' in str(caught.value)


@pytest.mark.parametrize('url', [f'redis://:{SECRET}@host:6379/0', f'rediss://u:{SECRET}@host', 'unix:///run/r'])
def test_redis_without_its_package_says_what_to_install(url: str) -> None:
    told = refused_without('redis', url)
    assert "pip install 'redis>=" in told
    assert SECRET not in told


@pytest.mark.parametrize(
    'url', ['', '  ', 's3:bucket/x', 'file:/x', 'file://host/x', 'file://relative', 'memory://../x']
)
def test_a_url_that_says_too_little_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url, allow_lost_updates=True)
    assert caught.value.setting == 'url'
    assert 'memory://' in caught.value.remedy


@pytest.mark.parametrize('url', ['/tmp/x', 'file:///tmp/x', 'sqlite:///tmp/x', 'memory://x'])
def test_options_that_would_be_ignored_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match='storage_options'):
        open_store(url, {'token': SECRET})


@pytest.mark.parametrize(
    'url',
    [
        f'nosuch://user:{SECRET}@host/x',
        f'nosuch://user:{SECRET}/@host/x',
        f'nosuch://user:a@b{SECRET}@host/x',
        f'nosuch://host/x?token={SECRET}',
        f'nosuch://host/x#{SECRET}',
        f'ftp://user:{SECRET}@host/x',
        f'dir::ftp://user:{SECRET}@host/x',
        f'redis:{SECRET}@host',
        f'redis://user:{SECRET}@host/database',
        f'redis://user:{SECRET}@host:port',
        f'file://user:{SECRET}@host/x',
        f'memory://user:{SECRET}@host/x',
    ],
)
def test_no_error_and_no_log_shows_a_credential(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    assert SECRET not in ''.join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text
