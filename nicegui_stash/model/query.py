"""Values in a query string: from a field's JSON to the text in an address, and back. Pure: text in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args, get_origin
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus

import msgspec

from ..errors import ValueNotStorable, ValueTooLarge
from .schema import StoredField

MAX_PARAMETER: Final = 2000
"""Characters that one field may take in an address, after quoting."""
MAX_QUERY: Final = 6000
"""Characters of a whole query string: some proxies refuse request lines from 8 KB on."""


def to_text(stored: StoredField, raw: msgspec.Raw) -> str:
    """Return the text of a value: a string as it is if it reads back the same, else its JSON."""
    value = msgspec.json.decode(raw)
    text = bytes(raw).decode()
    if isinstance(value, str) and (_is_text(stored) or _same(stored, value, raw)):
        return value
    return text


def from_text(stored: StoredField, text: str) -> msgspec.Raw:
    """Return the JSON of a parameter's text. Raises `ValueNotStorable` if it does not fit the field.

    Reads JSON of the field's type as JSON, anything else as a string. In a field of `str` the text is never JSON.
    """
    if len(text) > MAX_PARAMETER:
        raise ValueTooLarge(stored.codec.name, '$', _too_long(len(text), MAX_PARAMETER))
    quoted = json.dumps(text).encode()
    if not _is_text(stored):
        try:
            return _checked(stored, text.encode('utf-8', 'replace'))
        except ValueNotStorable as error:
            try:
                return _checked(stored, quoted)
            except ValueNotStorable:
                raise error from None
    return _checked(stored, quoted)


def written(name: str, text: str) -> str:
    """Return a parameter as an address contains it. Raises `ValueTooLarge`.

    >>> written('q', 'lamp & shade, 40')
    'q=lamp+%26+shade,+40'
    """
    parameter = f'{quote(name)}={quote_plus(text, safe=",:/@*")}'
    if len(parameter) > MAX_PARAMETER:
        raise ValueTooLarge(name, '$', _too_long(len(parameter), MAX_PARAMETER))
    return parameter


def parameters(address: str) -> dict[str, str]:
    """Return the parameters of an address; the last of repeated ones counts, as in Starlette.

    >>> parameters('/list?q=a+b&page=2&q=c#end')
    {'q': 'c', 'page': '2'}
    """
    return dict(parse_qsl(_split(address)[1], keep_blank_values=True, errors='replace'))


def with_query(address: str, query: str) -> str:
    """Return the address with another query string, which begins with `?` or is empty."""
    path, _, fragment = _split(address)
    return f'{path}{query}{fragment}'


def replaced(address: str, changes: Mapping[str, str | None]) -> str:
    """Return the address with some parameters replaced or removed (`None`); the others stay as they are.

    >>> replaced('/list?q=a&x=%20&flag', {'q': 'q=b', 'page': 'page=2'})
    '/list?q=b&x=%20&flag&page=2'
    >>> replaced('/list?q=a#end', {'q': None})
    '/list#end'
    """
    query = _split(address)[1]
    left, parts = dict(changes), list[str | None]()
    for part in query.split('&') if query else []:
        name = unquote_plus(part.partition('=')[0])
        parts.append(left.pop(name, None) if name in changes else part)
    kept = [part for part in [*parts, *left.values()] if part]
    return with_query(address, f'?{"&".join(kept)}' if kept else '')


def require_room(field: str, address: str) -> None:
    """Raise `ValueTooLarge` for an address with a query string that is too long."""
    if (length := len(_split(address)[1])) > MAX_QUERY:
        raise ValueTooLarge(field, '$', _too_long(length, MAX_QUERY))


def _too_long(length: int, most: int) -> str:
    return f'{length} characters in the address are more than {most}'


def _split(address: str) -> tuple[str, str, str]:
    """Return path, query without `?`, and fragment with `#`; unlike `urlsplit`, accept a path with two slashes."""
    head, hash_, fragment = address.partition('#')
    path, _, query = head.partition('?')
    return path, query, hash_ + fragment


def _checked(stored: StoredField, raw: bytes) -> msgspec.Raw:
    """Return JSON as the field itself would write it."""
    return stored.codec.encode(stored.codec.decode(raw))[1]


def _same(stored: StoredField, text: str, raw: msgspec.Raw) -> bool:
    try:
        return from_text(stored, text) == raw
    except ValueNotStorable:
        return False


def _is_text(stored: StoredField) -> bool:
    annotation: Any = stored.codec.annotation
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation is str and stored.field.decode is None
