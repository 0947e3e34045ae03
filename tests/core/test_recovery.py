"""What of a document comes back to a class: its own version, an older one migrated, or a problem in its place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from nicegui_stash.model.document import Document, Part, PartData, Slice, SliceId, from_bytes, new_document, to_bytes
from nicegui_stash.model.fields import stored
from nicegui_stash.model.recovery import Problem, Recovery, decode_values, stored_values
from nicegui_stash.model.schema import Schema, build_schema
from nicegui_stash.model.scopes import SCOPES, SESSION
from nicegui_stash.model.versions import Found, find


class Counter:
    count: int = stored(0)
    note: str = stored('', scope='reconnect')
    filter: str = stored('', scope='tab', renamed_from='query')
    size: int = stored(1, validate=lambda size: size > 0)


def raws(**values: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


def plain(values: Any) -> dict[str, Any]:
    return {name: msgspec.json.decode(raw) for name, raw in values.items()}


def document(*versions: int, name: str = 'Counter', key: str = '') -> Document:
    """A document that holds the number of each version as its count, in the session, in a tab and in a visit."""
    made = new_document()
    for version in versions:
        made.slices.setdefault(name, {}).setdefault(str(version), {})[key] = Slice(
            seen=version,
            data=raws(count=version),
            tabs={'t': PartData(7, raws(count=version * 10))},
            visits={'v': PartData(8, raws(count=version * 100))},
        )
    return made


def schema(version: int = 1, **options: Any) -> Schema:
    return build_schema(Counter, version=version, **options)


def increment(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, 'count': values['count'] + 1000}


def test_nothing_stored_is_found_as_nothing() -> None:
    for made in (new_document(), document(1, key='other'), document(1, name='Other'), document(2, 3)):
        assert find(schema(), made, '') == Found()


def test_a_slice_of_the_own_version_is_found_as_it_is() -> None:
    made = document(1, 2, 3)
    found = find(schema(2, migrations={1: dict}), made, '')
    assert (found.slice, found.from_version, found.migrated, found.problem) == (
        made.slices['Counter']['2'][''],
        2,
        False,
        None,
    )


def test_a_slice_of_each_key_is_found_for_itself() -> None:
    made = document(1, key='7')
    assert find(schema(key='item'), made, '7').slice is made.slices['Counter']['1']['7']
    assert find(schema(key='item'), made, '8') == Found()


def test_the_newest_older_version_is_migrated_step_by_step_everywhere_and_nothing_is_changed() -> None:
    made = document(1, 2, 5)
    body = to_bytes(made)
    found = find(schema(4, migrations={1: dict, 2: increment, 3: increment}), made, '')
    assert (found.from_version, found.migrated, found.problem) == (2, True, None)
    assert found.slice is not None
    assert {part: plain(values) for part, values in found.slice.parts()} == {
        Part('data'): {'count': 2002},
        Part('tabs', 't'): {'count': 2020},
        Part('visits', 'v'): {'count': 2200},
    }
    assert (found.slice.seen, found.slice.tabs['t'].seen, found.slice.visits['v'].seen) == (2, 7, 8)
    assert to_bytes(made) == body


NO_DICT = 'the migration from version 1 must return a dict of stored names and JSON values'


def fails(_: dict[str, Any]) -> dict[str, Any]:
    raise KeyError('count')


@pytest.mark.proves('unreadable')
def test_a_migration_that_fails_discards_this_slice_alone_and_keeps_the_old_one() -> None:
    for migration, why in (
        (fails, "KeyError: 'count'"),
        (lambda values: None, f'TypeError: {NO_DICT}'),
        (lambda values: [*values], f'TypeError: {NO_DICT}'),
        (lambda values: {1: 2}, f'TypeError: {NO_DICT}'),
        (lambda values: {'x': object()}, "TypeError: the migrations return a value for 'x' that is not plain JSON"),
        (
            lambda values: {'x': [float('nan')]},
            "TypeError: the migrations return a value for 'x' that is not plain JSON",
        ),
        (lambda values: {'x': {1, 2}}, "TypeError: the migrations return a value for 'x' that is not plain JSON"),
    ):
        made = document(1)
        body = to_bytes(made)
        found = find(schema(2, migrations={1: migration}), made, '')
        assert (found.slice, found.from_version, found.problem) == (None, 1, Problem('', 1, why))
        assert to_bytes(made) == body


def test_a_missing_migration_discards_with_the_step_that_is_missing() -> None:
    found = find(schema(3, migrations={2: dict}), document(1), '')
    assert found.problem == Problem('', 1, 'LookupError: Counter has no migration from version 1')


def test_a_renamed_class_finds_what_it_was_stored_under_until_it_has_its_own() -> None:
    made = document(1, name='OldCounter')
    renamed = schema(renamed_from='OldCounter')
    found = find(renamed, made, '')
    assert found.migrated
    assert found.slice == made.slices['OldCounter']['1']['']
    assert found.slice is not made.slices['OldCounter']['1'][''], 'what is adopted is changed from then on'
    made.slices['Counter'] = document(1).slices['Counter']
    assert find(renamed, made, '').migrated is False


def test_where_a_value_is_stored_follows_from_its_scope() -> None:
    assert [SCOPES[scope].part_of('the tab', 'the visit') for scope in ('session', 'tab', 'reconnect')] == [
        Part('data'),
        Part('tabs', 'the tab'),
        Part('visits', 'the visit'),
    ]


def test_the_values_of_a_page_come_from_its_session_its_tab_and_its_visit() -> None:
    found = Slice(
        data=raws(count=1, note='not here', unknown=5),
        tabs={'mine': PartData(0, raws(filter='f', count=7)), 'other': PartData(0, raws(filter='other'))},
        visits={'mine': PartData(0, raws(note='n')), 'other': PartData(0, raws(note='other'))},
    )
    parts = {
        SESSION: Part('data'),
        SCOPES['tab']: Part('tabs', 'mine'),
        SCOPES['reconnect']: Part('visits', 'mine'),
    }
    assert plain(stored_values(schema(), found, parts)) == {'count': 1, 'filter': 'f', 'note': 'n'}
    assert plain(stored_values(schema(), found, {SESSION: Part('data')})) == {'count': 1}
    parts[SCOPES['tab']] = Part('tabs', 'new')
    assert plain(stored_values(schema(), found, parts)) == {'count': 1, 'note': 'n'}


def test_a_renamed_field_comes_back_from_its_old_name_until_it_has_its_own() -> None:
    parts = {SCOPES['tab']: Part('tabs', 't')}
    old = Slice(tabs={'t': PartData(0, raws(query='old'))})
    both = Slice(tabs={'t': PartData(0, raws(query='old', filter='new'))})
    assert plain(stored_values(schema(), old, parts)) == {'filter': 'old'}
    assert plain(stored_values(schema(), both, parts)) == {'filter': 'new'}


def test_a_field_that_does_not_fit_any_more_falls_back_alone() -> None:
    values, problems = decode_values(schema(), raws(count='three', note='kept', size=5), 4)
    assert values == {'note': 'kept', 'size': 5}
    assert problems == [Problem('count', 4, 'Expected `int`, got `str`')]


def test_a_value_that_is_not_valid_any_more_falls_back_alone() -> None:
    assert decode_values(schema(), raws(size=0, count=1), 1) == (
        {'count': 1},
        [Problem('size', 1, 'validate= says that it does not hold any more')],
    )


def test_a_validation_that_fails_is_a_value_that_does_not_hold() -> None:
    class Page:
        size: int = stored(1, validate=lambda size: 1 / (size - 1) is not None)

    values, problems = decode_values(build_schema(Page), raws(size=1), 1)
    assert (values, problems) == (
        {},
        [Problem('size', 1, 'validate= raised ZeroDivisionError: division by zero')],
    )


def test_a_body_of_invalid_text_is_a_problem_of_its_field() -> None:
    made = new_document()
    made.ensure(SliceId('Counter', 1)).data = raws(note='?', count=1)
    found = find(schema(), from_bytes(to_bytes(made).replace(b'?', b'\xff')), '').slice
    assert found is not None
    values, problems = decode_values(schema(), found.data, 1)
    assert values == {'count': 1}
    assert [problem.field for problem in problems] == ['note']


def test_a_recovery_begins_as_unavailable_and_its_parts_do_not_change() -> None:
    recovery = Recovery()
    assert (recovery.status, recovery.reason) == ('unavailable', 'unknown')
    assert recovery.problems == recovery.rejected == []
    assert recovery.problems is not Recovery().problems
    with pytest.raises(AttributeError):
        Problem('count', 1, 'why').why = 'other'  # type: ignore[misc]
