"""Objects of a stored class without a page: for updates, and for code that reads a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import isawaitable
from typing import Any, TypeVar

from msgspec import Raw

from ...errors import StashError
from ...model.document import Part, Slice
from ...model.operations import Written
from ...model.recovery import decode_values, stored_values
from ...model.schema import Schema
from ...model.scopes import Scope

T = TypeVar('T')


def across_owners(schema: Schema) -> StashError:
    return StashError(
        f'an update of {schema.name} changes fields of several owners (session, user or room), which are put apart; '
        'call update() once for each'
    )


def detached(schema: Schema, raws: Mapping[str, Raw]) -> Any:
    """Return an object with these values and declared defaults for the rest, without calling `__init__`."""
    values, _ = decode_values(schema, raws, schema.version)
    target = object.__new__(schema.cls)
    for name, stored in schema.fields.items():
        target.__dict__[vars(schema.cls)[name].slot] = values[name] if name in values else stored.field.new_default()
    return target


def updating(
    schema: Schema,
    parts: Mapping[Scope, Part],
    function: Callable[[T], object],
    defaults: Mapping[str, Raw] | None = None,
) -> Callable[[Slice], list[Written]]:
    """Turn a function that changes an object into one that maps a slice to its writes. It may run repeatedly.

    `defaults`: those that the page's `__init__` assigned, and what other documents hold. The function raises
    `StashError` where a field of another owner is changed.
    """
    owners = {scope.owner for scope in parts}

    def change(found: Slice) -> list[Written]:
        before = {**(defaults or {}), **stored_values(schema, found, parts)}
        target = detached(schema, before)
        if isawaitable(function(target)):
            raise StashError('the function of update() cannot be async: update() may call it several times')
        written: list[Written] = []
        for name, stored in schema.fields.items():
            raw = stored.codec.encode(getattr(target, name))[1]
            part = parts.get(stored.scope)
            default = stored.codec.encode(stored.field.new_default())[1]
            if raw == before.get(name, default):
                continue
            if not stored.scope.is_stored:
                raise StashError(f'{schema.name}.{name} is not stored on the server; assign it on the page')
            if stored.scope.owner not in owners:
                raise across_owners(schema)
            if part is not None:
                written.append((part, name, raw))
        return written

    return change
