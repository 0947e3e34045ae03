"""`migrate`: what recovering all stored sessions at the current version of a class would do."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from ..model.schema import Schema
from ..model.sealing import Sealing
from ..settings import Settings
from ..stores.base import Store
from .common import add_place, opened_existing, place_of, settings_of
from .exit_codes import FINE, FOUND, WRONG
from .loading import load_schema
from .report import Progress, table
from .survey import Tally, survey

_REFUSAL = """\
There is nothing to run: a session is migrated when a page recovers it, and servers with the old version go on with what
they have. Add --dry-run to see what recovering all stored sessions would do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        'See what recovering all stored sessions at the current version of a class would do. '
        'Nothing is written. Exit code: 0, or 1 if something would be discarded or cannot be read, '
        '2 for a wrong call, 3 if the store does not answer.'
    )
    parser.epilog = (
        'Other options, as ttl and max_document_bytes, come from NICEGUI_STASH_... variables, as in the app.'
    )
    add_place(parser)
    parser.add_argument(
        'target',
        metavar='module:Class',
        help='the stored class, in a module that can be imported from here; '
        'ui.run() does nothing while it is imported, so a main.py that calls it is fine',
    )
    parser.add_argument('--dry-run', action='store_true', help='only look')


def run(asked: argparse.Namespace) -> int:
    """Survey the store and print the table; return the exit code."""
    if not asked.dry_run:
        sys.stderr.write(_REFUSAL.rstrip() + '\n')
        return WRONG
    settings = settings_of(asked)
    store = opened_existing(settings)
    schema = load_schema(asked.target)
    return asyncio.run(_dry_run(store, schema, settings))


async def _dry_run(store: Store, schema: Schema, settings: Settings) -> int:
    policy = settings.policy(store.flush_interval)
    tally, now, sealing = Tally(), int(time.time() * 1000), Sealing(settings.secrets)
    with Progress(sys.stderr) as progress:
        try:
            await survey(store, schema, settings.prefix, policy, now, tally, progress, sealing)
        finally:
            await store.aclose()
    sys.stdout.write(table(schema, place_of(settings), tally))
    return FOUND if tally.has_losses else FINE
