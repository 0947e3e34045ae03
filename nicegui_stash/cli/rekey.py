"""`rekey`: seal all sessions with the first secret, or put them in clear, while the app runs."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import Final

from ..errors import ConfigurationError
from ..maintenance.rekeying import Fate, Rekeying, Tally
from ..model.sealing import Sealing
from ..settings import PREFIX, Settings
from ..stores.base import Store
from .common import add_place, duration, opened_existing, place_of, settings_of
from .exit_codes import FINE, FOUND
from .report import Progress

_TELLING: Final[dict[Fate, str]] = {
    'sealed': '{} sealed with the first secret',
    'cleared': '{} in clear',
    'kept': 'as they shall be already',
    'swept': 'removed meanwhile, or being removed',
    'closed': 'CANNOT BE OPENED, left alone',
    'foreign': 'of a newer nicegui_stash: left alone',
    'malformed': 'no document: left alone',
    'failed': 'COULD NOT BE REPLACED: {}',
}
_WITH_EXAMPLES: Final[frozenset[Fate]] = frozenset({'closed', 'foreign', 'malformed', 'failed'})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        f'Seal all sessions with the first secret of {PREFIX}SECRETS, whether they are in clear or sealed with another '
        'of these secrets. The app may run; nothing that it writes is lost. Call it again after an interruption. '
        'Exit code: 0 if all are sealed, 1 if something was left, 2 for a wrong call, 3 if the store does not answer, '
        '130 if it was interrupted.'
    )
    add_place(parser)
    parser.add_argument('--unseal', action='store_true', help='put all in clear instead; first stop apps that encrypt')
    parser.add_argument('--dry-run', action='store_true', help='only count what would be replaced')
    parser.add_argument('--ttl', metavar='TIME', type=duration, help='as in Stash(ttl=...), for a store that expires')


def run(asked: argparse.Namespace) -> int:
    """Replace, and print the table, also when interrupted; return the exit code."""
    settings = settings_of(asked, ttl=asked.ttl, encrypt=not asked.unseal)
    if not settings.secrets:
        reason, remedy = 'no secret to seal with', f"Set {PREFIX}SECRETS to the app's secrets, the new one first"
        raise ConfigurationError('secrets', reason, remedy)
    store, tally = opened_existing(settings), Tally()
    try:
        asyncio.run(_rekey(store, settings, tally, dry_run=asked.dry_run))
    finally:
        if tally.objects:
            sys.stdout.write(table(place_of(settings), tally, dry_run=asked.dry_run))
    if not tally.objects:
        sys.stdout.write(f'no sessions in {place_of(settings)}\n')
    return FOUND if any(tally.fates[fate] for fate in _WITH_EXAMPLES) else FINE


async def _rekey(store: Store, settings: Settings, tally: Tally, *, dry_run: bool) -> None:
    sealing = Sealing(settings.secrets, encrypts=settings.encrypt)
    with Progress(sys.stderr) as progress:
        try:
            await Rekeying(store, settings.prefix, sealing, int(time.time() * 1000), dry_run).run(tally, progress)
        finally:
            await store.aclose()


def table(where: str, tally: Tally, *, dry_run: bool) -> str:
    """Return the report as text: a line for each outcome with its count, and keys of objects that need a look."""
    seen = sum(tally.fates.values())
    head = f'{where}: {seen} of {tally.objects} objects looked at' + (', nothing was written' if dry_run else '')
    lines = [head, '', f'{"objects":>10}  outcome', f'{"-" * 10}  {"-" * 60}']
    done = 'would be' if dry_run else 'now'
    for fate, telling in _TELLING.items():
        if count := tally.fates[fate]:
            error = tally.failure.error if tally.failure else None
            lines.append(f'{count:>10}  {telling.format(error if fate == "failed" else done)}')
            if fate in _WITH_EXAMPLES:
                lines += [f'{"":>10}    {key}' for key in tally.examples[fate]]
            if fate == 'closed':
                lines += [f'{"":>10}  {times} of them: {why}' for why, times in tally.why.most_common()]
    if tally.copies:
        lines += ['', f'quarantined copies, left as they are: {tally.copies}']
    return '\n'.join([*lines, ''])
