"""Recovering a class's values from a document, and the page's record of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from ..errors import ValueNotStorable
from .document import Part, Slice, Values
from .schema import Schema, StoredField
from .scopes import Scope

MAX_REJECTED: Final = 100
MAX_REJECTED_BYTES: Final = 1024 * 1024

Status = Literal['fresh', 'recovered', 'discarded', 'expired', 'quarantined', 'unavailable']
MOST_TELLING: Final[tuple[Status, ...]] = (
    'unavailable',
    'recovered',
    'discarded',
    'quarantined',
    'expired',
    'fresh',
)
"""What is said of a class whose fields are in several documents: the first of these that holds for one."""
Reason = Literal['visit', 'reload', 'history', 'rejoin', 'duplicate', 'subpage', 'unknown']


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that did not come back (empty: the whole slice), the version that stored it, and why."""

    field: str
    version: int
    why: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A change that was rejected because the store has another value than the change was based on.

    It was made while the store could not be read, or typed while the server was away. `path` says which part of the
    field, as `$.name`; `$` is the field itself.
    """

    field: str
    value: Any
    path: str = '$'
    size: int = dataclasses.field(default=0, repr=False, compare=False)
    """Bytes of its JSON."""


@dataclass(slots=True)
class Recovery:
    """How a page's fields came back. The record is updated in place when a report or a late recovery arrives.

    `status` says what was found for this class: `fresh` (nothing was stored), `recovered`, `discarded` (a migration
    failed, or both versions do not fit into the document), `expired` (unseen for longer than `ttl`), `quarantined` (the
    stored bytes were not a document) or `unavailable` (the store did not answer, or has a format of a newer version).
    `reason` says why the page was loaded, as the browser reports it. It is `unknown` until the report arrives, and so
    in `build()` and `on_recovered()` of most pages, which do not wait for it. `problems` lists values that no longer
    fit. `rejected` lists changes that a late recovery overruled, and values typed while the server was away if others
    have written the field since, or if its element no longer accepts them; the last 100 of them, and at most 1 MiB.
    `from_version` is the version that stored the values, `age` the seconds since the slice was last seen; both are
    `None` if nothing was stored. `in_place`: a rejoin without a reload, so that the browser keeps what it shows.
    """

    status: Status = 'unavailable'
    reason: Reason = 'unknown'
    problems: list[Problem] = field(default_factory=list['Problem'])
    rejected: list[Rejected] = field(default_factory=list['Rejected'])
    from_version: int | None = None
    age: float | None = None
    in_place: bool = False

    def note_rejected(self, rejected: Rejected) -> None:
        """Add a rejected change; drop the oldest ones beyond the limits, as a page may send any number."""
        self.rejected.append(rejected)
        while len(self.rejected) > MAX_REJECTED or sum(each.size for each in self.rejected) > MAX_REJECTED_BYTES:
            del self.rejected[0]


def stored_values(schema: Schema, found: Slice, parts: Mapping[Scope, Part]) -> dict[str, msgspec.Raw]:
    """Return the stored JSON of each field that has any; `parts` has, by scope, the parts with this page's values."""
    raws: dict[str, msgspec.Raw] = {}
    held = {scope: found.values(part) for scope, part in parts.items()}
    for name, stored in schema.fields.items():
        if (raw := stored_value(stored, held.get(stored.scope))) is not None:
            raws[name] = raw
    return raws


def stored_value(stored: StoredField, values: Values | None) -> msgspec.Raw | None:
    """Return the stored JSON of a field, else that of its former name, else `None`."""
    if not values:
        return None
    raw = values.get(stored.name)
    return values.get(stored.field.renamed_from or '') if raw is None else raw


def decode_values(
    schema: Schema, raws: Mapping[str, msgspec.Raw], version: int
) -> tuple[dict[str, Any], list[Problem]]:
    """Decode stored JSON by field; return the values, and a problem for each that no longer fits its field."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, raw in raws.items():
        value, problem = decode_value(schema.fields[name], raw, version)
        if problem is None:
            values[name] = value
        else:
            problems.append(problem)
    return values, problems


def decode_value(stored: StoredField, raw: msgspec.Raw, version: int) -> tuple[Any, Problem | None]:
    """Decode the stored JSON of one field; return its value, or `None` and a problem."""
    try:
        value = stored.codec.decode(raw)
    except ValueNotStorable as error:
        return None, Problem(stored.name, version, error.reason)
    why = None if stored.field.validate is None else invalid(stored, value)
    return (value, None) if why is None else (None, Problem(stored.name, version, why))


def invalid(stored: StoredField, value: Any) -> str | None:
    """Say why `validate=` refuses a value; `None` if it accepts it, or there is none."""
    validate = stored.field.validate
    try:
        return None if validate is None or validate(value) else 'validate= says that it does not hold any more'
    except Exception as error:  # noqa: BLE001 it is the app's code and may raise anything
        return f'validate= raised {type(error).__name__}: {error}'
