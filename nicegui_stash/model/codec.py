"""Encode a field's value to JSON bytes and decode it, checked in both directions.

A value must decode to an equal one, so that a running page never has a value that a restart would change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from operator import attrgetter, eq, is_
from types import NoneType
from typing import Any, cast, get_origin
from uuid import UUID

import msgspec
from msgspec import Raw

from ..errors import ValueNotStorable
from .annotations import (
    ALIKE,
    EXACT,
    INSTEAD,
    OBJECTS,
    exact_items,
    exact_types,
    from_builtin,
    has_items,
    is_opaque,
    require_storable,
)

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]

_PATH = re.compile(r'^(?P<reason>.*?)(?: - at `(?P<path>[^`]*)`)?$', re.DOTALL)
_LEAVES = frozenset({*EXACT, NoneType, bytes, date, timedelta, UUID})
"""Types without parts: two equal values of one type are the same."""
_TEXTS = frozenset({str})
_ZONED = frozenset({datetime, time})
_NOT_FINITE = 'NaN and infinity cannot be written as JSON; store None'
_TOO_DEEP = 'it is nested too deeply, or contains itself'
_WITHOUT_VALUE = (
    'Expected ',
    'Object missing required field ',
    'Number out of range',
    'Invalid RFC3339 encoded ',
    'Invalid ISO8601 duration',
    'Invalid UUID',
    'Invalid decimal string',
    'Invalid base64 encoded string',
)
"""How msgspec's messages begin that quote nothing of the value."""
_OF_TYPE = 'a value of type '
_ATTRIBUTES = '_nicegui_stash_attributes'
_LEVELS = 500
"""Levels of nesting in a value. Python 3.11 decodes 1,000, less one per stack frame; 3.13 decodes 5,000."""
_OPENING = bytes.maketrans(b'{}', b'[]')
_NO_BRACKET_OR_QUOTE = bytes(set(range(256)) - set(b'[]{}"'))
_TEXT = re.compile(rb'"[^"]*"')


def _to_builtin(value: Any) -> Any:
    """Encode a type that msgspec does not know: a pydantic model, by duck type so that pydantic stays optional."""
    dump = getattr(value, 'model_dump', None)
    if dump is None:
        raise TypeError(f'{_OF_TYPE}{type(value).__qualname__} cannot be written as JSON{_instead(value)}')
    return dump(mode='json')


def _instead(value: object) -> str:
    """Say what to store instead of a value of a package that many know."""
    package = type(value).__module__.partition('.')[0]
    if package == 'numpy' and getattr(value, 'ndim', 0) == 0:
        return '; store value.item()'
    return f'; {INSTEAD[package]}' if package in INSTEAD else ''


_encoder = msgspec.json.Encoder(enc_hook=_to_builtin)
_encode = _encoder.encode


