"""Values that look like what is stored: scalars of numpy, integers too large for a float, the second of two hours."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nicegui_stash import ValueNotStorable
from nicegui_stash.model.codec import Codec


def of_numpy(base: type, value: Any, *, ndim: int = 0) -> Any:
    """Return a value of a type as numpy has it, which is no dependency of ours."""
    return type(f'{base.__name__}64', (base,), {'__module__': 'numpy', 'ndim': ndim, '__init__': lambda *_: None})(
        value
    )


@pytest.mark.parametrize(
    ('annotation', 'value'),
    [
        (float, of_numpy(float, 3.0)),
        (int, of_numpy(int, 3)),
        (str, of_numpy(str, 'x')),
        (bool, type('bool_', (), {'__module__': 'numpy', 'ndim': 0})()),
        (list[float], [of_numpy(float, 3.0)]),
    ],
)
def test_a_scalar_of_numpy_is_refused_with_the_line_to_write(annotation: Any, value: Any) -> None:
    with pytest.raises(ValueNotStorable, match=r'cannot be written as JSON; store value\.item\(\)') as caught:
        Codec('Form.n', annotation).encode(value)
    assert 'store value.item()' in caught.value.without_value


def test_an_array_of_numpy_is_refused_with_the_line_to_write() -> None:
    array = type('ndarray', (), {'__module__': 'numpy', 'ndim': 1})()
    with pytest.raises(ValueNotStorable, match=r'store value\.tolist\(\) in a list field'):
        Codec('Form.n', list[float]).encode(array)


@pytest.mark.parametrize('value', [3, 2**53, 2**53 + 1, 10**300])
def test_an_integer_in_a_float_field_is_held_as_it_is_stored(value: int) -> None:
    codec = Codec('Form.n', float)
    held, raw = codec.encode(value)
    assert type(held) is float
    assert held == codec.decode(raw)
    assert codec.encode(held)[0] == held
    if held == value:
        assert bytes(raw) == str(value).encode()  # the stored bytes are as ever
    else:
        assert codec.to_json(held) == raw


@pytest.mark.parametrize('value', [datetime(2030, 10, 27, 2, 30, fold=1), time(2, 30, fold=1)])  # noqa: DTZ001 that is it
def test_the_second_of_two_equal_hours_is_refused_with_a_way_out(value: Any) -> None:
    kind = type(value)
    for annotation, given in ((kind, value), (list[kind], [value]), (kind | None, value)):
        with pytest.raises(ValueNotStorable, match=r'would come back with fold=0; store a datetime with its offset'):
            Codec('Form.at', annotation).encode(given)


@pytest.mark.parametrize('zone', [ZoneInfo('Europe/Berlin'), timezone(timedelta(hours=1))])
def test_with_an_offset_it_keeps_its_moment(zone: Any) -> None:
    codec = Codec('Form.at', datetime)
    value = datetime(2030, 10, 27, 2, 30, fold=1, tzinfo=zone)
    held, raw = codec.encode(value)
    back = codec.decode(raw)
    assert (held, held.fold, held.utcoffset()) == (back, back.fold, back.utcoffset())
    assert held.utcoffset() == value.utcoffset() == timedelta(hours=1)
