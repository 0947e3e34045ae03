"""What a class cannot declare is refused when it is decorated, by the name of class and field."""

from __future__ import annotations

from threading import Lock
from typing import Any, Generic, TypeVar

import pydantic.dataclasses
import pytest

from nicegui_stash.errors import DeclarationError
from nicegui_stash.model.fields import stored
from nicegui_stash.model.schema import build_schema

T = TypeVar('T')


class Counter:
    count: int = stored(0)
    note: str = stored('', scope='reconnect')
    filter: str | None = stored(None, scope='tab', live=False, renamed_from='query')
    items: list[str] = stored(default_factory=list)
    unstored: int = 5


def refusal(cls: type, **options: Any) -> DeclarationError:
    with pytest.raises(DeclarationError) as caught:
        build_schema(cls, **options)
    assert caught.value.cls == cls.__qualname__
    assert isinstance(caught.value, TypeError)
    return caught.value


@pytest.mark.parametrize('name', ['build', 'prepare', 'on_recovered', '_hidden', '__private'])
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    field = stored(0)
    cls = type('Page', (), {name: field, '__annotations__': {name: int}})
    error = refusal(cls)
    assert (error.field, error.reason) == (name, 'a stored field cannot have this name; rename it')


def test_an_unknown_scope_is_refused_with_the_list_of_scopes() -> None:
    class Page:
        count: int = stored(0, scope='team')  # type: ignore[call-overload]

    reason = (
        "unknown scope 'team'; the scopes are session, reconnect, tab, url, browser, user, room. "
        "Write stored(…, scope='session')"
    )
    assert refusal(Page).reason == reason
    assert str(refusal(Page)) == f'{Page.__qualname__}.count: {refusal(Page).reason}'


def test_a_field_has_either_a_default_or_a_factory() -> None:
    class Neither:
        count: int = stored()  # type: ignore[call-overload]

    class Both:
        count: int = stored(0, default_factory=int)  # type: ignore[call-overload]

    for cls in (Neither, Both):
        assert refusal(cls).reason == 'give either a default or default_factory='


def test_a_field_needs_an_annotation() -> None:
    class Page:
        count = stored(0)

    error = refusal(Page)
    assert (error.field, error.reason) == ('count', 'a stored field needs an annotation, as in count: int = stored(0)')


def test_an_annotation_that_names_nothing_is_refused() -> None:
    class Page:
        count: Unknown = stored(0)  # type: ignore[name-defined]  # noqa: F821

    assert refusal(Page).reason == "an annotation cannot be resolved: name 'Unknown' is not defined"


def test_an_annotation_that_cannot_be_stored_is_refused_with_the_way_out() -> None:
    class Plain:
        pass

    class Page:
        thing: Plain | None = stored(None)

    error = refusal(Page, local_names=locals())
    assert error.field == 'thing'
    assert error.reason == (
        'test_an_annotation_that_cannot_be_stored_is_refused_with_the_way_out.<locals>.Plain cannot be stored; '
        'use a dataclass, msgspec.Struct or plain types, or pass encode= and decode='
    )


@pytest.mark.parametrize(
    ('annotation', 'default', 'reason'),
    [
        (int, None, 'its default cannot be stored: Expected `int`, got `null`'),
        (list[int], [1, 'x'], 'its default cannot be stored at $[1]: Expected `int`, got `str`'),
        (float, float('nan'), 'its default cannot be stored: NaN and infinity cannot be written as JSON; store None'),
        (list, (1,), 'its default cannot be stored: a tuple would come back as a list'),
    ],
)
def test_a_default_that_does_not_fit_is_refused(annotation: Any, default: Any, reason: str) -> None:
    cls = type('Page', (), {'field': stored(default), '__annotations__': {'field': annotation}})
    error = refusal(cls)
    assert (error.field, error.reason) == ('field', reason)


def test_a_class_with_slots_is_refused() -> None:
    class Slotted:
        __slots__ = ('other',)
        count: int = stored(0)

    class Weakless:
        __slots__ = ('__dict__',)
        count: int = stored(0)

    for cls in (Slotted, Weakless):
        assert refusal(cls).reason == 'a class with __slots__ has no room for stored fields; remove __slots__'


