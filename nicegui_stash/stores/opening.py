"""From a URL to a store: which kind, and why not."""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..extras import install_line
from .base import Expiring, Store
from .file.files import FileStore
from .file.folder import Folder
from .folders import DATABASE
from .keys import is_key
from .memory import MemoryStore
from .objects.engines import FAMILIES, check_engine, open_objects
from .urls import scheme_of, without_credentials

log = logging.getLogger('nicegui_stash')

Options = Mapping[str, Any]
Factory = Callable[[str, Options], Store]

ENTRY_POINTS = 'nicegui_stash.stores'
"""The entry point group of third parties: name is the scheme, value a callable `(url, storage_options) -> Store`."""

_UNFIT = re.compile(r'[\x00-\x1f\ud800-\udfff]')
_KNOWN_FORMS = (
    'Use sqlite:///stash.db, a folder (/var/lib/app/stash), file:///absolute/folder, memory://, '
    's3://bucket/folder, redis://host:6379/0, a scheme that an installed package registers, '
    'or an fsspec URL with allow_lost_updates=True'
)
_SQLITE_FORMS = (
    'Write sqlite:///relative/stash.db or sqlite:////absolute/stash.db; on Windows sqlite:///C:/app/stash.db'
)
_PARAMETERS = re.compile(r'\?\w+=')
_DATABASE = re.compile(r'\.(db|sqlite3?)$', re.IGNORECASE)


def open_store(
    url: str | os.PathLike[str],
    storage_options: Options | None = None,
    *,
    engine: str | None = None,
    allow_lost_updates: bool = False,
    ttl: float | None = None,
) -> Store:
    """Choose the store that a URL names; nothing is read or written yet.

    `storage_options` go to the filesystem or to the third party's factory. `engine` is the library that speaks with
    object storage, `'fsspec'` or `'obstore'`; by default obstore where it is installed and understands the options. A
    filesystem without conditional puts is opened only with `allow_lost_updates=True`. A store that lets objects expire
    by itself is told `ttl`, in seconds after the last put; without it nothing expires. Raises `ConfigurationError`,
    which never shows credentials.
    """
    check_engine(engine)
    store = _choose(url, storage_options or {}, engine, allow_lost_updates=allow_lost_updates)
    if ttl is not None and isinstance(store, Expiring):
        store.expire_after(ttl)
    return store


def default_url(folder: Path) -> str:
    """Return the URL of the database in a folder, or the folder itself where an earlier version filled it."""
    database = folder / DATABASE
    if not database.exists() and next(Folder(str(folder)).walk(), None) is not None:
        log.warning(
            'the folder %s was filled by an earlier version and stays the store. Keep it without this line by '
            'Stash(%r), or move its objects by: python -m nicegui_stash copy %s %s',
            folder,
            str(folder),
            shlex.quote(str(folder)),
            shlex.quote(f'sqlite:///{database}'),
        )
        return str(folder)
    return f'sqlite:///{database}'


def absolute_url(url: str) -> str:
    """Return a URL that names the same place when the working directory is another: a folder's or a file's is absolute.

    The URL must be one that `open_store` takes.
    """
    scheme = scheme_of(url)
    if not scheme and '::' not in url:
        return str(Path(url).expanduser().absolute())
    if scheme == 'sqlite':
        return f'sqlite:///{Path(url.partition("://")[2].removeprefix("/")).expanduser().absolute()}'
    return url


def _choose(url: str | os.PathLike[str], options: Options, engine: str | None, *, allow_lost_updates: bool) -> Store:
    if _UNFIT.search(text := os.fspath(url)):
        shown = without_credentials(text)
        raise ConfigurationError('url', f'{shown!r} has a character that no address has', _KNOWN_FORMS)
    if not isinstance(url, str):
        return _open_folder(text, options)
    scheme = scheme_of(url)
    if '::' not in url:
        if not scheme:
            return _open_folder(url, options)
        if scheme in FAMILIES:
            return open_objects(url, options, engine, allow_lost_updates=allow_lost_updates)
        factory = _FACTORIES.get(scheme) or _registered(scheme)
        if factory is not None:
            return factory(url, options)
    return _open_generic(url, options, allow_lost_updates=allow_lost_updates)


