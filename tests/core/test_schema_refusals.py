"""What a class cannot declare is refused when it is decorated, by the name of class and field."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest

from nicegui_stash.errors import DeclarationError
from nicegui_stash.fields import stored
from nicegui_stash.schema import build_schema

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
        count: int = stored(0, scope='user')  # type: ignore[call-overload]

    assert refusal(Page).reason == "unknown scope 'user'; the scopes are session, reconnect, tab, url, browser"
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

    assert refusal(Page).reason.startswith('__init__(self) has to take no arguments')
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
    assert reason == 'the migration from version 1 has to be a plain function, from a dict to a dict'


def test_a_field_is_not_renamed_from_another_one() -> None:
    class Page:
        first: int = stored(0)
        second: int = stored(0, renamed_from='first')

    error = refusal(Page)
    assert error.field == 'second'
    assert error.reason == "renamed_from='first' is a field of the class as well; raise version and write a migration"
