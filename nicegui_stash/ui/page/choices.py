"""Choice elements whose options do not hold the stored value: they show nothing, and write nothing back."""

from __future__ import annotations

from ...model.observed import ObservedDict
from .. import nicegui_private
from .stored_property import StoredProperty


def keep_values_without_option() -> None:
    """Keep a stored value, in all elements that are bound to it, until its option comes or a person chooses another."""
    nicegui_private.keep_values_without_option(is_stored)


def is_stored(owner: object, names: tuple[str, ...]) -> bool:
    """Whether an attribute, or a nested one, belongs to a stored field."""
    return isinstance(owner, ObservedDict) or isinstance(getattr(type(owner), names[0], None), StoredProperty)
