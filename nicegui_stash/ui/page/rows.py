"""A `ui.table` or `ui.aggrid` that shows a list of rows: what is edited in it goes to the field, and the reverse."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, Protocol, TypeVar, cast

import msgspec
from nicegui import ui

from ...errors import RowGone, StashError, ValueNotStorable
from ...model.entered import meant_by_cell
from ...model.pieces import joined
from .page_object import PageObject
from .texts import NO_SUCH_KEY, refusal

log = logging.getLogger('nicegui_stash')

R = TypeVar('R', bound=ui.table | ui.aggrid)
Row = dict[str, Any]

_CELL: Final = re.compile(r"^\$\[\d+\](?:\.|\[')(?P<key>\w+)")
HAS_ROWS: Final = 'nicegui-stash-rows'
"""The prop by which our script knows the elements whose edits are stored."""
_FEW: Final = 20
"""So many rows of a grid are updated one by one; more are given to it at once."""


def bind_rows(element: R, page_object: PageObject, field: str) -> R:
    """Bind an element's rows to a field, both ways. Raises `StashError` for an element or a field without rows."""
    shown: object = element
    if isinstance(shown, ui.table):
        BoundRows(TableRows(shown), page_object, field)
    elif isinstance(cast(object, shown), ui.aggrid):
        grid = GridRows(shown)
        bound = BoundRows(grid, page_object, field)
        shown.on('cellValueChanged', lambda event: bound.edit(*grid.cell(event.args)), GridRows.ARGUMENTS)
    else:
        needed = f'stash.rows() needs a ui.table or ui.aggrid, not {type(shown).__qualname__}'
        raise StashError(f"{needed}: write stash.rows(ui.table(rows=[]), self, '{field}')")
    return element


class ElementRows(Protocol):
    """The rows of one element: JSON values, as the browser is believed to show them."""

    element: Any

    @property
    def rows(self) -> list[Row]:
        """The rows as the element has them, which may be changed in place."""
        ...

    def begin(self, rows: list[Row], row_key: str | None, /) -> None:
        """Give the element its first rows, which the field identifies by this key."""
        ...

    def write(self, rows: list[Row]) -> None:
        """Give the element other rows."""
        ...

    def send(self, changed: list[int] | None = None, /) -> None:
        """Have the browser show the rows that changed, or all of them."""
        ...

    def title(self, key: str) -> str:
        """Return the heading of a column."""
        ...


