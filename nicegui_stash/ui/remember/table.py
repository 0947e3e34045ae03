"""A `ui.table`: its page, rows per page, sort, selection, filter, and which columns are visible."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec
from nicegui import ui
from nicegui.events import GenericEventArguments

from .. import nicegui_private

_VISIBLE: Final = 'visible-columns'
_TELL: Final = '(pagination) => emit(pagination, Vue.getCurrentInstance() !== null)'
"""Tells whether a table is being made: then it reports a pagination that nobody has set."""


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
        self._per_page: int | None = None  # the browser's choice, where the app makes none
        self._begin: Any = msgspec.to_builtins(self._read())
        self._pagination = dict(table.pagination)
        self._number_shown = 0

    def parts(self) -> set[Any]:
        return {row.get(self.element.row_key) for row in self.element.rows} | self._columns().keys()

    def listen(self, changed: Callable[[], None]) -> None:
        """Report nothing: NiceGUI's handlers change the table's props, also those of the app."""
        del changed
        nicegui_private.screen(self.element, 'update:pagination', _TELL, self._admits)

    def _admits(self, event: GenericEventArguments) -> bool:
        """Whether an event says more than the server knows; leave the pagination in it.

        A table that is made reports the pagination with which it was made. By then, the server may have set another.
        """
        is_made = False
        if isinstance(event.args, list):
            told = cast(list[Any], event.args)
            event.args, is_made = (told[0], bool(told[1])) if len(told) == 2 else (None, False)
        if not isinstance(event.args, dict):
            return False  # the browser may send anything
        pagination, now = cast(dict[str, Any], event.args), self.element.pagination
        if not is_made:
            return True
        if any(pagination.get(name) != value for name, value in now.items()):
            return False
        if now.get('rowsPerPage') is None:
            self._per_page = pagination.get('rowsPerPage')
        return True

    def state(self) -> Any:
        return msgspec.to_builtins(self._read())

    def _read(self) -> TableState:
        table = self.element
        pagination, key = table.pagination, table.row_key
        columns = self._columns()
        per_page, text = pagination.get('rowsPerPage'), table.filter
        return TableState(
            page=pagination.get('page') or 1,
            per_page=per_page if per_page != self._per_page else None,
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
        if (per_page := self._per_page if wanted.per_page is None else wanted.per_page) is not None:
            pagination['rowsPerPage'] = per_page
        now = self._read()
        if self._changes(wanted, now) or wanted.filter != now.filter:
            self._make_anew()
            table.pagination = pagination
        if wanted.selected != now.selected:
            table.selected = [rows[key] for key in wanted.selected]
        if wanted.filter != now.filter:
            table.filter = wanted.filter
        if wanted.hidden != now.hidden:
            table.props[_VISIBLE] = [name for name in columns if name not in wanted.hidden]
        self._hide_by_class(columns, wanted.hidden_by_class, now.hidden_by_class)
        return self.state()

    def _make_anew(self) -> None:
        """Let the browser make another table: one that is there goes to page 1 when it gets another filter."""
        self._number_shown += 1
        self.element.props['key'] = f'{self.element.id}.{self._number_shown}'

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
