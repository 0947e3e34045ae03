"""The field values of one page object: their JSON, their listeners, and marks on elements."""

from __future__ import annotations

import weakref
from asyncio import get_running_loop
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import get_ident
from typing import Any, Protocol, cast

from msgspec import Raw
from nicegui import Client, app

from ...errors import RowGone, ValueNotStorable
from ...model.document import SliceId
from ...model.observed import KINDS, Change, ObservedDict, is_ordinary, observe, whole_of
from ...model.pieces import Json
from ...model.recovery import Problem, decode_value
from ...model.schema import Schema
from ..contracts.page_object import Cause
from .defaults import OwnDefaults, begin
from .nested_values import elements_of, shows_change
from .on_change import Listeners
from .refused_marks import Marks
from .status import RefusedValue
from .stored_property import properties_of
from .texts import TEXTS


class TakesSteps(Protocol):
    """Makes the changes of a page steps that a person can take back."""

    def note(self, name: str, before: Json | None, after: Json, *, merged: bool) -> None:
        """Make a change of this page a step, or a part of one. `merged`: it was entered before a rejoin."""
        ...

    def changed_elsewhere(self, name: str) -> None:
        """Take back no step of a field any more that somebody else has changed."""
        ...

    def clear(self) -> None:
        """Forget all steps."""
        ...


