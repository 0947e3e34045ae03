"""The bindable property that replaces a stored field in a decorated class."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from threading import get_ident
from typing import Any, Final, Protocol, cast

from msgspec import Raw
from nicegui.binding import BindableProperty

from ...errors import ValueNotStorable
from ...model.changed_rows import ChangedRows, changed_rows
from ...model.entered import meant
from ...model.fields import MISSING
from ...model.observed import ObservedList
from ...model.pieces import Json, joined
from ...model.reconciling import are_in_place, reconcile, reconcile_rows, with_parts
from ...model.schema import StoredField
from ...settings import OnInvalid
from .. import nicegui_private
from .class_cache import per_class

PAGE_OBJECT: Final = '_nicegui_stash_instance'
"""The attribute of an app's object that holds its page object."""


class Values(Protocol):
    """The values of a page object, as a property needs them."""

    thread: int
    raws: dict[str, Json]

    @property
    def marks(self) -> object: ...

    @property
    def listeners(self) -> object: ...

    def observed(self, name: str, value: Any) -> Any: ...

    def unmark(self, name: str) -> None: ...

    def settle(self, name: str) -> None: ...

    def mark_gone(self, name: str, parts: Sequence[Any], *, objects: bool = False) -> None: ...

    def notify(self, name: str) -> None: ...


class Accepts(Protocol):
    """The acceptance of changes, as a property needs it."""

    on_invalid: OnInvalid

    def accept(self, name: str, json: Json) -> None: ...

    def post(self, name: str, raw: Raw) -> None: ...

    def refuse(self, name: str, value: Any, error: ValueNotStorable) -> None: ...


class HasFields(Protocol):
    """A page object, as its properties need it."""

    @property
    def values(self) -> Values: ...

    @property
    def accepting(self) -> Accepts: ...


