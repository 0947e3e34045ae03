"""The simulation finds what it is there for: each of these mistakes, made on purpose, breaks a guarantee."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from nicegui_stash.errors import OutcomeUnknown
from nicegui_stash.maintenance import sweep
from nicegui_stash.model import operations
from nicegui_stash.model.document import Document
from nicegui_stash.model.operations import Operation, Withdraw
from nicegui_stash.session import leftovers, state, sync
from nicegui_stash.session.clock import Clock
from nicegui_stash.session.journal import Entry
from nicegui_stash.session.keys import Keys, room_key
from nicegui_stash.session.loading import Fetched
from nicegui_stash.session.lookout import Lookout
from nicegui_stash.session.pending import Pending
from nicegui_stash.session.session import Session
from nicegui_stash.session.shared import Shared
from nicegui_stash.session.store_io import MustRead, Stored
from nicegui_stash.session.store_io import write as real_write
from nicegui_stash.stores.base import Changed, ETag, Mode
from nicegui_stash.stores.journal import Row
from nicegui_stash.ui.page import steps
from nicegui_stash.ui.page.steps import PageSteps

from .lives import Broken
from .simulation import live, live_together
from .virtual import Deadlock

ENOUGH = 1000
"""Seeds within which each mistake must be found."""

Mutation = Callable[[pytest.MonkeyPatch], None]


def without_the_applied_check(patch: pytest.MonkeyPatch) -> None:
    """What a lost answer had applied already is applied again."""

    def rebase(document: Document, pending: Iterable[Operation], writer: str) -> list[Operation]:
        return operations.apply(document, pending)

    patch.setattr(state, 'rebase', rebase)


def overwriting_unread(patch: pytest.MonkeyPatch) -> None:
    """After a conflict only the etag is taken, and what is in memory is put over what another server wrote."""
    merge = state.DocumentState.merge

    def take_the_etag(self: state.DocumentState, fetched: Fetched) -> None:
        if self.is_read:
            self.etag, self.must_read = fetched.etag, False
        else:
            merge(self, fetched)

    patch.setattr(state.DocumentState, 'merge', take_the_etag)


def rebasing_in_the_wrong_order(patch: pytest.MonkeyPatch) -> None:
    """What was accepted last is applied first."""

    def rebase(document: Document, pending: Iterable[Operation], writer: str) -> list[Operation]:
        settled = document.applied.get(writer, -1)
        return operations.apply(document, [one for one in reversed(list(pending)) if one.sequence > settled])

    patch.setattr(state, 'rebase', rebase)


def forgetting_waiters(patch: pytest.MonkeyPatch) -> None:
    """What turns out to be durable when the document is read again wakes nobody."""

    def settle(self: Pending, sequence: int) -> None:
        self._durable = max(self._durable, sequence)
        self.discard(lambda operation: operation.sequence <= sequence)

    patch.setattr(Pending, 'settle', settle)


def bringing_erased_data_back(patch: pytest.MonkeyPatch) -> None:
    """What was accepted before an erasure elsewhere is applied after it."""
    apply = operations.apply

    def apply_everything(document: Document, pending: Iterable[Operation]) -> list[Operation]:
        def current(operation: Any) -> Operation:
            if hasattr(operation, 'epoch'):
                operation.epoch = document.epoch
            if hasattr(operation, 'reset'):
                found = document.slice(operation.slice)
                operation.reset = found.reset if found else 0
            return operation

        return apply(document, [current(operation) for operation in pending])

    patch.setattr(operations, 'apply', apply_everything)


def leaving_older_versions_at_a_reset(patch: pytest.MonkeyPatch) -> None:
    """A reset erases only the versions that its server knew of."""
    patch.setattr(operations, '_older', lambda document, slice_id: [])


def believing_that_a_lost_answer_was_a_yes(patch: pytest.MonkeyPatch) -> None:
    async def write(store: Any, key: str, body: bytes, mode: Mode) -> Any:
        outcome = await real_write(store, key, body, mode)
        if isinstance(outcome, MustRead) and isinstance(outcome.error, OutcomeUnknown):
            return Stored(ETag('unknown'))
        return outcome

    patch.setattr(sync, 'write', write)


def sweeping_without_a_mark(patch: pytest.MonkeyPatch) -> None:
    """An object that is too old is deleted at once, whoever has come back since it was read."""

    async def write(*_: object) -> Stored:
        return Stored(ETag(''))

    patch.setattr(sweep, 'write', write)


def putting_over_a_mark(patch: pytest.MonkeyPatch) -> None:
    """Who comes back does not wait for the delete."""
    patch.setattr('nicegui_stash.session.loading.CLOSING_PATIENCE', -1.0)


def beginning_anew_where_the_store_has_lost(patch: pytest.MonkeyPatch) -> None:
    """An object that is gone, or older, wipes what is in memory."""
    patch.setattr(state.DocumentState, '_should_be_there', lambda self, fetched: False)


def putting_back_only_what_is_gone(patch: pytest.MonkeyPatch) -> None:
    """What others began anew, or restored from a backup and changed, is taken as it is."""
    patch.setattr(state.DocumentState, '_put_back', lambda self, document: None)


def trusting_ones_own_clock(patch: pytest.MonkeyPatch) -> None:
    """Age is judged by a server's own clock, which may be wrong by more than `ttl`."""
    patch.setattr(Clock, 'now', lambda self: self._wall())
    patch.setattr(Clock, 'certain', lambda self: self._wall())


