"""Stored values come back as they were, and equal those of the page."""

from __future__ import annotations

import enum
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Annotated, Any, Literal, NamedTuple, Optional, TypedDict, Union
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model.codec import Codec
from nicegui_stash.model.observed import observe


class Colour(enum.Enum):
    RED = 'red'
    BLUE = 'blue'


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Mood(enum.StrEnum):
    GOOD = 'good'


@dataclass
class Item:
    name: str
    amount: float = 0.0
    tags: list[str] = field(default_factory=list)


@dataclass
class Node:
    value: int
    below: list[Node] = field(default_factory=list)


@dataclass(eq=False)
class WithoutEquality:
    value: int = 0


class Point(msgspec.Struct):
    x: float
    y: float


class Circle(msgspec.Struct, tag=True):
    radius: float


class Square(msgspec.Struct, tag=True):
    side: float


class Pair(NamedTuple):
    left: int
    right: str


class Address(TypedDict):
    street: str
    number: int


class Person(pydantic.BaseModel):
    name: str
    born: date
    friends: list[Person] = []


TEXT = st.text(st.characters(codec='utf-8'), max_size=20)
INTEGERS = st.integers(-(10**30), 10**30)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ITEMS = st.builds(Item, TEXT, FLOATS, st.lists(TEXT, max_size=3))
NODES = st.recursive(
    st.builds(Node, INTEGERS), lambda below: st.builds(Node, INTEGERS, st.lists(below, max_size=3)), max_leaves=8
)
PEOPLE = st.builds(Person, name=TEXT, born=st.dates(), friends=st.lists(st.builds(Person, name=TEXT, born=st.dates())))
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)

STORABLE: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    'int': (int, INTEGERS),
    'float': (float, FLOATS),
    'bool': (bool, st.booleans()),
    'str': (str, TEXT),
    'None': (None, st.none()),
    'bytes': (bytes, st.binary(max_size=40)),
    'Any': (Any, JSON),
    'bare list': (list, st.lists(JSON, max_size=4)),
    'bare dict': (dict, st.dictionaries(TEXT, JSON, max_size=4)),
    'list': (list[int], st.lists(INTEGERS, max_size=5)),
    'Sequence': (Sequence[int], st.lists(INTEGERS, max_size=5)),
    'Mapping': (Mapping[str, int], st.dictionaries(TEXT, INTEGERS, max_size=5)),
    'dict of int': (dict[int, str], st.dictionaries(INTEGERS, TEXT, max_size=5)),
    'dict of UUID': (dict[uuid.UUID, bool], st.dictionaries(st.uuids(), st.booleans(), max_size=3)),
    'dict of date': (dict[date, float], st.dictionaries(st.dates(), FLOATS, max_size=3)),
    'set': (set[str], st.sets(TEXT, max_size=5)),
    'frozenset': (frozenset[int], st.frozensets(INTEGERS, max_size=5)),
    'tuple': (tuple[int, str, bool], st.tuples(INTEGERS, TEXT, st.booleans())),
    'tuple of any length': (tuple[float, ...], st.lists(FLOATS, max_size=5).map(tuple)),
    'NamedTuple': (Pair, st.builds(Pair, INTEGERS, TEXT)),
    'TypedDict': (Address, st.fixed_dictionaries({'street': TEXT, 'number': INTEGERS})),
    'Optional': (Optional[int], st.none() | INTEGERS),  # noqa: UP045 people still write it
    'union with None': (str | None, st.none() | TEXT),
    'union': (Union[int, str, None], st.none() | INTEGERS | TEXT),  # noqa: UP007 as above
    'int or float': (int | float, INTEGERS | FLOATS),
    'union of collections': (list[int] | dict[str, int], st.lists(INTEGERS) | st.dictionaries(TEXT, INTEGERS)),
    'Literal': (Literal['all', 'open', 3], st.sampled_from(['all', 'open', 3])),
    'Enum': (Colour, st.sampled_from(Colour)),
    'IntEnum': (Size, st.sampled_from(Size)),
    'StrEnum': (Mood, st.sampled_from(Mood)),
    'dict of Enum': (dict[Colour, int], st.dictionaries(st.sampled_from(Colour), INTEGERS)),
    'naive datetime': (datetime, st.datetimes().map(lambda each: each.replace(fold=0))),
    'datetime with zone': (datetime, st.datetimes(timezones=st.just(UTC) | OFFSETS)),
    'date': (date, st.dates()),
    'time': (time, st.times().map(lambda each: each.replace(fold=0))),
    'timedelta': (timedelta, st.timedeltas(timedelta(days=-(10**5)), timedelta(days=10**5))),
    'UUID': (uuid.UUID, st.uuids()),
    'Decimal': (Decimal, st.decimals(allow_nan=False)),
    'dataclass': (Item, ITEMS),
    'dataclass of itself': (Node, NODES),
    'Struct': (Point, st.builds(Point, FLOATS, FLOATS)),
    'union of Structs': (Circle | Square, st.builds(Circle, FLOATS) | st.builds(Square, FLOATS)),
    'pydantic': (Person, PEOPLE),
    'list of pydantic': (list[Person], st.lists(PEOPLE, max_size=3)),
    'nested generics': (
        dict[str, list[tuple[int, frozenset[str] | None]]],
        st.dictionaries(
            TEXT, st.lists(st.tuples(INTEGERS, st.none() | st.frozensets(TEXT, max_size=3)), max_size=3), max_size=3
        ),
    ),
    'constrained': (Annotated[int, msgspec.Meta(ge=1, le=9)], st.integers(1, 9)),
}


