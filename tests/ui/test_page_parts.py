"""The parts that a page object holds, each made alone."""

from __future__ import annotations

import uuid

import pytest

from nicegui_stash.errors import ValueNotStorable
from nicegui_stash.model.document import SESSION_PART, Part
from nicegui_stash.model.scopes import SCOPES
from nicegui_stash.stores import MemoryStore
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.page.accepting import Accepting
from nicegui_stash.ui.page.elsewhere import Elsewhere
from nicegui_stash.ui.page.following import Following
from nicegui_stash.ui.visit.messages import Report

from .parts import PROBLEM, KeepsInMemory, Parts, raw
from .scene import idle


@pytest.fixture
def parts() -> Parts:
    return Parts(FaultyStore(MemoryStore(f'parts-{uuid.uuid4().hex}')))


def elsewhere_of(parts: Parts, keeper: KeepsInMemory) -> Elsewhere:
    parts.values.complete()
    elsewhere = Elsewhere(parts.values, parts.recovery, lambda name: False)
    elsewhere.begin(lambda scope: keeper)
    return elsewhere


# ---- values


@pytest.mark.usefixtures('stash')  # without an app, NiceGUI takes a test that looks for its place for a script
async def test_values_begin_with_the_defaults_and_show_only_what_differs(parts: Parts) -> None:
    parts.values.complete()
    told: list[str] = []
    parts.values.listen().add(['count'], lambda change: told.append(f'{change.field} {change.cause}'))
    assert parts.values.show({'count': raw(0), 'note': raw('')}, 1, 'remote') == []
    assert parts.values.show({'count': raw(5)}, 1, 'remote') == []
    assert (parts.page.count, told) == (5, ['count remote'])


async def test_a_value_that_does_not_fit_is_a_problem_and_changes_nothing(parts: Parts) -> None:
    parts.values.complete()
    (problem,) = parts.values.show({'count': raw('many')}, 1, 'recovered')
    assert (problem.field, parts.page.count, parts.values.raws['count']) == ('count', 0, raw(0))


async def test_a_collection_reports_that_it_changed_in_place(parts: Parts) -> None:
    parts.values.complete()
    parts.page.tags.append('new')
    assert parts.changed_in_place == ['tags']


# ---- following


async def test_a_document_is_followed_without_a_page_object(parts: Parts) -> None:
    session = parts.session()
    session.set(parts.values.slice_id, SESSION_PART, 'count', raw(3))
    following = Following(parts, session, 'session')
    following.attach()
    following.recover()
    parts.values.complete()
    assert (parts.page.count, following.status) == (3, 'recovered')
    session.set(parts.values.slice_id, SESSION_PART, 'count', raw(4))
    await idle()
    assert parts.page.count == 4


async def test_a_change_that_is_newer_on_the_page_is_not_replaced(parts: Parts) -> None:
    session = parts.session()
    following = Following(parts, session, 'session')
    following.attach()
    following.recover()
    parts.values.complete()
    parts.newer = {'count'}
    session.set(parts.values.slice_id, SESSION_PART, 'count', raw(4))
    await idle()
    assert parts.page.count == 0


async def test_a_draft_is_held_until_the_visit_is_known(parts: Parts) -> None:
    session = parts.session()
    following = Following(parts, session, 'session')
    following.attach()
    following.recover()
    following.submit('note', raw('half'))
    assert following.has_held
    assert session.document.slice(parts.values.slice_id) is None
    parts.visit.report = Report('visit')
    following.locate()
    assert not following.has_held
    place = Part('visits', parts.visit.id)
    assert following.parts[SCOPES['reconnect']] == place
    assert session.document.values(parts.values.slice_id, place)['note'] == raw('half')


async def test_a_document_that_is_read_late_is_recovered_late(parts: Parts) -> None:
    session = parts.registry.session('another id')
    following = Following(parts, session, 'session')
    following.attach()
    following.recover()
    assert following.status == 'unavailable'
    assert await session.load(60)
    await idle()
    assert parts.late == 1


