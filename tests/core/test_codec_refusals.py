"""What would come back changed is refused before it is set, and the error says where and what."""

from __future__ import annotations

import enum
import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.errors import ValueNotStorable
from nicegui_stash.model.codec import Codec

NAN, INF = math.nan, math.inf
AS_TEXT = 'its keys would come back as text; annotate their type, as in dict[int, str]'


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Ratio(float):
    pass


class Colour(enum.Enum):
    RED = 'red'


@dataclass
class Item:
    name: str
    price: float | None = None


class Point(msgspec.Struct):
    x: float | None
    y: float | None = None


class Reading(pydantic.BaseModel):
    value: float | None


class Plain:
    pass


class Unforeseen(Exception):
    pass


@dataclass
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise AssertionError


class EvenModel(pydantic.BaseModel):
    number: int

    @pydantic.field_validator('number')
    @classmethod
    def _even(cls, number: int) -> int:
        if number % 2:
            raise Unforeseen
        return number


class Unwritable(pydantic.BaseModel):
    number: int = 0

    @pydantic.model_serializer
    def _no(self) -> Any:
        raise Unforeseen(self.number)


class Incomparable(pydantic.BaseModel):
    number: int = 0

    def __eq__(self, other: object) -> bool:
        raise Unforeseen

    __hash__ = None  # type: ignore[assignment]


def refusal(annotation: Any, value: Any) -> ValueNotStorable:
    codec = Codec('Page.field', annotation)
    with pytest.raises(ValueNotStorable) as caught:
        codec.encode(value)
    assert caught.value.field == 'Page.field'
    return caught.value


@pytest.mark.parametrize(
    ('annotation', 'value', 'path', 'reason'),
    [
        (int, None, '$', 'Expected `int`, got `null`'),
        (int, 'x', '$', 'Expected `int`, got `str`'),
        (int, True, '$', 'Expected `int`, got `bool`'),
        (int, 1.5, '$', 'Expected `int`, got `float`'),
        (list[int], [1, 'x'], '$[1]', 'Expected `int`, got `str`'),
        (list[int], [1, True], '$[1]', 'Expected `int`, got `bool`'),
        (list[int], 5, '$', 'Expected `array`, got `int`'),
        (dict[str, int], {'a': 'x'}, '$[...]', 'Expected `int`, got `str`'),
        (dict[str, list[int]], {'a': [None]}, '$[...][0]', 'Expected `int`, got `null`'),
        (Item, Item(5), '$.name', 'Expected `str`, got `int`'),  # type: ignore[arg-type]
        (list[Item], [Item('a'), Item('b', 'x')], '$[1].price', 'Expected `float | null`, got `str`'),  # type: ignore[arg-type]
        (Point, Point('a'), '$.x', 'Expected `float | null`, got `str`'),  # type: ignore[arg-type]
        (tuple[int, str], (1,), '$', 'Expected `array` of length 2'),
        (tuple[int, str], (1, 2), '$[1]', 'Expected `str`, got `int`'),
        (str | None, 5, '$', 'Expected `str | null`, got `int`'),
        (Literal['a', 'b'], 'c', '$', "Invalid enum value 'c'"),
        (Literal[1, 2], True, '$', 'Expected `int`, got `bool`'),
        (Colour, 'red', '$', 'a str would come back as a Colour'),
        (str, Colour.RED, '$', 'a Colour would come back as a str'),
        (Annotated[int, msgspec.Meta(ge=1)], 0, '$', 'Expected `int` >= 1'),
        (datetime, 'yesterday', '$', 'Invalid RFC3339 encoded datetime'),
    ],
)
def test_a_value_of_another_type_is_refused_with_field_path_and_reason(
    annotation: Any, value: Any, path: str, reason: str
) -> None:
    error = refusal(annotation, value)
    assert (error.path, error.reason) == (path, reason)
    assert str(error) == f'Page.field{"" if path == "$" else f" at {path}"}: {reason}'


