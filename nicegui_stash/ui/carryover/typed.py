"""Typed values as the browser sends them: untrusted, parsed into closed records."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any, Final, cast

from msgspec import DecodeError, Meta, Struct, convert, field
from msgspec.json import decode

MAX_VALUES: Final = 500
MAX_KNOWN: Final = 1100
MAX_CHARACTERS: Final = 400_000

_DIGEST = re.compile(r'u?\d{1,9}\.\d{1,10}')


class TypedValue(Struct, frozen=True):
    """The value entered into one element: the arguments of its last event.

    `known` has the digests of the values that the element has shown since it was last durable. If it shows another
    value now, others have written the field. `number` is the event's number in the browser's count, 0 without one;
    `size` the length of the arguments' JSON. `moved`: the person has left the address of the page since.
    """

    address: str
    arguments: Any
    known: frozenset[str]
    number: int = 0
    size: int = 0
    moved: bool = False


class _Sent(Struct, frozen=True):
    """A value as the browser writes it: the arguments are JSON in a text, since they may be anything."""

    address: Annotated[str, Meta(pattern=r'\A[A-Za-z0-9_-]{12}\Z')] = field(name='f')
    text: Annotated[str, Meta(max_length=MAX_CHARACTERS)] = field(name='v')
    known: list[Any]
    number: Any = field(default=0, name='n')
    moved: Any = field(default=None, name='m')


def parse_values(sent: Iterable[object]) -> tuple[TypedValue, ...]:
    """Parse the values that a browser sends, the last for each element; leave malformed ones out."""
    last = {address: value for value in islice(sent, MAX_VALUES) if (address := _address(value)) is not None}
    return tuple(value for value in map(_parse_value, last.values()) if value)


def _address(sent: object) -> str | None:
    address = cast(dict[str, object], sent).get('f') if isinstance(sent, dict) else None
    return address if isinstance(address, str) else None


def _parse_value(sent: object) -> TypedValue | None:
    try:
        value = convert(sent, _Sent)
        arguments = decode(value.text)  # refuses half of a surrogate pair, NaN and infinity
    except (DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return TypedValue(
        value.address,
        arguments,
        frozenset(each for each in value.known[:MAX_KNOWN] if isinstance(each, str) and _DIGEST.fullmatch(each)),
        value.number if type(value.number) is int else 0,
        len(value.text),
        bool(value.moved),
    )
