"""What a browser keeps of the classes of one page: under which keys, and what comes back of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from msgspec import Raw

from ..document import SESSION_PART, SliceId, new_document, version_number
from ..errors import ValueTooLarge
from ..recovery import Found, Problem, find, stored_values
from ..tokens import MAX_TOKEN, BadToken, ExpiredToken, Opened, Tokens

if TYPE_CHECKING:
    from .outside import Outside
    from .visit import Visit


@dataclass(slots=True)
class Returned:
    """What came back for a class: by field its JSON or why there is none, how it was found, and how old it is.

    `due` has the fields whose tokens should be made anew, `expired` the keys that should go, each with the token that
    was read: where another tab has replaced it meanwhile, nothing is to be done.
    """

    raws: dict[str, Raw | Problem]
    found: Found
    age: float = 0.0
    due: dict[str, str | None] = field(default_factory=dict[str, 'str | None'])
    expired: dict[str, str] = field(default_factory=dict[str, str])


class Kept:
    """The keys and tokens of one visit. A key is `nicegui_stash:<prefix>:<name>:<key>:<version>:<field>`."""

    def __init__(self, visit: Visit, tokens: Tokens) -> None:
        self._visit = visit
        self._tokens = tokens
        self.root = f'nicegui_stash:{_quoted(tokens.prefix)}:'

    def prefixes(self, instance: Outside) -> list[str]:
        """Return how the keys of a class begin, of all its versions, and of the class it was renamed from."""
        return [f'{self.root}{_quoted(name)}:{_quoted(instance.slice_id.key)}:' for name in instance.schema.names]

    def key(self, instance: Outside, name: str) -> str:
        return f'{self.prefixes(instance)[0]}{instance.schema.version}:{_quoted(name)}'

    def keys(self, instance: Outside) -> list[str]:
        return [self.key(instance, name) for name in names(instance)]

    def token(self, instance: Outside, name: str, raw: Raw) -> str:
        """Return the token that keeps a value. Raises `ValueTooLarge`."""
        stored, place = instance.schema.fields[name], _place(instance.slice_id, name)
        encrypted, now = stored.field.encrypted, self._visit.registry.now
        token = self._tokens.make(place, self._visit.session_id, raw, now=now, encrypted=encrypted)
        if len(token) > MAX_TOKEN:
            raise ValueTooLarge(
                stored.codec.name, '$', f'{len(token)} characters in the browser are more than {MAX_TOKEN}'
            )
        return token

    def read(self, instance: Outside, name: str, token: str) -> Raw | Problem:
        """Return what a token of a field holds, or why it cannot be used."""
        try:
            return self._open(instance.slice_id, name, token).raw
        except BadToken as error:
            return Problem(name, instance.schema.version, str(error))

    def find(self, instance: Outside, items: Mapping[str, str]) -> Returned:
        """Return what of these items is a class's; of an older version only where nothing of its own is there."""
        schema, own = instance.schema, instance.slice_id
        document, opened, problems = new_document(), dict[str, Opened](), list[Problem]()
        expired: dict[str, str] = {}
        for key, token in items.items():
            for slice_id, name in self._parse(instance, key):
                try:
                    found = self._open(slice_id, name, token)
                except BadToken as error:
                    problems.append(Problem(name, slice_id.version, str(error)))
                    if isinstance(error, ExpiredToken):
                        expired[key] = token  # what is bad in other ways may be readable again after a roll-back
                    continue
                document.values(slice_id, SESSION_PART)[name] = found.raw
                opened[key] = found
        found = find(schema, document, own.key)
        values = stored_values(schema, found.slice, {'browser': SESSION_PART}) if found.slice else {}
        returned = Returned({**values}, found, expired=expired)
        for problem in problems:
            if problem.field in names(instance) and (problem.version == schema.version or not values):
                returned.raws[problem.field] = problem
        if opened:
            returned.age = max(0.0, self._visit.registry.now - min(each.issued for each in opened.values()))
        for name in values:
            key = self.key(instance, name)
            if key not in opened or self._is_due(instance, name, opened[key]):  # there it is migrated, or was renamed
                returned.due[name] = items.get(key)
        return returned

    def _parse(self, instance: Outside, key: str) -> Iterator[tuple[SliceId, str]]:
        """Say which slice and field of a class a key is for, nothing for one that we would not write."""
        schema = instance.schema
        for name, prefix in zip((schema.name, schema.renamed_from or ''), self.prefixes(instance), strict=False):
            version, _, field_name = key.removeprefix(prefix).partition(':')
            if key.startswith(prefix) and version_number(version) > 0:
                yield SliceId(name, version_number(version), instance.slice_id.key), unquote(field_name)

    def _open(self, slice_id: SliceId, name: str, token: str) -> Opened:
        return self._tokens.open(_place(slice_id, name), self._visit.owners, token, now=self._visit.registry.now)

    def _is_due(self, instance: Outside, name: str, opened: Opened) -> bool:
        encrypted = instance.schema.fields[name].field.encrypted
        return self._tokens.is_due(opened, now=self._visit.registry.now, encrypted=encrypted)


def names(instance: Outside) -> list[str]:
    """Return the fields of a class that browsers keep."""
    return [name for name, stored in instance.schema.fields.items() if stored.scope == 'browser']


def _place(slice_id: SliceId, field_name: str) -> tuple[str, str, str, str]:
    return slice_id.name, str(slice_id.version), slice_id.key, field_name


def _quoted(text: str) -> str:
    return quote(text.encode('utf-8', 'surrogatepass'), safe='')