def _open_folder(url: str, options: Options) -> Store:
    _no_options(options, 'a folder')
    if not url.strip():
        raise ConfigurationError('url', 'it is empty', _KNOWN_FORMS)
    if re.match(r'[A-Za-z][A-Za-z0-9+.-]+:', url):
        raise ConfigurationError('url', f'{_shown_start(url)} looks like a URL without "//"', _KNOWN_FORMS)
    if _DATABASE.search(url) and not Path(url).expanduser().is_dir():
        raise ConfigurationError('url', f'{url!r} is not a folder but looks like a database', _SQLITE_FORMS)
    return FileStore(url)


def _open_file_url(url: str, options: Options) -> Store:
    path = url.partition('://')[2].removeprefix('localhost')
    if not path.startswith('/'):
        raise ConfigurationError('url', f'{without_credentials(url)!r} names no absolute folder', _KNOWN_FORMS)
    return _open_folder(path, options)


def _open_memory(url: str, options: Options) -> Store:
    _no_options(options, 'memory://')
    name = url.partition('://')[2].strip('/')
    if name and not is_key(name):
        reason = f'{without_credentials(url)!r} has a name that no key could have'
        raise ConfigurationError('url', reason, 'Use memory://name, of letters, digits, "-", "_" and "."')
    return MemoryStore(name)


def _open_sqlite(url: str, options: Options) -> Store:
    _no_options(options, 'a database')
    shown, rest = without_credentials(url), url.partition('://')[2]
    path = rest.removeprefix('/')
    if path == rest or not path.strip() or path.endswith(('/', ':memory:')) or _PARAMETERS.search(path):
        raise ConfigurationError('url', f'{shown!r} names no file', _SQLITE_FORMS)
    try:
        from .sqlite.store import SQLiteStore  # noqa: PLC0415 some builds of Python are without SQLite
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'url', f'{shown!r} needs sqlite3, without which this Python was built', 'Use another Python, or a folder'
        ) from error
    return SQLiteStore(path)


def _open_redis(url: str, options: Options) -> Store:
    try:
        from .redis.store import RedisStore  # noqa: PLC0415 its package is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            'url', f'{without_credentials(url)!r} needs the package redis', install_line('redis', 'redis')
        ) from error
    return RedisStore(url, options)


_FACTORIES: dict[str, Factory] = {
    'file': _open_file_url,
    'local': _open_file_url,
    'memory': _open_memory,
    'redis': _open_redis,
    'rediss': _open_redis,
    'sqlite': _open_sqlite,
    'unix': _open_redis,
}


def register_store(scheme: str, factory: Factory) -> None:
    """Let a store of the app itself be opened by its scheme, as an entry point does for a store in a package.

    To be called before the `Stash`. `factory` is called with the URL and the `storage_options`.
    """
    _FACTORIES[scheme.lower()] = factory


def _registered(scheme: str) -> Factory | None:
    found = tuple(entry_points(group=ENTRY_POINTS, name=scheme))
    if not found:
        return None
    if len({entry.value for entry in found}) > 1:
        packages = ', '.join(sorted(entry.dist.name for entry in found if entry.dist))
        raise ConfigurationError(
            'url', f'{scheme}:// is registered by several packages ({packages})', 'Uninstall all but one'
        )
    try:
        return found[0].load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            'url', f'the store registered for {scheme}:// cannot be loaded: {error}', f'Mend or remove {found[0].value}'
        ) from error


def _open_generic(url: str, options: Options, *, allow_lost_updates: bool) -> Store:
    from .generic import FsspecStore  # noqa: PLC0415 as above

    shown = without_credentials(url)
    try:
        store = FsspecStore(url, options)
    except ValueError as error:
        raise ConfigurationError('url', f'{shown!r} has an unknown protocol', _KNOWN_FORMS) from error
    except ImportError as error:
        raise ConfigurationError('url', f'{shown!r} needs a package that is missing', str(error)) from error
    if not allow_lost_updates:
        raise ConfigurationError(
            'allow_lost_updates',
            f'{shown!r} has no conditional put, so two servers writing one session lose changes',
            'Use another store, or set allow_lost_updates=True where only one process ever writes',
        )
    return store


def _no_options(options: Options, kind: str) -> None:
    if options:
        raise ConfigurationError('storage_options', f'{kind} takes none', 'Leave them out')


def _shown_start(url: str) -> str:
    return repr(url.partition(':')[0] + ':…')