class FieldValues:
    """The state that the parts of a page object share.

    `raws` has the JSON of every field as shown, `defaults` the JSON of every default. `touched` collects the fields
    that a person changes while they are watched; otherwise it is `None`. `applying` is set while a change from
    elsewhere is shown: changes that it causes are not submitted again. `forms` has what an opaque value is encoded to
    where that is not the JSON that it was shown from: another server may write 1 for 1.0, or a part that is not known.
    """

    # Class attributes for what few pages need: every visitor gets a page object, which stays small this way.
    closed = False
    applying = False
    touched: set[str] | None = None
    marks: Marks | None = None
    listeners: Listeners | None = None
    steps: TakesSteps | None = None
    forms: Mapping[str, tuple[Json, Json]] = {}

    def __init__(
        self,
        schema: Schema,
        slice_id: SliceId,
        target: Any,
        client: Client,
        *,
        changed_in_place: Callable[[str, Any, Change], None],
        refusals_changed: Callable[[], None],
        texts: Callable[[], Mapping[str, str]] = lambda: TEXTS,
        given: bool = False,
    ) -> None:
        """Find the defaults of an app's object. Raises `ValueNotStorable`.

        `given`: its present values are the defaults. `changed_in_place` is called with the name of a field, the
        changed collection within it, and the change; `refusals_changed` when an element is marked or
        unmarked. `texts` returns the texts of the page.
        """
        self.schema = schema
        self.slice_id = slice_id
        self.client = client
        self.thread = get_ident()
        self.target = weakref.ref(target)
        self.defaults, self._own_defaults = begin(target, given=given)  # the latter until `complete`
        self.raws: dict[str, Json] = dict(self.defaults)
        self._changed_in_place = changed_in_place
        self._refusals_changed = refusals_changed
        self._texts = texts

    def complete(self) -> None:
        """Set the defaults of the fields that were not recovered."""
        target = self.target()
        for name, prop in properties_of(self.schema.cls).items():
            if target is not None and prop.slot not in target.__dict__:
                value = self._own_defaults[name][0] if name in self._own_defaults else prop.new_default()
                prop.begin(target, self.observed(name, value))
        self._own_defaults = OwnDefaults()

    def compute_defaults(self, *names: str) -> None:
        """Replace defaults that are another one each time: what was erased does not come back."""
        for stored in self.schema.computed:
            if not names or stored.name in names:
                raw = stored.codec.encode(stored.field.new_default())[1]
                self.defaults = {**self.defaults, stored.name: raw}

    def observed(self, name: str, value: Any) -> Any:
        """Return a list, dict or set that reports changes in place; any other value as it is."""
        if not isinstance(value, KINDS) or (self.schema.fields[name].field.decode and not is_ordinary(value)):
            return value  # an object of decode= keeps its class
        target = self.target()
        if target is not None and get_ident() == self.thread:
            held: Any = target.__dict__.get(f'___{name}')
            self.mark_gone(name, [held])
        return observe(value, partial(self._changed_in_place, name), (self, name))

    def show(self, raws: Mapping[str, Raw], version: int, cause: Cause) -> list[Problem]:
        """Set the fields whose JSON differs; return a problem for each that does not fit."""
        target, fields, attributes = self.target(), self.schema.fields, vars(self.schema.cls)
        problems: list[Problem] = []
        before, self.applying = self.applying, True
        try:
            for name, raw in [(name, raw) for name, raw in raws.items() if self.raws.get(name) != raw]:
                shown, rows = self.raws.get(name), None
                if target is not None and shown is not None:
                    rows = attributes[name].changed_rows(target, shown, raw)
                value, problem = (rows, None) if rows is not None else decode_value(fields[name], raw, version)
                if problem is not None:
                    problems.append(problem)
                elif target is not None:
                    self.raws[name] = raw
                    try:
                        attributes[name].show(target, value, self)
                    except Exception as error:  # noqa: BLE001 a bound target may raise anything; the other fields follow
                        app.handle_exception(error)
                    if fields[name].codec.opaque:
                        self._note_form(name, raw, value)
                    if self.listeners is not None:
                        self.listeners.notify(name, cause, partial(shows_change, target, name, shown, raw))
        finally:
            self.applying = before
        return problems

    def _note_form(self, name: str, raw: Raw, value: Any) -> None:
        with suppress(ValueNotStorable):  # then it is told when the value is looked at
            form = self.schema.fields[name].codec.encode(value)[1]
            if form != raw:
                self.forms = {**self.forms, name: (raw, form)}

    def is_as_shown(self, name: str, raw: Raw) -> bool:
        """Whether a value that is encoded to this was not changed since it was shown or accepted."""
        shown = self.raws.get(name)
        return raw == shown or (shown, raw) == self.forms.get(name)

    # ---- listeners

    def listen(self) -> Listeners:
        """Return the listeners to changes of fields."""
        self.listeners = self.listeners or Listeners(self.client)
        return self.listeners

    def notify(self, name: str, before: Json | None = None) -> None:
        """Notify listeners that this page changed a field, whose JSON was `before` if it was changed in place."""
        if self.listeners is not None:
            shows = None if before is None else partial(shows_change, self.target(), name, before, self.raws[name])
            self.listeners.notify(name, 'local', shows)

    # ---- elements with a refused value

    def mark(self) -> Marks:
        """Return the marks on elements with a refused value."""
        self.marks = self.marks or Marks(self._refusals_changed, self._texts)
        return self.marks

    def unmark(self, name: str) -> None:
        if self.marks is not None:
            self.marks.remove(name)
            self.marks.settle(name, _is_held)

    def settle(self, name: str) -> None:
        """Unmark the elements of entries that have another value by now than when the element's was refused."""
        if self.marks is not None:
            self.marks.settle(name, _is_held)

    def mark_gone(self, name: str, parts: Sequence[Any], *, objects: bool = False) -> None:
        """Mark the elements that are bound to rows no longer in a field, unless they are about to be removed."""
        bound = [each for part in parts for each in elements_of(part, objects=objects)]  # and not the list around them
        if bound:
            call_soon = get_running_loop().call_soon
            call_soon(call_soon, self._mark_gone, name, bound)  # a `refresh` runs meanwhile

    def _mark_gone(self, name: str, bound: Sequence[tuple[Any, str, Any]]) -> None:
        error = RowGone(self.schema.fields[name].codec.name)
        for row, key, element in bound:
            if not self.closed and not element.is_deleted and not _is_held(row):
                self.mark().add_part(name, (row, (key,)), element, error)

    def refused(self) -> Iterator[RefusedValue]:
        """Iterate over the refused values that are still visible."""
        return iter(()) if self.marks is None else self.marks.refused()


def _is_held(row: Any) -> bool:
    """Whether a dict is in the present value of a field, which may be another one than before."""
    whole = whole_of(row) if isinstance(row, ObservedDict) else None
    if whole is None:
        return False
    values, name = cast(tuple[FieldValues, str], whole.field)
    return getattr(values.target(), name, None) is whole