class Codec:
    """Encode and decode the values of one annotation. Raises `TypeError` if its values cannot be stored at all.

    `exact` has the types whose values need no check, as in nearly every change of a `count: int`; `exact_items` those
    of which a list or dict needs none, as one of texts. `unambiguous`: values
    that are equal and have the same JSON are the same, as for lists and dicts. `opaque`: a value may contain objects
    that change without notice, such as dataclasses.
    """

    __slots__ = (
        '_decode_value',
        '_decoder',
        '_encode_value',
        '_kind',
        'annotation',
        'exact',
        'exact_items',
        'has_items',
        'name',
        'opaque',
        'unambiguous',
    )

    def __init__(
        self, name: str, annotation: Any, *, encode: Encode | None = None, decode: Decode | None = None
    ) -> None:
        self.name = name
        self.annotation = annotation
        self._encode_value = encode
        self._decode_value = decode
        self.exact: frozenset[type] = frozenset()
        self.exact_items: frozenset[type] = frozenset()
        self._kind = cast(type, get_origin(annotation) or object)
        self.opaque = True
        self.unambiguous = False
        self.has_items = False
        if decode is None:
            parts = require_storable(annotation)
            self.opaque = encode is not None or is_opaque(parts)
            self.unambiguous = encode is None and not any(isinstance(part, (*OBJECTS, *ALIKE)) for part in parts)
            if encode is None:
                self.exact, self.exact_items = exact_types(annotation), exact_items(annotation)
                self.has_items = not self.opaque and has_items(annotation)
        self._decoder = msgspec.json.Decoder(Any if decode else annotation, dec_hook=from_builtin)

    def encode(self, value: Any) -> tuple[Any, msgspec.Raw]:
        """Check a value; return it as decoding will give it, with its JSON. Raises `ValueNotStorable`.

        An `int` in a `float` field becomes a `float`, a text enum in a `str` field its text; objects stay as they are.
        A value that would not decode to an equal one is refused.
        """
        if type(value) in self.exact and (type(value) is not float or math.isfinite(value)):
            return value, self.to_json(value)
        if self.exact_items and self._has_exact_items(value):
            return value, self.to_json(value)
        try:
            return self._encode_checked(value)
        except RecursionError as error:
            raise self._refused('$', _TOO_DEEP) from error

    def encode_part(self, part: Any) -> msgspec.Raw:
        """Check some items of a list, or entries of a dict, as parts of a value; return their JSON as of a whole one.

        Only where the codec `has_items`. Raises `ValueNotStorable`, with a path within the part.
        """
        if self.exact_items and self._has_exact_items(part):
            return self.to_json(part)
        try:
            return self._encode_checked(part, in_place=True)[1]
        except RecursionError as error:
            raise self._refused('$', _TOO_DEEP) from error

    def _encode_checked(self, value: Any, *, in_place: bool = False) -> tuple[Any, msgspec.Raw]:
        if self._encode_value or self._decode_value:
            return value, self._encode_by_functions(value)
        raw = self.to_json(value)
        if memoryview(raw).nbytes > 2 * _LEVELS:
            self._require_shallow(raw)
        back = self.decode(raw, original=value)
        if self.unambiguous and value == back and self.to_json(back) == raw:
            in_place = in_place or getattr(value, 'announce', None) is not None  # an observed value is not replaced
            if in_place or _is_plain(value):
                return value, raw
        if type(value) is int and type(back) is float:
            raw = raw if value == back else self.to_json(back)  # a large one comes back as the nearest float
            value = back
        if _plainly_same(value, back):
            return value, raw
        if (difference := _difference(value, back, '$')) is not None:
            raise self._refused(*difference)
        held = _settled(value, back)
        return held, raw if held is value else self.to_json(held)

    def _has_exact_items(self, value: Any) -> bool:
        """Whether a value is a list or dict that needs no check. Its loops run in C."""
        if not isinstance(value, self._kind):
            return False
        if self._kind is list:
            return self.exact_items.issuperset(map(type, cast(list[Any], value)))
        entries = cast(dict[Any, Any], value)
        return self.exact_items.issuperset(map(type, entries.values())) and _TEXTS.issuperset(map(type, entries))

    def _encode_by_functions(self, value: Any) -> msgspec.Raw:
        """Encode with `encode=`, and require that `decode=` returns an equal value, or one with the same JSON."""
        raw = self._write(value)
        back = self.decode(raw, original=value)
        if _seems_equal(value, back):
            return raw
        with suppress(ValueNotStorable):  # such as an encode= that does not accept the result of decode=
            if self._write(back) == raw:
                return raw
        raise self._refused('$', f'{_change(value, back)}; decode= must undo what encode= does')

    def _write(self, value: Any) -> msgspec.Raw:
        try:
            encoded = self._encode_value(value) if self._encode_value else value
        except Exception as error:  # it is the app's code and may raise anything
            raise ValueNotStorable(self.name, '$', f'encode= raised {type(error).__name__}: {error}') from error
        raw = self.to_json(encoded)
        self._require_shallow(raw)
        for path in _not_finite(encoded, '$'):  # it would be written as null
            raise self._refused(path, _NOT_FINITE)
        return raw

    def decode(self, raw: msgspec.Raw | bytes, *, original: Any = None) -> Any:
        """Return the value of stored JSON. Raises `ValueNotStorable` if it no longer fits the annotation."""
        try:
            value = self._decoder.decode(raw)
            return self._decode_value(value) if self._decode_value else value
        except Exception as error:  # the app's code runs within, as decode= or __post_init__, and may raise anything
            for path in _not_finite(original, '$'):
                raise self._refused(path, _NOT_FINITE) from error
            said = str(error) or type(error).__name__
            match = _PATH.match(said)
            reason, path = (match['reason'], match['path']) if match else (said, None)
            raise ValueNotStorable(self.name, path or '$', reason, quotes_value=self._quotes_value(error)) from error

    def _quotes_value(self, error: Exception) -> bool:
        """Whether the message of what decoding raised may hold the value.

        msgspec names types and limits, except for enums, tags and unknown fields. What code of the app raised within
        it may say anything: it is the cause of msgspec's error, or has frames of its own.
        """
        frames = error.__traceback__
        by_app = self._decode_value or error.__cause__ or (frames and frames.tb_next)
        return bool(by_app) or not (
            isinstance(error, msgspec.ValidationError) and str(error).startswith(_WITHOUT_VALUE)
        )

    def _refused(self, path: str, reason: str) -> ValueNotStorable:
        """Return a refusal in words of this module, which name types and never a value."""
        return ValueNotStorable(self.name, path, reason, quotes_value=False)

    def _require_shallow(self, raw: msgspec.Raw) -> None:
        if _is_too_deep(bytes(raw)):
            raise self._refused('$', _TOO_DEEP)

    def to_json(self, value: Any) -> msgspec.Raw:
        """Encode a value whose type is known to fit. Raises `ValueNotStorable` for a value that JSON cannot hold."""
        try:
            return Raw(_encode(value))
        except RecursionError as error:
            raise self._refused('$', _TOO_DEEP) from error
        except Exception as error:  # a model's dump may raise anything
            path, reason = _offender(value, '$', error)
            says_instead = reason.startswith(_OF_TYPE) and '; store ' in reason  # in words of this module
            raise ValueNotStorable(self.name, path, reason, quotes_value=not says_instead) from error