class StoredProperty(BindableProperty):
    """A NiceGUI bindable property: it checks a value, has it accepted, then sets it."""

    def __init__(self, stored: StoredField) -> None:
        super().__init__()
        self.stored = stored
        self.field = stored.field
        self.name = stored.name
        self.slot = f'___{stored.name}'
        self.names = (stored.name,)
        self._exact = stored.codec.exact - {float}
        self._encode = stored.codec.encode
        self._to_json = stored.codec.to_json
        self._known: type | None = None

    def __get__(self, owner: Any, _: type | None = None) -> Any:
        if owner is None:
            return self
        try:
            return owner.__dict__[self.slot]
        except KeyError:  # an object without a session, as in a test of the class itself
            self.begin(owner, self.new_default())
            return owner.__dict__[self.slot]

    def __set__(self, owner: Any, value: Any) -> None:
        attributes = owner.__dict__
        if value is self or value is self.field:  # the `__init__` of a dataclass assigns the class attribute
            value = self.new_default()
        page_object: HasFields | None = attributes.get(PAGE_OBJECT)
        if page_object is None:
            self.begin(owner, self._encode(value)[0])
            return
        values, accepting = page_object.values, page_object.accepting
        try:
            if type(value) in self._exact:
                raw = self._to_json(value)
            else:
                value, raw = self._encode(value)
            if values.raws.get(self.name) == raw and not (values.marks and self.stored.codec.opaque):
                return
            if get_ident() != values.thread:
                attributes[self.slot] = values.observed(self.name, value)  # before posting: the event loop may read it
                accepting.post(self.name, raw)
                return
            accepting.accept(self.name, raw)
        except ValueNotStorable as error:
            brought = nicegui_private.is_brought_by_binding(owner, self.name)
            if accepting.on_invalid == 'raise' and not brought:
                raise
            self._take_or_refuse(owner, page_object, value, error, brought=brought)
            return
        attributes[self.slot] = values.observed(self.name, value)
        if values.marks:
            values.unmark(self.name)
        if (id(owner), self.names) in nicegui_private.bindings:
            nicegui_private.propagate(owner, self.names)
        if values.listeners is not None:
            values.notify(self.name)

    def _take_or_refuse(
        self, owner: Any, page_object: HasFields, value: Any, error: ValueNotStorable, *, brought: bool
    ) -> None:
        """Accept what an element means by a value that does not fit; else leave the value on the element, marked."""
        try:
            if brought and self._take_meant(owner, page_object, value):
                return
        except ValueNotStorable as refused:
            error = refused
        page_object.accepting.refuse(self.name, value, error)

    def _take_meant(self, owner: Any, page_object: HasFields, value: Any) -> bool:
        """Accept what an element means by a value that does not fit. Raises `ValueNotStorable` like any assignment.

        NiceGUI shows it to what else is bound, but leaves the element itself as the person left it.
        """
        if (found := meant(self.stored, value)) is None:
            return False
        held, raw = found
        values = page_object.values
        if get_ident() != values.thread:
            owner.__dict__[self.slot] = values.observed(self.name, held)
            page_object.accepting.post(self.name, raw)
            return True
        changed = values.raws.get(self.name) != raw
        if changed:
            page_object.accepting.accept(self.name, raw)
            owner.__dict__[self.slot] = values.observed(self.name, held)
        if values.marks:
            values.unmark(self.name)
        if changed and values.listeners is not None:
            values.notify(self.name)
        return True

    def new_default(self) -> Any:
        """Return a new copy of the declared default, as decoding it would give."""
        if type(self.field.default) in self._exact:
            return self.field.default
        if self.field.default_factory:
            return self._encode(self.field.default_factory())[0]
        value = self._encode(self.field.default)[0]
        return value if type(value) in self.stored.codec.exact else copy.deepcopy(value)

    def begin(self, owner: Any, value: Any) -> None:
        """Set the first value, which registers the property with NiceGUI as bindable."""
        # NiceGUI registers a class once and for ever; registering each object here costs a quarter of that
        if type(owner) is not self._known and not nicegui_private.is_script_for_visitor():
            owner.__dict__.pop(self.slot, None)
            super().__set__(owner, value)
            self._known = type(owner)
            return
        owner.__dict__[self.slot] = value
        key = (id(owner), self.names)
        nicegui_private.bindable_properties[key] = owner
        if key in nicegui_private.bindings:
            nicegui_private.propagate(owner, self.names)

    def show(self, owner: Any, value: Any, values: Values) -> None:
        """Set a value from the session, or the changed rows of a list, and update what is bound to it."""
        if values.marks:
            values.unmark(self.name)
        held = owner.__dict__.get(self.slot, MISSING)
        if held is MISSING:
            self.begin(owner, values.observed(self.name, value))
            return
        if type(value) in self._exact and type(held) in self._exact:  # nothing is bound to what is in it
            owner.__dict__[self.slot] = value
            if (id(owner), self.names) in nicegui_private.bindings:
                nicegui_private.propagate(owner, self.names)
            return
        row_key, to_json = self.field.row_key, self._to_json
        changes = (
            reconcile_rows(held, value, row_key=row_key, to_json=to_json)
            if isinstance(value, ChangedRows)
            else reconcile(held, value, row_key=row_key, to_json=to_json)
        )
        if changes is not None:  # elements may be bound to what is in it
            if values.marks:
                values.settle(self.name)
            for entries, keys in changes.entries:
                nicegui_private.propagate_entries(entries, keys)
            nicegui_private.propagate_in_place(owner, self.name)
            if changes.replaced:
                nicegui_private.move_bindings(with_parts(changes.replaced))
            if changes.gone:
                values.mark_gone(self.name, changes.gone, objects=True)
            return
        owner.__dict__[self.slot] = shown = values.observed(self.name, value)
        if (id(owner), self.names) in nicegui_private.bindings:
            nicegui_private.propagate(owner, self.names)
        if self.stored.codec.opaque:
            nicegui_private.move_bindings(with_parts([(held, shown)]))

    def changed_rows(self, owner: Any, before: Json, after: Raw) -> ChangedRows | None:
        """Return what `show` needs of a list in which some rows have other JSON; `None` where it needs the whole."""
        held = owner.__dict__.get(self.slot)
        if not isinstance(held, ObservedList) or self.field.decode or self.field.validate:
            return None
        rows = changed_rows(self.stored.codec, joined(before), after)
        return rows if rows is not None and are_in_place(held, rows, self.field.row_key) else None


def detach_copies(cls: Any) -> None:
    """Detach copies of a class's objects from the session: assignments to a copy are not stored."""
    state_of = cls.__getstate__

    def __getstate__(self: object) -> object:  # noqa: N807 `copy` looks for it, also as NiceGUI has it copy bindable objects
        return _without_page_object(state_of(self))

    cls.__getstate__ = __getstate__


def _without_page_object(state: object) -> object:
    if isinstance(state, tuple):  # where a base has slots
        return tuple(_without_page_object(each) for each in cast(tuple[object, ...], state))
    if isinstance(state, dict):
        return {name: value for name, value in cast(dict[str, object], state).items() if name != PAGE_OBJECT}
    return state


@per_class
def properties_of(cls: type) -> Mapping[str, StoredProperty]:
    """Return the stored properties of a decorated class by name, in order of declaration."""
    attributes = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    return {name: value for name, value in attributes.items() if isinstance(value, StoredProperty)}


@per_class
def declared_defaults(cls: type) -> Mapping[str, Raw] | None:
    """Return the JSON of the defaults that all objects of a class share; `None` if each object makes its own."""
    properties = properties_of(cls)
    if cls.__init__ is not object.__init__ or any(each.field.default_factory for each in properties.values()):
        return None
    return {name: each.stored.codec.encode(each.field.default)[1] for name, each in properties.items()}