@pytest.mark.parametrize('name', STORABLE)
@given(data=st.data())
def test_a_value_comes_back_as_what_the_page_holds(name: str, data: st.DataObject) -> None:
    annotation, strategy = STORABLE[name]
    codec = Codec('Page.field', annotation)
    given_value = data.draw(strategy)
    held, raw = codec.encode(given_value)
    back = codec.decode(raw)
    assert held == given_value
    assert back == held
    assert type(back) is type(held)
    assert codec.encode(back)[1] == raw or isinstance(back, (set, frozenset)) or name == 'nested generics'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_bit_of_a_float_comes_back(value: float) -> None:
    codec = Codec('Page.field', float)
    back = codec.decode(codec.encode(value)[1])
    assert (back, math.copysign(1, back)) == (value, math.copysign(1, value))


@pytest.mark.parametrize('value', [2**53, 2**63, 2**64, -(2**63) - 1, 10**300])
def test_huge_integers_keep_every_digit(value: int) -> None:
    for annotation, content in ((int, value), (list[int], [value]), (Any, {'a': value})):
        codec = Codec('Page.field', annotation)
        assert codec.decode(codec.encode(content)[1]) == content


@pytest.mark.parametrize(('annotation', 'value'), [(float, 3), (float | None, 3), (Annotated[float, 'm'], 3)])
def test_an_int_in_a_float_field_becomes_a_float(annotation: Any, value: int) -> None:
    codec = Codec('Page.field', annotation)
    held, raw = codec.encode(value)
    assert (type(held), held) == (float, 3.0)
    assert type(codec.decode(raw)) is float


def test_an_int_in_a_union_of_int_and_float_stays_one() -> None:
    held, raw = Codec('Page.field', int | float).encode(3)
    assert (type(held), bytes(raw)) == (int, b'3')


BERLIN = ZoneInfo('Europe/Berlin')
NOON = datetime(2025, 1, 2, 12, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ('annotation', 'value', 'held'),
    [
        (str, Mood.GOOD, 'good'),
        (str | None, Mood.GOOD, 'good'),
        (Literal['good', 'bad'], Mood.GOOD, 'good'),
        (Any, Mood.GOOD, 'good'),
        (int, Size.SMALL, 1),
        (Mood, 'good', Mood.GOOD),
        (list[str], ['a', Mood.GOOD], ['a', 'good']),
        (list[Mood], [Mood.GOOD, 'good'], [Mood.GOOD, Mood.GOOD]),
        (dict[str, int], {Mood.GOOD: Size.LARGE}, {'good': 2}),
        (dict[Mood, list[str]], {'good': [Mood.GOOD]}, {Mood.GOOD: ['good']}),
        (set[str], {Mood.GOOD}, {'good'}),
        (set[tuple[str, ...]], {(Mood.GOOD,)}, {('good',)}),
        (tuple[int, str], Pair(1, 'a'), (1, 'a')),
        (list[tuple[int, str]], [Pair(1, 'a'), (2, 'b')], [(1, 'a'), (2, 'b')]),
        (Pair, Pair(1, Mood.GOOD), Pair(1, 'good')),
        (list[float], [1, 2.5], [1.0, 2.5]),
        (datetime, NOON, NOON.astimezone(timezone(timedelta(hours=1)))),
        (dict[str, list[datetime]], {'a': [NOON]}, {'a': [NOON.astimezone(timezone(timedelta(hours=1)))]}),
        (set[datetime], {NOON}, {NOON.astimezone(timezone(timedelta(hours=1)))}),
    ],
)
def test_what_is_equal_but_of_another_type_becomes_what_comes_back(annotation: Any, value: Any, held: Any) -> None:
    codec = Codec('Page.field', annotation)
    found, raw = codec.encode(value)
    assert repr(found) == repr(codec.decode(raw)) == repr(held)
    assert codec.encode(found)[1] == raw


