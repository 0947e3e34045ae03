"""A session, a person or a room, for code without a page: a FastAPI route, a script, a background job."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from ...errors import StashError, Unavailable
from ...model.document import SESSION_PART, SliceId, to_bytes
from ...model.operations import ADOPTED
from ...model.recovery import stored_values
from ...model.schema import Schema
from ...model.scopes import SESSION, Scope
from ...model.versions import find
from ...session.session import Session
from ..page.detached import detached, updating
from ..page.steps import NAME

T = TypeVar('T')
Key = str | int | tuple[str | int, ...]


class OpenSession:
    """One document, read and kept in memory while it is open. Closing it makes its changes durable.

    Only fields of scope `session`, `user` or `room` are available: those of a tab or a visit belong to an open page.
    Opening raises `Unavailable` if the store does not answer within `recover_timeout`. Closing raises `StoreError` if
    the store cannot take the changes. For a class with a key, `key` is the value of its parameter, or a tuple of
    several values.
    """

    def __init__(
        self,
        find_session: Callable[[], Session],
        schema_of: Callable[[type], Schema],
        timeout: float,
        scope: Scope = SESSION,
    ) -> None:
        self._find_session = find_session
        self._schema_of = schema_of
        self._timeout = timeout
        self._scope = scope
        self._parts = {scope: SESSION_PART}
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        session = self._session = self._find_session()
        if not await (session.revalidate(self._timeout) if session.is_read else session.load(self._timeout)):
            raise Unavailable(
                'get', session.key, 'the session could not be read', session.problem or 'no answer in time'
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._opened.flush()
        finally:
            self._session = None

    @property
    def _opened(self) -> Session:
        if self._session is None:
            raise StashError('the session is not open: use `async with stash.open(...) as session:`')
        return self._session

    def fetch(self, cls: type[T], *, key: Key | None = None) -> T:
        """Return an object with a class's stored values, and defaults for the rest. Changes to it are not stored."""
        schema = self._schema_of(cls)
        found = find(schema, self._opened.document, _slice(schema, key).key, ()).slice
        return cast(T, detached(schema, stored_values(schema, found, self._parts) if found else {}))

    def set(self, cls: type, *, key: Key | None = None, **values: Any) -> None:
        """Accept new values of a class's fields, all or none. Raises `ValueNotStorable`."""
        schema = self._schema_of(cls)
        for name in values:
            if name not in schema.fields or schema.fields[name].scope is not self._scope:
                raise StashError(f'{schema.name} has no field {name!r} of scope {self._scope.name}')
        encoded = {name: schema.fields[name].codec.encode(value)[1] for name, value in values.items()}
        for name, raw in encoded.items():
            self._opened.set(_slice(schema, key), SESSION_PART, name, raw)

    async def update(self, cls: type[T], function: Callable[[T], object], *, key: Key | None = None) -> None:
        """Read, modify and write a class's fields as `Stash.update` does; return when it is durable."""
        schema = self._schema_of(cls)
        await self._opened.update(_slice(schema, key), updating(schema, self._parts, function))

    def drop(self, cls: type, *names: str, key: Key | None = None) -> None:
        """Set the named fields of a class to their defaults, or all fields if none is named."""
        if not names:
            self.reset(cls, key=key)
        fields = self._schema_of(cls).fields
        self.set(cls, key=key, **{name: fields[name].field.new_default() if name in fields else None for name in names})

    def reset(self, cls: type, *, key: Key | None = None) -> None:
        """Delete the stored values of a class."""
        self._opened.reset(_slice(self._schema_of(cls), key))

    def forget(self) -> None:
        """Erase everything that the document holds."""
        self._opened.forget()

    async def flush(self) -> None:
        """Wait until all accepted changes are durable. Raises `StoreError`."""
        await self._opened.flush()

    def export(self) -> dict[str, Any]:
        """Return everything that the document holds, as JSON values."""
        return exported(self._opened)


def _slice(schema: Schema, key: Key | None) -> SliceId:
    values = () if key is None else key if isinstance(key, tuple) else (key,)
    if values and not schema.key:
        raise StashError(f'{schema.name} has no key; leave key= out')
    if len(values) != len(schema.key):
        many = 'a value' if len(schema.key) == 1 else f'{len(schema.key)} values'
        raise StashError(f'{schema.name} is stored for each {" and ".join(schema.key)}; pass key= with {many}')
    return schema.slice_id(schema.key_text(values))


def exported(session: Session) -> dict[str, Any]:
    """Return a document as JSON values, without the library's own bookkeeping."""
    document = msgspec.json.decode(to_bytes(session.document))
    slices = {name: found for name, found in document['slices'].items() if name not in {ADOPTED.name, NAME}}
    return {'seen': document['seen'], 'slices': slices}
