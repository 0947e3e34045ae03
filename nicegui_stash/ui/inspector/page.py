"""The page of an inspector, for one visitor. It asks again who may see it before each thing that it shows or does."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from fastapi import Request
from nicegui import ui
from nicegui.events import GenericEventArguments

from ...errors import StashError
from ...maintenance.sizes import size_text
from ...session.record import Record
from ...session.registry import Registry, Statistics
from .access import Guard
from .followed import Followed
from .measuring import Measuring
from .messages import LastMessages
from .overview import Overviews
from .plot import plot, told
from .rows import MOST_ROWS, about, name_of, progress_of, rows_of_fields, session_row, time_text
from .tree import shown

log = logging.getLogger('nicegui_stash')

EVERY: Final = 1.0
"""Seconds between two looks of an open page."""
PATIENCE: Final = 0.1
"""Seconds that an answer waits for numbers at most; what is not there by then comes with a later look."""
TROUBLES: Final = {'failures', 'quarantined', 'refused_changes', 'errors', 'put_back'}
"""The counts that should be 0."""
BY_CLASS: Final = {'values_by_class', 'bytes_by_class'}
"""The counts that the table of fields shows in more detail."""

_LOOK: Final = Path(__file__).with_name('look.css')
_OPEN: Final = """
<q-td :props="props"><q-btn flat dense no-caps class="stash-key" :label="props.row.name"
 :aria-label="'Open ' + props.row.key" @click="$parent.$emit('open', props.row.key)" /></q-td>