def test_a_generic_class_is_refused_until_it_says_what_is_stored() -> None:
    class Page(Generic[T]):
        value: T = stored(0)  # type: ignore[assignment]

    class Numbers(Page[int]):
        pass

    class Counts(Page[int]):
        value: int = stored(0)

    assert refusal(Page).reason == 'a generic class has no annotation that says what is stored; make it concrete'
    error = refusal(Numbers)
    assert error.field == 'value'
    assert error.reason == (
        'its annotation holds a type variable, which does not say what is stored; annotate it in '
        f'{Numbers.__qualname__}'
    )
    assert build_schema(Counts).fields['value'].codec.annotation is int


def test_a_class_whose_init_wants_arguments_is_refused() -> None:
    class Page:
        count: int = stored(0)

        def __init__(self, title: str) -> None: ...

    class Fine:
        count: int = stored(0)

        def __init__(self, title: str = '', *more: str, **others: int) -> None: ...

    assert refusal(Page).reason.startswith('__init__(self) must take no arguments')
    assert list(build_schema(Fine).fields) == ['count']


@pytest.mark.parametrize(
    ('version', 'steps'), [(0, ()), (-1, ()), (1, (1,)), (2, (2,)), (3, (1, 3)), (3, (0,)), (2, (-1,))]
)
def test_versions_count_from_one_and_migrations_lead_upwards(version: int, steps: tuple[int, ...]) -> None:
    error = refusal(Counter, version=version, migrations=dict.fromkeys(steps, dict))
    assert error.field is None
    assert error.reason == (
        f'version={version} with migrations from {sorted(steps)}: '
        'versions count from 1, and each migration leads from one below version'
    )


def test_a_version_is_a_number_that_is_found_again() -> None:
    assert refusal(Counter, version=10**9).reason == 'version=1000000000 is too large; count from 1, up to 999999999'
    assert build_schema(Counter, version=20_261_121).version == 20_261_121


async def not_plain(values: dict[str, Any]) -> dict[str, Any]:
    return values


@pytest.mark.parametrize('migration', [None, {}, not_plain])
def test_a_migration_is_a_plain_function(migration: Any) -> None:
    reason = refusal(Counter, version=2, migrations={1: migration}).reason
    assert reason == 'the migration from version 1 must be a plain function, from a dict to a dict'


def test_a_field_is_not_renamed_from_another_one() -> None:
    class Page:
        first: int = stored(0)
        second: int = stored(0, renamed_from='first')

    error = refusal(Page)
    assert error.field == 'second'
    assert error.reason == "renamed_from='first' is a field of the class as well; raise version and write a migration"


def test_two_fields_are_not_renamed_from_one() -> None:
    class Page:
        first: int = stored(0, renamed_from='old')
        second: int = stored(0, renamed_from='old')

    error = refusal(Page)
    assert error.field == 'second'
    assert error.reason == "renamed_from='old' is that of 'first' as well; raise version and write a migration"


def test_a_former_name_is_a_text() -> None:
    class Page:
        count: int = stored(0, renamed_from=['old'])  # type: ignore[call-overload]

    assert refusal(Page).reason == "renamed_from=['old'] must be a text"


@pytest.mark.parametrize(('version', 'steps', 'missing'), [(3, (1,), 2), (5, (1, 2, 4), 3), (5, (2, 3), 4)])
def test_a_migration_that_leads_nowhere_is_refused(version: int, steps: tuple[int, ...], missing: int) -> None:
    assert refusal(Counter, version=version, migrations=dict.fromkeys(steps, dict)).reason == (
        f'version={version} with migrations from {list(steps)}: the one from version {missing} is missing, '
        'so the earlier ones lead nowhere; write it, or remove them'
    )


@pytest.mark.parametrize('steps', [(), (3, 4), (4,)])
def test_versions_of_long_ago_need_no_migration(steps: tuple[int, ...]) -> None:
    assert set(build_schema(Counter, version=5, migrations=dict.fromkeys(steps, dict)).migrations) == set(steps)


@pytest.mark.parametrize('version', ['2', 1.0, None, True])
def test_a_version_is_a_whole_number(version: Any) -> None:
    assert refusal(Counter, version=version).reason == f'version={version!r} must be a whole number, from 1'


