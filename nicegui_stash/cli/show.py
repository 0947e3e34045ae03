"""`show`: what is stored, as a table of fields or as trees of documents; values only on request."""

from __future__ import annotations

import argparse
import asyncio
import heapq
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

from ..errors import ConfigurationError
from ..maintenance.documents import document_of, listed, read_each
from ..maintenance.sizes import Survey, kind_of, size_text, slices_of
from ..model.document import Document, Part, Slice, SliceId, Values
from ..model.sealing import Sealing
from ..session.keys import Keys
from ..session.store_io import read
from ..settings import Settings
from ..stores.base import ObjectInfo, Store
from .common import add_place, opened_existing, place_of, settings_of
from .exit_codes import FINE, FOUND
from .report import Progress

_LARGEST: Final = 5
"""How many of the largest sessions the table names."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its arguments."""
    parser.description = (
        'See what is stored. Without SESSION: a table of all classes and fields with their sizes, and the largest '
        'sessions. With SESSION, --user, --room or --largest: trees of documents. Nothing is written. A change that a '
        'server has not put yet is not shown. '
        'Exit code: 0, or 1 if an object cannot be read, 2 for a wrong call, 3 if the store does not answer.'
    )
    add_place(parser)
    parser.add_argument(
        'session', metavar='SESSION', nargs='?', help="a session's key, or how it begins; after -- if it begins with -"
    )
    parser.add_argument(
        '--user', metavar='ID', help="the tree of a person's document, by the id; needs the secret, as --room does"
    )
    parser.add_argument(
        '--room', metavar='NAME', help='the tree of a room, by its name; needs the secret, in NICEGUI_STASH_SECRETS'
    )
    parser.add_argument('--largest', metavar='N', type=_count, help='the trees of the N largest sessions')
    parser.add_argument('--class', metavar='NAME', dest='name', help='only this class, by its stored name')
    parser.add_argument(
        '--values', action='store_true', help='print the values, which people entered, and the ids of tabs and visits'
    )


def run(asked: argparse.Namespace) -> int:
    """Print the table or the trees; return the exit code."""
    chosen = [name for name in ('session', 'user', 'room', 'largest') if getattr(asked, name) is not None]
    if len(chosen) > 1:
        name, other = (f'--{each}' if each != 'session' else 'SESSION' for each in chosen[:2])
        raise ConfigurationError(name, f'it was given together with {other}', 'Pass one of them')
    if asked.values and not chosen:
        raise ConfigurationError(
            '--values', 'the table has sizes only', 'Pass SESSION, --user, --room or --largest N as well'
        )
    settings = settings_of(asked)
    return asyncio.run(_show(opened_existing(settings), settings, asked, whole=not chosen))


async def _show(store: Store, settings: Settings, asked: argparse.Namespace, *, whole: bool) -> int:
    try:
        rows = await listed(store, settings.prefix)
        if whole:
            return await _show_table(store, rows, settings, asked.name)
        return await _show_trees(store, _chosen(rows, asked, settings), settings, asked)
    finally:
        await store.aclose()


def _chosen(rows: list[ObjectInfo], asked: argparse.Namespace, settings: Settings) -> list[ObjectInfo]:
    if asked.largest is not None:
        return heapq.nlargest(asked.largest, rows, key=lambda row: row.size)
    if asked.room is not None or asked.user is not None:
        option = 'room' if asked.user is None else 'user'
        keys, name = Keys(settings.secrets, settings.prefix), getattr(asked, option)
        key, older = keys.of_room(name) if option == 'room' else keys.of_user(name)
        if not (found := [row for row in rows if row.key in {key, *older}]):
            reason = f'no {option} in {place_of(settings)} has the name {name!r}'
            raise ConfigurationError(f'--{option}', reason, 'Check the name, and that the secret is that of the app')
        return found
    beginning = asked.session.removesuffix('.json')
    found = [row for row in rows if row.key.startswith(beginning) or row.key.rpartition('/')[2].startswith(beginning)]
    if not found:
        raise ConfigurationError(
            'SESSION', f'no session in {place_of(settings)} begins with {asked.session!r}', 'Copy a key from the table'
        )
    return found


# ---- the table


async def _show_table(store: Store, rows: list[ObjectInfo], settings: Settings, name: str | None) -> int:
    survey = Survey(name, Sealing(settings.secrets))
    with Progress(sys.stderr) as progress:
        await read_each(store, [row.key for row in rows], survey.take, progress)
    sys.stdout.write(table(place_of(settings), rows, survey))
    return FOUND if survey.unread else FINE


