"""The items that a browser keeps for the classes of one page: their keys, their tokens, and reading them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import quote, unquote

from msgspec import Raw

from ...errors import ValueTooLarge
from ...model.document import SESSION_PART, SliceId, new_document, version_number
from ...model.recovery import Problem, stored_values
from ...model.scopes import SCOPES
from ...model.tokens import MAX_TOKEN, BadToken, ExpiredToken, Opened, Tokens
from ...model.versions import Found, find
from ..contracts.keeper import KeptFields
from ..visit.visit import Visit

MAX_OLDER: Final = 200
"""Items of older versions, and of a class's former name, that are opened."""
MAX_LOOKED_AT: Final = 1000
"""Keys of one message among which those are sought."""


@dataclass(slots=True)
class Returned:
    """The values that came back for a class: by field its JSON or a problem, how they were found, and their age (s).

    `due` has the fields whose tokens need a replacement, `expired` the keys to remove, each with the token that was
    read: if another tab has replaced it meanwhile, it stays.
    """

    raws: dict[str, Raw | Problem]
    found: Found
    age: float = 0.0
    due: dict[str, str | None] = field(default_factory=dict[str, 'str | None'])
    expired: dict[str, str] = field(default_factory=dict[str, str])


class BrowserItems:
    """The keys and tokens of one visit. A key is `nicegui_stash:<prefix>:<name>:<key>:<version>:<field>`."""

    def __init__(self, visit: Visit, tokens: Tokens) -> None:
        self._visit = visit
        self._tokens = tokens
        self.root = f'nicegui_stash:{_quoted(tokens.prefix)}:'

    def prefixes(self, kept: KeptFields) -> list[str]:
        """Return the prefixes of a class's keys, for all versions, and for its former name."""
        return [f'{self.root}{_quoted(name)}:{_quoted(kept.slice_id.key)}:' for name in kept.schema.names]

    def key(self, kept: KeptFields, name: str) -> str:
        return f'{self.prefixes(kept)[0]}{kept.schema.version}:{_quoted(name)}'

    def keys(self, kept: KeptFields) -> list[str]:
        return [self.key(kept, name) for name in names(kept)]

    def token(self, kept: KeptFields, name: str, raw: Raw) -> str:
        """Return the token that keeps a value. Raises `ValueTooLarge`."""
        stored, place = kept.schema.fields[name], _place(kept.slice_id, name)
        encrypted, now = stored.field.encrypted, self._visit.registry.now
        token = self._tokens.make(place, self._visit.session_id, raw, now=now, encrypted=encrypted)
        if len(token) > MAX_TOKEN:
            raise ValueTooLarge(
                stored.codec.name, '$', f'{len(token)} characters in the browser are more than {MAX_TOKEN}'
            )
        return token

    def read(self, kept: KeptFields, name: str, token: str) -> Raw | Problem:
        """Return the JSON in a field's token, or the problem with it."""
        try:
            return self._open(kept.slice_id, name, token).raw
        except BadToken as error:
            return Problem(name, kept.schema.version, str(error))

    def find(self, kept: KeptFields, items: Mapping[str, str]) -> Returned:
        """Return the items of this class; fall back to an older version only if it has none."""
        schema, own = kept.schema, kept.slice_id
        document, opened, problems = new_document(), dict[str, Opened](), list[Problem]()
        expired: dict[str, str] = {}
        for key, (slice_id, name) in self._places(kept, items):
            try:
                found = self._open(slice_id, name, items[key])
            except BadToken as error:
                problems.append(Problem(name, slice_id.version, str(error)))
                if isinstance(error, ExpiredToken):
                    expired[key] = items[key]  # others may be readable again after a rollback
                continue
            document.values(slice_id, SESSION_PART)[name] = found.raw
            opened[key] = found
        found = find(schema, document, own.key)
        values = stored_values(schema, found.slice, {SCOPES['browser']: SESSION_PART}) if found.slice else {}
        returned = Returned({**values}, found, expired=expired)
        for problem in problems:
            if problem.field in names(kept) and (problem.version == schema.version or not values):
                returned.raws[problem.field] = problem
        if opened:
            returned.age = max(0.0, self._visit.registry.now - min(each.issued for each in opened.values()))
        for name in values:
            key = self.key(kept, name)
            if key not in opened or self._is_due(kept, name, opened[key]):  # not in opened: migrated or renamed
                returned.due[name] = items.get(key)
        return returned

    def of_class(self, kept: KeptFields, items: Mapping[str, str | None]) -> dict[str, str]:
        """Return the items that this class may have written, each cut to a length that is still refused."""
        texts = {key: items[key] for key, _ in self._places(kept, items)}
        return {key: text[: MAX_TOKEN + 1] for key, text in texts.items() if text is not None}

    def _places(self, kept: KeptFields, keys: Collection[str]) -> list[tuple[str, tuple[SliceId, str]]]:
        """Return the slice and the field of each key that this class may have written.

        The browser's owner can make up any number of keys. Fields of older versions are unknown, so their number is
        limited, the newest first.
        """
        schema, slice_key = kept.schema, kept.slice_id.key
        own: dict[str, str] = {}
        for name in names(kept):
            for each in filter(None, (name, schema.fields[name].field.renamed_from)):
                own[self.key(kept, each)] = each
        found = [(key, (kept.slice_id, own[key])) for key in own if key in keys]
        if not schema.has_older:
            return found
        older: list[tuple[int, str, tuple[SliceId, str]]] = []
        for name, prefix in zip(schema.names, self.prefixes(kept), strict=True):
            for key in islice(keys, MAX_LOOKED_AT):
                if not key.startswith(prefix):
                    continue
                text, _, field_name = key.removeprefix(prefix).partition(':')
                version = version_number(text)
                if 0 < version <= schema.version and (name, version) != (schema.name, schema.version):
                    older.append((version, key, (SliceId(name, version, slice_key), unquote(field_name))))
        older.sort(key=lambda each: -each[0])
        return found + [(key, place) for _, key, place in older[:MAX_OLDER]]

    def _open(self, slice_id: SliceId, name: str, token: str) -> Opened:
        return self._tokens.open(_place(slice_id, name), self._visit.owners, token, now=self._visit.registry.now)

    def _is_due(self, kept: KeptFields, name: str, opened: Opened) -> bool:
        encrypted = kept.schema.fields[name].field.encrypted
        return self._tokens.is_due(opened, now=self._visit.registry.now, encrypted=encrypted)


def names(kept: KeptFields) -> list[str]:
    """Return the fields of a class that browsers keep."""
    return [name for name, stored in kept.schema.fields.items() if stored.scope.kept_by == 'browser']


def _place(slice_id: SliceId, field_name: str) -> tuple[str, str, str, str]:
    return slice_id.name, str(slice_id.version), slice_id.key, field_name


def _quoted(text: str) -> str:
    return quote(text.encode('utf-8', 'surrogatepass'), safe='')