class BoundRows:
    """Keeps the rows of an element and those of a field the same."""

    def __init__(self, shown: ElementRows, page_object: PageObject, field: str) -> None:
        self._shown = shown
        self._element = shown.element
        self._page_object = page_object
        self._field = field
        self._stored = page_object.schema.fields[field]
        self._taking = False
        with self._element.props.suspend_updates():
            shown.begin(self._content(), self._stored.field.row_key)
            self._element.props[HAS_ROWS] = ''
        self._update = self._element.update
        self._element.update = self._updated
        page_object.listen().watch(field, self._changed)

    # ---- from the field

    def _content(self) -> list[Row]:
        """Return the rows of the field. Raises `StashError` if it holds something else."""
        content = msgspec.json.decode(joined(self._page_object.values.raws[self._field]))
        if isinstance(content, list) and all(isinstance(row, dict) for row in cast(list[Any], content)):
            return cast(list[Row], content)
        where = f'{self._page_object.schema.name}.{self._field}'
        raise StashError(f'{where} is no list of rows: write {self._field}: list[dict[str, Any]] = stored([])')

    def _changed(self) -> bool:
        """Show what the field has now; return whether the element is still there."""
        if not self._element.is_deleted:
            self._show()
        return not self._element.is_deleted

    def _show(self) -> None:
        content, rows = self._content(), self._shown.rows
        if _json(content) == _json(rows):
            return
        changed = [at for at, (row, new) in enumerate(zip(rows, content, strict=False)) if _json(row) != _json(new)]
        fits = len(content) == len(rows) and all(rows[at].keys() == content[at].keys() for at in changed)
        with self._element.props.suspend_updates():
            if fits:
                for at in changed:
                    rows[at].update(content[at])
            else:
                self._shown.write(content)
        self._shown.send(changed if fits else None)

    # ---- from the element

    def _updated(self) -> None:
        """Take the rows that the app changed in the element, or have it show something else that changed."""
        if self._take():
            self._shown.send()
        else:
            self._update()

    def _take(self) -> bool:
        """Give the field the rows that the element has, and show the stored ones instead if it refuses them.

        Returns whether they differed.
        """
        if self._taking or self._element.is_deleted:
            return False
        self._taking = True
        try:
            differed = self._store()
        except ValueNotStorable as error:
            self._refuse(error, _key_in(error.path))
            differed = True
        finally:
            self._taking = False
        self._show()
        return differed

    def _store(self) -> bool:
        """Give the field the rows that the element has; return whether they differed. Raises `ValueNotStorable`."""
        codec, rows = self._stored.codec, self._shown.rows
        self._page_object.save_opaque()
        if _json(rows) == _json(self._content()):
            return False
        taken = codec.decode(codec.to_json(rows), original=rows)
        self._page_object.accepting.change(self._field, taken)
        for at, (row, content, held) in enumerate(zip(rows, self._content(), taken, strict=False)):
            for key in row.keys() - content.keys() - _names_of(held):
                raise ValueNotStorable(codec.name, f'$[{at}].{key}', NO_SUCH_KEY, quotes_value=False)
        return True

    def edit(self, row: Row | None, key: str, value: Any) -> None:
        """Take the cell that a person edited; one that does not fit gets its stored value back."""
        refused: ValueNotStorable | None = RowGone(self._stored.codec.name)
        if row is None:
            self._shown.send()
        else:
            refused = self._refusal_of(row, key, value)
            for each in meant_by_cell(value) if refused is not None else ():
                refused = self._refusal_of(row, key, each) and refused
        if refused is not None:
            self._refuse(refused, key)
        self._show()

    def _refusal_of(self, row: Row, key: str, value: Any) -> ValueNotStorable | None:
        place, name = _cell(row, key)
        with self._element.props.suspend_updates():
            place[name] = value
        try:
            self._store()
        except ValueNotStorable as error:
            return error
        return None

    def _refuse(self, error: ValueNotStorable, key: str | None) -> None:
        """Say to the person and the log that something was not stored; the stored value is shown again."""
        log.warning('a value in a table was not stored: %s', error.without_value)
        said = refusal(error, self._page_object.open_page.texts)
        with self._element:
            ui.notify(f'{self._shown.title(key)}: {said}' if key else said, type='warning')


class TableRows:
    """The rows of a `ui.table`. The browser gets them all, and renders those that changed."""

    def __init__(self, table: ui.table) -> None:
        self.element = table
        self._update = table.update

    @property
    def rows(self) -> list[Row]:
        return cast(list[Row], self.element.rows)

    def begin(self, rows: list[Row], _: str | None, /) -> None:
        self.write(rows)
        if rows and not self.element.columns:  # as NiceGUI makes them of the rows that a table is made with
            columns = [{'name': key, 'label': key.upper(), 'field': key, 'sortable': True} for key in rows[0]]
            self.element.columns = columns

    def write(self, rows: list[Row]) -> None:
        self.element.rows = rows

    def send(self, _: list[int] | None = None, /) -> None:
        self._update()

    def title(self, key: str) -> str:
        columns = cast(list[Row], self.element.columns)
        return next((str(each.get('label') or key) for each in columns if each.get('field') == key), key)


