"""`doctor`: try a store as the app would use it, and say what to do."""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, runtime_checkable

from ..errors import StoreError, Unavailable
from ..maintenance.documents import listed, read_each
from ..maintenance.rekeying import State, look_at
from ..model.sealing import Sealing
from ..session.store_io import Away, Denied, Read
from ..settings import Settings
from ..stores.base import Checking, Guarantee, Store, StoredObject
from .checkup import Checkup, check_up
from .common import add_place, database_of, folder_of, opened, place_of, settings_of
from .exit_codes import AWAY, FINE, FOUND
from .report import Progress

_FIT: Final[dict[Guarantee, str]] = {
    'shared': 'fit for any number of servers.',
    'host': 'fit for the processes of this host. Servers on other hosts need a store with guarantee shared.',
    'process': 'fit for one process that may forget everything at a restart. To keep it, use sqlite:///stash.db.',
    'none': 'fit for one process that writes; two would lose changes of each other.',
}

_STORED: Final[dict[State, str]] = {
    'first': 'sealed with the first secret',
    'older': 'with an older one',
    'clear': 'in clear',
    'foreign': 'of a newer nicegui_stash',
    'malformed': 'no documents',
    'closed': 'CANNOT BE OPENED',
}


@runtime_checkable
class Advising(Protocol):
    """A store that can say how its server should be set up."""

    async def advice(self) -> list[str]: ...


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        'Try each operation on a store, race writers, measure how long it takes, and clean up. '
        'Sessions are not touched. Exit code: 0 if it is fit, 1 if not, 2 for a wrong call, 3 if it does not answer.'
    )
    parser.epilog = 'Other options, as recover_timeout, come from NICEGUI_STASH_... variables, as in the app.'
    add_place(parser)
    parser.add_argument(
        '--sealed',
        action='store_true',
        help='also read every session, and say whether all can be opened by NICEGUI_STASH_SECRETS; as in the app, '
        'NICEGUI_STASH_ENCRYPT=1 does the same',
    )


def run(asked: argparse.Namespace) -> int:
    """Try the store and print the table with a verdict; return the exit code."""
    settings = settings_of(asked)
    place = folder_of(settings) or database_of(settings)
    if place is None or '::' in settings.url or place.exists():
        return _report(settings, settings, [], opens=asked.sealed or settings.encrypt)
    what = 'folder' if folder_of(settings) else 'database'
    advice = [f'the {what} {str(place)!r} does not exist; the app would create it: is it the right one?']
    try:
        beside = TemporaryDirectory(prefix='nicegui-stash-doctor-', dir=_nearest_folder(place))
    except OSError:  # as creating it would fail: opening the store says why
        return _report(settings, settings, advice)
    with beside as folder:
        url = f'{folder}/{place.name}' if what == 'folder' else f'sqlite:///{folder}/{place.name}'
        return _report(settings, replace(settings, url=url), advice)


def _nearest_folder(place: Path) -> Path:
    return next(each for each in place.absolute().parents if each.exists())


def _report(settings: Settings, tried: Settings, advice: list[str], *, opens: bool = False) -> int:
    """Try a store, print the report for the one that was named, and return the exit code."""
    folder, store = folder_of(tried), opened(tried)
    if (folder is not None or database_of(tried) is not None) and isinstance(store, Checking):
        store.check()
    checkup, found = asyncio.run(_examine(store, tried, opens=opens))
    advice = [*found, *advice]
    if folder is not None:
        _remove_folders(folder / settings.prefix / 'doctor')
    advice += _advice_on(checkup, settings)
    sys.stdout.write(table(place_of(settings), store, checkup, advice))
    if isinstance(checkup.error, Unavailable):
        return AWAY
    return FOUND if checkup.has_failed else FINE


async def _examine(store: Store, settings: Settings, *, opens: bool) -> tuple[Checkup, list[str]]:
    folder = f'{settings.prefix}/' if settings.prefix else ''
    advice: list[str] = []
    with Progress(sys.stderr) as progress:
        try:
            checkup = await check_up(store, folder, progress.show)
            if isinstance(store, Advising) and not checkup.has_failed:
                with suppress(StoreError):  # who may use a store need not have the right to look at its settings
                    advice = await store.advice()
            if opens and not checkup.has_failed:
                advice += await _open_all(store, settings, checkup, progress)
        finally:
            await store.aclose()
    return checkup, advice


