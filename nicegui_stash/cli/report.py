"""How a survey is shown: a progress bar while it runs, a table at the end."""

from __future__ import annotations

import time
from typing import Final, Self, TextIO

from ..model.schema import Schema
from .survey import Kind, Tally, Verdict

_TELLING: Final[dict[Kind, str]] = {
    'current': 'current already: nothing to do',
    'migrates': 'would migrate from {}',
    'discarded': 'WOULD BE DISCARDED, from {}',
    'newer': 'only a newer version {} is stored: left alone, the page starts with its defaults',
    'nothing': 'nothing stored for this class',
    'erased': 'erased',
    'expired': 'expired: unseen for ttl',
    'foreign': 'format {}, of a newer nicegui_stash: left alone',
    'malformed': 'no document: would be quarantined',
    'unread': 'COULD NOT BE READ: {}',
}
_WITH_EXAMPLES: Final = frozenset({'discarded', 'newer', 'foreign', 'malformed', 'unread'})
_WIDTH: Final = 30


def table(schema: Schema, where: str, tally: Tally) -> str:
    """Return the report as text: a line for each outcome with its count, and keys of objects that need a look."""
    sessions = f'{tally.sessions} session' + ('' if tally.sessions == 1 else 's')
    named = schema.cls.__qualname__ + (f' (stored as {schema.name})' if schema.name != schema.cls.__qualname__ else '')
    lines = [f'{named}, version {schema.version}, {sessions} in {where}', '']
    if not tally.sessions:
        return '\n'.join([*lines[:1], ''])
    counted = 'slices' if schema.key else 'sessions'
    lines += [f'{counted:>10}  on recovery', f'{"-" * 10}  {"-" * 60}']
    for verdict in sorted(tally.verdicts, key=_place):
        lines.append(f'{tally.verdicts[verdict]:>10}  {_TELLING[verdict.kind].format(verdict.detail)}')
        if verdict.kind in _WITH_EXAMPLES:
            lines += _examples(tally, verdict)
    if tally.fallbacks:
        lines += ['', f'{counted:>10}  with a field that would fall back to its default', f'{"-" * 10}  {"-" * 60}']
        for why, count in tally.fallbacks.most_common():
            lines += [f'{count:>10}  {why}', *_examples(tally, why)]
    return '\n'.join([*lines, ''])


def _place(verdict: Verdict) -> tuple[int, str]:
    return list(_TELLING).index(verdict.kind), verdict.detail


def _examples(tally: Tally, of: Verdict | str) -> list[str]:
    return [f'{"":>10}    {key}' for key in tally.examples[of]]


class Progress:
    """A bar on a terminal, drawn ten times a second at most; nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._write('\r\033[K')

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._shown and (now >= self._next or done == total):
            self._next = now + 0.1
            filled = _WIDTH * done // max(total, 1)
            self._write(f'\r[{"#" * filled}{"." * (_WIDTH - filled)}] {done} of {total}')

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
