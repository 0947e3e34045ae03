"""A type that cannot be stored is refused when it is declared, with the way out."""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag
from types import ModuleType
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict
from uuid import UUID

import msgspec
import pydantic
import pytest

from nicegui_stash.errors import ValueNotStorable
from nicegui_stash.model.codec import Codec

UserId = NewType('UserId', int)
Cell = NewType('Cell', tuple[int, int])


class Meal(Enum):
    DINNER = 'dinner'


class Weekday(IntEnum):
    MONDAY = 1


class Rights(IntFlag):
    READ = 1


class Point(NamedTuple):
    x: int


class Shape(msgspec.Struct, frozen=True):
    sides: int


class Address(pydantic.RootModel[str], frozen=True):
    pass


class Plain:
    pass


@dataclass
class Car:
    wheels: int


@dataclass
class Bike:
    wheels: int


@dataclass
class Garage:
    best: Plain


class Shelf(msgspec.Struct):
    content: list[Plain]


def foreign(module: str, name: str) -> type:
    """A class that says it is of another package, which need not be installed."""
    return type(name, (), {'__module__': module})


@pytest.mark.parametrize(
    ('module', 'name', 'instead'),
    [
        ('numpy', 'ndarray', 'store value.tolist() in a list field'),
        ('numpy.core.records', 'recarray', 'store value.tolist() in a list field'),
        ('pandas.core.frame', 'DataFrame', "store value.to_dict('list') in a dict field"),
        ('polars.dataframe.frame', 'DataFrame', 'store value.to_dict(as_series=False) in a dict field'),
        ('PIL.Image', 'Image', 'store the address of the image, not its pixels'),
    ],
)
def test_types_of_known_packages_are_refused_with_what_to_store_instead(module: str, name: str, instead: str) -> None:
    cls = foreign(module, name)
    for annotation in (cls, cls | None, list[cls], dict[str, tuple[cls, int]]):  # type: ignore[valid-type]
        with pytest.raises(TypeError) as caught:
            Codec('Page.field', annotation)
        assert str(caught.value) == f'{name} cannot be stored; {instead}, or pass encode= and decode='


@pytest.mark.parametrize(
    ('annotation', 'name'),
    [
        (Plain, 'Plain'),
        (list[Plain], 'Plain'),
        (dict[str, Plain | None], 'Plain'),
        (Garage, 'Plain'),
        (Shelf, 'Plain'),
        (Callable, 'Callable'),
        (Callable[[int], int], 'Callable'),
        (object, 'object'),
        (type, 'type'),
        (complex, 'complex'),
        (Iterable[int], 'Iterable'),
        (ModuleType, 'module'),
        (collections.deque, 'deque'),
        (collections.OrderedDict[str, int], 'OrderedDict'),
        (collections.Counter, 'Counter'),
    ],
)
def test_a_type_that_json_does_not_know_is_refused_with_the_way_out(annotation: Any, name: str) -> None:
    with pytest.raises(TypeError) as caught:
        Codec('Page.field', annotation)
    assert str(caught.value) == (
        f'{name} cannot be stored; use a dataclass, msgspec.Struct or plain types, or pass encode= and decode='
    )


def test_a_union_that_json_cannot_distinguish_is_refused() -> None:
    for annotation in (Car | Bike, list[int] | set[int]):
        with pytest.raises(TypeError, match='cannot be stored: Type unions may not contain more than one'):
            Codec('Page.field', annotation)


def test_an_annotation_that_names_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match='annotation cannot be stored'):
        Codec('Page.field', 'list[Unknown]')


