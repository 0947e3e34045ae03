"""A `ui.aggrid`: order, width, visibility and pinning of columns, sort, filter, and selection."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from nicegui import ui
from nicegui.events import GenericEventArguments

_EVENTS: Final = (
    'columnMoved',
    'columnResized',
    'columnVisible',
    'columnPinned',
    'sortChanged',
    'filterChanged',
    'selectionChanged',
)
_TELL: Final = """(event) => {
    const grid = getElement(%d);
    if (!grid?.api?.getState || event?.finished === false) return;
    if (/^(gridInit|gridOptions|sizeColumns|flex|rowData)/.test(event?.source ?? '')) return;
    grid.stashResized ||= %s || !!grid.options.initialState?.columnSizing;
    clearTimeout(grid.stashTimer);
    grid.stashTimer = setTimeout(() => {
        const state = grid.api.getState();
        emit({
            sort: state.sort?.sortModel?.map((each) => [each.colId, each.sort]) ?? [],
            filter: state.filter?.filterModel ?? {},
            order: state.columnOrder?.orderedColIds ?? [],
            widths: Object.fromEntries(grid.stashResized
                ? (state.columnSizing?.columnSizingModel ?? []).map((each) => [each.colId, each.width]) : []),
            hidden: state.columnVisibility?.hiddenColIds ?? [],
            left: state.columnPinning?.leftColIds ?? [],
            right: state.columnPinning?.rightColIds ?? [],
            selected: Array.isArray(state.rowSelection) ? state.rowSelection : [],
        });
    }, 100);
}"""
"""Tells the state of a grid after a person's change of it: not widths that follow from the window's."""


class GridState(msgspec.Struct, omit_defaults=True):
    """What a person set on a grid, by the ids of its columns and rows."""

    sort: list[tuple[str, str]] = []  # msgspec copies it
    filter: dict[str, Any] = {}
    order: list[str] = []
    widths: dict[str, float] = {}
    hidden: list[str] = []
    left: list[str] = []
    right: list[str] = []
    selected: list[str] = []


class GridShape:
    """The state of a grid, which begins with it, also whenever NiceGUI makes it anew."""

    has_parts = True
    is_looked_at = False
    name = 'aggrid.1'

    def __init__(self, grid: ui.aggrid) -> None:
        self.element = grid
        self._own = cast(dict[str, Any], grid.options.get('initialState') or {})
        self._strategy = grid.options.get('autoSizeStrategy')
        self._state: GridState | None = None

    def parts(self) -> set[Any]:
        """Return the ids that columns may have."""
        found: set[Any] = set()
        columns: list[Any] = list(self.element.options.get('columnDefs') or ())
        for column in columns:  # which grows meanwhile
            found |= {str(column[name]) for name in ('colId', 'field') if name in column}
            columns += column.get('children', ())
        return found

    def listen(self, changed: Callable[[], None]) -> None:
        def receive(event: GenericEventArguments) -> None:
            try:
                told = msgspec.convert(event.args, GridState)
            except msgspec.ValidationError:
                return  # the browser may send anything
            with self.element.props.suspend_updates():
                self._set(told)
            changed()

        for event in _EVENTS:
            was_resized = 'true' if event == 'columnResized' else 'false'
            self.element.on(event, receive, js_handler=_TELL % (self.element.id, was_resized))

    def state(self) -> Any:
        return None if self._state is None else msgspec.to_builtins(self._state)

    def show(self, state: Any) -> Any:
        self._set(None if state is None else msgspec.convert(state, GridState))
        return self.state()

    def announce(self) -> None:
        self.element.update()  # a grid takes its first state only when it is made

    def reduced(self, state: Any) -> Any:
        return {part: held for part, held in state.items() if part not in {'selected', 'filter'}}

    def _set(self, state: GridState | None) -> None:
        self._state = None if state is None else _fitting(state, self.parts())
        own = self._own if state is None else {name: part for name, part in self._own.items() if name not in _NAMES}
        self._option('initialState', {**own, **(_initial(self._state) if self._state else {})} or None)
        widths = self._state.widths if self._state else None
        self._option('autoSizeStrategy', None if widths else self._strategy)  # which would undo them

    def _option(self, name: str, value: Any) -> None:
        if value is not None:
            self.element.options[name] = value
        elif name in self.element.options:
            del self.element.options[name]


_NAMES: Final = (
    'sort',
    'filter',
    'columnOrder',
    'columnSizing',
    'columnVisibility',
    'columnPinning',
    'rowSelection',
)


def _fitting(state: GridState, columns: set[str]) -> GridState:
    def known(name: str) -> bool:
        return name in columns or name.startswith('ag-Grid-') or name.rpartition('_')[0] in columns or name.isdecimal()

    return GridState(
        sort=[(name, way) for name, way in state.sort if known(name) and way in {'asc', 'desc'}],
        filter={name: model for name, model in state.filter.items() if known(name) and not _is_dynamic(model)},
        order=[name for name in state.order if known(name)],
        widths={name: width for name, width in state.widths.items() if known(name) and 0 < width < 10_000},
        hidden=[name for name in state.hidden if known(name)],
        left=[name for name in state.left if known(name)],
        right=[name for name in state.right if known(name)],
        selected=state.selected,
    )


def _is_dynamic(model: Any) -> bool:
    """Whether NiceGUI would evaluate a part of it in the browser: what is under a key that begins with a colon."""
    if isinstance(model, dict):
        return any(str(key).startswith(':') or _is_dynamic(each) for key, each in model.items())
    return isinstance(model, list) and any(map(_is_dynamic, model))


def _initial(state: GridState) -> dict[str, Any]:
    """Return the state as AG Grid takes it."""
    found: dict[str, Any] = {'partialColumnState': True}
    if state.sort:
        found['sort'] = {'sortModel': [{'colId': name, 'sort': way} for name, way in state.sort]}
    if state.filter:
        found['filter'] = {'filterModel': state.filter}
    if state.order:
        found['columnOrder'] = {'orderedColIds': state.order}
    if state.widths:
        sizes = [{'colId': name, 'width': width} for name, width in state.widths.items()]
        found['columnSizing'] = {'columnSizingModel': sizes}
    if state.hidden:
        found['columnVisibility'] = {'hiddenColIds': state.hidden}
    if state.left or state.right:
        found['columnPinning'] = {'leftColIds': state.left, 'rightColIds': state.right}
    if state.selected:
        found['rowSelection'] = state.selected
    return found
