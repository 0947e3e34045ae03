"""A type that cannot be stored is refused when it is declared, with the way out."""

from __future__ import annotations

import collections
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NewType

import msgspec
import pytest

from nicegui_stash.codec import Codec
from nicegui_stash.errors import ValueNotStorable

UserId = NewType('UserId', int)


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


def test_a_union_that_json_cannot_tell_apart_is_refused() -> None:
    for annotation in (Car | Bike, list[int] | set[int]):
        with pytest.raises(TypeError, match='cannot be stored: Type unions may not contain more than one'):
            Codec('Page.field', annotation)


def test_an_annotation_that_names_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match='annotation cannot be stored'):
        Codec('Page.field', 'list[Unknown]')


def test_dict_keys_that_json_cannot_write_are_refused_with_the_first_value() -> None:
    with pytest.raises(ValueNotStorable, match='a value of type tuple cannot be written as JSON'):
        Codec('Page.field', dict[tuple[int, int], str]).encode({(1, 2): 'a'})


def test_encode_and_decode_admit_any_type() -> None:
    assert Codec('Page.field', Plain, encode=vars, decode=lambda _: Plain()).exact == frozenset()
    assert Codec('Page.field', Plain, decode=lambda _: Plain()).exact == frozenset()


def test_encode_alone_does_not_admit_a_type_that_cannot_be_decoded() -> None:
    with pytest.raises(TypeError, match='Plain cannot be stored'):
        Codec('Page.field', Plain, encode=vars)


def test_a_new_type_is_what_it_stands_for() -> None:
    assert Codec('Page.field', UserId).encode(UserId(3)) == (3, msgspec.Raw(b'3'))


def test_pydantic_is_not_needed_to_store_other_things() -> None:
    assert 'pydantic' not in vars(sys.modules[Codec.__module__])
