"""A change is kept as what differs: taken back it gives the value that was, and nothing from any other value."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from nicegui_stash.model import steps
from nicegui_stash.model.steps import Edit, Step, changed_again, changed_back, edit_of, log_of, step_of, to_json

pytestmark = pytest.mark.proves('undo')

VALUES = (
    st.none()
    | st.integers()
    | st.text()
    | st.text('ab"\\\n', max_size=400)
    | st.lists(st.integers(0, 2), max_size=200)
    | st.lists(st.fixed_dictionaries({'id': st.integers(0, 3), 'name': st.text(max_size=3)}), max_size=60)
    | st.dictionaries(st.text(max_size=3), st.integers(0, 2) | st.lists(st.integers()), max_size=60)
)


def raw_of(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))


def stored_again(edit: Edit) -> Edit:
    step = step_of(to_json(Step(7, 1, [edit])))
    assert step is not None
    return step.edits[0]


@given(VALUES, VALUES, VALUES)
def test_a_change_is_taken_back_and_made_again_and_nothing_else_is(before: Any, after: Any, other: Any) -> None:
    was, became, elsewhere = map(raw_of, (before, after, other))
    edit = stored_again(edit_of('field', was, became))
    assert changed_back(edit, became) == was
    assert changed_again(edit, was) == became
    assert changed_back(edit, elsewhere) == (was if elsewhere == became else None)
    assert changed_again(edit, elsewhere) == (became if elsewhere == was else None)


@given(st.lists(st.integers(), min_size=100, max_size=300), st.data())
def test_a_change_of_one_item_keeps_one_item(items: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(items) - 1))
    changed = [*items[:at], 'new', *items[at + data.draw(st.integers(0, 1)) :]]
    edit = edit_of('field', raw_of(items), raw_of(changed))
    assert len(json.loads(bytes(edit.before))) <= 1
    assert json.loads(bytes(edit.after)) == ['new']


@pytest.mark.parametrize('raw', [b'null', b'{', b'[2,1]', b'[1,1,[["a",1]]]', b'"x"', b'[3,2,1,0]'])
def test_what_is_no_step_is_none(raw: bytes) -> None:
    assert step_of(Raw(raw)) is None
    assert log_of(Raw(raw)) is None


def test_a_change_whose_rest_is_damaged_gives_nothing() -> None:
    edit = edit_of('field', raw_of('a' * 300), raw_of('a' * 300 + 'b'))
    damaged = Edit(edit.field, Raw(b'"x"'), edit.after, edit.at, edit.was, edit.became)
    assert changed_back(damaged, raw_of('a' * 300 + 'b')) is None
    assert edit.at == 300
    assert steps.LEAST_BYTES < 600