async def test_whoever_is_closed_shows_no_more(parts: Parts) -> None:
    session = parts.session()
    following = Following(parts, session, 'session')
    following.attach()
    following.recover()
    parts.values.complete()
    following.close(left=True)
    session.set(parts.values.slice_id, SESSION_PART, 'count', raw(4))
    await idle()
    assert parts.page.count == 0


# ---- elsewhere


async def test_a_keeper_shows_what_it_keeps_and_is_pending_until_it_has_answered(parts: Parts) -> None:
    keeper = KeepsInMemory()
    keeper.kept = {'query': raw('bolts')}
    elsewhere = elsewhere_of(parts, keeper)
    assert (parts.page.query, elsewhere.is_pending, set(elsewhere.keepers)) == ('bolts', True, {'query'})
    keeper.is_asked = False
    assert not elsewhere.is_pending


async def test_what_cannot_be_shown_is_on_record_until_it_can(parts: Parts) -> None:
    elsewhere = elsewhere_of(parts, KeepsInMemory())
    assert elsewhere.show({'query': PROBLEM}, 'recovered', own=False) == [PROBLEM]
    assert parts.recovery.problems == [PROBLEM]
    elsewhere.show({'query': raw('bolts')}, 'remote', own=False)
    assert parts.recovery.problems == []


async def test_a_value_that_is_not_kept_is_noted_until_it_is_kept(parts: Parts) -> None:
    elsewhere = elsewhere_of(parts, KeepsInMemory())
    elsewhere.note_unkept('query', 'the browser is full')
    elsewhere.note_unkept('query', 'the browser keeps nothing')
    assert [problem.why for problem in parts.recovery.problems] == ['the browser keeps nothing']
    elsewhere.clear_unkept('query')
    assert parts.recovery.problems == []


# ---- accepting


def accepting_of(parts: Parts, keeper: KeepsInMemory, *, auto: bool = True) -> tuple[Accepting, Following]:
    following = Following(parts, parts.session(), 'session')
    following.attach()
    following.recover()
    elsewhere = elsewhere_of(parts, keeper)
    accepting = Accepting(parts.values, {'session': following}, elsewhere, parts.visit, auto=auto, on_invalid='raise')
    return accepting, following


async def test_a_change_goes_to_whoever_keeps_its_field(parts: Parts) -> None:
    keeper = KeepsInMemory()
    accepting, following = accepting_of(parts, keeper)
    accepting.accept('count', raw(7))
    accepting.accept('query', raw('bolts'))
    assert following.session.document.values(parts.values.slice_id, SESSION_PART)['count'] == raw(7)
    assert keeper.kept == {'query': raw('bolts')}


async def test_what_applying_a_change_causes_is_not_submitted_again(parts: Parts) -> None:
    accepting, following = accepting_of(parts, KeepsInMemory())
    parts.values.applying = True
    accepting.accept('count', raw(7))
    assert following.session.pending == 0
    assert parts.values.raws['count'] == raw(7)


async def test_without_auto_a_change_waits_for_save(parts: Parts) -> None:
    accepting, following = accepting_of(parts, KeepsInMemory(), auto=False)
    vars(parts.page)['___count'] = 7
    accepting.accept('count', raw(7))
    assert (accepting.is_unsaved('count'), accepting.is_newer_here('count'), following.session.pending) == (
        True,
        True,
        0,
    )
    assert list(accepting.save()) == []
    assert (accepting.has_unsaved, following.session.pending) == (False, 1)


async def test_a_merged_value_that_validate_refuses_is_not_accepted(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting, following = accepting_of(parts, KeepsInMemory())
    # set back afterwards: all parts have the field of the one class `Form`
    monkeypatch.setattr(parts.schema.fields['count'].field, 'validate', lambda count: count < 5)
    with accepting.merging('count'), pytest.raises(ValueNotStorable):
        accepting.accept('count', raw(7))
    accepting.accept('count', raw(7))
    assert following.session.pending == 1
