"""A class's fields with their codecs, its stored name, its version and its migrations."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from inspect import isfunction
from typing import Any, Final, Protocol, TypeVar, cast, get_origin, get_type_hints, runtime_checkable

import msgspec

from ..errors import DeclarationError, StashError, ValueNotStorable
from .codec import Codec
from .document import SliceId
from .fields import Field
from .scopes import SCOPES, Owner, Scope

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MAX_VERSION: Final = 999_999_999
"""The largest version that a document can name."""
MAX_STEPS: Final = 1000
"""The most steps that `undo=` may ask for."""
_SHORT: Final = 40
_DECLARED: Final = '__nicegui_stash_schema__'


@runtime_checkable
class HoldsField(Protocol):
    """The replacement of a `Field` in a decorated class; a subclass reads the declaration from it."""

    field: Field


@dataclass(frozen=True, slots=True)
class StoredField:
    """One field of one class, ready for use."""

    name: str
    field: Field
    codec: Codec
    scope: Scope = dataclasses.field(init=False)
    is_computed: bool = False
    """Whether `default_factory` gives another result each time, as an id or a time: it has to be stored to stay."""

    def __post_init__(self) -> None:
        object.__setattr__(self, 'scope', SCOPES[self.field.scope])


@dataclass(frozen=True)
class Schema:
    """The declaration of a class. `origin` is its place, as file and line."""

    cls: type[Any]
    name: str
    version: int
    fields: Mapping[str, StoredField]
    migrations: Mapping[int, Migration]
    renamed_from: str | None
    key: tuple[str, ...]
    max_keys: int
    origin: str
    undo: int = 0
    """How many steps of a person can be taken back."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the class in a document: its stored name, then its former one, if any."""
        return (self.name, self.renamed_from) if self.renamed_from else (self.name,)

    @cached_property
    def has_older(self) -> bool:
        """Whether a document may hold values of an older version, or under a former name. Most classes have neither."""
        return self.version > 1 or self.renamed_from is not None

    @cached_property
    def _unkeyed(self) -> SliceId:
        return SliceId(self.name, self.version)

    def slice_id(self, key: str = '') -> SliceId:
        """Return the id of its slice for this value of its key."""
        return SliceId(self.name, self.version, key) if key else self._unkeyed

    @cached_property
    def needed_arguments(self) -> str:
        """Why the class cannot be called without arguments, nothing if it can."""
        return needs_arguments(self.cls)

    @cached_property
    def is_opaque(self) -> bool:
        """Whether a value may change in place without notice."""
        return any(field.codec.opaque for field in self.fields.values())

    @cached_property
    def computed(self) -> tuple[StoredField, ...]:
        """The stored fields whose default is another one each time."""
        return tuple(field for field in self.fields.values() if field.is_computed and field.scope.is_stored)

    @cached_property
    def names_of(self) -> Mapping[Owner, tuple[str, ...]]:
        """The names of the fields by the owner of their document; of an owner without any, those of all."""
        names: dict[Owner, tuple[str, ...]] = {}
        for owner in self.owners:
            found = tuple(name for name, field in self.fields.items() if field.scope.owner == owner)
            names[owner] = found or tuple(self.fields)
        return names

    @cached_property
    def scopes(self) -> frozenset[Scope]:
        return frozenset(field.scope for field in self.fields.values())

    @cached_property
    def has_private(self) -> bool:
        """Whether a field belongs to one tab or visit, so that it comes back only after the browser's report."""
        return any(scope.is_private for scope in self.scopes)

    @cached_property
    def has_elsewhere(self) -> bool:
        """Whether a field is kept by the client, and not in the store."""
        return any(not scope.is_stored for scope in self.scopes)

    @cached_property
    def owners(self) -> tuple[Owner, ...]:
        """The owners of the documents that hold the fields; always includes the session, which every page has."""
        found: list[Owner] = [owner for stored in self.fields.values() if (owner := stored.scope.owner)]
        return tuple(dict.fromkeys(['session', *found]))

    @staticmethod
    def key_text(values: Iterable[object]) -> str:
        """Return a slice's key in the document, from the values of the key's parameters, in their order."""
        return '/'.join(str(value).replace('%', '%25').replace('/', '%2F') for value in values)