@pytest.mark.parametrize('migrations', [[dict], {'1': dict}, {1.5: dict}, dict])
def test_migrations_are_a_dict_by_version(migrations: Any) -> None:
    reason = 'migrations= must be a dict, from the number of a version to the function that leads to the next'
    assert refusal(Counter, version=2, migrations=migrations).reason == reason


@pytest.mark.parametrize('max_keys', [0, -1, '5', 2.5, None, True])
def test_at_least_one_key_is_kept(max_keys: Any) -> None:
    assert refusal(Counter, max_keys=max_keys).reason == f'max_keys={max_keys!r} must be a whole number, from 1'


@pytest.mark.parametrize('option', ['name', 'renamed_from'])
def test_a_stored_name_is_a_text(option: str) -> None:
    for given in (5, ''):
        reason = f'{option}={given!r} must be a text that is not empty'
        assert refusal(Counter, **{option: given}).reason == reason


async def later(_: Any = None) -> Any: ...


@pytest.mark.parametrize('given', [3, 'text', later])
@pytest.mark.parametrize('option', ['default_factory', 'encode', 'decode', 'validate'])
def test_an_option_that_is_called_must_be_a_plain_function(option: str, given: Any) -> None:
    default = () if option == 'default_factory' else (0,)
    field: Any = stored(*default, **{option: given})
    error = refusal(type('Page', (), {'count': field, '__annotations__': {'count': int}}))
    assert (error.field, error.reason) == ('count', f'{option}={given!r} must be a plain function')


def test_a_default_that_cannot_be_made_is_refused_with_the_reason() -> None:
    class Page:
        ratio: float = stored(default_factory=lambda: 1 / 0)

    class Locked:
        lock: Any = stored(Lock(), encode=id, decode=id)

    error = refusal(Page)
    assert (error.field, error.reason) == ('ratio', 'default_factory= raised ZeroDivisionError: division by zero')
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert refusal(Locked).reason.startswith('copying its default raised TypeError: cannot pickle')


def test_a_default_that_decode_does_not_give_back_is_refused_naming_both_functions() -> None:
    class Page:
        number: complex = stored(0j, encode=lambda value: [value.real, value.imag], decode=lambda pair: pair)

    error = refusal(Page)
    assert error.field == 'number'
    assert error.reason == (
        'its default cannot be stored: a complex would come back as a list; decode= must undo what encode= does'
    )


def test_an_encode_that_fails_with_the_default_is_refused() -> None:
    def broken(_: Any) -> Any:
        raise OSError('no')

    class Page:
        number: complex = stored(0j, encode=broken, decode=complex)

    class Other:
        number: complex = stored(0j, encode=lambda value: value.missing, decode=complex)

    assert refusal(Page).reason == 'its default cannot be stored: encode= raised OSError: no'
    assert refusal(Other).reason.startswith('its default cannot be stored: encode= raised AttributeError')


def test_dict_keys_that_json_cannot_write_are_refused_while_the_dict_is_empty() -> None:
    class Page:
        board: dict[tuple[int, int], str] = stored({})

    error = refusal(Page)
    assert error.field == 'board'
    assert error.reason.startswith('dict keys of the kind tuple cannot be written as JSON; use texts, numbers')


def test_a_class_that_is_there_for_its_stored_fields_has_one() -> None:
    class Settings:
        theme: str = 'light'

    assert refusal(Settings, makes_itself=False).reason == (
        'it has no stored field, so nothing of it would come back; declare one, as in count: int = stored(0)'
    )
    assert build_schema(Settings).fields == {}


@pytest.mark.parametrize('makes_itself', [True, False])
def test_fields_that_pydantic_took_away_are_refused(makes_itself: bool) -> None:
    class Settings(pydantic.BaseModel):
        theme: str = stored('light')

    error = refusal(Settings, makes_itself=makes_itself)
    assert error.field == 'theme'
    assert error.reason == (
        'pydantic takes the fields of a model out of the class, so they cannot be stored; '
        'decorate a plain class, and store the model in a field'
    )


def test_a_dataclass_of_pydantic_keeps_its_stored_fields() -> None:
    @pydantic.dataclasses.dataclass
    class Settings:
        theme: str = stored('light')

    assert list(build_schema(Settings, makes_itself=False).fields) == ['theme']
