"""Annotations: which types JSON can hold, and the properties of their values."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin

import msgspec

EXACT: tuple[type, ...] = (int, str, bool, float)
"""Types whose values need no check for a field with this annotation."""
INSTEAD = {
    'numpy': 'store value.tolist() in a list field',
    'pandas': "store value.to_dict('list') in a dict field",
    'polars': 'store value.to_dict(as_series=False) in a dict field',
    'PIL': 'store the address of the image, not its pixels',
}
OBJECTS = (msgspec.inspect.DataclassType, msgspec.inspect.StructType, msgspec.inspect.CustomType)
ALIKE = (
    msgspec.inspect.SetType,
    msgspec.inspect.FrozenSetType,
    msgspec.inspect.BytesType,
    msgspec.inspect.ByteArrayType,
    msgspec.inspect.MemoryViewType,
    msgspec.inspect.DecimalType,
    msgspec.inspect.EnumType,
    msgspec.inspect.NamedTupleType,
    msgspec.inspect.TimeType,
    msgspec.inspect.DateTimeType,
)
"""Types with values that can equal a value of another type, JSON included; and a NaN of `Decimal` equals nothing."""
_TUPLES = (msgspec.inspect.TupleType, msgspec.inspect.VarTupleType, msgspec.inspect.NamedTupleType)
_MUTABLE = (
    msgspec.inspect.ListType,
    msgspec.inspect.SetType,
    msgspec.inspect.DictType,
    msgspec.inspect.TypedDictType,
    msgspec.inspect.AnyType,
)
_NO_KEYS = (
    msgspec.inspect.NoneType,
    msgspec.inspect.BoolType,
    msgspec.inspect.CollectionType,
    msgspec.inspect.TupleType,
    msgspec.inspect.NamedTupleType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.StructType,
)
"""Types that msgspec accepts in `dict[K, V]` but cannot encode as a key."""
_KEYS_INSTEAD = 'use texts, numbers, enums, UUIDs or dates, or pass encode= and decode='


def exact_types(annotation: Any) -> frozenset[type]:
    if any(annotation is exact for exact in EXACT):
        return frozenset({annotation})
    parts = get_args(annotation)
    if get_origin(annotation) in {Union, UnionType} and all(part in EXACT or part is NoneType for part in parts):
        return frozenset(parts)
    return frozenset()


def exact_items(annotation: Any) -> frozenset[type]:
    """Return the types whose values need no check as items of a list, or of a dict of texts, of this annotation."""
    kind, parts = get_origin(annotation), get_args(annotation)
    if kind is list or (kind is dict and parts[0] is str):
        return exact_types(parts[-1]) - {float}  # a float may be NaN
    return frozenset()


def has_items(annotation: Any) -> bool:
    """Whether its lists and dicts, or those of a union with `None`, can be encoded item by item.

    A dict with other keys than texts is not: two keys may be the same in JSON.
    """
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) in {Union, UnionType}:
        return len(parts) == 1 and has_items(parts[0])
    kind = get_origin(annotation) or annotation
    return kind is Any or kind is list or (kind is dict and (not parts or parts[0] in {str, Any}))


def is_opaque(parts: list[Any]) -> bool:
    """Whether values of these types may change without notice: objects, and mutable parts of a tuple."""
    if any(isinstance(part, (*OBJECTS, msgspec.inspect.ByteArrayType)) for part in parts):
        return True
    tuples = [part for part in parts if isinstance(part, _TUPLES)]
    return any(isinstance(inner, _MUTABLE) for part in tuples for inner in _parts(part, set()))


def require_storable(annotation: Any) -> list[Any]:
    """Return the types in an annotation. Raises `TypeError`, with a remedy, if its values cannot be stored."""
    try:
        info = msgspec.inspect.type_info(annotation)
    except (TypeError, NameError) as error:
        raise TypeError(f'its annotation cannot be stored: {error}') from error
    parts = list(_parts(info, set()))
    for part in parts:
        if isinstance(part, msgspec.inspect.DictType) and not _can_be_key(part.key_type):
            kind = type(part.key_type).__name__.removesuffix('Type').removeprefix('Var').lower()
            raise TypeError(f'dict keys of the kind {kind} cannot be written as JSON; {_KEYS_INSTEAD}')
        if isinstance(part, msgspec.inspect.CustomType) and not hasattr(part.cls, 'model_validate'):
            package = part.cls.__module__.partition('.')[0]
            instead = INSTEAD.get(package, 'use a dataclass, msgspec.Struct or plain types')
            raise TypeError(f'{part.cls.__qualname__} cannot be stored; {instead}, or pass encode= and decode=')
    try:
        msgspec.json.Decoder(annotation, dec_hook=from_builtin)
    except TypeError as error:  # e.g. a union of two dataclasses, which JSON cannot tell apart
        raise TypeError(f'its annotation cannot be stored: {error}') from error
    return parts


def _can_be_key(info: Any) -> bool:
    """Whether a key of this type, or of some type of a union, can be encoded; `True` for the app's own types."""
    if isinstance(info, msgspec.inspect.UnionType):
        return any(map(_can_be_key, info.types))
    if isinstance(info, msgspec.inspect.LiteralType):
        return info.values != (None,)
    return not isinstance(info, _NO_KEYS)


def _parts(info: Any, seen: set[int]) -> Iterator[Any]:
    """Walk msgspec's description of a type: a tree of Structs, with a cycle if a type contains itself."""
    if id(info) in seen:
        return
    seen.add(id(info))
    if isinstance(info, tuple):
        for item in cast(tuple[Any, ...], info):
            yield from _parts(item, seen)
    elif isinstance(info, msgspec.Struct):
        yield info
        for name in info.__struct_fields__:
            yield from _parts(getattr(info, name), seen)


def from_builtin(expected: type, value: Any) -> Any:
    """Decode a type that msgspec does not know: a pydantic model."""
    return cast(Any, expected).model_validate(value)