@pytest.mark.parametrize(
    ('annotation', 'value', 'path', 'reason'),
    [
        (list, (1, 2), '$', 'a tuple would come back as a list'),
        (list[Any], [1, (2, 3)], '$[1]', 'a tuple would come back as a list'),
        (Any, {'a': [{1}]}, "$['a'][0]", 'a set would come back as a list'),
        (tuple[int, ...], [1, 2], '$', 'a list would come back as a tuple'),
        (frozenset[int], {1}, '$', 'a set would come back as a frozenset'),
        (set[int], frozenset({1}), '$', 'a frozenset would come back as a set'),
        (set[int], [1], '$', 'a list would come back as a set'),
        (dict, {1: 'a'}, '$', AS_TEXT),
        (dict[str, Any], {'a': {2: 'b'}}, "$['a']", AS_TEXT),
        (dict, {1: 'a', '1': 'b'}, '$', 'a dict would come back changed'),
        (Any, datetime(2025, 1, 2, tzinfo=UTC), '$', 'a datetime would come back as a str'),
        (Any, b'bytes', '$', 'a bytes would come back as a str'),
        (Any, Point(1.0), '$', 'a Point would come back as a dict'),
        (Item, Point(1.0), '$', 'Object missing required field `name`'),
        (Item, {'name': 'x'}, '$', 'a dict would come back as a Item'),
        (list[Item], [{'name': 'x'}], '$[0]', 'a dict would come back as a Item'),
        (dict[int, str], {'1': 'a'}, '$', AS_TEXT),
    ],
)
def test_a_value_that_would_come_back_as_something_else_is_refused(
    annotation: Any, value: Any, path: str, reason: str
) -> None:
    error = refusal(annotation, value)
    assert (error.path, error.reason) == (path, reason)


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
@pytest.mark.parametrize(
    ('annotation', 'wrap', 'path'),
    [
        (float, lambda bad: bad, '$'),
        (float | None, lambda bad: bad, '$'),
        (Any, lambda bad: bad, '$'),
        (list[float], lambda bad: [1.0, bad], '$[1]'),
        (list[float | None], lambda bad: [None, bad], '$[1]'),
        (list, lambda bad: [[bad]], '$[0][0]'),
        (tuple[float, ...], lambda bad: (bad,), '$[0]'),
        (dict[str, float], lambda bad: {'a': bad}, "$['a']"),
        (dict[str, Any], lambda bad: {'a': {'b': bad}}, "$['a']['b']"),
        (set[float], lambda bad: {bad}, '$[...]'),
        (frozenset[float], lambda bad: frozenset({bad}), '$[...]'),
        (Item, lambda bad: Item('x', bad), '$.price'),
        (list[Point], lambda bad: [Point(bad)], '$[0].x'),
    ],
)
def test_nan_and_infinity_are_refused_wherever_they_are_and_never_become_null(
    annotation: Any, wrap: Any, path: str, bad: float
) -> None:
    error = refusal(annotation, wrap(bad))
    assert (error.path, error.reason) == (path, 'NaN and infinity cannot be written as JSON; store None')


@pytest.mark.parametrize('bad', [NAN, INF])
def test_nan_and_infinity_are_refused_without_a_known_path(bad: float) -> None:
    for annotation, value in (
        (set[float | None], {None, bad}),
        (Reading, Reading(value=bad)),
    ):
        assert refusal(annotation, value).path == '$'


@pytest.mark.parametrize(
    ('annotation', 'value'),
    [(dict[float, int], {NAN: 1}), (Decimal, Decimal('NaN')), (Decimal, Decimal('sNaN'))],
)
def test_nan_is_refused_where_json_could_write_it_as_text(annotation: Any, value: Any) -> None:
    assert refusal(annotation, value).path == '$'
    assert refusal(list[annotation], [value]).path == '$[0]'


@pytest.mark.parametrize('bad', [NAN, INF])
def test_nan_and_infinity_are_refused_also_where_the_class_encodes_by_itself(bad: float) -> None:
    codec = Codec('Page.field', complex, encode=lambda at: [at.real, {'i': at.imag}], decode=lambda at: at)
    with pytest.raises(ValueNotStorable, match='NaN and infinity') as caught:
        codec.encode(complex(1, bad))
    assert caught.value.path == "$[1]['i']"


def test_infinity_is_kept_where_json_writes_it_as_text() -> None:
    for annotation, value in ((Decimal, Decimal('-Infinity')), (dict[float, int], {INF: 1})):
        codec = Codec('Page.field', annotation)
        assert codec.decode(codec.encode(value)[1]) == value


