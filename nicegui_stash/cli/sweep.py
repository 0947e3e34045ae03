"""`sweep`: remove sessions that nobody has seen for `ttl`, and what is left of erased ones."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from typing import Final

from ..maintenance.sizes import size_text
from ..maintenance.sweep import Fate, Sweep, Tally
from ..settings import PREFIX, Settings
from ..stores.base import Store
from .common import add_place, duration, opened_existing, place_of, settings_of
from .exit_codes import FINE, FOUND, WRONG
from .report import Progress

_NO_TTL = f"""\
ttl: the command must know the ttl of the app, or it would remove sessions too early. Pass --ttl as in Stash(ttl=...),
such as --ttl 30d (the default of an app that sets none), or set {PREFIX}TTL."""

_TELLING: Final[dict[Fate, str]] = {
    'expired': 'sessions not seen for ttl: {}',
    'erased': 'old tombstones of erased sessions: {}',
    'copy': 'old quarantined copies: {}',
    'trial': 'left behind by a probe, doctor or an empty room: {}',
    'contested': 'a visitor came back meanwhile, or another sweep runs: left alone',
    'foreign': 'of a newer nicegui_stash: left alone',
    'malformed': 'no document, quarantined when its visitor comes back: left alone',
    'failed': 'COULD NOT BE SWEPT: {}',
    'kept': 'kept',
}
_WITH_EXAMPLES: Final = frozenset({'foreign', 'malformed', 'failed'})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        'Remove sessions that nobody has seen for ttl and a tenth, tombstones and quarantined copies of '
        'that age. The app may run; who comes back meanwhile loses nothing. It may be interrupted at any time. '
        'Exit code: 0, or 1 if something could not be swept, 2 for a wrong call, 3 if the store does not answer, '
        '130 if it was interrupted.'
    )
    add_place(parser)
    parser.add_argument('--dry-run', action='store_true', help='only count what would be removed')
    parser.add_argument('--ttl', metavar='TIME', type=duration, help='as in Stash(ttl=...): 30d, 12h, seconds')


def run(asked: argparse.Namespace) -> int:
    """Sweep the store and print the table, also when interrupted; return the exit code."""
    if asked.ttl is None and f'{PREFIX}TTL' not in os.environ:
        sys.stderr.write(_NO_TTL + '\n')
        return WRONG
    settings = settings_of(asked, ttl=asked.ttl)
    store = opened_existing(settings)
    tally = Tally()
    try:
        asyncio.run(_sweep(store, settings, tally, dry_run=asked.dry_run))
    finally:
        if tally.objects:
            sys.stdout.write(table(place_of(settings), tally, dry_run=asked.dry_run))
    if not tally.objects:
        sys.stdout.write(f'no sessions in {place_of(settings)}\n')
    return FOUND if tally.fates['failed'] else FINE


async def _sweep(store: Store, settings: Settings, tally: Tally, *, dry_run: bool) -> None:
    with Progress(sys.stderr) as progress:
        try:
            await Sweep(store, settings.prefix, settings.ttl, time.time, dry_run).run(tally, progress)
        finally:
            await store.aclose()


def table(where: str, tally: Tally, *, dry_run: bool) -> str:
    """Return the report as text: a line for each outcome with its count, and keys of objects that need a look."""
    seen = sum(tally.fates.values())
    head = f'{where}: {seen} of {tally.objects} objects looked at' + (', nothing was written' if dry_run else '')
    lines = [head, '', f'{"objects":>10}  outcome', f'{"-" * 10}  {"-" * 60}']
    done = 'would be removed' if dry_run else 'removed'
    for fate, telling in _TELLING.items():
        if count := tally.fates[fate]:
            lines.append(f'{count:>10}  {telling.format(tally.error if fate == "failed" else done)}')
            if fate in _WITH_EXAMPLES:
                lines += [f'{"":>10}    {key}' for key in tally.examples[fate]]
    lines += ['', f'{done}: {tally.removed} objects, {size_text(tally.bytes_removed)}', '']
    return '\n'.join(lines)
