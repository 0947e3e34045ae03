"""The commands of `python -m nicegui_stash`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..errors import ConfigurationError, StoreError
from ..schema import Schema
from ..settings import Settings, resolve
from ..stores.base import Store
from ..stores.opening import open_store
from ..stores.urls import scheme_of, without_credentials
from .loading import load_schema
from .report import Progress, table
from .survey import Tally, survey

FINE, FOUND, WRONG, AWAY = 0, 1, 2, 3
"""Exit codes: nothing is lost; something would be discarded or cannot be read; a wrong call; no answer of the store."""

_REFUSAL = """\
There is nothing to run: a session is migrated when a page recovers it, and servers with the old version go on with what
they have. Add --dry-run to see what recovering all stored sessions would do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    asked = _parser().parse_args(arguments)
    if not asked.dry_run:
        return _complain(_REFUSAL, WRONG)
    try:
        settings = _settings(asked)
        store = _open(settings)
        schema = load_schema(asked.target)
        return asyncio.run(_dry_run(store, schema, settings))
    except ConfigurationError as error:
        return _complain(str(error), WRONG)
    except StoreError as error:
        return _complain(f'the store does not answer: {error}', AWAY)
    except KeyboardInterrupt:
        return _complain('interrupted', 130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m nicegui_stash', description='Durable state for the pages of a NiceGUI app.'
    )
    commands = parser.add_subparsers(metavar='command', required=True)
    migrate = commands.add_parser(
        'migrate',
        help='see what recovering all stored sessions at the current version of a class would do',
        description='See what recovering all stored sessions at the current version of a class would do. '
        'Nothing is written. Exit code: 0, or 1 if something would be discarded or cannot be read, '
        '2 for a wrong call, 3 if the store does not answer.',
        epilog='Other options, as ttl and max_document_bytes, come from NICEGUI_STASH_... variables, as in the app.',
    )
    migrate.add_argument('url', metavar='URL', help='where the sessions are: a folder, file://..., another fsspec URL')
    migrate.add_argument(
        'target',
        metavar='module:Class',
        help='the stored class, in a module that can be imported from here; '
        'ui.run() does nothing while it is imported, so a main.py that calls it is fine',
    )
    migrate.add_argument('--dry-run', action='store_true', help='only look')
    migrate.add_argument('--prefix', help='the folder within the store, as in Stash(prefix=...)')
    migrate.add_argument(
        '--storage-options', metavar='JSON', type=_json_object, help='an object, as in Stash(storage_options=...)'
    )
    migrate.add_argument(
        '--allow-lost-updates', action='store_true', help='for a store without conditional puts, as in Stash(...)'
    )
    return parser


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        options = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'it is no JSON: {error}') from error
    if not isinstance(options, dict):
        raise argparse.ArgumentTypeError('it has to be a JSON object, as {"anon": true}')
    return cast(dict[str, Any], options)


def _settings(asked: argparse.Namespace) -> Settings:
    return resolve(
        url=asked.url,
        storage_options=asked.storage_options,
        prefix=asked.prefix,
        secrets=None,
        ttl=None,
        tab_ttl=None,
        recover_timeout=None,
        revalidate_timeout=None,
        drain_timeout=None,
        flush_interval=None,
        max_value_bytes=None,
        max_document_bytes=None,
        allow_lost_updates=asked.allow_lost_updates or None,
    )


def _open(settings: Settings) -> Store:
    """Open the store. Raises `ConfigurationError`, also for a folder that is not there, as where it is misspelt."""
    store = open_store(settings.url, settings.storage_options, allow_lost_updates=settings.allow_lost_updates)
    if scheme_of(settings.url) in {'', 'file', 'local'}:
        folder = Path(settings.url.rpartition('://')[2].removeprefix('localhost')).expanduser()
        if not folder.is_dir():
            raise ConfigurationError('URL', f'there is no folder {str(folder)!r}', 'Name the folder that the app uses')
    return store


async def _dry_run(store: Store, schema: Schema, settings: Settings) -> int:
    policy = settings.policy(store.flush_interval)
    tally = Tally()
    with Progress(sys.stderr) as progress:
        try:
            await survey(store, schema, settings.prefix, policy, int(time.time() * 1000), tally, progress)
        finally:
            await store.aclose()
    where = without_credentials(settings.url) + (f' (prefix {settings.prefix})' if settings.prefix else '')
    sys.stdout.write(table(schema, where, tally))
    return FOUND if tally.has_losses else FINE


def _complain(message: str, code: int) -> int:
    sys.stderr.write(message.rstrip() + '\n')
    return code
