"""What an element means by a value that does not fit its field: elements know only JSON, and no value when emptied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from ..errors import ValueNotStorable
from .schema import StoredField

_DAY: Final = re.compile(r'\d{4}-\d\d-\d\d')
_RANGE: Final = re.compile(r'(\d{4}-\d\d-\d\d) - (\d{4}-\d\d-\d\d)')
_MINUTE: Final = re.compile(r'(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d')
_SAME_BUT_WRITTEN: Final = re.compile(
    r'a str would come back as a (date|datetime|time|Decimal)|Invalid RFC3339 encoded (date|datetime|time)'
)
_WRITTEN: Final = {'date': date, 'datetime': datetime, 'time': time, 'Decimal': Decimal}
_EMPTY: Final[Mapping[str, type]] = {'Expected `str`, got `null`': str, 'Expected `array`, got `null`': list}
"""By what msgspec says of `None`: the type whose empty value an emptied element means."""
_EXPECTED: Final = re.compile(r'Expected `(?!str)[^`]*`')
_TYPES: Final[tuple[type, ...]] = (int, float, date, time, datetime, Decimal)
_KINDS: Final = {each: each.__name__.lower() for each in _TYPES}
"""The names of types as msgspec says what it expects."""


def meant(stored: StoredField, value: object) -> tuple[Any, Raw] | None:
    """Return the value that an element means, with its JSON; `None` if it means nothing else.

    - A whole `float` is an `int`, and a number a `Decimal`: `ui.number` gives only floats.
    - `None` of an emptied element is `''`, of an emptied multiple selection `[]`; an emptied text is `None`.
    - The list of a multiple selection is a set or tuple.
    - ISO text is a `date`, `time` or `datetime`, also within lists and dicts; the text of a number is a `Decimal`.
    - The text of one day is a range from and to it, as `ui.date` gives it, and that of two a range, as `ui.date_input`.
    """
    if stored.field.encode or stored.field.decode:
        return None
    for each in _readings(stored, value):
        with suppress(ValueNotStorable):
            return stored.codec.encode(each)
    return None


def meant_inside(value: object, reason: str) -> list[object]:
    """Return what an element means by a part of a value that was refused for this reason; nothing if it means that."""
    if type(value) is float and value.is_integer() and reason.startswith('Expected `int'):
        return [int(value)]
    if value is None:
        return [_EMPTY[reason]()] if reason in _EMPTY else []
    if reason == 'a float would come back as a Decimal':
        return [_decimal(cast(float, value))]
    if isinstance(value, str) and (match := _SAME_BUT_WRITTEN.fullmatch(reason)):
        if not value:
            return [None]
        with suppress(msgspec.ValidationError):
            return [msgspec.convert(_with_seconds(value), _WRITTEN[match[1] or match[2]])]
    return []


def meant_by_cell(value: object) -> list[object]:
    """Return what a person may mean by a cell of a grid that does not fit: grids know texts where a column is empty.

    >>> meant_by_cell('10:30'), meant_by_cell('5'), meant_by_cell('many'), meant_by_cell(None)
    (['10:30:00'], [5], [], [''])
    """
    if not value:
        return [''] if value is None else [None]
    if isinstance(value, str) and _MINUTE.fullmatch(value):
        return [_with_seconds(value)]
    with suppress(msgspec.DecodeError):
        if isinstance(value, str) and type(number := msgspec.json.decode(value.strip())) in {int, float}:
            return [number]
    return []


def no_value(stored: StoredField, error: Exception) -> ValueNotStorable:
    """Return why a field has no value where `forward=` of a binding raised: what it expects, if that says anything."""
    reason = f'forward= raised {type(error).__name__}'
    try:
        stored.codec.decode(b'[]')
    except ValueNotStorable as refused:
        if expected := _EXPECTED.match(refused.reason):
            reason = f'{expected[0]}, got `str`'
    return ValueNotStorable(stored.codec.name, '$', reason, quotes_value=False)


def no_part(stored: StoredField, error: Exception, held: object) -> ValueNotStorable:
    """Return the same for a part of a field, of which only what it holds says what it expects."""
    kind = _KINDS.get(cast(type, type(held)))
    reason = f'Expected `{kind}`, got `str`' if kind else f'forward= raised {type(error).__name__}'
    return ValueNotStorable(stored.codec.name, '$', reason, quotes_value=False)


def _readings(stored: StoredField, value: object) -> Iterator[object]:
    if value is None:
        yield from ('', [], set[Any](), frozenset[Any](), ())
    elif value == '':
        yield None
    elif type(value) is float and value.is_integer():
        yield int(value)
    if type(value) in {int, float}:
        yield _decimal(cast(float, value))
    candidates: list[Any] = [value, *_ranges(value)]
    for each in candidates:
        if each is not value:
            yield each
        if type(each) in {str, list, dict}:
            with suppress(ValueNotStorable):
                back = stored.codec.decode(stored.codec.to_json(_with_seconds(each)))
                if _is_written(each, back):
                    yield back


def _ranges(value: object) -> Iterator[dict[str, str]]:
    """Return the range of days that a text is, if it is one."""
    if isinstance(value, str):
        if _DAY.fullmatch(value):
            yield {'from': value, 'to': value}
        elif match := _RANGE.fullmatch(value):
            yield {'from': match[1], 'to': match[2]}


def _decimal(number: float) -> Decimal:
    """Return a number as a person has written it: of a float its shortest text, without `.0`."""
    return Decimal(str(number).removesuffix('.0'))


def _with_seconds(value: Any) -> Any:
    if isinstance(value, str):
        return f'{value}:00' if _MINUTE.fullmatch(value) else value
    if isinstance(value, list):
        return [_with_seconds(each) for each in cast(list[Any], value)]
    if isinstance(value, dict):
        return {key: _with_seconds(each) for key, each in cast(dict[Any, Any], value).items()}
    return value


def _is_written(value: Any, back: Any) -> bool:
    """Whether a value differs from what its JSON says only in texts that are dates, times or decimals there."""
    brought: object = value
    if isinstance(back, (date, time, Decimal)):
        return isinstance(value, str)
    if isinstance(value, list) and isinstance(back, (list, tuple)):
        items, others = cast(list[Any], value), cast(list[Any], back)
        return len(items) == len(others) and all(map(_is_written, items, others))
    if isinstance(value, list) and isinstance(back, (set, frozenset)):
        items, members = cast(list[Any], value), cast(frozenset[Any], back)
        return all(any(_is_written(item, each) for each in members) for item in items)
    if isinstance(value, dict) and isinstance(back, Mapping):
        entries, other = cast(dict[Any, Any], value), cast(Mapping[Any, Any], back)
        return entries.keys() == other.keys() and all(_is_written(entries[key], other[key]) for key in entries)
    return type(brought) is type(back) and brought == back