def test_a_value_whose_types_come_back_stays_the_object_that_it_is() -> None:
    item, point, tags = Item('a', 5), Point(1, 2), ['x']
    for annotation, value in (
        (Item, item),
        (list[Item], [item]),
        (dict[str, list[Point]], {'a': [point]}),
        (list[list[str]], [tags]),
        (list[tuple[Mood, Pair]], [(Mood.GOOD, Pair(1, 'a'))]),
        (set[Decimal], {Decimal('1.50')}),
        (list[datetime], [datetime(2025, 1, 2, tzinfo=UTC)]),
        (dict[str, Any], observe({'a': tags}, lambda: None)),
    ):
        assert Codec('Page.field', annotation).encode(value)[0] is value
    held, _ = Codec('Page.field', list[Item | str]).encode([item, Mood.GOOD])
    assert held == [item, 'good']
    assert held[0] is item
    held, _ = Codec('Page.field', list[list[str]]).encode([tags, [Mood.GOOD]])
    assert held[0] is tags


def test_a_class_without_equality_is_judged_by_what_it_writes() -> None:
    codec = Codec('Page.field', WithoutEquality)
    held, raw = codec.encode(WithoutEquality(5))
    assert held.value == 5
    assert codec.decode(raw).value == 5


def test_the_fast_way_for_simple_types_writes_the_same_bytes_as_the_thorough_one() -> None:
    for annotation, value in ((int, 5), (str, 'ä'), (bool, True), (float, 0.1), (int | None, None), (str | None, 'x')):
        fast, thorough = Codec('Page.field', annotation), Codec('Page.field', Annotated[annotation, 'thorough'])
        assert type(value) in fast.exact
        assert thorough.exact == frozenset()
        assert fast.encode(value) == thorough.encode(value)


def test_encode_and_decode_serve_types_that_json_does_not_know() -> None:
    codec = Codec('Page.field', complex, encode=lambda value: [value.real, value.imag], decode=lambda at: complex(*at))
    held, raw = codec.encode(1 + 2j)
    assert (held, bytes(raw)) == (1 + 2j, b'[1.0,2.0]')
    assert codec.decode(raw) == 1 + 2j


class Note:
    """Without equality."""

    def __init__(self, text: str) -> None:
        self.text = text


class Row:
    """Compared element by element, as an array is."""

    def __init__(self, *cells: int) -> None:
        self.cells = cells

    def __eq__(self, other: object) -> Any:
        raise ValueError('the truth value of an array is ambiguous')

    __hash__ = None  # type: ignore[assignment]


def test_what_cannot_be_compared_is_kept_where_it_is_written_the_same_again() -> None:
    notes = Codec('Page.field', Note, encode=lambda note: note.text, decode=Note)
    assert bytes(notes.encode(Note('a'))[1]) == b'"a"'
    rows = Codec('Page.field', Row, encode=lambda row: row.cells, decode=lambda cells: Row(*cells))
    assert bytes(rows.encode(Row(1, 2))[1]) == b'[1,2]'


def test_what_is_equal_may_be_written_differently_each_time() -> None:
    numbers = count()
    codec = Codec('Page.field', str, encode=lambda text: [next(numbers), text], decode=lambda sealed: sealed[1])
    assert codec.encode('a')[0] == 'a'
    unordered = Codec('Page.field', set[int], encode=list, decode=lambda listed: {*reversed(listed)})
    assert unordered.encode({0, 8})[0] == {0, 8}


def test_encode_may_leave_out_what_need_not_come_back() -> None:
    codec = Codec('Page.field', float, encode=lambda value: round(value, 1), decode=float)
    assert bytes(codec.encode(1.23)[1]) == b'1.2'


def test_encode_alone_leaves_decoding_to_the_annotation() -> None:
    codec = Codec('Page.field', list[int], encode=sorted)
    assert bytes(codec.encode([3, 1, 2])[1]) == b'[1,2,3]'
    assert codec.decode(b'[1,2,3]') == [1, 2, 3]


def test_decode_alone_gets_plain_json() -> None:
    codec = Codec('Page.field', frozenset[int], decode=frozenset)
    assert codec.decode(codec.encode(frozenset({1, 2}))[1]) == frozenset({1, 2})