def build_schema(
    cls: type,
    *,
    name: str | None = None,
    version: int = 1,
    migrations: Mapping[int, Migration] | None = None,
    renamed_from: str | None = None,
    key: str | tuple[str, ...] | None = None,
    max_keys: int = 100,
    undo: int = 0,
    local_names: Mapping[str, Any] | None = None,
    origin: str = '',
    makes_itself: bool = True,
) -> Schema:
    """Read a class's declaration. Raises `DeclarationError` naming class and field.

    `makes_itself`: only the library makes objects of the class, so `__init__` must take no arguments. If the app makes
    them, the class must have a stored field. `local_names` are the names visible at its definition, for annotations of
    classes made in functions. The stored name never depends on the module, which is `__mp_main__` under auto-reload.
    """
    label = cls.__qualname__
    if not cls.__dictoffset__ or not cls.__weakrefoffset__:
        raise DeclarationError(label, None, 'a class with __slots__ has no room for stored fields; remove __slots__')
    if getattr(cls, '__parameters__', ()):
        raise DeclarationError(
            label, None, 'a generic class has no annotation that says what is stored; make it concrete'
        )
    _check_options(label, name=name, renamed_from=renamed_from)
    check_versions(label, version, migrations or {})
    if not _is_whole(max_keys) or max_keys < 1:
        raise DeclarationError(label, None, f'max_keys={max_keys!r} must be a whole number, from 1')
    if makes_itself and (reason := needs_arguments(cls)):
        raise DeclarationError(label, None, f'__init__(self) must take no arguments: {reason}')
    declared = _declared(cls)
    _check_taken(cls, label, declared)
    if not declared and not makes_itself:
        reason = 'it has no stored field, so nothing of it would come back'
        raise DeclarationError(label, None, f'{reason}; declare one, as in count: int = stored(0)')
    _check_fields(label, declared)
    _check_shared(cls, label)
    annotations = _annotations(cls, label, local_names)
    fields = {
        field_name: _stored_field(label, field_name, field, annotations) for field_name, field in declared.items()
    }
    return Schema(
        cls=cls,
        name=name or cls.__name__,
        version=version,
        fields=fields,
        migrations=dict(migrations or {}),
        renamed_from=renamed_from,
        key=(key,) if isinstance(key, str) else key or (),
        max_keys=max_keys,
        origin=origin,
        undo=_require_steps(label, undo, fields),
    )


def needs_arguments(cls: type) -> str:
    """Return why a class cannot be called without arguments, nothing if it can."""
    try:
        inspect.signature(cls.__init__).bind(None)
    except TypeError as error:
        return str(error)
    return ''


def _require_steps(label: str, undo: int, fields: Mapping[str, StoredField]) -> int:
    """Return `undo=`. Raises `DeclarationError` for what is no number of steps, or a class with nothing to undo."""
    if not _is_whole(undo) or not 0 <= undo <= MAX_STEPS:
        reason = f'undo={undo!r} must be how many steps can be taken back, from 1 to {MAX_STEPS}; write undo=100'
        raise DeclarationError(label, None, reason)
    if undo and not any(field.scope.is_stored for field in fields.values()):
        reason = f'undo={undo} has nothing to take back: the class has no field that the store keeps'
        raise DeclarationError(label, None, f'{reason}; declare one, as in text: str = stored({""!r}), or remove undo=')
    return undo


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_options(label: str, **texts: object) -> None:
    for option, text in texts.items():
        if text is not None and not (isinstance(text, str) and text):
            raise DeclarationError(label, None, f'{option}={text!r} must be a text that is not empty')


def _check_fields(label: str, declared: Mapping[str, Field]) -> None:
    former: dict[str, str] = {}
    for name, field in declared.items():
        field.check(label)
        if field.renamed_from is None:
            continue
        first = former.setdefault(field.renamed_from, name)
        if field.renamed_from in declared or first != name:
            taken = 'a field of the class' if field.renamed_from in declared else f'that of {first!r}'
            reason = f'renamed_from={field.renamed_from!r} is {taken} as well; raise version and write a migration'
            raise DeclarationError(label, name, reason)


