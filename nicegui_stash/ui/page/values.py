"""What the fields of one page object hold: their JSON, their values, and who is told of a change."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import get_ident
from typing import Any

from msgspec import Raw
from nicegui import Client, app

from ...errors import ValueNotStorable
from ...model.document import SliceId
from ...model.observed import KINDS, is_ordinary, observe
from ...model.recovery import Problem, decode_value
from ...model.schema import Schema
from ..contracts.page_object import Cause
from .defaults import Made, begin
from .on_change import Listeners
from .refused_marks import Marks
from .stored_property import properties_of


class FieldValues:
    """The state that the parts of a page object hold in common.

    `raws` has the JSON of every field as it is shown, `defaults` that of every field where nothing is stored. `touched`
    collects the fields that a person changes while somebody wants to know, else it is `None`. `applying` is set while a
    change from elsewhere is shown: what follows from it is not submitted again.
    """

    # What few pages ever need belongs to the class until one of them does: a page is made for every visitor.
    closed = False
    applying = False
    touched: set[str] | None = None
    marks: Marks | None = None
    listeners: Listeners | None = None

    def __init__(
        self,
        schema: Schema,
        slice_id: SliceId,
        target: Any,
        client: Client,
        *,
        changed_in_place: Callable[[str], None],
        refusals_changed: Callable[[], None],
        given: bool = False,
    ) -> None:
        """Find the defaults of an app's object. `given`: what it holds now are the defaults. Raises `ValueNotStorable`.

        `changed_in_place` is called with the name of a field whose collection was changed, `refusals_changed` when an
        element is marked, or no longer.
        """
        self.schema = schema
        self.slice_id = slice_id
        self.client = client
        self.thread = get_ident()
        self.target = weakref.ref(target)
        self.defaults, self._made = begin(target, given=given)  # the latter until they are set
        self.raws: dict[str, Raw] = dict(self.defaults)
        self._changed_in_place = changed_in_place
        self._refusals_changed = refusals_changed

    def complete(self) -> None:
        """Set the defaults of the fields that were not recovered."""
        target = self.target()
        for name, prop in properties_of(self.schema.cls).items():
            if target is not None and prop.slot not in target.__dict__:
                value = self._made[name][0] if name in self._made else prop.new_default()
                prop.begin(target, self.observed(name, value))
        self._made = Made()

    def observed(self, name: str, value: Any) -> Any:
        """Return a value that tells when it changes in place, as far as values of its kind can."""
        if not isinstance(value, KINDS) or (self.schema.fields[name].field.decode and not is_ordinary(value)):
            return value  # what decode= makes comes back as what it is
        return observe(value, partial(self._changed_in_place, name), (self, name))

    def show(self, raws: Mapping[str, Raw], version: int, cause: Cause) -> list[Problem]:
        """Set the fields whose JSON is another one; return why some of it does not fit."""
        target, fields, attributes = self.target(), self.schema.fields, vars(self.schema.cls)
        problems: list[Problem] = []
        before, self.applying = self.applying, True
        try:
            for name, raw in [(name, raw) for name, raw in raws.items() if self.raws.get(name) != raw]:
                value, problem = decode_value(fields[name], raw, version)
                if problem is not None:
                    problems.append(problem)
                elif target is not None:
                    self.raws[name] = raw
                    try:
                        attributes[name].show(target, value, self)
                    except Exception as error:  # noqa: BLE001 what is bound may raise anything, and the other fields must follow
                        app.handle_exception(error)
                    if self.listeners is not None:
                        self.listeners.tell(name, cause)
        finally:
            self.applying = before
        return problems

    # ---- who is told of a change

    def listen(self) -> Listeners:
        """Return who wants to know when a field changes."""
        self.listeners = self.listeners or Listeners(self.client)
        return self.listeners

    def tell(self, name: str) -> None:
        """Say that a field was changed on this page."""
        if self.listeners is not None:
            self.listeners.tell(name, 'local')

    # ---- elements whose value was refused

    def mark(self) -> Marks:
        """Return the marks on elements whose value was refused."""
        self.marks = self.marks or Marks(self._refusals_changed)
        return self.marks

    def unmark(self, name: str) -> None:
        if self.marks is not None:
            self.marks.remove(name)

    def refused(self) -> Iterator[tuple[str, str, ValueNotStorable]]:
        """Iterate over field, label of its element and error of each refused value that somebody still sees."""
        return iter(()) if self.marks is None else self.marks.refused()