class GridRows:
    """The rows of a `ui.aggrid`. It gets single rows where it can, so that it keeps its scroll, sort and editor."""

    ARGUMENTS: Final = ('data', 'colId', 'newValue', 'oldValue', 'rowId')

    def __init__(self, grid: ui.aggrid) -> None:
        self.element = grid
        self._row_key: str | None = None

    @property
    def rows(self) -> list[Row]:
        return cast(list[Row], cast(Row, self.element.options)['rowData'])

    def begin(self, rows: list[Row], row_key: str | None, /) -> None:
        self.write(rows)
        options = cast(Row, self.element.options)
        key = row_key or 'id'
        values = [_json(row[key]) for row in rows if key in row]
        has_key = len(set(values)) == len(rows) and (bool(rows) or row_key is not None)
        if has_key and not {'getRowId', ':getRowId'} & set(options):
            self._row_key = key
            named = msgspec.json.encode(key).decode()
            options[':getRowId'] = f'params => String(params.data[{named}] ?? JSON.stringify(params.data))'

    def write(self, rows: list[Row]) -> None:
        self.element.options['rowData'] = rows

    def send(self, changed: list[int] | None = None, /) -> None:
        own_ids = self._row_key is None and {'getRowId', ':getRowId'} & set(self.element.options)
        if changed is None or len(changed) > _FEW or own_ids:
            self.element.run_grid_method('setGridOption', 'rowData', self.rows)
            return
        for at in changed:
            row = self.rows[at]
            self.element.run_row_method(str(at if self._row_key is None else row.get(self._row_key)), 'setData', row)

    def title(self, key: str) -> str:
        column = self._column('field', key)
        return str(column.get('headerName') or key)

    def cell(self, told: Mapping[str, Any]) -> tuple[Row | None, str, Any]:
        """Return the row, the key and the new value of a cell that the browser says was edited."""
        column = self._column('colId', told['colId']) or self._column('field', told['colId'])
        key = str(column.get('field', told['colId']))
        return self._row(told, key), key, told['newValue']

    def _row(self, told: Mapping[str, Any], key: str) -> Row | None:
        if self._row_key is not None:
            wanted = told['oldValue'] if key == self._row_key else told['data'].get(self._row_key)
            found = [row for row in self.rows if row.get(self._row_key) == wanted]
            if len(found) < 2:
                return found[0] if found else None
        elif re.fullmatch(r'\d{1,9}', name := str(told['rowId']), re.ASCII) and int(name) < len(self.rows):
            return self.rows[int(name)]
        before = {**told['data'], key: told['oldValue']}
        return next((row for row in self.rows if row == before), None)

    def _column(self, name: str, value: str) -> Mapping[str, Any]:
        columns: list[Any] = list(self.element.options.get('columnDefs', ()))
        while columns:
            column = columns.pop(0)
            if column.get(name) == value:
                return column
            columns += column.get('children', ())
        return {}


def _cell(row: Row, key: str) -> tuple[Row, str]:
    """Return where a cell is: `'home.city'` is within an entry of its row, as for AG Grid."""
    *outer, name = [key] if key in row else key.split('.')
    place: Any = row
    for each in outer:
        place = cast(Row, place).get(each) if isinstance(place, dict) else None
    return (cast(Row, place), name) if isinstance(place, dict) else (row, key)


def _names_of(row: object) -> set[str]:
    """Return the names of an object's attributes in JSON, which may leave out those that have their default."""
    if isinstance(row, msgspec.Struct):
        return {each.encode_name for each in msgspec.structs.fields(row)}
    return {each.name for each in fields(row)} if is_dataclass(row) else set()


def _json(rows: Any) -> bytes:
    """Return JSON in which rows are equal that have the same cells. What JSON does not know is no stored row."""
    try:
        return msgspec.json.encode(rows, order='sorted')
    except TypeError:
        return b''


def _key_in(path: str) -> str | None:
    """Return the key of the cell that an error is about.

    >>> _key_in('$[0].qty'), _key_in('$[2]'), _key_in('$[0][...]')
    ('qty', None, None)
    """
    match = _CELL.search(path)
    return match['key'] if match else None
