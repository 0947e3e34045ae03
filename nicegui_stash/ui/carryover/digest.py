"""The digest of what an element shows, as `digest.js` makes it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, cast

_EXPONENT = re.compile(r'(e[+-])0')


def digest(shown: object, *, numeric: bool = False) -> str:
    """Return the digest of a shown value, as `digest.js` makes it: length and CRC-32 of a canonical text.

    `numeric`: the element shows numbers as texts. A digest only has to distinguish versions of one field: a visitor who
    forges a collision can overwrite only values of the own session.

    >>> digest('ä'), digest({'b': [1.0, None], 'a': True})
    ('2.1658644102', '15.1515145568')
    """
    units = _canonical(shown, numeric=numeric).encode('utf-16-le', 'surrogatepass')
    return f'{len(units) // 2}.{zlib.crc32(units)}'


def digest_of_set(shown: Iterable[object]) -> str:
    """Return the digest of several items in whatever order they are shown."""
    return f'u{digest(sorted(map(digest, shown)))}'


def _canonical(value: object, *, numeric: bool = False) -> str:
    if isinstance(value, (list, tuple)):
        return f'[{",".join(_canonical(each) for each in cast(list[Any], value))}]'
    if isinstance(value, dict):
        entries = cast(dict[Any, Any], value)
        return '{' + ','.join(f'{key}:{_canonical(entries[key])}' for key in sorted(entries, key=str)) + '}'
    if isinstance(value, bool):
        return 'b1' if value else 'b0'
    if isinstance(value, (int, float)):
        return f'n{_number(value)}'
    if value is None:
        return 'z'
    return _numeric(str(value)) if numeric else f's{value}'


def _numeric(text: str) -> str:
    if not text.strip():
        return 'z'
    try:
        return f'n{_number(float(text))}'
    except ValueError:
        return f's{text}'


def _number(value: float) -> str:
    """Write a number as JavaScript does, for all numbers that people enter."""
    if value == value // 1 and abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), 'f')
    return _EXPONENT.sub(r'\1', repr(value))