async def _open_all(store: Store, settings: Settings, checkup: Checkup, progress: Progress) -> list[str]:
    """Try to open every document, add how they are stored to the findings, and return what to do."""
    sealing, states, closed = Sealing(settings.secrets), Counter[State](), Counter[str]()

    def take(key: str, outcome: Read | Away | Denied) -> None:
        if not isinstance(outcome, Read):
            raise outcome.error
        if isinstance(outcome.found, StoredObject):
            found = look_at(sealing, key, outcome.found.body)
            states[found.state] += 1
            if found.state == 'closed':
                closed[found.why] += 1
                checkup.closed = sorted([*checkup.closed, key])[:3]

    try:
        await read_each(store, [row.key for row in await listed(store, settings.prefix)], take, progress)
    except StoreError as error:
        checkup.error = error
        checkup.add('sealed sessions', 'FAILED', str(error))
        return []
    told = ', '.join(f'{states[state]} {_STORED[state]}' for state in _STORED if states[state])
    is_bad = states['closed'] or states['malformed'] or states['foreign']
    checkup.add('sealed sessions', 'FAILED' if is_bad else 'ok', told or 'there are no sessions')
    advice = [f'{count} cannot be opened: {why}' for why, count in closed.most_common()]
    if checkup.closed:
        advice.append(f'such as {", ".join(checkup.closed)}')
    if settings.encrypt and (states['clear'] or states['older']) and not is_bad:
        advice.append('python -m nicegui_stash rekey seals all with the first secret')
    return advice


def _advice_on(checkup: Checkup, settings: Settings) -> list[str]:
    """Say which time limits of the app do not fit this store."""
    gets, again = checkup.latency.get('get', []), checkup.latency.get('get unchanged', [])
    advice: list[str] = []
    if gets and _percentile(gets, 95) > settings.recover_timeout:
        advice.append(
            f'a read takes {_milliseconds(_percentile(gets, 95))}, longer than recover_timeout: '
            'pages would begin with defaults. Raise it, or move the store closer.'
        )
    elif again and _percentile(again, 95) > settings.revalidate_timeout:
        advice.append(
            f'a conditional read takes {_milliseconds(_percentile(again, 95))}, longer than revalidate_timeout: '
            'what another server wrote would show a moment after the page. Raise it if that disturbs.'
        )
    return advice


def table(where: str, store: Store, checkup: Checkup, advice: list[str]) -> str:
    """Return the report as text: what was tried, how long it takes, what to do."""
    kind = repr(store).partition('(')[0]  # what is behind a wrapper
    head = f'{where}: {kind}, guarantee {store.guarantee}, puts {store.flush_interval:g} s apart'
    lines = [head, '', f'{"check":<28}{"result":<10}', f'{"-" * 27} {"-" * 72}']
    lines += [f'{finding.check:<28}{finding.state:<10}{finding.text}' for finding in checkup.findings]
    if checkup.latency:
        lines += ['', f'{"operation":<28}{"median":>11}{"95 %":>11}{"worst":>11}', f'{"-" * 27} {"-" * 33}']
        for name, taken in checkup.latency.items():
            numbers = ''.join(f'{_milliseconds(_percentile(taken, part)):>11}' for part in (50, 95, 100))
            lines.append(f'{name:<28}{numbers}')
    lines += ['', f'verdict: {_verdict(store, checkup)}', *(f'advice:  {text}' for text in advice), '']
    return '\n'.join(lines)


def _verdict(store: Store, checkup: Checkup) -> str:
    error = checkup.error
    if not checkup.has_failed:
        return _FIT[store.guarantee]
    if checkup.is_fit:
        return f'{_FIT[store.guarantee]} But sessions cannot be read: see the advice, or call sweep and show.'
    if isinstance(error, Unavailable):
        return f'no answer ({error.reason}). Look whether the server runs and the URL leads there.'
    reason, hint = (error.reason, error.hint) if error else ('objects of the checks are left', '')
    return f'not fit: {reason}.' + (f' To do: {hint}.' if hint else ' Use another store, or report it to its makers.')


def _percentile(taken: list[float], percent: int) -> float:
    return sorted(taken)[max(0, math.ceil(len(taken) * percent / 100) - 1)]


def _milliseconds(seconds: float) -> str:
    return f'{seconds * 1000:.2f} ms' if seconds < 1 else f'{seconds:.2f} s'


def _remove_folders(folder: Path) -> None:
    for empty in (*folder.glob('*-probe'), folder):
        with suppress(OSError):
            empty.rmdir()