def replaying_what_was_put(patch: pytest.MonkeyPatch) -> None:
    """A journal is replayed under another name, so that what its process had put before it died is applied again."""
    of_writer = Shared.of_writer
    patch.setattr(Shared, 'of_writer', lambda self, writer, sequence: of_writer(self, f'{writer} again', sequence))


def replaying_over_a_forget(patch: pytest.MonkeyPatch) -> None:
    """What is in a journal is taken for changes of the document that is there now."""
    entry_of = leftovers.entry_of

    def as_of_now(row: Row) -> Entry:
        entry: Any = entry_of(row)
        for count in {'epoch', 'reset'} & set(entry.operation.__struct_fields__):
            setattr(entry.operation, count, 2**53)
        return entry

    patch.setattr(leftovers, 'entry_of', as_of_now)


MUTATIONS: list[Mutation] = [
    beginning_anew_where_the_store_has_lost,
    putting_back_only_what_is_gone,
    trusting_ones_own_clock,
    without_the_applied_check,
    overwriting_unread,
    rebasing_in_the_wrong_order,
    forgetting_waiters,
    bringing_erased_data_back,
    leaving_older_versions_at_a_reset,
    believing_that_a_lost_answer_was_a_yes,
    sweeping_without_a_mark,
    putting_over_a_mark,
    replaying_what_was_put,
    replaying_over_a_forget,
]


# ---- between people, rooms and servers


def adopting_twice(patch: pytest.MonkeyPatch) -> None:
    """What a person has got of a guest is not noted."""
    patch.setattr(operations, '_noted', lambda note: ((-1, 0, 0), []))


def erasing_at_sign_in_what_was_added_meanwhile(patch: pytest.MonkeyPatch) -> None:
    """The guest's whole document is erased once its values have gone over."""

    def forget(self: Session, values: Any) -> Withdraw:
        self.forget()
        return Withdraw(0, 0, 0, values)

    patch.setattr(Session, 'withdraw', forget)


def showing_a_room_in_another(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keys, 'of_room', lambda self, name: self._of(room_key, 'a room'))


def taking_a_room_for_a_person(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Keys, 'of_room', Keys.of_user)


def undoing_what_somebody_else_has_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(steps, 'changed_back', lambda edit, now: edit.before)


def undoing_what_somebody_else_has_made_alike(patch: pytest.MonkeyPatch) -> None:
    """A step counts as the last as long as the value is what it left, whoever has put that."""
    patch.setattr(PageSteps, 'changed_elsewhere', lambda self, name: None)


def taking_a_look_without_an_answer_for_one(patch: pytest.MonkeyPatch) -> None:
    """Of what has changed, and could not be read at that moment, nothing is read later."""

    async def look(self: Session, etag: ETag | None) -> bool:
        await real_look(self, etag)
        return True

    real_look = Session.look
    patch.setattr(Session, 'look', look)


def listening_again_without_a_look(patch: pytest.MonkeyPatch) -> None:
    """What was put while nobody listened is not looked for."""

    async def look(self: Lookout, changed: Changed | None) -> None:
        await real_look(self, changed or {})

    real_look = Lookout._look
    patch.setattr(Lookout, '_look', look)


TOGETHER: list[Mutation] = [
    adopting_twice,
    erasing_at_sign_in_what_was_added_meanwhile,
    showing_a_room_in_another,
    taking_a_room_for_a_person,
    undoing_what_somebody_else_has_written,
    undoing_what_somebody_else_has_made_alike,
    taking_a_look_without_an_answer_for_one,
    listening_again_without_a_look,
]


LATELY: dict[Mutation, tuple[int, ...]] = {
    leaving_older_versions_at_a_reset: (193,),
    replaying_what_was_put: (274,),
    replaying_over_a_forget: (444,),
    undoing_what_somebody_else_has_made_alike: (400,),
}
"""Seeds that have found a mistake which few find. They are tried first, as the search takes seconds."""


@pytest.mark.parametrize('mutation', [*MUTATIONS, *TOGETHER], ids=lambda mutation: mutation.__name__)
def test_a_mistake_is_found(
    mutation: Mutation, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger='nicegui_stash')
    lives = live_together if mutation in TOGETHER else live
    mutation(monkeypatch)
    for seed in (*LATELY.get(mutation, ()), *range(ENOUGH)):
        try:
            lives(seed)
        except (Broken, Deadlock):
            break
    else:
        pytest.fail(f'{ENOUGH} seeds have not found it')
    monkeypatch.undo()
    lives(seed)  # it is the mistake that was found
