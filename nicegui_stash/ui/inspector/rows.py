"""What the tables and lines of the inspector say: sizes, times and names, and no value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from ...maintenance.sizes import size_text
from ...model.document import Document
from ...session.record import Record
from ..remember.naming import NAME as REMEMBERED
from .followed import Followed
from .measuring import MOST_LISTED, Measuring
from .overview import Row

MOST_ROWS: Final = 200
"""How many fields a table has at most."""
_LAST: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 1


def rows_of_fields(record: Record, measuring: Measuring) -> list[dict[str, Any]]:
    """Return a row for each class and field, largest first: what was put, and what a sample holds."""
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}

    def row(name: str, version: int, field: str) -> dict[str, Any]:
        if name == REMEMBERED:  # its fields are elements, by labels that may be somebody's text
            field = ''
        empty = {'class': name, 'version': version, 'field': field or '(others)', 'puts': 0, 'bytes put': ''}
        return rows.setdefault((name, version, field), {**empty, 'sizes': [0, 0, 0, 0]})

    for key, puts in record.puts.items():
        found = row(*key)
        found['puts'] += puts.count
        found['sizes'][0] += puts.size
    for key, total in measuring.survey.fields.items():
        _, count, together, largest = row(*key)['sizes']
        row(*key)['sizes'][1:] = [count + total.count, together + total.size, max(largest, total.largest)]
    chosen = sorted(rows.values(), key=lambda found: (-found['sizes'][2], -found['sizes'][0]))[:MOST_ROWS]
    for found in chosen:
        put, count, together, largest = found.pop('sizes')
        found['bytes put'] = size_text(put)
        found |= {'values': count, 'together': size_text(together), 'largest': size_text(largest)}
    return chosen


def progress_of(measuring: Measuring) -> str:
    """Say how far a measuring is, or what it was a sample of."""
    if measuring.is_running:
        return f'{measuring.done} of {measuring.total} documents are read'
    if measuring.failure:
        return f'The store did not answer: {measuring.failure}'
    if not measuring.at:
        return ''
    most = ' or more' if measuring.listed >= MOST_LISTED else ''
    unread = f', {len(measuring.survey.unread)} of them cannot be read' if measuring.survey.unread else ''
    return (
        f'{measuring.listed:,}{most} documents with {size_text(measuring.size)}; values, together and largest are of '
        f'{measuring.total:,} of them{unread}, at {time_text(measuring.at)}'
    )


def about(document: Document, followed: Followed) -> str:
    """Say what a document is, and whether this process has it in memory."""
    said = [f'last put {time_text(document.seen / 1000)}' if document.seen else 'never put']
    if document.born:
        said.append(f'begun {time_text(document.born / 1000)}')
    said.append('1 writer' if len(document.applied) == 1 else f'{len(document.applied)} writers')
    if document.erased:
        said.append('erased')
    session = followed.session
    if session is None:
        said.append('not in the memory of this process')
    else:
        said.append(f'{size_text(session.size)} in memory, changes not in the store yet: {session.pending}')
        said.append(session.activity + (f' ({session.problem})' if session.problem else ''))
    return ', '.join(said)


def session_row(row: Row) -> dict[str, Any]:
    return {
        'key': row.key,
        'name': name_of(row.key),
        'since': time_text(row.since) if row.since else '',
        'changes': row.changes,
        'size': size_text(row.size),
        'activity': row.activity,
        'problem': row.problem,
    }


def name_of(key: str) -> str:
    return f'{key.rpartition("/")[2][:12]}…'


def time_text(at: float) -> str:
    """Return a time in seconds since the epoch as people read it. A damaged document may have any."""
    if at > _LAST:
        return 'after the year 9999'
    return f'{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}'
