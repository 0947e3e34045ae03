"""What a value looks like in an address, and that it reads back as itself."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.errors import ValueNotStorable, ValueTooLarge
from nicegui_stash.model.codec import Codec
from nicegui_stash.model.fields import Field, stored
from nicegui_stash.model.query import (
    MAX_PARAMETER,
    MAX_QUERY,
    from_text,
    parameters,
    replaced,
    require_room,
    to_text,
    written,
)
from nicegui_stash.model.schema import StoredField
from nicegui_stash.model.scopes import SCOPES


class Size(Enum):
    SMALL = 'small'


class Range(msgspec.Struct):
    low: int
    high: int


def field(annotation: Any, default: Any = None, **options: Any) -> StoredField:
    declared = stored(default, scope='url', **options)
    assert isinstance(declared, Field)
    codec = Codec('Page.value', annotation, encode=declared.encode, decode=declared.decode)
    return StoredField('value', declared, codec, SCOPES['url'])


@pytest.mark.parametrize(
    ('annotation', 'value', 'text'),
    [
        (str, 'a lamp', 'a lamp'),
        (str, '3', '3'),
        (str, '"quoted"', '"quoted"'),
        (Annotated[str, msgspec.Meta(max_length=9)], 'null', 'null'),
        (int, 3, '3'),
        (float, 2.5, '2.5'),
        (bool, True, 'true'),
        (date, date(2031, 7, 14), '2031-07-14'),
        (Size, Size.SMALL, 'small'),
        (Literal['name', 'price'], 'price', 'price'),
        (str | None, 'a', 'a'),
        (str | None, None, 'null'),
        (str | None, 'null', '"null"'),
        (str | int, '3', '"3"'),
        (str | int, 3, '3'),
        (list[str], ['red', 'blue'], '["red","blue"]'),
        (Range, Range(1, 2), '{"low":1,"high":2}'),
    ],
)
def test_a_scalar_is_readable_and_the_rest_is_json(annotation: Any, value: Any, text: str):
    stored_as = field(annotation)
    raw = stored_as.codec.encode(value)[1]
    assert to_text(stored_as, raw) == text
    assert from_text(stored_as, text) == raw


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=99), st.lists(st.text(max_size=9))
    )
)
def test_every_value_reads_back_as_itself_from_an_address(value: Any):
    stored_as = field(bool | int | str | list[str] | None)
    raw = stored_as.codec.encode(value)[1]
    address = replaced('/?x=1&value=old', {'value': written('value', to_text(stored_as, raw))})
    found = parameters(address)
    assert from_text(stored_as, found['value']) == raw
    assert found['x'] == '1'


@given(st.text(max_size=200))
def test_any_text_reads_back_as_itself_from_an_address(value: str):
    stored_as = field(str)
    raw = stored_as.codec.encode(value)[1]
    assert from_text(stored_as, parameters('/?' + written('value', to_text(stored_as, raw)))['value']) == raw


@pytest.mark.parametrize('text', ['three', '3.5', '', '[3]', 'null', 'NaN', '1e999'])
def test_text_that_is_not_an_int_is_refused_by_name(text: str):
    with pytest.raises(ValueNotStorable, match=r'Page\.value'):
        from_text(field(int, 0), text)


@given(st.text(max_size=60))
def test_whatever_stands_in_an_address_is_a_value_or_a_refusal(text: str):
    for annotation in (int, float, bool, date, Size, list[int], Range):
        stored_as = field(annotation)
        try:
            raw = from_text(stored_as, text)
        except ValueNotStorable:
            continue
        stored_as.codec.decode(raw)


def test_what_a_field_encodes_itself_reads_back():
    stored_as = field(
        complex,
        0j,
        encode=lambda value: f'{value.real:g} {value.imag:g}',
        decode=lambda text: complex(*map(float, text.split())),
    )
    raw = stored_as.codec.encode(3 + 4j)[1]
    assert to_text(stored_as, raw) == '3 4'
    assert from_text(stored_as, '3 4') == raw


def test_a_parameter_has_a_limit_in_both_directions():
    stored_as = field(str)
    with pytest.raises(ValueTooLarge, match='characters in the address'):
        written('value', 'é' * (MAX_PARAMETER // 6 + 1))
    with pytest.raises(ValueTooLarge, match='characters in the address'):
        from_text(stored_as, 'x' * (MAX_PARAMETER + 1))
    assert stored_as.codec.decode(from_text(stored_as, 'x' * MAX_PARAMETER)) == 'x' * MAX_PARAMETER


def test_an_address_has_a_limit():
    require_room('Page.value', '/?' + 'x' * MAX_QUERY)
    with pytest.raises(ValueTooLarge, match=str(MAX_QUERY)):
        require_room('Page.value', '/?' + 'x' * (MAX_QUERY + 1))


def test_other_parameters_stay_as_they_were_written():
    assert replaced('//a/b?x=%41&&q=1&flag&q=2#end', {'q': 'q=3'}) == '//a/b?x=%41&&q=3&flag#end'.replace('&&', '&')
    assert replaced('/?q=1', {'q': None}) == '/'
    assert replaced('/', {'q': None}) == '/'


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_parameter_is_found_however_its_name_is_written(name: str, value: str):
    address = replaced(f'/?{quote_plus(name)}={quote_plus(value)}', {name: None})
    assert name not in parameters(address)