@given(st.recursive(st.just(NAN) | st.integers(), lambda inner: st.lists(inner, min_size=1) | st.tuples(inner)))
def test_no_json_that_is_stored_holds_a_null_where_there_was_a_number(value: Any) -> None:
    try:
        _, raw = Codec('Page.field', Any).encode(value)
    except ValueNotStorable:
        return
    assert b'null' not in bytes(raw)


@pytest.mark.parametrize(
    ('annotation', 'value', 'path'),
    [
        (str, 'a\ud800', '$'),
        (list[str], ['a', '\udfff'], '$[1]'),
        (dict[str, str], {'\ud800': 'a'}, '$'),
        (Item, Item('\ud800'), '$.name'),
        (Any, {'a': ['\ud800']}, "$['a'][0]"),
    ],
)
def test_lone_surrogates_are_refused_where_they_are(annotation: Any, value: Any, path: str) -> None:
    error = refusal(annotation, value)
    assert error.path == path
    assert 'surrogates not allowed' in error.reason


@pytest.mark.parametrize('value', [Text('x'), Number(3), Ratio(1.5), Plain(), object, len, 1j])
def test_what_json_does_not_know_is_refused_where_it_is(value: Any) -> None:
    reason = f'a value of type {type(value).__qualname__} cannot be written as JSON'
    assert (refusal(Any, value).path, refusal(Any, value).reason) == ('$', reason)
    inner = refusal(dict[str, list[Any]], {'a': [0, value]})
    assert (inner.path, inner.reason) == ("$['a'][1]", reason)


def test_a_text_subclass_is_refused_also_where_text_is_declared() -> None:
    assert refusal(str, Text('x')).reason == 'a value of type Text cannot be written as JSON'
    assert refusal(int, Number(3)).reason == 'a value of type Number cannot be written as JSON'


@pytest.mark.parametrize('depth', [40, 100, 400, 499, 500, 700, 950, 5_000, 100_000])
def test_deep_nesting_is_kept_or_refused_and_nothing_else(depth: int) -> None:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    codec = Codec('Page.field', Any)
    try:
        _, raw = codec.encode(value)
    except ValueNotStorable as error:
        reason = error.reason
    else:
        reason = ''
        assert bytes(raw) == b'[' * (depth + 1) + b']' * (depth + 1)
    assert reason == ('' if depth < 500 else 'it is nested too deeply, or contains itself')


def test_brackets_in_texts_do_not_nest() -> None:
    codec = Codec('Page.field', Any)
    for text in ('[' * 2000, ']' * 2000, '{"' * 1000, '"[' * 1000, '\\"[' * 1000, '][' * 1000):
        value = {'texts': [text, {text: [text]}]}
        assert codec.encode(value)[0] == value
    wide = [[{'a': []}] for _ in range(5000)]
    assert codec.encode(wide)[0] == wide


@pytest.mark.parametrize(('before', 'after'), [('', ''), (']', '['), ('"]', '"['), ('\\', '\\"]'), ('\n"', '\\n]')])
def test_brackets_in_texts_hide_no_nesting(before: str, after: str) -> None:
    codec = Codec('Page.field', Any)
    value: Any = {'': ['end']}
    for _ in range(249):
        value = [before, {before: value}, after]
    assert codec.encode(value)[0] == value
    assert refusal(Any, [value]).reason == 'it is nested too deeply, or contains itself'


def test_nan_is_found_at_any_depth() -> None:
    value: list[Any] = [NAN]
    for _ in range(120):
        value = [value]
    assert refusal(Any, value).path == '$' + '[0]' * 121
    codec = Codec('Page.field', complex, encode=lambda _: value, decode=lambda _: 1j)
    with pytest.raises(ValueNotStorable, match='NaN'):
        codec.encode(1j)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    assert refusal(Any, value).reason == 'it is nested too deeply, or contains itself'


