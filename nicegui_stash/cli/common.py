"""What the commands have in common: arguments, and opening the store."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from ..errors import ConfigurationError
from ..settings import Settings, read_seconds, resolve
from ..stores.base import Store
from ..stores.folders import DATABASE
from ..stores.opening import open_store
from ..stores.urls import scheme_of, without_credentials


def add_place(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which store."""
    parser.add_argument(
        'url',
        metavar='URL',
        help='where the sessions are: sqlite:///..., a folder, s3://..., redis://..., another fsspec URL',
    )
    parser.add_argument('--prefix', help='the folder within the store, as in Stash(prefix=...)')
    parser.add_argument(
        '--storage-options', metavar='JSON', type=json_object, help='an object, as in Stash(storage_options=...)'
    )
    parser.add_argument(
        '--allow-lost-updates', action='store_true', help='for a store without conditional puts, as in Stash(...)'
    )


def duration(text: str) -> timedelta:
    """Read a time as `30d`: seconds, or a number with s, min, h or d."""
    try:
        return timedelta(seconds=read_seconds(text))
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def settings_of(asked: argparse.Namespace, *, ttl: timedelta | None = None, encrypt: bool | None = None) -> Settings:
    """Resolve the options of a call. The others come from the environment, as in the app."""
    return resolve(
        asked.url,
        storage_options=asked.storage_options,
        prefix=asked.prefix,
        ttl=ttl,
        allow_lost_updates=asked.allow_lost_updates or None,
        encrypt=encrypt,
        identity=_no_identity,
    )


def _no_identity(_: object) -> None:
    """Stand for the app's `identity`: a command does not need it, and may be unable to import it."""


def opened_existing(settings: Settings, *, beside: Path | None = None) -> Store:
    """Open the store. Raises `ConfigurationError`, also for a file or folder that is not there, as if misspelt.

    `beside`: a database that may lie in the folder.
    """
    store = opened(settings, beside=beside)
    folder, database = folder_of(settings), database_of(settings)
    if folder is not None and not folder.is_dir():
        raise ConfigurationError('URL', f'there is no folder {str(folder)!r}', 'Name the folder that the app uses')
    if database is not None and not database.is_file():
        raise ConfigurationError('URL', f'there is no database {str(database)!r}', 'Name the file that the app uses')
    return store


def opened(settings: Settings, *, beside: Path | None = None) -> Store:
    """Open the store of an app. Raises `ConfigurationError`, also for the folder around the app's database."""
    folder = folder_of(settings)
    if folder is not None and (database := folder / DATABASE).is_file() and not _is_same(database, beside):
        reason = f'the folder {str(folder)!r} has the database of the app in it'
        raise ConfigurationError('URL', reason, f'Write sqlite:///{database}')
    return open_store(
        settings.url,
        settings.storage_options,
        engine=settings.engine,
        allow_lost_updates=settings.allow_lost_updates,
        ttl=settings.ttl,
    )


def _is_same(one: Path, other: Path | None) -> bool:
    return other is not None and one.absolute() == other.absolute()


def database_of(settings: Settings) -> Path | None:
    """Return the SQLite file that the URL names, `None` if it names something else."""
    if scheme_of(settings.url) == 'sqlite':
        return Path(settings.url.partition('://')[2].removeprefix('/')).expanduser()
    return None


def folder_of(settings: Settings) -> Path | None:
    """Return the folder that the URL names, `None` if it names something else."""
    if scheme_of(settings.url) in {'', 'file', 'local'}:
        return Path(settings.url.rpartition('://')[2].removeprefix('localhost')).expanduser()
    return None


def place_of(settings: Settings) -> str:
    """Return the URL and the prefix, without credentials."""
    return without_credentials(settings.url) + (f' (prefix {settings.prefix})' if settings.prefix else '')


def json_object(text: str) -> Mapping[str, Any]:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'it is not JSON: {error}') from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError('it must be a JSON object, such as {"anon": true}')
    return cast(dict[str, Any], options)
