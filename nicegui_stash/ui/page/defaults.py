"""The defaults of a page object's fields, for fields without a stored value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Raw

from .stored_property import PAGE_OBJECT, declared_defaults, properties_of

OwnDefaults = dict[str, tuple[object, Raw]]
"""By field: the default of this one object, and its JSON."""


class Defaults(Protocol):
    @property
    def defaults(self) -> Mapping[str, Raw]: ...


class FormerPageObject(Protocol):
    """The page object that an app's object had before."""

    @property
    def values(self) -> Defaults: ...


def begin(target: Any, *, given: bool) -> tuple[Mapping[str, Raw], OwnDefaults]:
    """Find every field's default: declared by `stored()`, assigned by `__init__`, or held by a given object.

    Unsets the fields. Raises `ValueNotStorable`.
    """
    if given:
        return _held_by(target)
    cls: type[Any] = target.__class__
    if (declared := declared_defaults(cls)) is not None:
        return declared, {}
    for prop in properties_of(cls).values():
        target.__dict__[prop.slot] = prop.new_default()
    target.__init__()
    return _held_by(target)


def _held_by(target: Any) -> tuple[Mapping[str, Raw], OwnDefaults]:
    cls: type[Any] = target.__class__
    properties = properties_of(cls)
    former: FormerPageObject | None = target.__dict__.get(PAGE_OBJECT)
    if former is not None:  # kept before, on a part of the page that is gone: its defaults stay the same
        made = {name: (properties[name].stored.codec.decode(raw), raw) for name, raw in former.values.defaults.items()}
    else:
        made = {name: prop.stored.codec.encode(getattr(target, name)) for name, prop in properties.items()}
    for prop in properties.values():
        target.__dict__.pop(prop.slot, None)
    return {name: raw for name, (_, raw) in made.items()}, made