def test_a_time_of_day_that_would_lose_its_zone_is_refused() -> None:
    lost = time(8, tzinfo=ZoneInfo('Europe/Berlin'))
    assert refusal(time, lost).reason == 'a time would come back without its zone; give it a fixed offset, or none'
    assert refusal(dict[str, list[time]], {'a': [lost]}).path == "$['a'][0]"
    assert 'without its zone' in refusal(time | None, lost).without_value
    for kept in (time(8), time(8, tzinfo=UTC), time(8, tzinfo=timezone(timedelta(hours=2)))):
        assert Codec('Page.field', time).encode(kept)[0] is kept


@pytest.mark.parametrize('hours', [-5, 5])
def test_the_first_and_last_moment_are_kept_in_any_zone(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    for at in (datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)):
        codec = Codec('Page.field', datetime)
        assert codec.decode(codec.encode(at)[1]) == at


def test_a_time_with_a_zone_is_kept_in_every_hour_of_the_year() -> None:
    codec = Codec('Page.field', datetime)
    for fold in (0, 1):
        at = datetime(2025, 10, 26, 2, 30, tzinfo=ZoneInfo('Europe/Berlin'), fold=fold)
        assert codec.decode(codec.encode(at)[1]).timestamp() == at.timestamp()


@pytest.mark.parametrize(
    ('annotation', 'body', 'path'),
    [
        (int, b'null', '$'),
        (int, b'', '$'),
        (int, b'{', '$'),
        (int, b'1 2', '$'),
        (int, b'\xff', '$'),
        (str, b'"\xff\xfe"', '$'),
        (str, b'"\\ud800"', '$'),
        (list[int], b'[1, "x"]', '$[1]'),
        (Item, b'{"price": 1}', '$'),
        (Item, b'{"name": 1}', '$.name'),
        (Reading, b'{"value": "x"}', '$'),
        (list[Reading], b'[{"value": 1}, {"value": "x"}]', '$[1]'),
        (Any, b'[' * 100_000, '$'),
        (int, b'1' * 5000, '$'),
    ],
)
def test_stored_json_that_no_longer_fits_is_reported_with_its_path(annotation: Any, body: bytes, path: str) -> None:
    codec = Codec('Page.field', annotation)
    with pytest.raises(ValueNotStorable) as caught:
        codec.decode(body)
    assert caught.value.path == path
    assert caught.value.reason


@given(st.binary(max_size=60))
def test_decoding_bytes_of_any_kind_raises_nothing_else(body: bytes) -> None:
    for annotation in (Any, str, dict[str, int], Item, datetime):
        codec = Codec('Page.field', annotation)
        with suppress(ValueNotStorable):
            assert codec.encode(codec.decode(body))


def test_a_decode_function_that_fails_is_a_value_that_does_not_fit() -> None:
    for error in (ValueError, TypeError, KeyError, ZeroDivisionError, AttributeError, AssertionError, Unforeseen):

        def decode(_: Any, error: type[Exception] = error) -> Any:
            raise error('no')

        with pytest.raises(ValueNotStorable, match='no'):
            Codec('Page.field', complex, decode=decode).decode(b'1')


@pytest.mark.parametrize(
    ('decode', 'change'),
    [
        (lambda pair: pair, 'as a list'),
        (lambda pair: pair[0], 'as a float'),
        (lambda pair: complex(pair[1], pair[0]), 'changed'),
        (lambda _: None, 'as a NoneType'),
    ],
)
def test_a_value_that_decode_does_not_give_back_is_refused(decode: Any, change: str) -> None:
    codec = Codec('Page.field', complex, encode=lambda value: [value.real, value.imag], decode=decode)
    with pytest.raises(ValueNotStorable) as caught:
        codec.encode(1 + 2j)
    reason = f'a complex would come back {change}; decode= must undo what encode= does'
    assert (caught.value.path, caught.value.reason) == ('$', reason)
    assert caught.value.without_value == f'Page.field: {reason}'


def test_a_value_that_decode_or_encode_alone_would_change_is_refused() -> None:
    for codec in (
        Codec('Page.field', int, encode=lambda value: value + 1),
        Codec('Page.field', int, decode=lambda value: value + 1),
    ):
        with pytest.raises(ValueNotStorable, match='a int would come back changed; decode= must undo'):
            codec.encode(1)


