"""The stored fields of one page object as rows: where each lives, what it holds, and whether that is in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...model.operations import Set, Update
from ...model.pieces import Json, joined
from ..page.page_object import PageObject

LONGEST: Final = 60
"""How many characters of a value are shown."""
PLACES: Final[Mapping[str, str]] = {'address': 'in the address', 'browser': 'in the browser'}
"""By who keeps a field that the store does not have."""


class Fields:
    """The fields of one page object, which is looked at again and again: it notes when a value was put."""

    def __init__(self, page_object: PageObject) -> None:
        self._page_object = page_object
        self._values: dict[str, Json] = dict(page_object.values.raws)
        self._waited: set[str] = set()
        self._put_at: dict[str, float] = {}

    def rows(self, now: float) -> list[dict[str, Any]]:
        """Return a row for each field. `put` is when its value was in the store, as far as this page has seen it."""
        page_object, values = self._page_object, self._page_object.values
        waiting, stored = self._waiting(), self._stored()
        rows: list[dict[str, Any]] = []
        for name, declared in page_object.schema.fields.items():
            raw = values.raws[name]
            is_new = self._values.get(name) != raw or name in self._waited
            state = self._state(name, waiting, stored)
            if is_new and state == 'stored':
                self._put_at[name] = now
            rows.append(
                {
                    'name': name,
                    'scope': declared.scope.name,
                    'value': _text(raw),
                    'default': _text(values.defaults[name]),
                    'size': len(raw),
                    'state': state,
                    'put': self._put_at.get(name),
                }
            )
        self._values, self._waited = dict(values.raws), waiting
        return rows

    def _state(self, name: str, waiting: set[str], stored: Mapping[str, object]) -> str:
        page_object = self._page_object
        if page_object.accepting.is_unsaved(name):
            return 'waits for save()'
        if name in waiting:
            return 'pending'
        keeper = page_object.schema.fields[name].scope.kept_by
        if keeper != 'store':
            is_default = page_object.values.raws.get(name) == page_object.values.defaults.get(name)
            return 'default' if is_default else PLACES[keeper]
        return 'stored' if name in stored else 'default'

    def _stored(self) -> Mapping[str, object]:
        return {name: raw for each in self._page_object.documents.values() for name, raw in each.stored().items()}

    def _waiting(self) -> set[str]:
        """Return the fields with a change that is not in the store yet."""
        found: set[str] = set()
        slice_id, fields = self._page_object.slice_id, self._page_object.schema.fields
        for document in self._page_object.documents.values():
            parts = {(part, name) for name in fields if (part := document.parts.get(fields[name].scope)) is not None}
            for operation in document.session.waiting():
                if isinstance(operation, Set) and operation.slice == slice_id:
                    changed = [(operation.part, operation.field)]
                elif isinstance(operation, Update) and operation.slice == slice_id:
                    changed = [(part, name) for part, name, _ in operation.written]
                else:
                    continue
                found |= {name for part, name in changed if (part, name) in parts}
        return found


def _text(raw: Json) -> str:
    """Return the beginning of a field's JSON."""
    body = memoryview(joined(raw))
    text = bytes(body[: LONGEST * 4]).decode(errors='ignore')  # of at most 4 bytes a character
    return text if len(text) <= LONGEST and len(body) <= LONGEST * 4 else f'{text[:LONGEST]}…'
