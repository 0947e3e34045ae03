"""Where the parts of a value are: by the keys of rows where each has one, else by position and number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nicegui_stash.model.places import find_places


@dataclass
class Guest:
    name: str


def identity(value: Any, part: Any, row_key: str | None = None) -> str:
    return find_places(value, [part], row_key)[id(part)].identity


def test_a_row_with_a_key_keeps_its_identity_among_others() -> None:
    bolt, nut = {'id': 7, 'qty': 3}, {'id': 8, 'qty': 3}
    assert identity([bolt, nut], nut) == identity([nut], nut)
    assert identity([bolt, nut], bolt) != identity([bolt, nut], nut)
    named = {'name': 'pin'}
    assert identity([{'name': 'cap'}, named], named, 'name') == identity([named], named, 'name')


def test_a_row_without_a_key_is_another_one_among_more_or_fewer() -> None:
    row: dict[str, Any] = {'qty': 3}
    others = [identity([row], row), identity([row, {}], row), identity([{}, row], row)]
    assert len(set(others)) == 3


def test_objects_are_found_within_lists_dicts_and_objects() -> None:
    guest = Guest('Ann')
    found = find_places({'tables': [{'id': 'a', 'guests': [guest]}]}, [guest])
    assert found[id(guest)].inside('name').path == '$.tables[0].guests[0].name'


def test_what_is_not_in_the_value_is_not_found() -> None:
    assert find_places([{'id': 1}], [{'id': 1}]) == {}