@pytest.mark.parametrize(
    ('key', 'kind'),
    [
        (tuple[int, int], 'tuple'),
        (tuple[int, ...], 'tuple'),
        (Cell, 'tuple'),
        (Annotated[tuple[int, int], 'a cell'], 'tuple'),
        (frozenset[int], 'frozenset'),
        (Point, 'namedtuple'),
        (Car, 'dataclass'),
        (Shape, 'struct'),
        (bool, 'bool'),
        (None, 'none'),
        (Literal[None], 'literal'),  # noqa: PYI061 it is another type to msgspec
        (bool | None, 'union'),
        (tuple[int, int] | None, 'union'),
    ],
)
def test_dict_keys_that_json_cannot_write_are_refused_wherever_the_dict_is(key: Any, kind: str) -> None:
    plain = dict[key, int]
    fields = msgspec.defstruct('Inner', [('cells', plain)])
    typed = TypedDict('typed', {'cells': plain})  # noqa: UP013 the key is known here only
    for annotation in (plain, Mapping[key, int], list[plain], dict[str, plain | None], list[fields], typed):
        with pytest.raises(TypeError) as caught:
            Codec('Page.field', annotation)
        assert str(caught.value) == (
            f'dict keys of the kind {kind} cannot be written as JSON; '
            'use texts, numbers, enums, UUIDs or dates, or pass encode= and decode='
        )


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        (str, 'a'),
        (int, -1),
        (float, 1.5),
        (bytes, b'a'),
        (UUID, UUID(int=1)),
        (Decimal, Decimal('1.50')),
        (date, date(2025, 1, 2)),
        (datetime, datetime(2025, 1, 2, 3, 4)),  # noqa: DTZ001 a naive one
        (time, time(3, 4)),
        (timedelta, timedelta(days=1)),
        (Meal, Meal.DINNER),
        (Weekday, Weekday.MONDAY),
        (Rights, Rights.READ),
        (Literal['a', 1], 1),
        (Literal['a', None], 'a'),  # noqa: PYI061 it is another type to msgspec
        (Annotated[int, msgspec.Meta(gt=0)], 3),
        (UserId, UserId(3)),
        (Address, Address('a@b')),
        (int | float, 1.5),
        (str | tuple[int, int], 'a'),
        (int | Car, 1),
        (Any, 'a'),
    ],
)
def test_every_key_that_json_can_write_is_kept(key: Any, value: Any) -> None:
    codec = Codec('Page.field', dict[key, int])
    assert codec.decode(codec.encode({value: 1})[1]) == {value: 1}


def test_a_key_of_a_union_that_json_cannot_write_is_refused_with_its_first_value() -> None:
    with pytest.raises(ValueNotStorable, match='a value of type tuple cannot be written as JSON'):
        Codec('Page.field', dict[str | tuple[int, int], str]).encode({(1, 2): 'a'})


def test_any_key_can_be_encoded_by_the_app() -> None:
    codec = Codec(
        'Page.field',
        dict[tuple[int, int], str],
        encode=lambda cells: [[*cell, text] for cell, text in cells.items()],
        decode=lambda rows: {(row, column): text for row, column, text in rows},
    )
    assert codec.decode(codec.encode({(1, 2): 'a'})[1]) == {(1, 2): 'a'}


def test_encode_and_decode_admit_any_type() -> None:
    assert Codec('Page.field', Plain, encode=vars, decode=lambda _: Plain()).exact == frozenset()
    assert Codec('Page.field', Plain, decode=lambda _: Plain()).exact == frozenset()


def test_encode_alone_does_not_admit_a_type_that_cannot_be_decoded() -> None:
    with pytest.raises(TypeError, match='Plain cannot be stored'):
        Codec('Page.field', Plain, encode=vars)


class Box(NamedTuple):
    name: str
    items: list[str]


class Labels(TypedDict):
    labels: tuple[str, ...]


@pytest.mark.parametrize(
    ('annotation', 'opaque'),
    [
        (tuple[list[int], list[int]], True),
        (tuple[dict[str, int], ...], True),
        (tuple[Labels, ...], True),
        (tuple[tuple[set[int]], int], True),
        (tuple[Any, ...], True),
        (tuple, True),
        (Box, True),
        (list[Box], True),
        (dict[str, tuple[int, list[int] | None]], True),
        (bytearray, True),
        (list[bytearray], True),
        (Car, True),
        (Point, False),
        (tuple[int, str | None, bytes], False),
        (Labels, False),
        (frozenset[tuple[int, ...]], False),
        (list[tuple[int, Weekday]], False),
        (dict[str, list[Any]], False),
    ],
)
def test_a_value_with_a_mutable_part_that_cannot_be_observed_is_opaque(annotation: Any, opaque: bool) -> None:
    assert Codec('Page.field', annotation).opaque is opaque


def test_a_new_type_is_what_it_stands_for() -> None:
    assert Codec('Page.field', UserId).encode(UserId(3)) == (3, msgspec.Raw(b'3'))


def test_pydantic_is_not_needed_to_store_other_things() -> None:
    assert 'pydantic' not in vars(sys.modules[Codec.__module__])
