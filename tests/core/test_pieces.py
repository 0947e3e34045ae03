"""The JSON of a value in pieces is, after any changes in place, that of the whole value encoded at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from nicegui_stash.errors import ValueNotStorable
from nicegui_stash.model import pieces
from nicegui_stash.model.codec import Codec
from nicegui_stash.model.observed import Change, observe, plain
from nicegui_stash.model.pieces import Json, Pieces, changed, joined

from .listening import Refused


class Field:
    """A field that keeps its JSON as a page object does, and counts how often the whole value had to be encoded."""

    def __init__(self, annotation: Any, value: Any) -> None:
        self.codec = Codec('field', annotation)
        self.whole_times = 0
        self.refusing = False
        self.value = observe(self.codec.encode(value)[0], self.announce, self)
        self.json: Json = self.codec.encode(value)[1]

    def announce(self, collection: Any, change: Change) -> None:
        json: Json | None = changed(self.json, self.value, collection, change, self.codec)
        if json is None:
            self.whole_times += 1
            json = self.codec.encode(self.value)[1]
        if self.refusing:
            raise Refused
        self.json = json

    def assert_is_joined(self) -> None:
        raw = joined(self.json)
        assert bytes(raw) == msgspec.json.encode(plain(self.value))
        assert len(self.json) == len(raw)
        assert self.codec.decode(raw) == self.value


def texts(count: int) -> list[str]:
    return [f'text number {number}' for number in range(count)]


def rows(count: int) -> list[dict[str, Any]]:
    return [{'id': number, 'name': f'row {number}', 'tags': ['a', 'ö"\\', number]} for number in range(count)]


# ---- any history of changes

_scalar = st.one_of(st.integers(-5, 5), st.sampled_from(['', 'a', 'ü"\\', 'x' * 3000]), st.none(), st.booleans())
_item = st.recursive(
    _scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=2), inner, max_size=3)),
)


def _change(data: st.DataObject, target: Any) -> None:
    """Change a collection in one of all ways."""
    if isinstance(target, list):
        size = len(target)
        index = data.draw(st.integers(-size, size), label='index')
        inside = index if -size <= index < size else 0
        items = data.draw(st.lists(_item, max_size=70), label='items')
        item = data.draw(_item, label='item')
        ways: list[Callable[[], object]] = [
            lambda: target.append(item),
            lambda: target.extend(items),
            lambda: target.__iadd__(items),
            lambda: target.insert(index, item),
            lambda: target.__setitem__(slice(index, index + 3), items),
            lambda: target.__delitem__(slice(index, index + 2)),
            target.reverse,
            target.clear,
            lambda: target.__imul__(2) if size < 100 else None,
            lambda: target.sort(key=str),
        ]
        if size:
            ways += [
                lambda: target.pop(inside),
                lambda: target.__setitem__(inside, item),
                lambda: target.__delitem__(inside),
                lambda: target.remove(target[inside]),
                lambda: target.__setitem__(inside, target[inside]),
            ]
    else:
        key = data.draw(st.one_of(st.text(max_size=2), st.sampled_from(sorted(target) or [''])), label='key')
        item = data.draw(_item, label='item')
        ways = [
            lambda: target.__setitem__(key, item),
            lambda: target.pop(key, None),
            lambda: target.update({key: item, 'u': 1}),
            lambda: target.setdefault(key, item),
            lambda: target.__ior__({key: item}),
            lambda: target.popitem() if target else None,
            target.clear,
        ]
    data.draw(st.sampled_from(ways), label='way')()


def _inner(data: st.DataObject, value: Any) -> Any:
    """Choose the value, or a collection somewhere in it."""
    while True:
        items = value.values() if isinstance(value, dict) else value
        inner = [item for item in items if isinstance(item, (list, dict))][-5:]
        if not inner or data.draw(st.booleans(), label='here'):
            return value
        value = data.draw(st.sampled_from(inner), label='inner')


@settings(max_examples=100, deadline=None, phases=[Phase.generate])
@given(data=st.data(), kind=st.sampled_from(['list', 'dict']), joining=st.booleans())
def test_after_any_changes_the_pieces_are_the_json_of_the_whole_value(
    data: st.DataObject, kind: str, *, joining: bool
) -> None:
    start: Any = rows(60) if kind == 'list' else {f'key {number}': row for number, row in enumerate(rows(40))}
    field = Field(Any if joining else list[Any] if kind == 'list' else dict[str, Any], start)
    for _ in range(data.draw(st.integers(1, 12), label='changes')):
        field.refusing = data.draw(st.integers(0, 4), label='refusing') == 0
        target, before = _inner(data, field.value), plain(field.value)
        try:
            _change(data, target)
        except Refused:
            assert field.value == before
        if joining:
            field.assert_is_joined()
    field.assert_is_joined()


# ---- what is encoded


def test_an_append_to_a_long_list_encodes_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    field = Field(list[str], texts(10_000))
    parts: list[int] = []
    encode_part = field.codec.encode_part
    monkeypatch.setattr(Codec, 'encode_part', lambda self, part: parts.append(len(part)) or encode_part(part))
    for number in range(1_000):
        field.value.append(f'{number}')
    field.value.extend(['two', 'more'])
    assert (field.whole_times, parts) == (0, [1] * 1_000 + [2])
    field.assert_is_joined()


@pytest.mark.parametrize(
    'change',
    [
        pytest.param(lambda at: at.insert(5, {'id': -1}), id='insert'),
        pytest.param(lambda at: at.insert(0, {'id': -1}), id='insert first'),
        pytest.param(lambda at: at.insert(10_000, {'id': -1}), id='insert last'),
        pytest.param(lambda at: at.pop(), id='pop'),
        pytest.param(lambda at: at.pop(7), id='pop index'),
        pytest.param(lambda at: at.__delitem__(-3), id='delete'),
        pytest.param(lambda at: at.__setitem__(-3, {}), id='set'),
        pytest.param(lambda at: at[70].update(name='other'), id='entries of a row'),
        pytest.param(lambda at: at[70].__setitem__('name', 'other'), id='an entry of a row'),
        pytest.param(lambda at: at[70]['tags'].append('b'), id='deep inside'),
        pytest.param(lambda at: at[70]['tags'].sort(key=str), id='sort deep inside'),
    ],
)
def test_a_change_of_one_item_does_not_encode_the_whole(change: Callable[[Any], Any]) -> None:
    field = Field(list[dict[str, Any]], rows(1_000))
    change(field.value)
    assert field.whole_times == 0
    assert isinstance(field.json, Pieces)
    field.assert_is_joined()


def test_a_change_of_one_entry_does_not_encode_the_whole_dict() -> None:
    field = Field(dict[str, list[str]], {'short': ['a'], 'long': texts(1_000), 'last': []})
    field.value['short'] = ['b']
    field.value['new'] = ['c']
    field.value['last'].append('d')
    assert field.whole_times == 0
    field.assert_is_joined()


@pytest.mark.parametrize(
    ('annotation', 'value'),
    [
        (dict[int, str], dict(enumerate(texts(200)))),  # 1 and '1' are one key in JSON
        (list[str] | dict[str, str], texts(200)),
        (list[str], ['short']),
    ],
)
def test_what_cannot_be_told_by_item_is_encoded_whole(annotation: Any, value: Any) -> None:
    field = Field(annotation, value)
    field.value[0] = 'other'
    assert field.whole_times == 1
    field.assert_is_joined()


def test_a_dict_of_anything_gets_no_two_keys_that_are_one_in_json() -> None:
    field = Field(dict, {str(number): 'x' * 20 for number in range(100)})
    with pytest.raises(ValueNotStorable):
        field.value[1] = 'y'
    assert 1 not in field.value
    field.assert_is_joined()


@pytest.mark.parametrize(
    ('annotation', 'value', 'wrong'),
    [
        (list[str], texts(200), 5),
        (list[int], list(range(1_000)), 'text'),
        (list[dict[str, int]], [{'a': 1}] * 200, {'a': 'text'}),
        (list[float], [0.5] * 1_000, float('nan')),
        (list[Any], texts(200), {1: 'a number as a key'}),
        (list[Any], texts(200), object()),
        (list[str], texts(200), '\ud800'),
    ],
)
def test_each_new_item_is_checked_as_in_an_assignment(annotation: Any, value: Any, wrong: Any) -> None:
    field = Field(annotation, value)
    for change in (lambda: field.value.append(wrong), lambda: field.value.__setitem__(50, wrong)):
        with pytest.raises(ValueNotStorable) as refused:
            change()
        assert refused.value.path.startswith(('$[200]', '$[1000]', '$[50]', '$'))
    assert field.value == value
    field.assert_is_joined()


def test_an_item_is_written_as_it_would_be_in_the_whole_value() -> None:
    field = Field(list[float], [0.5] * 1_000)
    field.value.append(1)
    field.value[3] = 2
    assert field.whole_times == 0
    assert bytes(joined(field.json)) == bytes(field.codec.encode(field.value)[1])
    assert bytes(joined(field.json)).endswith(b',1.0]')


def test_the_same_item_again_is_no_change() -> None:
    field = Field(list[dict[str, Any]], rows(1_000))
    field.value[5]['name'] = 'other'
    before = field.json
    field.value[5]['name'] = 'other'
    field.value[5] = {**field.value[5]}
    assert field.json is before


def test_an_item_that_is_there_twice_changes_in_both_places() -> None:
    field = Field(list[dict[str, Any]], rows(50))
    field.value *= 2
    field.value[3]['name'] = 'other'
    assert field.value[53]['name'] == 'other'
    field.assert_is_joined()


def test_what_was_taken_out_of_a_row_changes_nothing() -> None:
    field = Field(list[dict[str, Any]], rows(100))
    tags = field.value[3].pop('tags')
    before = field.whole_times
    tags.append('late')
    assert field.whole_times == before + 1  # so that the page can say it
    field.assert_is_joined()


def test_a_value_that_somebody_else_has_changed_meanwhile_is_encoded_whole() -> None:
    field = Field(list[str], texts(200))
    list.append(field.value, 'from a thread')
    field.value.append('from here')
    list.append(field.value, 'from a thread again')
    field.value[0] = 'from here'
    assert field.whole_times == 1  # the first append had nothing to compare its number with
    field.assert_is_joined()


# ---- joining


def test_once_joined_no_byte_is_kept_twice() -> None:
    field = Field(list[str], texts(10_000))
    field.value[5_000] = 'in the middle'
    for number in range(1_000):
        field.value.append(f'{number}')
    assert isinstance(field.json, Pieces)
    raw = field.json.raw()
    assert field.json.raw() is raw
    assert all(isinstance(body, memoryview) and body.obj is raw for body in field.json._bodies)
    field.value.append('later')
    field.assert_is_joined()


def test_pieces_stay_of_a_usual_size() -> None:
    field = Field(list[str], texts(5_000))
    for number in range(2_000):
        field.value.insert(2_500, f'{number}')
    assert isinstance(field.json, Pieces)
    assert max(field.json._counts) <= 2 * pieces.MOST_ITEMS
    assert len(field.json._counts) < 7_000 / pieces.MOST_ITEMS * 2 + 10
    field.assert_is_joined()


def test_json_in_pieces_equals_the_same_json() -> None:
    field = Field(list[str], texts(100))
    before = joined(field.json)
    field.value.append('a')
    assert field.json != before
    assert before != field.json
    field.value.pop()
    assert field.json == before
    assert before == field.json
    assert field.json != 'other'
