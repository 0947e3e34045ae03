"""The quick comparison of the codec may only ever agree with the thorough one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.errors import ValueNotStorable
from nicegui_stash.model.codec import Codec, _difference, _plainly_same
from nicegui_stash.model.observed import observe


class Colour(Enum):
    RED = 'red'


class Rank(IntEnum):
    FIRST = 1


@dataclass
class Point:
    x: Any
    y: Any = 0


MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
EQUALS = [0, 0.0, -0.0, False, 1, 1.0, True, Decimal(1), Rank.FIRST, '1', b'red', bytearray(b'red'), 'red', Colour.RED]
OTHERS = [None, float('nan'), float('inf'), MOMENT, MOMENT.astimezone(timezone(timedelta(hours=1))), date(2026, 11, 21)]
LEAVES = st.sampled_from([*EQUALS, *OTHERS])


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda parts: (
            st.lists(parts, max_size=3)
            | st.lists(parts, max_size=3).map(tuple)
            | st.dictionaries(st.sampled_from(['a', 'b', 1, 1.0, True]), parts, max_size=2)
            | st.builds(Point, parts)
        ),
        max_leaves=6,
    )


FROM_JSON = LEAVES.filter(lambda leaf: not isinstance(leaf, float) or math.isfinite(leaf))


@given(nested(LEAVES), nested(FROM_JSON))
def test_what_the_quick_comparison_takes_for_the_same_the_thorough_one_does_too(value: Any, back: Any):
    assert not _plainly_same(value, back) or _difference(value, back, '$') is None


@pytest.mark.parametrize(
    ('annotation', 'value'),
    [
        (list[str], ['a', 'b']),
        (list[float], [0.5, 1.5]),
        (list[dict[str, int]], [{'a': 1}, {'b': 2}]),
        (dict[str, list[date]], {'a': [date(2026, 11, 21)]}),
        (list[Point], [Point(1, 'a'), Point(None, [True])]),
        (tuple[int, str], (1, 'a')),
        (list[Colour], [Colour.RED]),
    ],
)
def test_what_is_stored_every_day_takes_the_quick_way(annotation: Any, value: Any):
    codec = Codec('field', annotation)
    assert _plainly_same(observe(value, lambda: None), codec.decode(codec.to_json(value)))


ANNOTATIONS = [
    list[Any],
    list[int],
    list[float],
    list[str | None],
    list[bytes],
    list[Decimal],
    list[Colour | int],
    dict[str, Any],
    dict[int, float],
    dict[str, list[date | int]],
    list[datetime],
    list[tuple[Any, ...]],
    list[list[Any] | int | None],
    tuple[int, ...],
]


def outcome(codec: Codec, value: Any) -> tuple[str, str]:
    try:
        kept, raw = codec.encode(value)
        return repr(kept), bytes(raw).decode()
    except ValueNotStorable as error:
        return error.path, error.reason


@given(st.sampled_from(ANNOTATIONS), nested(LEAVES))
def test_a_shortcut_for_collections_takes_and_refuses_what_is_taken_and_refused_without_it(annotation: Any, value: Any):
    quick, thorough = Codec('field', annotation), Codec('field', annotation)
    thorough.unambiguous = False
    assert outcome(quick, value) == outcome(thorough, value)


@given(st.lists(LEAVES, max_size=3), st.sampled_from(['value', 'observed']))
@pytest.mark.parametrize('annotation', [list[str], list[int], list[int | str | None], list[bool], list[float]])
def test_a_list_that_needs_no_check_is_encoded_as_one_that_is_checked(annotation: Any, kind: str, items: Any) -> None:
    value = observe(items, lambda *_: None) if kind == 'observed' else items
    assert_encoded_as_checked(Codec('field', annotation), value)


@given(st.dictionaries(st.sampled_from(['a', 'b', 1, Rank.FIRST]), LEAVES, max_size=3))
@pytest.mark.parametrize('annotation', [dict[str, str], dict[str, int], dict[int, int], dict[str, bool | None]])
def test_a_dict_that_needs_no_check_is_encoded_as_one_that_is_checked(annotation: Any, value: Any) -> None:
    assert_encoded_as_checked(Codec('field', annotation), value)


def assert_encoded_as_checked(codec: Codec, value: Any) -> None:
    assert encoded(codec.encode, value) == encoded(codec._encode_checked, value)


def encoded(encode: Any, value: Any) -> Any:
    try:
        held, raw = encode(value)
    except ValueNotStorable as error:
        return str(error)
    return held is value, repr(held), raw
