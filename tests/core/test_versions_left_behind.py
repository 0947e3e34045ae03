"""What of an older version does not come back: what does not migrate, what has no room, what was erased."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nicegui_stash.model.document import SliceId
from nicegui_stash.model.schema import build_schema
from nicegui_stash.model.versions import Found
from nicegui_stash.testing import FaultyStore

from .carts import NEW, OLD, V1, V2, NewCart, OldCart, Serve, slices, stored_by_v1, to_dicts
from .scene import VISIT, Page, put, stored, values
from .virtual import idle

# ---- what does not come back


def fails(values: dict[str, Any]) -> dict[str, Any]:
    raise ValueError(f'a value like {values} in a message')


FAILING = build_schema(NewCart, name='Cart', version=2, migrations={1: fails})


async def test_what_does_not_migrate_stays_and_is_logged_once_without_its_value(
    serve: Serve, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    before = await slices(store, await stored_by_v1(serve))
    session = serve(FAILING)
    await session.load(1.0)
    for _ in range(3):
        found = session.inherit(FAILING, '')
        assert (found.slice, found.from_version) == (None, 1)
        assert found.problem is not None
        assert found.problem.why.startswith('ValueError: a value like')
    put(session, 'size', 1, slice_id=NEW)
    await session.flush()
    after = await slices(store, session)
    assert (after['1'], after['2']['']['data']) == (before['1'], {'size': 1})
    (record,) = [record for record in caplog.records if record.name == 'nicegui_stash']
    line = fails.__code__.co_firstlineno + 1
    assert record.getMessage() == (
        f'session {session.key}: Cart of version 1 does not come back in version 2: '
        f'ValueError in fails (test_versions_left_behind.py:{line}); other sessions are not logged'
    )


async def test_other_slices_come_back_where_one_does_not_migrate(serve: Serve) -> None:
    other = build_schema(OldCart, name='Other')
    session = serve(V1, other)
    await session.load(1.0)
    put(session, 'size', 1, slice_id=OLD)
    put(session, 'size', 2, slice_id=SliceId('Other', 1))
    await session.flush()
    new = serve(FAILING, other)
    await new.load(1.0)
    assert new.inherit(FAILING, '').problem is not None
    found = new.inherit(other, '')
    assert (found.slice, found.problem) == (new.document.slice(SliceId('Other', 1)), None)


async def test_a_draft_that_does_not_migrate_is_a_separate_problem(serve: Serve) -> None:
    def no_drafts(values: dict[str, Any]) -> dict[str, Any]:
        return {'size': values['size']}

    schema = build_schema(NewCart, name='Cart', version=2, migrations={1: no_drafts})
    await stored_by_v1(serve, size=3, draft='half')
    new = serve(schema)
    await new.load(1.0)
    assert new.inherit(schema, '').problem is None
    found = new.inherit(schema, '', [VISIT])
    assert (found.from_version, found.problem and found.problem.why) == (1, "KeyError: 'size'")
    assert values(new, slice_id=NEW) == {'size': 3}


@pytest.mark.parametrize(
    ('limits', 'why'),
    [
        ({'max_document_bytes': 600}, 'beside the old one the document would exceed max_document_bytes=600'),
        ({'max_value_bytes': 310}, 'items would have 313 bytes, more than max_value_bytes=310'),
    ],
)
async def test_what_has_no_room_beside_the_old_version_is_a_problem_and_nothing_is_written(
    serve: Serve, store: FaultyStore, caplog: pytest.LogCaptureFixture, limits: dict[str, float], why: str
) -> None:
    await stored_by_v1(serve, items=['x' * 300])
    session = serve(V2, **limits)
    await session.load(1.0)
    found = session.inherit(V2, '')
    assert (found.slice, found.migrated, found.problem and found.problem.why) == (None, False, why)
    assert session.pending == 0
    assert (await slices(store, session)).keys() == {'1'}
    assert sum('does not come back' in record.getMessage() for record in caplog.records) == 1


async def test_a_change_before_the_first_read_reports_that_the_older_version_did_not_migrate(
    serve: Serve, store: FaultyStore
) -> None:
    await stored_by_v1(serve)
    store.hold('get')
    session = serve(FAILING)
    put(session, 'size', 1, slice_id=NEW)
    store.release()
    await session.flush()
    found = session.inherit(FAILING, '')
    assert found.problem is not None
    assert values(session, slice_id=NEW) == {'size': 1}


# ---- what was erased does not come back by a rollback


@pytest.mark.proves('erased')
async def test_a_reset_deletes_what_older_versions_hold_as_well(serve: Serve, store: FaultyStore) -> None:
    await stored_by_v1(serve, size=3, draft='half')
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    new.reset(NEW)
    await new.flush()
    assert new.inherit(V2, '', [VISIT]).migrated is False
    found = await slices(store, new)
    assert [(found[version]['']['data'], found[version]['']['visits']) for version in '12'] == [({}, {})] * 2


async def test_a_reset_before_the_first_read_deletes_what_older_versions_hold_as_well(
    serve: Serve, store: FaultyStore
) -> None:
    await stored_by_v1(serve, size=3)
    store.hold('get')
    new = serve(V2)
    page = Page(new)
    put(new, 'size', 4, slice_id=NEW)
    new.reset(NEW)
    put(new, 'currency', 'CHF', slice_id=NEW)
    store.release()
    await new.flush()
    await new.flush()
    assert await stored(store, new.key, OLD) == {}
    assert await stored(store, new.key, NEW) == {'currency': 'CHF'}
    page.leave()


async def test_what_an_old_server_had_pending_does_not_survive_a_reset_by_a_new_one(
    serve: Serve, store: FaultyStore
) -> None:
    old = await stored_by_v1(serve, size=3)
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    store.hold('put')
    put(old, 'size', 4, slice_id=OLD)
    await idle()
    new.reset(NEW)
    store.release()
    await asyncio.gather(new.flush(), old.flush())
    assert await stored(store, new.key, OLD) == {}
    assert await stored(store, new.key, NEW) == {}


async def test_a_reset_deletes_what_an_old_server_has_stored_since_the_new_one_looked(
    serve: Serve, store: FaultyStore
) -> None:
    new = serve(V2)
    assert await new.load(1.0)
    await stored_by_v1(serve)
    new.reset(NEW)
    await new.flush()
    assert await stored(store, new.key, OLD) == {}


async def test_a_forgotten_session_is_not_found_by_any_version(serve: Serve, store: FaultyStore) -> None:
    await stored_by_v1(serve)
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '')
    new.forget()
    await new.flush()
    for schema in (V1, V2):
        session = serve(schema)
        await session.load(1.0)
        assert session.inherit(schema, '') == Found()


async def test_a_draft_that_is_left_is_dropped_in_all_versions(serve: Serve, store: FaultyStore) -> None:
    await stored_by_v1(serve, draft='half')
    new = serve(V2)
    await new.load(1.0)
    new.inherit(V2, '', [VISIT])
    new.drop(NEW, VISIT)
    assert new.inherit(V2, '', [VISIT]).migrated is False
    await new.flush()
    assert [slice_['']['visits'] for slice_ in (await slices(store, new)).values()] == [{}, {}]


# ---- a class with another name


RENAMED = build_schema(NewCart, name='Basket', version=2, migrations={1: to_dicts}, renamed_from='Cart')
BASKET = SliceId('Basket', 2)


async def test_a_renamed_class_brings_along_what_it_had_under_its_old_name(serve: Serve, store: FaultyStore) -> None:
    await stored_by_v1(serve)
    session = serve(RENAMED)
    await session.load(1.0)
    assert session.inherit(RENAMED, '').from_version == 1
    await session.flush()
    assert await stored(store, session.key, BASKET) == {'items': [{'name': 'socks'}], 'size': 40}
    assert await stored(store, session.key, OLD) == {'items': ['socks'], 'size': 40}
    session.reset(BASKET)
    await session.flush()
    assert await stored(store, session.key, OLD) == {}


async def test_what_a_class_was_named_before_is_spared_by_a_reset_where_another_has_that_name_now(
    serve: Serve, store: FaultyStore
) -> None:
    await stored_by_v1(serve)
    session = serve(RENAMED, V1)
    await session.load(1.0)
    session.inherit(RENAMED, '')
    session.reset(BASKET)
    await session.flush()
    assert await stored(store, session.key, OLD) == {'items': ['socks'], 'size': 40}
