"""How a class's values come back from a document, and the record that tells the page about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from .document import Document, Part, Slice, version_number
from .errors import ValueNotStorable
from .schema import Schema, StoredField, migrate

Status = Literal['fresh', 'recovered', 'discarded', 'expired', 'quarantined', 'unavailable']
Reason = Literal['visit', 'reload', 'history', 'rejoin', 'duplicate', 'subpage', 'unknown']


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that did not come back: a field (empty: the whole slice), the version it was stored under, and why."""

    field: str
    version: int
    why: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A change made while the store could not be read, where the store then turned out to hold another value."""

    field: str
    value: Any


@dataclass(slots=True)
class Recovery:
    """How a page's fields came back. The record is updated in place when a late recovery arrives.

    `status` says what was found for this class: `fresh` (nothing was stored), `recovered`, `discarded` (a migration
    failed), `expired` (unseen for longer than `ttl`), `quarantined` (the stored bytes were no document) or
    `unavailable` (the store did not answer, or holds a format of a newer version). `reason` says why the page was
    loaded. `problems` lists what did not fit any more, `rejected` the changes that a late recovery overruled.
    `from_version` is the version the values were stored under, `age` the seconds since the slice was last seen; both
    are `None` where nothing was stored.
    """

    status: Status = 'unavailable'
    reason: Reason = 'unknown'
    problems: list[Problem] = field(default_factory=list['Problem'])
    rejected: list[Rejected] = field(default_factory=list['Rejected'])
    from_version: int | None = None
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a document holds for a schema: a slice, migrated if `from_version` says so, or a problem in its place."""

    slice: Slice | None = None
    from_version: int | None = None
    problem: Problem | None = None
    migrated: bool = False


def find(schema: Schema, document: Document, key: str) -> Found:
    """Look a class's slice up: of its own version, else the newest older one, migrated. Changes nothing.

    A failing migration discards this slice alone; what is stored under the old version stays there.
    """
    for name in filter(None, (schema.name, schema.renamed_from)):
        versions = document.slices.get(name, {})
        stored = {version_number(text): keys[key] for text, keys in versions.items() if key in keys}
        known = [version for version in stored if 0 < version <= schema.version]
        if not known:
            continue
        version = max(known)
        if version == schema.version:
            return Found(stored[version], version, migrated=name != schema.name)
        try:
            return Found(_migrated(schema, stored[version], version), version, migrated=True)
        except Exception as error:  # noqa: BLE001 a migration is the app's code and may raise anything
            return Found(problem=Problem('', version, f'{type(error).__name__}: {error}'), from_version=version)
    return Found()


def _migrated(schema: Schema, old: Slice, version: int) -> Slice:
    new = Slice(seen=old.seen, data=migrate(schema, old.data, version))
    for kind in ('tabs', 'visits'):
        for id_, part in getattr(old, kind).items():
            getattr(new, kind)[id_] = type(part)(seen=part.seen, data=migrate(schema, part.data, version))
    return new


def part_of(scope: str, tab: str, visit: str) -> Part:
    """Return where a field of this scope is stored for one page."""
    match scope:
        case 'tab':
            return Part('tabs', tab)
        case 'reconnect':
            return Part('visits', visit)
        case _:
            return Part('data')


def stored_values(schema: Schema, found: Slice, parts: Mapping[str, Part]) -> dict[str, msgspec.Raw]:
    """Return the stored JSON of each field that has any; `parts` says, by scope, where this page's values are."""
    raws: dict[str, msgspec.Raw] = {}
    for name, stored in schema.fields.items():
        part = parts.get(stored.scope)
        values = found.values(part) if part else None
        for candidate in (name, stored.field.renamed_from):
            if values and candidate and candidate in values:
                raws[name] = values[candidate]
                break
    return raws


def decode_values(
    schema: Schema, raws: Mapping[str, msgspec.Raw], version: int
) -> tuple[dict[str, Any], list[Problem]]:
    """Decode stored JSON by field; what no longer fits its annotation becomes a problem and keeps its default."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, raw in raws.items():
        try:
            value = schema.fields[name].codec.decode(raw)
        except ValueNotStorable as error:
            problems.append(Problem(name, version, error.reason))
            continue
        if (why := _invalid(schema.fields[name], value)) is None:
            values[name] = value
        else:
            problems.append(Problem(name, version, why))
    return values, problems


def _invalid(stored: StoredField, value: Any) -> str | None:
    validate = stored.field.validate
    try:
        return None if validate is None or validate(value) else 'validate= says that it does not hold any more'
    except Exception as error:  # noqa: BLE001 it is the app's code and may raise anything
        return f'validate= raised {type(error).__name__}: {error}'