"""


class Shared(Protocol):
    """What the page asks of its inspector."""

    guard: Guard
    values: bool
    messages: LastMessages
    measuring: Measuring

    @property
    def registry(self) -> Registry: ...
    @property
    def overviews(self) -> Overviews: ...
    @property
    def record(self) -> Record: ...
    async def find(self, beginning: str) -> list[str]: ...


class Page:
    """One open page."""

    def __init__(self, inspector: Shared, request: Request) -> None:
        self._inspector = inspector
        self._request = request
        self._followed: Followed | None = None
        self._with_values = False

    async def build(self) -> None:
        """Build the page with the numbers that are there at once, and let it follow them."""
        ui.add_css(_LOOK)
        with ui.column().classes('stash-page') as self._root:
            with _part(
                'Stash inspector', f'Process {os.getpid()}. Counts are since its start, times are UTC.', tag='h1'
            ):
                self._counts = self._build_counts()
            self._build_latency()
            with _part('Not in the store yet', 'The oldest first.'):
                self._pending = self._sessions('since', 'changes', 'size', 'activity', 'problem')
                self._pending.add_slot('no-data', 'Everything is in the store.')
            with _part('Classes and fields', 'What this process has put; on request, what the store holds.'):
                self._build_fields()
            with _part('Largest sessions in memory'):
                self._largest = self._sessions('size', 'changes', 'activity')
            self._build_document()
            with _part('Last warnings and errors', 'Of this process, as the log has them.'):
                self._messages = _table('at', 'level', 'text', row_key='number')
        await self._show()
        self._timer = ui.timer(EVERY, self._tick, immediate=False)

    # ---- who may go on

    async def _may_go_on(self) -> bool:
        """Ask the app again: somebody who was signed out meanwhile sees nothing more."""
        if await self._inspector.guard.admits(self._request):
            return True
        self._timer.cancel()
        with self._root.client:
            self._root.delete()
            ui.navigate.reload()
        return False

    def _guarded(self, handler: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def handle(event: GenericEventArguments) -> None:
            if not self._root.is_deleted and await self._may_go_on():
                await handler(event)

        return handle

    async def _tick(self) -> None:
        if await self._may_go_on():
            await self._show()

    # ---- what is shown all the time

    async def _show(self) -> None:
        """Show what has changed. Elements that show the same send nothing."""
        overview = await self._inspector.overviews.look(PATIENCE)
        if overview is not None:
            self._show_counts(overview.statistics)
            _show_rows(self._pending, map(session_row, overview.pending))
            _show_rows(self._largest, map(session_row, overview.largest))
        self._show_latency()
        self._show_fields()
        messages = reversed(self._inspector.messages.messages)
        _show_rows(self._messages, ({**each._asdict(), 'at': time_text(each.at)} for each in messages))
        if self._followed is not None and await self._followed.look():
            self._show_document()

    def _build_counts(self) -> Mapping[str, ui.label]:
        labels: dict[str, ui.label] = {}
        with ui.element().classes('stash-counts'):
            for each in dataclasses.fields(Statistics):
                if each.name in BY_CLASS:
                    continue
                with ui.column().classes('stash-count'):
                    labels[each.name] = ui.label('…')
                    ui.label(each.name.replace('_', ' ')).classes('stash-muted')
        return labels

    def _show_counts(self, statistics: Statistics) -> None:
        for name, label in self._counts.items():
            count: int | dict[str, dict[str, int]] = getattr(statistics, name)
            number = count if isinstance(count, int) else sum(sum(each.values()) for each in count.values())
            label.text = size_text(number) if 'bytes' in name else f'{number:,}'
            if name in TROUBLES and label.parent_slot is not None:
                label.parent_slot.parent.classes(**{'add' if number else 'remove': 'stash-trouble'})

    def _build_latency(self) -> None:
        with _part('Latency of the store', 'The mean of each 5 s, and a line up to the longest.'):
            self._plot = ui.html('', sanitize=False).classes('stash-plot')
            self._told = {each: ui.label().classes(f'stash-{each}') for each in ('get', 'put')}

    def _show_latency(self) -> None:
        answers, now = self._inspector.record.answers, asyncio.get_running_loop().time()
        self._plot.content = plot(answers.items(), now)
        for operation, rows in answers.items():
            self._told[operation].text = told(operation, rows, now)

    def _build_fields(self) -> None:
        self._fields = _table('class', 'version', 'field', 'puts', 'bytes put', 'values', 'together', 'largest')
        with ui.row().classes('items-center'):
            ui.button('Measure the store', on_click=self._guarded(self._measure)).props('outline no-caps')
            self._measured = ui.label().classes('stash-muted')

    def _show_fields(self) -> None:
        measuring = self._inspector.measuring
        _show_rows(self._fields, rows_of_fields(self._inspector.record, measuring))
        self._measured.text = progress_of(measuring)

    async def _measure(self, _: object) -> None:
        await self._inspector.measuring.run(self._inspector.registry)

    # ---- one session

    def _sessions(self, *columns: str) -> ui.table:
        table = _table('key', *columns)
        table.add_slot('body-cell-key', _OPEN)
        table.on('open', self._guarded(self._open))
        return table

    def _build_document(self) -> None:
        with _part('One session', 'Kinds and sizes of its fields, and how they change while you look.'):
            with ui.row().classes('items-center'):
                self._beginning = ui.input('Key, or how it begins').props('dense outlined maxlength=200')
                self._beginning.on('keydown.enter', self._guarded(self._find))
                ui.button('Find', on_click=self._guarded(self._find)).props('outline no-caps')
                if self._inspector.values:
                    ui.switch('Show values', on_change=self._guarded(self._show_values))
            self._found = ui.row()
            self._key = ui.label().classes('stash-key')
            self._about = ui.label().classes('stash-muted')
            self._lines = _table('class', 'part', 'field', 'value', row_key='row', pagination=25)
            self._changes = _table('at', 'class', 'part', 'field', 'before', 'after', row_key='row', pagination=25)
            self._changes.add_slot('no-data', 'No change since you look.')
            for table in (self._lines, self._changes):
                table.set_visibility(False)

    async def _find(self, _: object) -> None:
        try:
            async with asyncio.timeout(10):
                found = await self._inspector.find(self._beginning.value or '')
        except TimeoutError:
            ui.notify('The store has not answered within 10 s.')
        except StashError as error:
            ui.notify(str(error))
        else:
            self._found.clear()
            with self._found:
                for key in found if len(found) != 1 else ():
                    button = ui.button(name_of(key)).props('flat dense no-caps').classes('stash-key')
                    button.on('click', self._guarded(self._following(key)))
            if len(found) == 1:
                await self._follow(found[0])
            elif not found:
                ui.notify('No session begins so.')

    def _following(self, key: str) -> Callable[[object], Awaitable[None]]:
        async def follow(_: object) -> None:
            await self._follow(key)

        return follow

    async def _open(self, event: GenericEventArguments) -> None:
        overview = await self._inspector.overviews.look(PATIENCE)
        rows = [*overview.pending, *overview.largest] if overview else []
        if any(row.key == event.args for row in rows):  # a browser may send anything
            await self._follow(str(event.args))

    async def _follow(self, key: str) -> None:
        self._followed = Followed(self._inspector.registry, key)
        await self._followed.look()
        self._note_values()
        self._show_document()

    async def _show_values(self, event: Any) -> None:
        self._with_values = bool(event.value) and self._inspector.values
        self._note_values()
        self._show_document()

    def _note_values(self) -> None:
        if self._with_values and self._followed is not None:
            log.info('session %s: its values are shown by the inspector', self._followed.key)

    def _show_document(self) -> None:
        followed = self._followed
        if followed is None:
            return
        self._key.text = followed.key
        document = followed.document
        self._about.text = followed.problem or ('' if document is None else about(document, followed))
        for table in (self._lines, self._changes):
            table.set_visibility(document is not None)
        lines = [] if document is None else list(followed.tree.lines(document))
        lines.sort(key=lambda line: -len(line.raw))
        values = self._with_values
        _show_rows(
            self._lines,
            (
                {'class': line.owner, 'part': line.part, 'field': line.field, 'value': shown(line.raw, values=values)}
                for line in lines[:MOST_ROWS]
            ),
        )
        _show_rows(
            self._changes,
            (
                {
                    'at': time_text(at),
                    'class': change.owner,
                    'part': change.part,
                    'field': change.field,
                    'before': shown(change.before, values=values),
                    'after': shown(change.after, values=values),
                }
                for at, change in followed.changes
            ),
        )


# ---- elements


def _part(title: str, lead: str = '', *, tag: str = 'h2') -> ui.column:
    part = ui.column().classes('stash-part')
    with part:
        ui.html(title, sanitize=False, tag=tag)
        if lead:
            ui.label(lead).classes('stash-muted')
    return part


def _table(*names: str, row_key: str = 'key', pagination: int = 10) -> ui.table:
    columns = [{'name': name, 'label': name, 'field': name, 'align': 'left'} for name in names]
    table = ui.table(columns=columns, rows=[], row_key=row_key, pagination=pagination).props('flat bordered dense')
    table.add_slot('no-data', 'Nothing yet.')
    return table


def _show_rows(table: ui.table, rows: Iterable[dict[str, Any]]) -> None:
    new = [{**row, 'row': number} for number, row in enumerate(rows)]
    if new != table.rows:
        table.rows = new