def table(where: str, rows: list[ObjectInfo], survey: Survey) -> str:
    """Return the totals as text: a line for each field, largest first, and the largest sessions."""
    total = size_text(sum(row.size for row in rows))
    lines = [f'{where}: {len(rows)} session' + ('' if len(rows) == 1 else 's') + f', {total}', '']
    if survey.fields:
        lines += [f'{"values":>10}{"together":>12}{"largest":>12}  field', f'{"-" * 10}{"-" * 24}  {"-" * 40}']
        for (name, version, each), found in sorted(survey.fields.items(), key=lambda item: -item[1].size):
            sizes = f'{found.count:>10}{size_text(found.size):>12}{size_text(found.largest):>12}'
            lines.append(f'{sizes}  {name}.{each}, version {version}')
        lines.append('')
    if rows:
        lines += [f'{"size":>10}  largest sessions', f'{"-" * 10}  {"-" * 64}']
        largest = heapq.nlargest(_LARGEST, rows, key=lambda row: row.size)
        lines += [f'{size_text(row.size):>10}  {row.key}' for row in largest]
        lines.append('')
    if survey.unread:
        lines += [f'COULD NOT BE READ: {key}: {why}' for key, why in sorted(survey.unread.items())]
        lines.append('')
    return '\n'.join(lines)


# ---- the trees


async def _show_trees(store: Store, rows: list[ObjectInfo], settings: Settings, asked: argparse.Namespace) -> int:
    code, sealing = FINE, Sealing(settings.secrets)
    for row in rows:
        found = document_of(sealing, row.key, await read(store, row.key))
        if isinstance(found, str):
            code = FOUND
            sys.stdout.write(f'{row.key}  {size_text(row.size)}, COULD NOT BE READ: {found}\n\n')
        elif found is not None:
            sys.stdout.write(tree(row, found, int(time.time() * 1000), asked.name, with_values=asked.values) + '\n')
    return code


def tree(row: ObjectInfo, document: Document, now: int, name: str | None, *, with_values: bool) -> str:
    """Return a document as text: its classes, their parts, and each field with its size. `now` is in ms."""
    head = f'{row.key}  {size_text(row.size)}, put {_age(document.seen, now)}'
    if document.erased:
        return f'{head}, erased\n'
    branches = [
        (_slice_title(id_, found, now), _branches_of(found, now, with_values=with_values))
        for id_, found in slices_of(document, name)
    ]
    return '\n'.join([head, *_drawn(branches)]) + '\n'


Branch = tuple[str, 'list[Branch]']


def _branches_of(found: Slice, now: int, *, with_values: bool) -> list[Branch]:
    branches = _fields(found.data, with_values=with_values)
    for part, values in found.parts():
        if part.kind != 'data':
            title = _part_title(part, found, now, with_id=with_values)
            branches.append((title, _fields(values, with_values=with_values)))
    return branches


def _fields(values: Values, *, with_values: bool) -> list[Branch]:
    width = max(map(len, values), default=0)
    lines: list[Branch] = []
    for name, raw in values.items():
        body = bytes(raw)
        shown = body.decode(errors='replace') if with_values else kind_of(raw)
        lines.append((f'{name:<{width}}  {size_text(len(body)):>10}  {shown}', []))
    return lines


def _slice_title(id_: SliceId, found: Slice, now: int) -> str:
    key = f', key {id_.key!r}' if id_.key else ''
    size = sum(len(raw) for _, values in found.parts() for raw in values.values())
    return f'{id_.name}, version {id_.version}{key}: {size_text(size)}, seen {_age(found.seen, now)}'


def _part_title(part: Part, found: Slice, now: int, *, with_id: bool) -> str:
    """Name a tab or a visit by a digest: whoever has both ids of an open page can connect to it in its place."""
    kind, parts = ('tab', found.tabs) if part.kind == 'tabs' else ('visit', found.visits)
    name = part.id if with_id else '#' + blake2b(part.id.encode(), digest_size=4).hexdigest()
    return f'{kind} {name}: seen {_age(parts[part.id].seen, now)}'


def _drawn(branches: list[Branch], indent: str = '  ') -> Iterator[str]:
    for title, below in branches:
        yield indent + title
        yield from _drawn(below, indent + '  ')


# ---- small things


def _age(at: int, now: int) -> str:
    """Say how long ago a time in ms was; 0 stands for never."""
    seconds = (now - at) / 1000
    if not at:
        return 'never'
    for unit, length in (('d', 86400), ('h', 3600), ('min', 60)):
        if seconds >= length:
            return f'{seconds / length:.0f} {unit} ago'
    return f'{max(seconds, 0):.0f} s ago'


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError('it must be a whole number above 0')
    return number