def _is_too_deep(json: bytes) -> bool:
    """Whether lists and objects are nested more than `_LEVELS` deep. The loops over long lists run in C."""
    if b'\\' in json:
        json = json.replace(b'\\\\', b'').replace(b'\\"', b'')
    brackets = json.translate(_OPENING, _NO_BRACKET_OR_QUOTE).replace(b'""', b'')  # most texts are empty by now
    if len(brackets) <= 2 * _LEVELS:
        return False
    if b'"' in brackets:
        brackets = _TEXT.sub(b'', brackets)
    for _ in range(_LEVELS):
        brackets = brackets.replace(b'[]', b'')
        if not brackets:
            return False
    return True


def _children(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    if isinstance(value, dict):
        for key, item in cast(dict[Any, Any], value).items():
            written = str(key) if type(key) is int else key  # as JSON does, to distinguish it from an index
            yield item, f'{path}[{written!r}]'
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(cast(list[Any], value)):
            yield item, f'{path}[{index}]'
    elif isinstance(value, (set, frozenset)):
        for item in cast(set[Any], value):
            yield item, f'{path}[...]'
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield getattr(value, name, None), f'{path}.{name}'
    elif is_dataclass(value) and not isinstance(value, type):
        for field in dataclass_fields(value):
            yield getattr(value, field.name, None), f'{path}.{field.name}'


def _offender(value: Any, path: str, error: Exception, depth: int = 0) -> tuple[str, str]:
    """Find the innermost part of a value that cannot be encoded."""
    if depth < 50:
        for child, child_path in _children(value, path):
            try:
                _encoder.encode(child)
            except Exception as inner:  # noqa: BLE001 as above
                return _offender(child, child_path, inner, depth + 1)
    return path, str(error) or type(error).__name__


def _not_finite(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, float):
        if not math.isfinite(value):
            yield path
    else:
        for child, child_path in _children(value, path):
            yield from _not_finite(child, child_path)


def _is_plain(value: Any) -> bool:
    """Whether a value consists of the types that decoding gives, without an enum or `NamedTuple` equal to one.

    Checks level by level, in loops that run in C.
    """
    level: list[Any] = [value]
    while not _LEAVES.issuperset(map(type, level)):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper += cast(dict[Any, Any], item)
                deeper += cast(dict[Any, Any], item).values()
            elif isinstance(item, list) or type(item) is tuple:
                deeper += cast(list[Any], item)
            elif type(item) not in _LEAVES:
                return False
        level = deeper
    return True


def _plainly_same(value: Any, back: Any) -> bool:
    """Whether a value certainly comes back the same: quick, for long lists. `_difference` examines the rest.

    `back` was JSON, so its numbers are finite.
    """
    kind, back_kind = cast(type[Any], type(value)), cast(type[Any], type(back))
    if kind in _LEAVES or kind in _ZONED or issubclass(kind, Enum):
        equal = kind is back_kind and bool(value == back)
        return equal and (kind not in _ZONED or (value.tzinfo == back.tzinfo and value.fold == back.fold))
    if (back_kind is list and issubclass(kind, list)) or (kind is back_kind and issubclass(kind, tuple)):
        kinds = list(map(type, value))
        if _LEAVES.issuperset(kinds):  # a loop in C, enough for most lists
            return kinds == list(map(type, back)) and all(map(eq, value, back))
        return len(value) == len(back) and all(map(_plainly_same, value, back))
    if back_kind is dict and issubclass(kind, dict):
        same_keys = _plainly_same(list(value), list(back))
        return same_keys and _plainly_same(list(value.values()), list(back.values()))
    if kind is back_kind and (attributes_of := _attributes_of(kind)) is not None:
        return _plainly_same(attributes_of(value), attributes_of(back))
    return False


def _attributes_of(kind: type) -> Callable[[Any], Any] | None:
    """Return a function that reads all attributes of a Struct or a dataclass, `None` for other types.

    The class holds it, so it is freed with the class.
    """
    if _ATTRIBUTES in kind.__dict__:
        return kind.__dict__[_ATTRIBUTES]
    names: tuple[str, ...] = ()
    if issubclass(kind, msgspec.Struct):
        names = kind.__struct_fields__
    elif is_dataclass(cast(Any, kind)):
        names = tuple(field.name for field in dataclass_fields(cast(Any, kind)))
    if not names:
        return None
    read = attrgetter(*names)
    setattr(cast(type, kind), _ATTRIBUTES, read)
    return read


def _difference(value: Any, back: Any, path: str) -> tuple[str, str] | None:
    """Return where and how a value differs from the decoded one, `None` if it does not."""
    kind, back_kind = cast(type[Any], type(value)), cast(type[Any], type(back))
    if kind is back_kind or any(issubclass(kind, base) and back_kind is base for base in (list, dict, set)):
        children, others = list(_children(value, path)), list(_children(back, path))
        if children and len(children) == len(others) and not issubclass(kind, (set, frozenset)):
            if issubclass(kind, dict) and list(value) != list(back):
                return path, 'its keys would come back as text; annotate their type, as in dict[int, str]'
            pairs = zip(children, others, strict=True)
            return next((found for (a, where), (b, _) in pairs if (found := _difference(a, b, where))), None)
    if kind is float and not math.isfinite(value):
        return path, _NOT_FINITE
    if issubclass(back_kind, kind) or issubclass(kind, back_kind) or {kind, back_kind} == {int, float}:
        if _equal(value, back):
            return None
        if cast(Any, kind).__eq__ is object.__eq__ and _encoder.encode(value) == _encoder.encode(back):
            return None  # objects of a class without equality are compared by their JSON
    return path, _change(value, back)


def _settled(value: Any, back: Any) -> Any:
    """Return a value with the types of the decoded one; keep every part that has them already."""
    kind, back_kind = cast(type[Any], type(value)), cast(type[Any], type(back))
    if back_kind is list and issubclass(kind, list):
        items = list(map(_settled, value, back))
        return value if all(map(is_, items, value)) else items
    if back_kind is dict and issubclass(kind, dict):
        items = list(map(_settled, value.values(), back.values()))
        kept = all(map(is_, items, value.values())) and all(map(is_, map(_settled, value, back), value))
        return value if kept else dict(zip(back, items, strict=True))
    if issubclass(back_kind, (set, frozenset)):
        others = dict(zip(back, back, strict=True))
        return value if all(_settled(item, others[item]) is item for item in value) else back
    if kind is not back_kind:
        return tuple(map(_settled, value, back)) if back_kind is tuple else back
    if issubclass(kind, tuple):
        return value if all(map(is_, map(_settled, value, back), value)) else back
    return back if kind in _ZONED and (value.tzinfo, value.fold) != (back.tzinfo, back.fold) else value


def _change(value: object, back: object) -> str:
    stored, returned = type(value).__qualname__, type(back).__qualname__
    if _loses_its_zone(value, back):
        return f'a {stored} would come back without its zone; give it a fixed offset, or none'
    if _loses_its_fold(value):
        return f'a {stored} would come back with fold=0; store a datetime with its offset, as value.astimezone() has it'
    return f'a {stored} would come back ' + (f'as a {returned}' if stored != returned else 'changed')


def _seems_equal(value: Any, back: Any) -> bool:
    return isinstance(value, cast(type[Any], type(back))) and _equal(value, back)


def _loses_its_zone(value: object, back: object) -> bool:
    """Whether a time of day loses a zone whose offset depends on the date; Python calls both equal."""
    return isinstance(value, time) and isinstance(back, time) and bool(value.tzinfo) and not back.tzinfo


def _loses_its_fold(value: object) -> bool:
    """Whether it is the second of two equal hours, in no zone: the JSON cannot tell them apart."""
    return isinstance(value, (datetime, time)) and bool(value.fold) and not value.tzinfo


def _equal(value: Any, back: Any) -> bool:
    try:
        if isinstance(value, datetime) and isinstance(back, datetime) and value.tzinfo and back.tzinfo:
            return value - back == timedelta()  # `==` of two zones is always false while clocks are set back
        return bool(value == back) and not _loses_its_zone(value, back) and not _loses_its_fold(value)
    except Exception:  # noqa: BLE001 such as a signalling NaN of decimal; the app's code may raise anything
        return False