def _check_shared(cls: type, label: str) -> None:
    """Refuse a collection in the class's body, which all visitors would share, unless it is declared as a constant."""
    package = cls.__module__.partition('.')[0]
    for base in cls.__mro__:
        annotations = inspect.get_annotations(base) if base.__module__.partition('.')[0] == package else None
        if annotations is None:
            continue
        for name, value in vars(base).items():
            kind = next((kind for kind in (list, dict, set) if isinstance(value, kind)), None)
            if kind is None or name.startswith(('__', '_nicegui_stash_')) or name.isupper():
                continue
            annotation = annotations.get(name, kind)
            text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
            if 'ClassVar' in text or 'Final' in text:
                continue
            default = repr(cast(object, value))
            default = default if len(default) <= _SHORT else '…'
            write = f'write {name}: {text} = stored({default})'
            why = f'all visitors would share this {kind.__name__}; {write}, or annotate ClassVar if they are meant to'
            raise DeclarationError(label, name, why)


def _check_taken(cls: type, label: str, declared: Mapping[str, Field]) -> None:
    """Refuse a pydantic model, by duck type: pydantic moves the fields out of the class body."""
    fields: object = getattr(cls, '__pydantic_fields__', None) or getattr(cls, 'model_fields', None)
    if not isinstance(fields, Mapping):
        return
    for name, info in cast(Mapping[str, Any], fields).items():
        if name not in declared and isinstance(getattr(info, 'default', None), Field):
            reason = 'pydantic takes the fields of a model out of the class, so they cannot be stored'
            raise DeclarationError(label, name, f'{reason}; decorate a plain class, and store the model in a field')


def check_versions(label: str, version: int, migrations: Mapping[int, Migration]) -> None:
    """Raise `DeclarationError` for a version or migrations that lead nowhere."""
    if not _is_whole(version):
        raise DeclarationError(label, None, f'version={version!r} must be a whole number, from 1')
    if not isinstance(cast(object, migrations), Mapping) or not all(map(_is_whole, migrations)):
        reason = 'migrations= must be a dict, from the number of a version to the function that leads to the next'
        raise DeclarationError(label, None, reason)
    if version < 1 or any(step < 1 or step >= version for step in migrations):
        raise DeclarationError(
            label,
            None,
            f'version={version} with migrations from {sorted(migrations)}: '
            'versions count from 1, and each migration leads from one below version',
        )
    if version > MAX_VERSION:
        raise DeclarationError(label, None, f'version={version} is too large; count from 1, up to {MAX_VERSION}')
    for step in range(min(migrations, default=version), version):
        if step not in migrations:
            reason = f'the one from version {step} is missing, so the earlier ones lead nowhere'
            raise DeclarationError(
                label,
                None,
                f'version={version} with migrations from {sorted(migrations)}: {reason}; write it, or remove them',
            )
    for step, migration in migrations.items():
        if not callable(migration) or inspect.iscoroutinefunction(migration):
            reason = f'the migration from version {step} must be a plain function, from a dict to a dict'
            raise DeclarationError(label, None, reason)


def _declared(cls: type) -> dict[str, Field]:
    """Collect the fields of a class and its mixins, in order of declaration, without overridden ones."""
    found: dict[str, Field] = {}
    for base in reversed(cls.__mro__):
        for name, attribute in vars(base).items():
            field = attribute.field if isinstance(attribute, HoldsField) else attribute
            if isinstance(field, Field):
                found[name] = field
            else:
                found.pop(name, None)
    return found


