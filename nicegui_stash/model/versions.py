"""Finding the slices of a class and its older versions in a document, and migrating them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path

import msgspec

from .document import Document, Part, PartData, Slice, SliceId, version_number
from .limits import Policy
from .recovery import Problem
from .schema import Schema, migrate


class Found(msgspec.Struct, frozen=True):
    """The slice of a class in a document, stored by `from_version`, or a problem in its place.

    `migrated`: the slice is new, and not yet stored under the class's own name and version. `error` is the exception
    behind the problem.
    """

    slice: Slice | None = None
    from_version: int | None = None
    problem: Problem | None = None
    migrated: bool = False
    error: Exception | None = None


def candidates(schema: Schema, document: Document, key: str) -> list[tuple[SliceId, Slice]]:
    """Return the slices that may have a class's values: its own, then older ones, the newest first."""
    if not schema.has_older:
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
    """Find a class's slice: that of its own version, else the newest older one, migrated. Changes nothing.

    Migrates the data of an older slice, and these tabs and visits, by default all. A failing migration discards only
    this slice; the stored old version stays as it is.
    """
    for id_, stored in candidates(schema, document, key):
        if (id_.name, id_.version) == (schema.name, schema.version):
            return Found(stored, id_.version)
        wanted = [part for part, _ in stored.parts()] if parts is None else [Part('data'), *parts]
        return _migrated(schema, [(id_.version, stored, part) for part in dict.fromkeys(wanted)])
    return Found()


def find_parts(schema: Schema, document: Document, key: str, parts: Iterable[Part]) -> Found:
    """Find parts in older versions only, each in the newest that has it, and migrate them. Changes nothing."""
    if not schema.has_older:
        return Found()
    own = schema.slice_id(key)
    older = [(id_.version, stored) for id_, stored in candidates(schema, document, key) if id_ != own]
    sources = [next(((*source, part) for source in older if source[1].values(part)), None) for part in parts]
    return _migrated(schema, [source for source in sources if source])


def _migrated(schema: Schema, sources: Iterable[tuple[int, Slice, Part]]) -> Found:
    """Migrate parts into one new slice; each source is a version, its slice and the part."""
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
    """Return the error of a migration and its place, without its message, which may quote a value."""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        if Path(__file__).parents[1] not in file.parents:
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
