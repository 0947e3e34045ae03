"""Steps that a person can take back: which values a change replaced, and by which. Pure: values in, values out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from .recovery import decode_value
from .schema import Schema, migrate
from .scopes import Owner

LEAST_BYTES: Final = 256
"""Values that are shorter together are kept whole."""


class Edit(msgspec.Struct, array_like=True, gc=False):
    """A change of one field: of the whole value, or of what stands from `at` on in a list, a dict or a text.

    `before` and `after` are then the items, entries or characters that differ, enclosed as the whole is, and `was` and
    `became` tell whether a value is the whole that it was, or became.
    """

    field: str
    before: Raw
    after: Raw
    at: int = -1
    was: str = ''
    became: str = ''


class Step(msgspec.Struct, array_like=True, gc=False):
    """What a person did at once. `number` counts the steps, `version` is that of the class."""

    number: int
    version: int
    edits: list[Edit]


class Log(msgspec.Struct, array_like=True, gc=False):
    """Which steps there are: those from `first` on are done, those from `at` on are taken back, up to `end`.

    Steps below `foreign` of a field are older than somebody else's change of it. `limit` is how many steps are kept,
    `version` that of the class, and `of` says by owner which document it was, and how often it was erased.
    """

    first: int = 0
    at: int = 0
    end: int = 0
    limit: int = 0
    version: int = 0
    of: dict[Owner, tuple[str, int, int]] = {}
    foreign: dict[str, int] = {}


_step: Final = msgspec.json.Decoder(Step)
_log: Final = msgspec.json.Decoder(Log)
_items: Final = msgspec.json.Decoder(list[Raw])
_entries: Final = msgspec.json.Decoder(dict[str, Raw])
_text: Final = msgspec.json.Decoder(str)


def to_json(record: Step | Log) -> Raw:
    return Raw(msgspec.json.encode(record))


def step_of(raw: Raw | None) -> Step | None:
    """Return a stored step, `None` where there is none."""
    return _read(_step, raw)


def log_of(raw: Raw | None) -> Log | None:
    """Return a stored log, `None` where there is none."""
    found = _read(_log, raw)
    return found if found is not None and 0 <= found.first <= found.at <= found.end else None


def _read(decoder: msgspec.json.Decoder[Any], raw: Raw | None) -> Any:
    try:
        return None if raw is None else decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def edit_of(field: str, before: Raw, after: Raw) -> Edit:
    """Return the change of a field; of a long list, dict or text only what differs."""
    ways = _ways(before) if len(before) + len(after) > LEAST_BYTES else None
    if ways is not None and ways is _ways(after):
        divide, enclose = ways
        one, other = divide(before), divide(after)
        start = _agreeing(one, other)
        one, other = one[start:], other[start:]
        end = _agreeing(one[::-1], other[::-1])
        kept = slice(None, -end or None)
        return Edit(field, enclose(one[kept]), enclose(other[kept]), start, _digest(before), _digest(after))
    return Edit(field, before, after)


def _agreeing(one: Any, other: Any) -> int:
    """Return in how many items, from the first on, two sequences agree."""
    return bisect_left(range(min(len(one), len(other))), 1, key=lambda index: one[: index + 1] != other[: index + 1])


def _digest(raw: Raw) -> str:
    return blake2b(raw, digest_size=12).hexdigest()


def _text_of(text: Any) -> Raw:
    return Raw(msgspec.json.encode(text))


def _list_of(items: Iterable[Raw]) -> Raw:
    return Raw(b'[' + b','.join(map(bytes, items)) + b']')


def _dict_of(entries: Iterable[tuple[str, Raw]]) -> Raw:
    return Raw(b'{' + b','.join(b'%b:%b' % (msgspec.json.encode(key), item) for key, item in entries) + b'}')


_Ways = tuple[Callable[[Raw], Any], Callable[[Any], Raw]]
_DIVIDED: Final[Mapping[int, _Ways]] = {
    ord('"'): (_text.decode, _text_of),
    ord('['): (_items.decode, _list_of),
    ord('{'): (lambda raw: list(_entries.decode(raw).items()), _dict_of),
}
"""By how JSON begins: what divides a value into characters, items or entries, and what encloses them again."""


def _ways(raw: Raw) -> _Ways | None:
    return _DIVIDED.get(memoryview(raw)[0])


def changed_back(edit: Edit, now: Raw) -> Raw | None:
    """Return a field's JSON with a change taken back; `None` where it holds something else than the change left."""
    return _changed(now, edit, edit.after, edit.before, edit.became, edit.was)


def changed_again(edit: Edit, now: Raw) -> Raw | None:
    """Return a field's JSON with a change made again; `None` where it holds something else than before the change."""
    return _changed(now, edit, edit.before, edit.after, edit.was, edit.became)


def _changed(now: Raw, edit: Edit, old: Raw, new: Raw, before: str, after: str) -> Raw | None:
    if edit.at < 0:
        return new if now == old else None
    ways = _ways(now)
    if ways is None or _digest(now) != before:
        return None
    divide, enclose = ways
    try:
        whole: Any = divide(now)
        removed, added = divide(old), divide(new)
    except msgspec.DecodeError:
        return None
    found = enclose(whole[: edit.at] + added + whole[edit.at + len(removed) :])
    return found if _digest(found) == after else None


def fits(schema: Schema, name: str, raw: Raw, version: int) -> bool:
    """Whether a value of a version of the class is one of its field now, and no migration would have changed it."""
    stored = schema.fields.get(name)
    if stored is None or decode_value(stored, raw, version)[1] is not None:
        return False
    if version == schema.version:
        return True
    try:
        migrated = migrate(schema, {name: raw}, version)
    except Exception:  # noqa: BLE001 it is the app's code, and gets one field alone here
        return False
    return name in migrated and msgspec.json.decode(migrated[name]) == cast(object, msgspec.json.decode(raw))
