"""From a class of Reflex's states to a schema: which vars are stored, and how."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from inspect import getsourcefile
from types import NoneType
from typing import Any, Final, TypeVar, cast, overload
from weakref import WeakKeyDictionary

from msgspec import Raw

from ..errors import DeclarationError, ValueNotStorable
from ..model.codec import Codec, Decode, Encode
from ..model.fields import Field, Validate
from ..model.schema import Migration, Schema, StoredField, check_versions
from .reflex_private import BaseState, RxField, is_annotated, make_field, options_of, own_fields

T = TypeVar('T')
C = TypeVar('C', bound=type)

MISSING: Final = object()
"""Stands for what is not there: an argument, or the value of a var that nobody has read."""
_LOOSE: Final[Mapping[type, Any]] = {
    list: list[Any],
    dict: dict[Any, Any],
    set: set[Any],
    frozenset: frozenset[Any],
    tuple: tuple[Any, ...],
    int: int | float,
    NoneType: Any,
}
"""By the type of a default: what a var without an annotation may hold. Reflex guesses from the default alone."""


@dataclass(frozen=True, slots=True)
class _VarOptions:
    stored: bool
    renamed_from: str | None
    encode: Encode | None
    decode: Decode | None
    validate: Validate | None


@dataclass(frozen=True, slots=True)
class _StateOptions:
    name: str | None
    version: int
    migrations: Mapping[int, Migration]
    renamed_from: str | None


_options: WeakKeyDictionary[type, _StateOptions] = WeakKeyDictionary()


@overload
def stash_var(
    default: T,
    *,
    stored: bool = True,
    renamed_from: str | None = None,
    encode: Callable[[T], Any] | None = None,
    decode: Callable[[Any], T] | None = None,
    validate: Callable[[T], bool] | None = None,
) -> T: ...
@overload
def stash_var(
    *,
    default_factory: Callable[[], T],
    stored: bool = True,
    renamed_from: str | None = None,
    encode: Callable[[T], Any] | None = None,
    decode: Callable[[Any], T] | None = None,
    validate: Callable[[T], bool] | None = None,
) -> T: ...
def stash_var(
    default: Any = MISSING,
    *,
    default_factory: Callable[[], Any] | None = None,
    stored: bool = True,
    renamed_from: str | None = None,
    encode: Encode | None = None,
    decode: Decode | None = None,
    validate: Validate | None = None,
) -> Any:
    """Declare a var that needs to say more about how it is stored than its annotation does.

    `stored=False` leaves it out. `renamed_from` is the name under which older versions stored it. `encode` and `decode`
    convert values that JSON does not know. `validate` says whether a recovered value is still valid; if it returns
    `False` or raises, the var has its default.
    """
    if (default is MISSING) == (default_factory is None):
        raise DeclarationError('stash_var', None, 'give either a default or default_factory=')
    if default is not MISSING and isinstance(default, (list, dict, set)):
        default_factory = partial(copy.deepcopy, cast(Any, default))
    return make_field(default, default_factory, _VarOptions(stored, renamed_from, encode, decode, validate))


def stash_state(
    *,
    name: str | None = None,
    version: int = 1,
    migrations: Mapping[int, Migration] | None = None,
    renamed_from: str | None = None,
) -> Callable[[C], C]:
    """Say more about a class of states: its stored name, which is its full name by default, version and migrations.

    `renamed_from` is the name under which older versions stored it, such as its full name before it was moved.
    """

    def declare(cls: C) -> C:
        check_versions(cls.__qualname__, version, migrations or {})
        _options[cls] = _StateOptions(name, version, dict(migrations or {}), renamed_from)
        return cls

    return declare


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A var that is not stored, and why."""

    cls: str
    name: str
    why: str


@dataclass(frozen=True)
class StateSchema:
    """How the vars of one class are stored, and which are not.

    `defaults` has the JSON of each default that is the same each time: such a value is stored once it has changed.
    """

    schema: Schema
    defaults: Mapping[str, Raw]
    left_out: tuple[LeftOut, ...]
    excluded: frozenset[str] = field(default_factory=frozenset[str])

    @cached_property
    def nothing_seen(self) -> list[Any]:
        """What nobody has read yet, for each field."""
        return [MISSING] * len(self.schema.fields)

    @cached_property
    def rows(self) -> tuple[tuple[int, str, Callable[[Any], tuple[Any, Raw]], Raw | None], ...]:
        """By field: its place, its name, how its values are encoded, and the JSON of its default."""
        return tuple(
            (index, name, field.codec.encode, self.defaults.get(name))
            for index, (name, field) in enumerate(self.schema.fields.items())
        )

    @cached_property
    def computed(self) -> tuple[str, ...]:
        """The vars whose default differs each time, so that it has to be stored to stay."""
        return tuple(name for name, field in self.schema.fields.items() if field.is_computed)


def schema_of_state(cls: type[BaseState]) -> StateSchema:
    """Read the declaration of a class of states. Raises `DeclarationError` for options that lead nowhere."""
    options = _options.get(cls) or _StateOptions(None, 1, {}, None)
    fields: dict[str, StoredField] = {}
    defaults: dict[str, Raw] = {}
    left_out: list[LeftOut] = []
    excluded: set[str] = set()
    for name, var in own_fields(cls):
        said = options_of(var)
        wanted = said if isinstance(said, _VarOptions) else _VarOptions(True, None, None, None, None)  # noqa: FBT003
        if not wanted.stored:
            excluded.add(name)
            continue
        try:
            stored, default = _stored_field(cls, name, var, wanted)
        except (TypeError, ValueNotStorable) as error:
            excluded.add(name)
            left_out.append(LeftOut(cls.__qualname__, name, str(error)))
            continue
        fields[name] = stored
        if default is not None:
            defaults[name] = default
    full_name = cls.get_full_name()
    schema = Schema(
        cls=cls,
        name=options.name or full_name,
        version=options.version,
        fields=fields,
        migrations=options.migrations,
        renamed_from=options.renamed_from,
        key=(),
        max_keys=1,
        origin=f'{_file(cls)}:{full_name}',
    )
    return StateSchema(schema, defaults, tuple(left_out), frozenset(excluded))


def _file(cls: type) -> str:
    try:
        return getsourcefile(cls) or cls.__module__
    except (TypeError, OSError):
        return cls.__module__


def _stored_field(
    cls: type[BaseState], name: str, var: RxField, options: _VarOptions
) -> tuple[StoredField, Raw | None]:
    """Return a var ready for use, and the JSON of its default if that is the same each time.

    Raises `TypeError` or `ValueNotStorable` if its values, or its default, cannot be stored.
    """
    default = var.default_value()
    annotation = var.annotated_type
    if not is_annotated(cls, name):
        annotation = _LOOSE.get(type(cast(object, default)), annotation)
    elif default is None and annotation is not Any:
        annotation = annotation | None
    codec = Codec(f'{cls.__qualname__}.{name}', annotation, encode=options.encode, decode=options.decode)
    declared = Field(
        default,
        var.default_factory,
        'session',
        False,  # noqa: FBT003 it has only this form
        options.encode,
        options.decode,
        options.renamed_from,
        options.validate,
    )
    declared.name = name
    first, again = codec.encode(default)[1], codec.encode(var.default_value())[1]
    is_computed = first != again
    return StoredField(name, declared, codec, is_computed), None if is_computed else first