def _annotations(cls: type, label: str, local_names: Mapping[str, Any] | None) -> dict[str, Any]:
    """Resolve the annotations of a class and its mixins, each with the names of its own module."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        own = {'__annotations__': inspect.get_annotations(base), '__module__': base.__module__}
        module = sys.modules.get(base.__module__)
        known = dict(local_names or {}) if module is None or base.__module__ == cls.__module__ else {}
        try:
            found |= get_type_hints(
                type(base.__name__, (), own), vars(module) if module else {}, known, include_extras=True
            )
        except (NameError, TypeError, SyntaxError, AttributeError) as error:
            raise DeclarationError(label, None, f'an annotation cannot be resolved: {error}') from error
    return found


def _stored_field(label: str, name: str, field: Field, annotations: Mapping[str, Any]) -> StoredField:
    if name not in annotations:
        raise DeclarationError(label, name, f'a stored field needs an annotation, as in {name}: int = stored(0)')
    if isinstance(annotations[name], TypeVar) or (
        get_origin(annotations[name]) and getattr(annotations[name], '__parameters__', ())
    ):
        reason = f'its annotation holds a type variable, which does not say what is stored; annotate it in {label}'
        raise DeclarationError(label, name, reason)
    try:
        codec = Codec(f'{label}.{name}', annotations[name], encode=field.encode, decode=field.decode)
    except TypeError as error:
        raise DeclarationError(label, name, str(error)) from error
    try:
        default = field.new_default()
        again = field.new_default() if field.default_factory else default
    except Exception as error:
        step = 'default_factory=' if field.default_factory else 'copying its default'
        raise DeclarationError(label, name, f'{step} raised {type(error).__name__}: {error}') from error
    if isfunction(default):
        reason = f'its default is a function; write {name}: … = stored(default_factory={default.__name__})'
        raise DeclarationError(label, name, reason.replace('<lambda>', 'lambda: …'))
    try:
        is_computed = codec.encode(default)[1] != codec.encode(again)[1]
    except ValueNotStorable as error:
        where = '' if error.path == '$' else f' at {error.path}'
        raise DeclarationError(label, name, f'its default cannot be stored{where}: {error.reason}') from error
    except Exception as error:
        reason = f'its default cannot be stored: {type(error).__name__}: {error}'
        raise DeclarationError(label, name, reason) from error
    return StoredField(name, field, codec, is_computed)


def require_fields(schema: Schema, names: Iterable[str]) -> tuple[str, ...]:
    """Return names of fields. Raises `StashError` for one that is none."""
    found = tuple(names)
    for name in found:
        if name not in schema.fields:
            raise StashError(f'{schema.name} has no stored field {name!r}; its fields are {", ".join(schema.fields)}')
    return found


def fields_to_reset(schema: Schema, names: Iterable[str], scope: str | None) -> tuple[str, ...]:
    """Return these fields, or those of a scope. Raises `StashError` for what the class does not have."""
    if scope is None:
        return require_fields(schema, names)
    if found := tuple(names):
        raise StashError(f'reset {", ".join(found)} or a scope: give names or scope=, not both')
    found = tuple(name for name, stored in schema.fields.items() if stored.scope.name == scope)
    if not found:
        scopes = ', '.join(sorted({stored.scope.name for stored in schema.fields.values()}))
        raise StashError(f'{schema.name} has no field with scope={scope!r}; it has fields of {scopes}')
    return found


def mark(schema: Schema) -> None:
    """Attach the schema to its class, for `schema_of`; subclasses do not inherit it."""
    setattr(schema.cls, _DECLARED, schema)


def schema_of(cls: type) -> Schema | None:
    """Return the schema of a decorated class, `None` for any other."""
    return vars(cls).get(_DECLARED)


def migrate(schema: Schema, values: Mapping[str, msgspec.Raw], version: int) -> dict[str, msgspec.Raw]:
    """Migrate one part's raw values from an older version to the schema's. Raises what a migration raises.

    Raises `LookupError` for a missing step, `TypeError` or `ValueError` for a result that is not a JSON object.
    Migrations get and return plain JSON values, by stored name. Without values none is called.
    """
    if version == schema.version or not values:
        return dict(values)
    plain: dict[str, Any] = {name: msgspec.json.decode(raw) for name, raw in values.items()}
    for step in range(version, schema.version):
        if step not in schema.migrations:
            raise LookupError(f'{schema.name} has no migration from version {step}')
        result: Any = schema.migrations[step](plain)
        if not isinstance(result, dict) or not all(isinstance(name, str) for name in cast(dict[Any, Any], result)):
            raise TypeError(f'the migration from version {step} must return a dict of stored names and JSON values')
        plain = cast(dict[str, Any], result)
    return {name: _plain_json(name, value) for name, value in plain.items()}


def _plain_json(name: str, value: Any) -> msgspec.Raw:
    """Encode a migration's result as strict JSON: a NaN or an object would not come back."""
    try:
        return msgspec.Raw(json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(',', ':')).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f'the migrations return a value for {name!r} that is not plain JSON') from error
