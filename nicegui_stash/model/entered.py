"""What an element means by a value that does not fit its field: elements know texts, numbers and nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import Raw

from ..errors import ValueNotStorable
from .schema import StoredField


def meant(stored: StoredField, value: object) -> tuple[Any, Raw] | None:
    """Return the value that an element means, with its JSON; `None` if it means nothing else.

    A whole `float` is an `int`, since `ui.number` gives nothing else. `None` of an emptied element is `''`.
    """
    if stored.field.encode or stored.field.decode:
        return None
    for each in _readings(value):
        with suppress(ValueNotStorable):
            return stored.codec.encode(each)
    return None


def _readings(value: object) -> list[object]:
    if value is None:
        return ['']
    if type(value) is float and value.is_integer():
        return [int(value)]
    return []


def meant_inside(value: object, reason: str) -> list[object]:
    """Return what an element means by a part of a value that was refused for this reason; nothing if it means that."""
    if type(value) is float and value.is_integer() and reason.startswith('Expected `int'):
        return [int(value)]
    return [''] if value is None and reason == 'Expected `str`, got `null`' else []
