"""What a session takes over from older versions of a class, and from the name that the class had before.

Each version keeps its own slice. A newer one begins with what the older one holds, and the older one stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..model.document import Document, Part, Raw, Slice, SliceId, to_bytes
from ..model.operations import Operation, Reset, Set, Update, apply
from ..model.recovery import Problem
from ..model.schema import Schema
from ..model.versions import Found, blame, candidates, find, find_parts, too_large
from .loading import Fetched
from .pending import OperationKey
from .shared import Shared
from .sync import Exchange

NOTHING: Mapping[SliceId, Found] = {}
"""What most sessions find in older versions; never changed."""


class Inheriting(Exchange):
    """The part of the session actor that knows of versions."""

    __slots__ = ('_found_unread',)

    def __init__(self, key: str, older_keys: tuple[str, ...], shared: Shared, *, exists: bool = True) -> None:
        super().__init__(key, older_keys, shared, exists=exists)
        self._found_unread: Mapping[SliceId, Found] = NOTHING

    @property
    def has_brought(self) -> bool:
        """Whether the first read found what only older versions hold, beneath changes that were pending by then."""
        return bool(self._found_unread)

    def inherit(self, schema: Schema, key: str, parts: Collection[Part] = ()) -> Found:
        """Bring along what only older versions of a class hold: its slice, then tabs and visits as they take part.

        Returns what was found: the own slice, or what was migrated and accepted under the own version. What does not
        migrate, or has no room, is a problem in its place and stays where it is.
        """
        slice_id = schema.slice_id(key)
        own = self.document.slice(slice_id)
        if own is not None and None not in [own.values(part) for part in parts]:
            return self._found_unread.get(slice_id) or Found(own, schema.version)
        found = _find_older(self.document, schema, key, parts)
        if found.migrated:
            found = self._measured(found, len(to_bytes(self.document)))
        if found.migrated and found.slice is not None:
            self.adopt(slice_id, found.slice)
        self._log_discarded(slice_id, found)
        if found.problem or found.migrated:
            return found
        own = self.document.slice(slice_id)
        return self._found_unread.get(slice_id) or (Found(own, schema.version) if own else Found())

    def adopt(self, slice_id: SliceId, migrated: Slice) -> None:
        """Accept a migrated slice under its new version, wherever nobody has written there meanwhile."""
        for part, values in migrated.parts():
            for name, raw in values.items():
                if self.document.values(slice_id, part).setdefault(name, raw) is raw:
                    self._accept_absent(slice_id, part, name, raw)
        found = self.document.slice(slice_id)
        if found is not None:
            found.seen = found.seen or migrated.seen

    def _inherit_first(self, slice_id: SliceId) -> None:
        """Bring along what an older version holds: a slice that begins with one change would hide it."""
        schema = self._schema_of(slice_id)
        if schema and self.is_read and self.document.slice(slice_id) is None:
            self.inherit(schema, slice_id.key)

    def _older(self, slice_id: SliceId) -> list[SliceId]:
        """Return the slices of older versions, under a former name only where no other class has that now."""
        schema = self._schema_of(slice_id)
        found = candidates(schema, self.document, slice_id.key) if schema else []
        others = self._shared.schemas.keys() - {slice_id.name}
        return [id_ for id_, _ in found if id_ != slice_id and id_.name not in others]

    def _schema_of(self, slice_id: SliceId) -> Schema | None:
        schema = self._shared.schemas.get(slice_id.name)
        return schema if schema and schema.version == slice_id.version else None

    def _measured(self, found: Found, size: int) -> Found:
        """Put a problem in the place of a migrated slice that has no room in a document of `size` bytes."""
        why = too_large(found.slice, size, self._shared.policy) if found.migrated and found.slice else None
        version = found.from_version or 0
        return Found(from_version=version, problem=Problem('', version, why)) if why else found

    def _log_discarded(self, slice_id: SliceId, found: Found) -> None:
        """Log what does not come back, once per cause; a log has no values, and the message of an error may."""
        if found.problem is not None:
            version, name = found.from_version, slice_id.name
            cause = blame(found.error) if found.error else 'room'
            why = cause if found.error else found.problem.why
            message = 'session %s: %s of version %s does not come back in version %d: %s; other sessions are not logged'
            self._shared.say_once(f'{name} {version} {cause}', message, self.key, name, version, slice_id.version, why)

    def _accept(self, key: OperationKey, operation: Operation) -> None:
        apply(self.document, [operation])
        self._cells.clear()
        self._enqueue(key, operation)

    def _accept_absent(self, slice_id: SliceId, part: Part, name: str, raw: Raw) -> None:
        """Accept a value that the document in memory has already, and that holds elsewhere where nothing is stored."""
        shared, reset = self._shared, self.document.ensure(slice_id).reset
        self._size += len(name) + 4 + len(raw)
        self.document.erased = False
        self._enqueue(
            (slice_id, part, name),
            Set(shared.next_sequence(), self.document.epoch, reset, slice_id, part, name, raw, absent=True),
        )
        for subscriber in self._subscribers:
            subscriber.changed(slice_id, part, name)

    # ---- while a document is read

    def _merge(self, fetched: Fetched) -> None:
        """Take a document as read, with what older versions hold beneath what is pending under a newer one.

        Otherwise a change made before the first read would hide it, and would not be overruled by it.
        """
        first, brought = not self.is_read, self._bring_along(fetched)
        super()._merge(fetched)
        if first:
            self._found_unread = {**self._found_unread, **brought} if brought else self._found_unread
            for erased in [operation.slice for operation in self._pending if isinstance(operation, Reset)]:
                for id_ in self._older(erased):
                    self._accept((id_,), Reset(self._shared.next_sequence(), self.document.epoch, id_))
        for id_, part, name, raw in _values_of(brought):
            found = self.document.slice(id_)
            if found and (found.values(part) or {}).get(name) is raw:  # nothing has overwritten, dropped or reset it
                self._accept_absent(id_, part, name, raw)

    def _bring_along(self, fetched: Fetched) -> dict[SliceId, Found]:
        """Migrate, into a document that was just read, what pending changes are about to be written over."""
        written: dict[SliceId, dict[Part, None]] = {}
        for operation in self._pending:
            if isinstance(operation, (Set, Update)):
                written.setdefault(operation.slice, {})[operation.part] = None
        brought: dict[SliceId, Found] = {}
        for id_, parts in written.items():
            if (schema := self._schema_of(id_)) is not None:
                found = self._measured(_find_older(fetched.document, schema, id_.key, parts), fetched.size)
                if found.problem or found.migrated:
                    brought[id_] = found
                self._log_discarded(id_, found)
        for id_, part, name, raw in _values_of(brought):
            fetched.document.values(id_, part)[name] = raw
        return brought


def _find_older(document: Document, schema: Schema, key: str, parts: Iterable[Part]) -> Found:
    own = document.slice(schema.slice_id(key))
    if own is None:
        return find(schema, document, key, parts)
    return find_parts(schema, document, key, [part for part in parts if own.values(part) is None])


def _values_of(brought: dict[SliceId, Found]) -> Iterator[tuple[SliceId, Part, str, Raw]]:
    for id_, found in brought.items():
        for part, values in found.slice.parts() if found.slice else ():
            for name, raw in values.items():
                yield id_, part, name, raw
