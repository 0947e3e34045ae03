"""What a session takes over from older versions of a class, and from the name that the class had before.

Each version keeps its own slice. A newer one begins with what the older one holds, and the older one stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from ..model.document import SESSION_PART, Document, Part, Raw, Slice, SliceId, to_bytes
from ..model.operations import Adopt, Reset, Set, Update
from ..model.recovery import Problem
from ..model.schema import Schema
from ..model.versions import Found, blame, candidates, find, find_parts, too_large
from .loading import Fetched
from .state import DocumentState

NOTHING: Mapping[SliceId, Found] = {}
"""What most sessions find in older versions; never changed."""


class OlderVersions:
    """Brings into a document's current slices what only older versions hold.

    What it accepts is pending in the document's state; whoever calls sees to it that it is put. A class without older
    versions and former names is never asked for any.
    """

    __slots__ = ('_found_unread', '_state')

    def __init__(self, state: DocumentState) -> None:
        self._state = state
        self._found_unread: Mapping[SliceId, Found] = NOTHING

    @property
    def has_brought(self) -> bool:
        """Whether the first read found what only older versions hold, beneath changes that were pending by then."""
        return bool(self._found_unread)

    def inherit(self, schema: Schema, key: str, parts: Collection[Part] = ()) -> Found:
        """Bring along what only older versions of a class hold: its slice, then these tabs and visits.

        Returns what was found: the own slice, or what was migrated and accepted under the own version. What does not
        migrate, or has no room, is a problem in its place and stays where it is.
        """
        slice_id, document = schema.slice_id(key), self._state.document
        own = document.slice(slice_id)
        if not schema.has_older:
            return Found(own, schema.version) if own else Found()
        if own is not None and None not in [own.values(part) for part in parts]:
            return self._found_unread.get(slice_id) or Found(own, schema.version)
        found = _find_older(document, schema, key, parts)
        if found.migrated:
            found = self._measured(found, len(to_bytes(document)))
        if found.migrated and found.slice is not None:
            self.adopt(slice_id, found.slice)
        self._log_discarded(slice_id, found)
        if found.problem or found.migrated:
            return found
        own = document.slice(slice_id)
        return self._found_unread.get(slice_id) or (Found(own, schema.version) if own else Found())

    def adopt(self, slice_id: SliceId, migrated: Slice) -> None:
        """Accept a migrated slice under its new version, wherever nobody has written there meanwhile."""
        document = self._state.document
        for part, values in migrated.parts():
            for name, raw in values.items():
                if document.values(slice_id, part).setdefault(name, raw) is raw:
                    self._state.accept_absent(slice_id, part, name, raw)
        found = document.slice(slice_id)
        if found is not None:
            found.seen = found.seen or migrated.seen

    def inherit_first(self, slice_id: SliceId) -> None:
        """Bring along what an older version holds: a slice that begins with one change would hide it."""
        schema = self._schema_with_older(slice_id)
        if schema is not None and self._state.is_read and self._state.document.slice(slice_id) is None:
            self.inherit(schema, slice_id.key)

    def older(self, slice_id: SliceId) -> list[SliceId]:
        """Return the slices of older versions, under a former name only where no other class has that now."""
        schema = self._schema_with_older(slice_id)
        if schema is None:
            return []
        others = self._state.shared.schemas.keys() - {slice_id.name}
        found = candidates(schema, self._state.document, slice_id.key)
        return [id_ for id_, _ in found if id_ != slice_id and id_.name not in others]

    def _schema_with_older(self, slice_id: SliceId) -> Schema | None:
        schema = self._state.shared.schemas.get(slice_id.name)
        return schema if schema and schema.has_older and schema.version == slice_id.version else None

    def _measured(self, found: Found, size: int) -> Found:
        """Put a problem in the place of a migrated slice that has no room in a document of `size` bytes."""
        policy = self._state.shared.policy
        why = too_large(found.slice, size, policy) if found.migrated and found.slice else None
        version = found.from_version or 0
        return Found(from_version=version, problem=Problem('', version, why)) if why else found

    def _log_discarded(self, slice_id: SliceId, found: Found) -> None:
        """Log what does not come back, once per cause; a log has no values, and the message of an error may."""
        if found.problem is not None:
            version, name, state = found.from_version, slice_id.name, self._state
            cause = blame(found.error) if found.error else 'room'
            why = cause if found.error else found.problem.why
            message = 'session %s: %s of version %s does not come back in version %d: %s; other sessions are not logged'
            state.shared.say_once(f'{name} {version} {cause}', message, state.key, name, version, slice_id.version, why)

    # ---- while a document is read

    def merge(self, fetched: Fetched) -> None:
        """Merge a document that was read, with what older versions hold beneath what is pending under a newer one.

        Otherwise a change made before the first read would hide it, and would not be overruled by it.
        """
        state = self._state
        first, brought = not state.is_read, self._bring_along(fetched)
        state.merge(fetched)
        if first:
            self._found_unread = {**self._found_unread, **brought} if brought else self._found_unread
            for erased in [operation.slice for operation in state.pending if isinstance(operation, Reset)]:
                for id_ in self.older(erased):
                    state.accept((id_,), Reset(state.shared.next_sequence(), state.document.epoch, id_))
        for id_, part, name, raw in _values_of(brought):
            if state.values(id_, part).get(name) is raw:  # nothing has overwritten, dropped or reset it
                state.accept_absent(id_, part, name, raw)

    def _bring_along(self, fetched: Fetched) -> dict[SliceId, Found]:
        """Migrate, into a document that was just read, what pending changes are about to be written over."""
        written: dict[SliceId, dict[Part, None]] = {}
        for operation in self._state.pending:
            if isinstance(operation, (Set, Update)):
                written.setdefault(operation.slice, {})[operation.part] = None
            elif isinstance(operation, Adopt):
                for slice_id, _, _ in operation.values:
                    written.setdefault(slice_id, {})[SESSION_PART] = None
        brought: dict[SliceId, Found] = {}
        for id_, parts in written.items():
            if (schema := self._schema_with_older(id_)) is not None:
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
