"""How a class's values come back from a document, and the record that tells the page about it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from .document import Document, Part, PartData, Slice, SliceId, Values, version_number
from .errors import ValueNotStorable
from .policy import Policy
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
    """A change that was overruled: the store turned out to hold another value than the one it was made on.

    It was made while the store could not be read, or typed while the server was away.
    """

    field: str
    value: Any


@dataclass(slots=True)
class Recovery:
    """How a page's fields came back. The record is updated in place when a report or a late recovery arrives.

    `status` says what was found for this class: `fresh` (nothing was stored), `recovered`, `discarded` (a migration
    failed, or both versions have no room), `expired` (unseen for longer than `ttl`), `quarantined` (the stored bytes
    were no document) or `unavailable` (the store did not answer, or holds a format of a newer version). `reason` says
    why the page was loaded, as the browser reports it: it is `unknown` until the report has come, and so in `build()`
    and `on_recovered()` of a page that does not wait for it, as most do not. `problems` lists what did not fit any
    more, `rejected` the changes that a late recovery overruled, and what was typed while the server was away where
    somebody else has written the field since, or where its element does not take it any more.
    `from_version` is the version the values were stored under, `age` the seconds since the slice was last seen; both
    are `None` where nothing was stored.
    """

    status: Status = 'unavailable'
    reason: Reason = 'unknown'
    problems: list[Problem] = field(default_factory=list['Problem'])
    rejected: list[Rejected] = field(default_factory=list['Rejected'])
    from_version: int | None = None
    age: float | None = None


class Found(msgspec.Struct, frozen=True):
    """What a document holds for a class: a slice, stored under `from_version`, or a problem in its place.

    `migrated`: the slice is a new one that is not stored under the class's own name and version. `error` is what
    caused the problem.
    """

    slice: Slice | None = None
    from_version: int | None = None
    problem: Problem | None = None
    migrated: bool = False
    error: Exception | None = None


def candidates(schema: Schema, document: Document, key: str) -> list[tuple[SliceId, Slice]]:
    """Return what a class may find its values in, the best first: its own slice, then older ones from the newest on."""
    if schema.version == 1 and not schema.renamed_from:  # as most classes are: there is nothing older
        id_ = schema.slice_id(key)
        own = document.slice(id_)
        return [(id_, own)] if own is not None else []
    found: list[tuple[SliceId, Slice]] = []
    for name in schema.names:
        stored = {
            number: keys[key]
            for text, keys in document.slices.get(name, {}).items()
            if key in keys and 0 < (number := version_number(text)) <= schema.version
        }
        found += [(SliceId(name, version, key), stored[version]) for version in sorted(stored, reverse=True)]
    return found


def find(schema: Schema, document: Document, key: str, parts: Iterable[Part] | None = None) -> Found:
    """Look a class's slice up: of its own version, else the newest older one, migrated. Changes nothing.

    Of an older one these tabs and visits are taken besides the data, by default all. A failing migration discards this
    slice alone; what is stored under the old version stays there.
    """
    for id_, stored in candidates(schema, document, key):
        if (id_.name, id_.version) == (schema.name, schema.version):
            return Found(stored, id_.version)
        wanted = [part for part, _ in stored.parts()] if parts is None else [Part('data'), *parts]
        return _migrated(schema, [(id_.version, stored, part) for part in dict.fromkeys(wanted)])
    return Found()


def find_parts(schema: Schema, document: Document, key: str, parts: Iterable[Part]) -> Found:
    """Look parts up in older versions only, each in the newest that has it, and migrate them. Changes nothing."""
    own = schema.slice_id(key)
    older = [(id_.version, stored) for id_, stored in candidates(schema, document, key) if id_ != own]
    sources = [next(((*source, part) for source in older if source[1].values(part)), None) for part in parts]
    return _migrated(schema, [source for source in sources if source])


def _migrated(schema: Schema, sources: Iterable[tuple[int, Slice, Part]]) -> Found:
    """Migrate parts, each of a slice of some version, into one new slice."""
    new, newest = Slice(), None
    for version, old, part in sources:
        newest = max(version, newest or version)
        try:
            values = migrate(schema, old.values(part) or {}, version)
        except Exception as error:  # noqa: BLE001 a migration is the app's code and may raise anything
            why = Problem('', version, f'{type(error).__name__}: {error}')
            return Found(from_version=version, problem=why, error=error)
        new.seen = max(new.seen, old.seen)
        if part.kind == 'data':
            new.data = values
        elif values:
            getattr(new, part.kind)[part.id] = PartData(getattr(old, part.kind)[part.id].seen, values)
    return Found(new, newest, migrated=True) if newest else Found()


def blame(error: Exception) -> str:
    """Say which error a migration raised and where, without its message, which may hold a value."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        if Path(__file__).parent not in file.parents:
            return f'{type(error).__name__} in {frame.f_code.co_name} ({file.name}:{line})'
    return str(error)


def too_large(slice_: Slice, size: int, policy: Policy) -> str | None:
    """Say why a migrated slice cannot be stored beside the old one in a document of `size` bytes; `None` if it can."""
    for _, values in slice_.parts():
        for name, raw in values.items():
            if len(raw) > policy.max_value_bytes:
                return f'{name} would have {len(raw)} bytes, more than max_value_bytes={policy.max_value_bytes}'
    if size + len(msgspec.json.encode(slice_)) > policy.max_document_bytes:
        return f'beside the old one the document would exceed max_document_bytes={policy.max_document_bytes}'
    return None


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
    held = {scope: found.values(part) for scope, part in parts.items()}
    for name, stored in schema.fields.items():
        if (raw := stored_value(stored, held.get(stored.field.scope))) is not None:
            raws[name] = raw
    return raws


def stored_value(stored: StoredField, values: Values | None) -> msgspec.Raw | None:
    """Return the stored JSON of a field, of its former name while there is none of its own, `None` without any."""
    if not values:
        return None
    raw = values.get(stored.name)
    return values.get(stored.field.renamed_from or '') if raw is None else raw


def decode_values(
    schema: Schema, raws: Mapping[str, msgspec.Raw], version: int
) -> tuple[dict[str, Any], list[Problem]]:
    """Decode stored JSON by field; what no longer fits its annotation becomes a problem and keeps its default."""
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
    """Decode the stored JSON of one field; with a problem there is no value."""
    try:
        value = stored.codec.decode(raw)
    except ValueNotStorable as error:
        return None, Problem(stored.name, version, error.reason)
    why = None if stored.field.validate is None else invalid(stored, value)
    return (value, None) if why is None else (None, Problem(stored.name, version, why))


def invalid(stored: StoredField, value: Any) -> str | None:
    """Say why `validate=` does not let a value come back; `None` if it does, or there is none."""
    validate = stored.field.validate
    try:
        return None if validate is None or validate(value) else 'validate= says that it does not hold any more'
    except Exception as error:  # noqa: BLE001 it is the app's code and may raise anything
        return f'validate= raised {type(error).__name__}: {error}'
