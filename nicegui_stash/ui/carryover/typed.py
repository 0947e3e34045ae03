"""What was typed while the server was away, as the browser hands it over: untrusted, turned into closed records."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

MAX_VALUES: Final = 500
MAX_KNOWN: Final = 1100
MAX_CHARACTERS: Final = 400_000
MAX_SEAL: Final = 128

_ADDRESS = re.compile(r'[A-Za-z0-9_-]{12}')
_EXPONENT = re.compile(r'(e[+-])0')
_DIGEST = re.compile(r'\d{1,9}\.\d{1,10}')


@dataclass(frozen=True, slots=True)
class TypedValue:
    """What was entered into one element: the arguments of its last event.

    `known` has the digests of what the element showed before, and of what was entered since it was last known to be
    durable: where it shows anything else now, somebody else has written the field. `number` is that of the event, as
    the browser counts, 0 if there was none.
    """

    address: str
    arguments: Any
    known: frozenset[str]
    number: int = 0


@dataclass(frozen=True, slots=True)
class Typed:
    """What a page hands over, with the seal that it was given for its session and visit."""

    seal: str
    values: tuple[TypedValue, ...]


def is_typed(sent: object) -> bool:
    """Whether what a page sent is for `Carrying.receive`, and no report."""
    return isinstance(sent, dict) and ('typed' in sent or 'again' in sent)


def parse_typed(sent: object) -> Typed | None:
    """Read what a browser hands over; `None` for what cannot come from our script."""
    if not isinstance(sent, dict):
        return None
    fields = cast(dict[str, Any], sent)
    seal, values = fields.get('seal'), fields.get('values')
    if not isinstance(seal, str) or len(seal) > MAX_SEAL or not isinstance(values, list):
        return None
    return Typed(seal, parse_values(cast(list[Any], values)))


def parse_values(sent: object) -> tuple[TypedValue, ...]:
    """Read the values that a browser hands over, one for each element; what is malformed is left out."""
    found = [_parse_value(value) for value in cast(list[Any], sent)[:MAX_VALUES]] if isinstance(sent, list) else []
    return tuple({value.address: value for value in found if value}.values())


def _parse_value(sent: object) -> TypedValue | None:
    if not isinstance(sent, dict):
        return None
    fields = cast(dict[str, Any], sent)
    address, text, known = fields.get('f'), fields.get('v'), fields.get('known')
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        return None
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS or not isinstance(known, list):
        return None
    digests = [each for each in cast(list[Any], known)[:MAX_KNOWN] if isinstance(each, str)]
    try:
        arguments = json.loads(text, parse_constant=_refuse)
        _encode(arguments)
    except (ValueError, RecursionError):
        return None
    number = fields.get('n')
    return TypedValue(
        address,
        arguments,
        frozenset(each for each in digests if _DIGEST.fullmatch(each)),
        number if type(number) is int else 0,
    )


def _refuse(constant: str) -> None:
    raise ValueError(f'{constant} is no JSON')


def _encode(arguments: object) -> None:
    """Raise `ValueError` for half of a surrogate pair, which is no text anywhere else, as for what is too large."""
    json.dumps(arguments, ensure_ascii=False, allow_nan=False).encode()


def digest(shown: object, *, numeric: bool = False) -> str:
    """Return the digest of what an element shows, as the script makes it: length and CRC-32 of a canonical text.

    `numeric`: the element shows numbers as texts. It only has to tell versions of one field apart, and a visitor who
    finds another text of the same digest overwrites nobody else's values but the own.

    >>> digest('ä'), digest({'b': [1.0, None], 'a': True})
    ('2.1658644102', '15.1515145568')
    """
    units = _canonical(shown, numeric=numeric).encode('utf-16-le', 'surrogatepass')
    return f'{len(units) // 2}.{zlib.crc32(units)}'


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
    """Write a number as JavaScript does, for all that people enter."""
    if value == value // 1 and abs(value) < 1e21:
        return str(int(value))
    if 1e-6 <= abs(value) < 1e21:
        return format(Decimal(repr(value)), 'f')
    return _EXPONENT.sub(r'\1', repr(value))
