"""`copy`: take all sessions from one store to another, while the app runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError
from ..maintenance.copying import Copy, Fate, Tally
from ..settings import Settings
from ..stores.base import Store
from .common import database_of, duration, folder_of, json_object, opened, opened_existing, place_of, settings_of
from .exit_codes import FINE, FOUND
from .report import Progress

_TELLING: Final[dict[Fate, str]] = {
    'copied': '{} copied to TO',
    'replaced': 'older at TO: {} replaced',
    'same': 'there already, with the same bytes',
    'newer': 'WRITTEN AT TO, or begun there: left alone; --overwrite replaces them',
    'swept': 'being removed at FROM: left out',
    'failed': 'COULD NOT BE COPIED: {}',
}
_WITH_EXAMPLES: Final = frozenset({'newer', 'failed'})
_UNFINISHED: Final = '.copying'
"""What the name of a database ends in until all is in it: an app must not start on a half of it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        'Copy all sessions, tombstones and quarantined copies from one store to another. The app may run on FROM; call '
        'the command again for what has changed since, also after it was interrupted. Each object is compared with its '
        'source. A new database is called ....copying until all is in it. '
        'Exit code: 0 if TO has all of FROM, 1 if something was left out, 2 for a wrong call, 3 if a store does not '
        'answer, 130 if it was interrupted.'
    )
    parser.add_argument('source', metavar='FROM', help='where the sessions are: sqlite:///..., a folder, s3://..., ...')
    parser.add_argument('target', metavar='TO', help='where they shall be')
    parser.add_argument('--prefix', help='only the folder within the stores, as in Stash(prefix=...)')
    for place in ('from', 'to'):
        option = f'--{place}-options'
        parser.add_argument(option, metavar='JSON', type=json_object, help=f'storage_options of {place.upper()}')
    parser.add_argument('--allow-lost-updates', action='store_true', help='for a store without conditional puts')
    parser.add_argument('--ttl', metavar='TIME', type=duration, help='as in Stash(ttl=...), for a store that expires')
    parser.add_argument('--overwrite', action='store_true', help='also replace what is newer at TO')
    parser.add_argument('--dry-run', action='store_true', help='only count what would be copied')


def run(asked: argparse.Namespace) -> int:
    """Copy, and print the table, also when interrupted; return the exit code."""
    source = _settings(asked, asked.source, asked.from_options)
    target = _settings(asked, asked.target, asked.to_options)
    _refuse_same(source, target)
    database = database_of(target)
    is_new = database is not None and not database.exists()
    unfinished = Path(f'{database}{_UNFINISHED}')
    stores = opened_existing(source, beside=database), opened(_named(target, unfinished) if is_new else target)
    tally = Tally()
    try:
        asyncio.run(_copy(stores, asked, source.prefix, tally))
    finally:
        if tally.objects:
            sys.stdout.write(table(place_of(source), place_of(target), tally, dry_run=asked.dry_run))
    if not tally.objects:
        sys.stdout.write(f'no sessions in {place_of(source)}\n')
    if tally.fates['failed']:
        return FOUND
    if database is not None and is_new and unfinished.exists():
        unfinished.replace(database)  # closed, so nothing is in a log beside it
    return FOUND if tally.fates['newer'] else FINE


def _settings(asked: argparse.Namespace, url: str, options: object) -> Settings:
    given = {'url': url, 'storage_options': options, 'prefix': asked.prefix}
    return settings_of(argparse.Namespace(**given, allow_lost_updates=asked.allow_lost_updates), ttl=asked.ttl)


def _named(settings: Settings, database: Path) -> Settings:
    url = f'sqlite:///{database}'
    return settings_of(
        argparse.Namespace(url=url, storage_options=None, prefix=settings.prefix, allow_lost_updates=False)
    )


def _refuse_same(source: Settings, target: Settings) -> None:
    places = [
        str(place.absolute()) if place else settings.url.rstrip('/')
        for settings in (source, target)
        for place in [folder_of(settings) or database_of(settings)]
    ]
    if places[0] == places[1]:
        raise ConfigurationError('TO', 'it is the same place as FROM', 'Name the store that the app shall use')


async def _copy(stores: tuple[Store, Store], asked: argparse.Namespace, prefix: str, tally: Tally) -> None:
    source, target = stores
    copying = Copy(source, target, int(time.time() * 1000), prefix, asked.overwrite, asked.dry_run)
    with Progress(sys.stderr) as progress:
        try:
            await copying.run(tally, progress)
        finally:
            await source.aclose()
            await target.aclose()


def table(source: str, target: str, tally: Tally, *, dry_run: bool) -> str:
    """Return the report as text: a line for each outcome with its count, and keys of objects that need a look."""
    seen = sum(tally.fates.values())
    head = f'{source} to {target}: {seen} of {tally.objects} objects looked at'
    lines = [head + (', nothing was written' if dry_run else ''), '', f'{"objects":>10}  outcome']
    lines.append(f'{"-" * 10}  {"-" * 60}')
    done = 'would be' if dry_run else 'now'
    for fate, telling in _TELLING.items():
        if count := tally.fates[fate]:
            lines.append(f'{count:>10}  {telling.format(tally.error if fate == "failed" else done)}')
            if fate in _WITH_EXAMPLES:
                lines += [f'{"":>10}    {key}' for key in tally.examples[fate]]
    lines += ['', f'compared byte by byte: {tally.verified} objects; written: {tally.bytes_copied} bytes', '']
    return '\n'.join(lines)
