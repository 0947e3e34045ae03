"""What can no longer come back is dropped with the next put, and nothing that is on a screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from nicegui_stash.model.document import (
    MAX_PARTS,
    SESSION_PART,
    Document,
    Part,
    PartData,
    Slice,
    SliceId,
    new_document,
    prune,
)

NOW, TTL, PART_TTL = 1_000_000, 10_000, 1_000
VALUE = {'x': msgspec.Raw(b'1')}


def document(*slices: tuple[SliceId, Slice]) -> Document:
    made = new_document()
    for (name, version, key), found in slices:
        made.slices.setdefault(name, {}).setdefault(str(version), {})[key] = found
    return made


def pruned(
    made: Document, live: Iterable[tuple[SliceId, Part]] = (), max_keys: Mapping[str, int] | None = None
) -> Document:
    shown = set(live)
    prune(made, NOW, TTL, PART_TTL, max_keys or {}, lambda slice_id, part: (slice_id, part) in shown)
    return made


def keys(made: Document, name: str = 'Item', version: int = 1) -> set[str]:
    return set(made.slices.get(name, {}).get(str(version), {}))


@pytest.mark.parametrize(('age', 'kept'), [(0, True), (TTL, True), (TTL + 1, False)])
def test_a_slice_unseen_for_its_ttl_is_dropped(age: int, kept: bool) -> None:
    made = pruned(document((SliceId('Item', 1), Slice(seen=NOW - age, data=dict(VALUE)))))
    assert bool(made.slices) is kept


def test_a_slice_that_is_on_a_screen_is_kept_whatever_its_age() -> None:
    made = document((SliceId('Item', 1), Slice(seen=1)), (SliceId('Item', 2), Slice(seen=1)))
    assert set(pruned(made, [(SliceId('Item', 2), SESSION_PART)]).slices['Item']) == {'2'}


def test_an_old_version_goes_on_its_own_and_the_newer_stays() -> None:
    made = document((SliceId('Item', 1), Slice(seen=1)), (SliceId('Item', 2), Slice(seen=NOW)))
    assert set(pruned(made).slices['Item']) == {'2'}


def test_a_slice_that_was_never_put_is_kept() -> None:
    assert pruned(document((SliceId('Item', 1), Slice(seen=0)))).slices


def test_versions_that_are_no_numbers_are_kept_while_they_are_seen() -> None:
    made = new_document()
    made.slices = {'Item': {'next': {'': Slice(seen=NOW)}, 'previous': {'': Slice(seen=1)}}}
    assert set(pruned(made).slices['Item']) == {'next'}


@pytest.mark.parametrize('kind', ['tabs', 'visits'])
def test_parts_unseen_for_too_long_are_dropped_unless_they_are_on_a_screen(kind: str) -> None:
    parts = {'old': PartData(NOW - PART_TTL - 1), 'live': PartData(1), 'recent': PartData(NOW - PART_TTL)}
    slice_id = SliceId('Item', 1)
    made = document((slice_id, Slice(seen=NOW, **{kind: parts})))
    found = pruned(made, [(slice_id, Part(kind, 'live'))]).slice(slice_id)  # type: ignore[arg-type]
    assert found is not None
    assert set(getattr(found, kind)) == {'live', 'recent'}


@pytest.mark.parametrize('kind', ['tabs', 'visits'])
def test_at_most_32_parts_are_kept_the_live_ones_first_then_the_recent(kind: str) -> None:
    parts = {f'{number}': PartData(NOW - number) for number in range(MAX_PARTS + 10)}
    oldest = [f'{MAX_PARTS + 9}', f'{MAX_PARTS + 8}']
    slice_id = SliceId('Item', 1)
    made = document((slice_id, Slice(seen=NOW, **{kind: parts})))
    found = pruned(made, [(slice_id, Part(kind, id_)) for id_ in oldest]).slice(slice_id)  # type: ignore[arg-type]
    assert found is not None
    kept = getattr(found, kind)
    assert MAX_PARTS == 32
    assert set(kept) == {*oldest, *(f'{number}' for number in range(MAX_PARTS - 2))}
    assert list(kept) == [id_ for id_ in parts if id_ in kept]


def test_tabs_and_visits_are_counted_apart_and_per_slice() -> None:
    parts = {f'{number}': PartData(NOW) for number in range(MAX_PARTS)}
    made = pruned(
        document(
            (SliceId('Item', 1, 'a'), Slice(seen=NOW, tabs=dict(parts), visits=dict(parts))),
            (SliceId('Item', 1, 'b'), Slice(seen=NOW, tabs=dict(parts))),
        )
    )
    for key in 'ab':
        found = made.slice(SliceId('Item', 1, key))
        assert found is not None
        assert len(found.tabs) == MAX_PARTS


def test_of_too_many_keys_the_least_recently_seen_go() -> None:
    made = document(*[(SliceId('Item', 1, key), Slice(seen=NOW - age)) for age, key in enumerate('abcdef')])
    assert keys(pruned(made, max_keys={'Item': 3})) == set('abc')


def test_a_key_that_was_never_put_counts_as_the_newest() -> None:
    made = document(*[(SliceId('Item', 1, key), Slice(seen=seen)) for key, seen in (('a', NOW), ('b', 0), ('c', NOW))])
    assert 'b' in keys(pruned(made, max_keys={'Item': 1}))


def test_keys_are_limited_per_name_and_version_and_without_a_limit_not_at_all() -> None:
    kinds = [(name, version) for name in ('Item', 'Other') for version in (1, 2)]
    made = document(*[(SliceId(*kind, key), Slice(seen=NOW)) for kind in kinds for key in 'abcd'])
    pruned(made, max_keys={'Item': 2})
    assert [len(keys(made, *kind)) for kind in kinds] == [2, 2, 4, 4]


def test_an_emptied_document_has_no_empty_shells() -> None:
    made = document((SliceId('Item', 1, 'a'), Slice(seen=1)), (SliceId('Other', 2), Slice(seen=1)))
    assert pruned(made).slices == {}