def test_nan_is_refused_also_where_only_decode_is_given() -> None:
    with pytest.raises(ValueNotStorable, match='NaN and infinity'):
        Codec('Page.field', float, decode=lambda value: value).encode(NAN)


def test_an_encode_function_that_fails_is_a_value_that_does_not_fit() -> None:
    codec = Codec('Page.field', complex, encode=lambda value: [value.real, value.imag], decode=lambda at: complex(*at))
    with pytest.raises(ValueNotStorable, match='encode= raised AttributeError') as caught:
        codec.encode('secret')
    assert isinstance(caught.value.__cause__, AttributeError)
    assert 'secret' not in caught.value.without_value


def test_whatever_a_class_raises_when_it_is_made_is_a_value_that_does_not_fit() -> None:
    for annotation, kind in ((Even, 'AssertionError'), (EvenModel, 'Unforeseen')):
        with pytest.raises(ValueNotStorable) as caught:
            Codec('Page.field', annotation).decode(b'{"number":1}')
        assert caught.value.reason == kind
        assert 'Unforeseen' not in caught.value.without_value
    odd = Even(2)
    odd.number = 1
    assert refusal(Even, odd).reason == 'AssertionError'


def test_whatever_a_class_raises_when_it_is_written_is_a_value_that_does_not_fit() -> None:
    assert refusal(list[Unwritable], [Unwritable()]).path == '$[0]'
    codec = Codec('Page.field', complex, encode=lambda value: 1 // 0 if value else odd(), decode=complex)
    for value in (1j, 0j):
        with pytest.raises(ValueNotStorable, match='encode= raised'):
            codec.encode(value)


def odd() -> Any:
    raise Unforeseen


def test_what_cannot_be_compared_is_a_value_that_does_not_fit() -> None:
    assert refusal(Incomparable, Incomparable()).reason == 'a Incomparable would come back changed'


def test_an_object_that_lacks_an_attribute_is_a_value_that_does_not_fit() -> None:
    point, item = Point(1.0), Item('a')
    del point.x
    del item.name
    assert refusal(list[Point], [point]).path == '$[0]'
    assert refusal(list[Item], [item]).path.startswith('$[0]')


def test_no_key_of_a_dict_can_be_logged_whatever_its_type() -> None:
    for annotation, key in ((dict[int, float], 4111111111111111), (dict[int, float], 7), (dict[str, float], '7')):
        error = refusal(list[annotation], [{}, {key: NAN}])
        assert error.path == f"$[1]['{key}']"
        assert error.without_value == 'Page.field at $[1][...]: NaN and infinity cannot be written as JSON; store None'
    assert '4915112345678' not in refusal(dict[int, str], {4915112345678: 'a\ud800'}).without_value


@pytest.mark.parametrize('kind', [ValueError, TypeError, KeyError, msgspec.ValidationError])
def test_what_an_app_says_is_not_logged_even_in_the_words_of_msgspec(kind: type[Exception]) -> None:
    class Mimics(msgspec.Struct):
        name: str

        def __post_init__(self) -> None:
            raise kind(f'Expected `{self.name}`')

    def decode(name: str) -> Any:
        raise kind(f'Expected `{name}`')

    for codec, body in (
        (Codec('Page.field', Mimics), b'{"name":"secret"}'),
        (Codec('Page.field', str, decode=decode), b'"secret"'),
    ):
        with pytest.raises(ValueNotStorable, match='secret') as caught:
            codec.decode(body)
        assert caught.value.quotes_value
        assert caught.value.without_value == 'Page.field: the value does not match its annotation'


@pytest.mark.parametrize(
    ('annotation', 'body', 'quotes'),
    [
        (int, b'"secret"', False),
        (Annotated[int, msgspec.Meta(ge=5)], b'3', False),
        (datetime, b'"secret"', False),
        (float, b'1e999', False),
        (Literal['a'], b'"secret"', True),
        (int, b'{', False),
        (int, b'secret', True),
    ],
)
def test_an_error_says_whether_its_reason_may_hold_the_value(annotation: Any, body: bytes, *, quotes: bool) -> None:
    with pytest.raises(ValueNotStorable) as caught:
        Codec('Page.field', annotation).decode(body)
    assert (caught.value.quotes_value, 'secret' in caught.value.without_value) == (quotes, False)
