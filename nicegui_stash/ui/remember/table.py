"""A `ui.table`: its page, rows per page, sort, selection, filter, and which columns are visible."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec
from nicegui import ui

from .. import nicegui_private

_VISIBLE: Final = 'visible-columns'


class TableState(msgspec.Struct, omit_defaults=True):
    """What a person set on a table. `hidden` by the prop, `hidden_by_class` as in NiceGUI's own example."""

    page: int = 1
    per_page: int | None = None
    sort: str | None = None
    descending: bool = False
    selected: list[str | int | float] = []  # msgspec copies it
    filter: str | None = None
    hidden: list[str] = []
    hidden_by_class: list[str] = []


class TableShape:
    """The state of a table, of which each part is dropped by itself if it does not fit any more."""

    has_parts = True
    is_looked_at = True
    name = 'table.1'

    def __init__(self, table: ui.table) -> None:
        self.element = table
        self._begin: Any = msgspec.to_builtins(self._read())
        self._pagination = dict(table.pagination)
        self._late: dict[str, Any] | None = None
        self._insists = 0
        self._until = 0.0

    def listen(self, changed: Callable[[], None]) -> None:
        """Report nothing: NiceGUI's handlers change the table's props, also those of the app."""
        del changed
        self.element.on_pagination_change(self._insist)

    def _insist(self) -> None:
        """Show again what was shown late: a table in the browser goes to page 1 when its filter is set."""
        wanted, table = self._late, self.element
        if wanted is None or table.pagination == wanted:
            return
        is_first = table.pagination.get('page') == 1
        if not is_first or not self._insists or get_running_loop().time() > self._until:
            self._late = None
            return
        if table.pagination.get('sortBy') in {None, wanted.get('sortBy')}:
            self._insists -= 1
            table.pagination = dict(wanted)

    def state(self) -> Any:
        return msgspec.to_builtins(self._read())

    def _read(self) -> TableState:
        table = self.element
        pagination, key = table.pagination, table.row_key
        columns = self._columns()
        text = table.filter
        return TableState(
            page=pagination.get('page') or 1,
            per_page=pagination.get('rowsPerPage'),
            sort=pagination.get('sortBy'),
            descending=bool(pagination.get('descending')),
            selected=[row[key] for row in table.selected if isinstance(row.get(key), (str, int, float))],
            filter=text if isinstance(text, str) else None,
            hidden=self._hidden(columns),
            hidden_by_class=[name for name, column in columns.items() if 'hidden' in _classes(column)],
        )

    def _hidden(self, columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
        visible = self.element.props.get(_VISIBLE)
        if not isinstance(visible, (list, str)):
            return []
        shown = visible.split() if isinstance(visible, str) else cast(list[str], visible)
        return [name for name, column in columns.items() if name not in shown and not column.get('required')]

    def show(self, state: Any) -> Any:
        wanted = msgspec.convert(self._begin if state is None else state, TableState)
        table, columns = self.element, self._columns()
        if wanted.sort not in columns:
            wanted.sort, wanted.descending = None, False
        if wanted.per_page is not None and wanted.per_page < 0:
            wanted.per_page = None
        rows = {row.get(table.row_key): row for row in table.rows}
        wanted.selected = [key for key in wanted.selected if key in rows] if table.selection else []
        if table.selection == 'single':
            wanted.selected = wanted.selected[:1]
        wanted.page = self._page(wanted, len(rows))
        pagination = {**table.pagination, 'page': wanted.page, 'descending': wanted.descending}
        pagination['sortBy'] = wanted.sort
        if wanted.per_page is not None:
            pagination['rowsPerPage'] = wanted.per_page
        now = self._read()
        if self._changes(wanted, now):
            table.pagination = pagination
        if wanted.selected != now.selected:
            table.selected = [rows[key] for key in wanted.selected]
        if wanted.filter != now.filter:
            table.filter = wanted.filter
        if wanted.hidden != now.hidden:
            table.props[_VISIBLE] = [name for name in columns if name not in wanted.hidden]
        self._hide_by_class(columns, wanted.hidden_by_class, now.hidden_by_class)
        return self.state()

    def _page(self, wanted: TableState, number: int) -> int:
        """Return the page, at most the last one as far as that is known; rows may come later, or be filtered."""
        per_page = self.element.pagination.get('rowsPerPage') if wanted.per_page is None else wanted.per_page
        page = max(1, wanted.page)
        if not number or not per_page or 'rowsNumber' in self.element.pagination:
            return page
        return min(page, -(-number // per_page))

    def _hide_by_class(self, columns: Mapping[str, dict[str, Any]], wanted: list[str], now: list[str]) -> None:
        changed = [name for name in columns if (name in wanted) != (name in now)]
        for name in changed:
            for prop in ('classes', 'headerClasses'):
                others = [each for each in str(columns[name].get(prop) or '').split() if each != 'hidden']
                columns[name][prop] = ' '.join([*others, 'hidden'] if name in wanted else others)
        if changed:
            self.element.update()

    @staticmethod
    def _changes(one: TableState, other: TableState) -> bool:
        return any(getattr(one, part) != getattr(other, part) for part in ('page', 'per_page', 'sort', 'descending'))

    def announce(self) -> None:
        table = self.element
        if table.client.has_socket_connection:
            self._late, self._insists, self._until = dict(table.pagination), 3, get_running_loop().time() + 5
        if table.pagination != self._pagination:
            self._pagination = dict(table.pagination)
            nicegui_private.fire(table, 'update:pagination', self._pagination)
        if table.selected:
            rows = list(table.selected)
            table.selected = []
            sent = {'added': True, 'rows': rows, 'keys': [row[table.row_key] for row in rows]}
            nicegui_private.fire(table, 'selection', sent)

    def reduced(self, state: Any) -> Any:
        return {part: held for part, held in state.items() if part != 'selected'}

    def _columns(self) -> dict[str, dict[str, Any]]:
        columns = cast(list[dict[str, Any]], self.element.columns)
        return {str(column['name']): column for column in columns if 'name' in column}


def _classes(column: Mapping[str, Any]) -> list[str]:
    classes = column.get('classes')
    return classes.split() if isinstance(classes, str) else []
