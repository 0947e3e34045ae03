"""One page object: it recovers and follows the stored fields of an app's object, and accepts their changes."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import weakref
from asyncio import get_running_loop
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from inspect import iscoroutine
from typing import Any, cast

from msgspec import Raw
from nicegui import background_tasks, binding
from nicegui.element import Element

from ...errors import StashError, ValueNotStorable
from ...model.document import Slice
from ...model.observed import Change
from ...model.operations import Written
from ...model.recovery import MOST_TELLING, Recovery
from ...model.schema import Schema
from ...model.scopes import OWNERS, Owner
from ...session.session import Session
from ...settings import OnInvalid
from ..contracts.open_page import OpenPage
from ..contracts.page_object import Cause
from .accepting import Accepting
from .detached import across_owners, updating
from .elsewhere import Elsewhere
from .following import Following, Follows
from .on_change import Listeners
from .status import RefusedValue
from .steps import PageSteps
from .stored_property import PAGE_OBJECT
from .values import FieldValues


class PageObject:
    """Holds the parts behind an object of the app.

    `documents` (one for each owner) recover it, `accepting` accepts its changes, `elsewhere` has the fields that the
    client keeps; they share `values`. `page` is the app's object while it is shown, whether or not elements are bound
    to it. When the page goes, the page object is closed. While a background job still holds the app's object, the
    session stays in memory, so that the job's assignments are applied to the current document.
    """

    used: tuple[PageObject, ...] = ()
    _updated: frozenset[str] = frozenset()
    """Fields that are being changed by an update of this page."""
    _notified = False
    steps: PageSteps | None = None
    """What can be taken back, for a class with `undo=`."""

    def __init__(
        self,
        schema: Schema,
        target: Any,
        open_page: OpenPage,
        key: str,
        *,
        auto: bool,
        on_invalid: OnInvalid,
        given: bool = False,
    ) -> None:
        visit = open_page.visit
        self.schema = schema
        self.open_page = open_page
        self.visit = visit
        self.slice_id = schema.slice_id(key)
        self.recovery = Recovery()
        self.page: object | None = target
        self.values = FieldValues(
            schema,
            self.slice_id,
            target,
            visit.client,
            changed_in_place=partial(_changed_in_place, weakref.ref(self)),
            refusals_changed=open_page.status_changed,
            texts=lambda: open_page.texts,
            given=given,
        )
        # parts lead back weakly: with a cycle, a session would stay in memory until the collector finds it
        back = cast(Follows, weakref.proxy(self))
        self.documents: dict[Owner, Following] = {
            owner: Following(back, visit.session_of(owner), owner) for owner in schema.owners
        }
        self.elsewhere = Elsewhere(self.values, self.recovery, partial(_is_unsaved, weakref.ref(self)))
        self.accepting = Accepting(self.values, self.documents, self.elsewhere, visit, auto=auto, on_invalid=on_invalid)
        if schema.undo:
            self.steps = self.values.steps = PageSteps(self.values, self.documents, self.accepting, visit)
        target.__dict__[PAGE_OBJECT] = self

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """Return `None`, so that a copied page has no session even if its class copies its own attributes."""

    @property
    def session(self) -> Session:
        """The browser session of this page."""
        return self.documents['session'].session

    def owner_name(self, owner: Owner) -> str:
        return self.visit.name_of(owner)

    @property
    def closed(self) -> bool:
        return self.values.closed

    @property
    def is_read(self) -> bool:
        """Whether every owner's document is read, and the client has sent what it keeps."""
        return all(document.session.is_read for document in self.documents.values()) and self.elsewhere.is_read

    # ---- recovering

    def begin(self) -> None:
        """Recover every field whose part is known, give the others their defaults, and follow changes from now on."""
        for document in self.documents.values():
            document.attach()
        if self.schema.has_private and self.visit.identified:
            self.locate()
        else:
            self.recover()
        if self.schema.has_elsewhere:
            self.elsewhere.begin(self.open_page.keeper)
        self.values.complete()
        self._locate_steps()
        self.pin()

    def recover(self) -> None:
        """Set every field whose part is known, and begin a new record."""
        self._note_reason()
        for document in self.documents.values():
            document.recover()
        self._note_found()
        if self.schema.has_elsewhere:
            self.elsewhere.recover()

    def locate(self) -> None:
        """Recover the values of the tab and the visit, now that the browser has reported them."""
        self._note_reason()
        if self.schema.has_private and not self.closed:
            for document in self.documents.values():
                document.locate()
            self._note_found()
            if self.schema.has_elsewhere:
                self.elsewhere.recover()
        if self.steps is not None:
            self.steps.locate()

    def _locate_steps(self) -> None:
        if self.steps is not None and self.visit.identified:
            self.steps.locate()

    def _note_found(self) -> None:
        """Make one record of what was found in each document."""
        documents = self.documents.values()
        self.recovery.problems = [problem for document in documents for problem in document.problems]
        if len(self.documents) > 1:
            found = {document.status for document in documents}
            self.recovery.status = next(status for status in MOST_TELLING if status in found)
        else:
            self.recovery.status = self.documents['session'].status

    def _note_reason(self) -> None:
        if self.recovery.reason != 'subpage':
            self.recovery.reason = self.visit.report.reason
            self.recovery.in_place = self.visit.in_place

    def pin(self) -> None:
        """Store defaults that are another one each time, once a visitor sees them: not for a request alone."""
        visit = self.visit
        is_shown = visit.identified and not (visit.is_deciding or self.closed)
        if self.schema.computed and is_shown and self.accepting.is_auto:
            self._pin()

    def _pin(self) -> None:
        for document in self.documents.values():
            document.pin()

    def recover_late(self) -> None:
        """Recover now that the session is read, and call `on_recovered`."""
        self.recover()
        self._locate_steps()
        self.pin()
        self._notify_soon()

    def _notify_soon(self) -> None:
        background_tasks.create(self.notify_again(), name=f'recovered {self.slice_id.name}')

    @property
    def needs_report(self) -> bool:
        """Whether building must wait for the browser: for its report on tab and visit, or for values that it keeps."""
        if self.schema.has_elsewhere and self.elsewhere.is_pending:
            return True
        if self.visit.identified:
            return False
        if self.used and any(state.needs_report for state in self.used):
            return True
        return self.schema.has_private and any(document.has_private_values for document in self.documents.values())

    @property
    def wants_notice(self) -> bool:
        """Whether the class, or a class that it uses, has `on_recovered`."""
        own = hasattr(self.values.target(), 'on_recovered')
        return own or (bool(self.used) and any(state.wants_notice for state in self.used))

    async def notify_recovered(self) -> None:
        """Call the optional, possibly async `on_recovered(recovery)` of the class and of those it uses, once each."""
        for state in self.used:
            await state.notify_recovered()
        handler = getattr(self.values.target(), 'on_recovered', None)
        if handler is not None and not self._notified:
            self._notified = True
            if iscoroutine(result := handler(self.recovery)):
                await result

    async def notify_again(self) -> None:
        """Call `on_recovered` within the client, from a separate task, even if it was called before."""
        self._notified = False
        with self.visit.in_client():
            await self.notify_recovered()

    # ---- between the parts

    def is_newer_here(self, name: str) -> bool:
        return self.accepting.is_newer_here(name)

    def cause_of(self, name: str) -> Cause:
        return 'local' if name in self._updated else 'remote'

    # ---- values entered before a rejoin (TakesEntries)

    @property
    def has_unsaved(self) -> bool:
        """Whether only this page has a change: it waits for `save()`, or for the report on tab and visit."""
        return self.accepting.has_unsaved

    def merging(self, name: str) -> AbstractContextManager[set[str]]:
        """Apply `validate=` to assignments of a field meanwhile; yields the set of fields that refused a value."""
        return self.accepting.merging(name)

    @property
    def refused_elements(self) -> set[int]:
        marks = self.values.marks
        return set() if marks is None else {element.id for element in marks.elements()}

    def mark_unsent(self, unsent: Sequence[tuple[str, Element]]) -> None:
        if unsent or self.values.marks is not None:
            self.values.mark().hold_unsent(unsent)

    def show_marks_again(self) -> None:
        """Mark elements again, after the page's texts have changed."""
        if self.values.marks is not None:
            self.values.marks.show_again()

    # ---- for the app

    def listen(self) -> Listeners:
        """Return the listeners to changes of fields."""
        return self.values.listen()

    def refused(self) -> Iterator[RefusedValue]:
        """Iterate over the refused values that are still visible."""
        return self.values.refused()

    def save(self) -> None:
        """Submit changes held back by `auto=False`, and opaque values changed in place.

        Submits every field that fits, then raises the first `ValueNotStorable`.
        """
        refused = list(self.accepting.save())
        self._pin()
        for error in refused:
            raise error

    def save_opaque(self) -> None:
        """Submit opaque values changed in place; mark those that do not fit."""
        self.accepting.save_opaque()

    def submit_opaque(self) -> list[ValueNotStorable]:
        """Submit them before a flush, even if the page is gone; return an error for each that does not fit."""
        if self.steps is not None:
            self.steps.write()
        return self.accepting.submit_opaque()

    async def flush(self) -> None:
        """Wait until all changes are durable, even those of a background job whose page is gone.

        Raises `StoreError` if the store cannot take them, and `ValueNotStorable` for a value that does not fit.
        """
        refused = self.submit_opaque()
        await (self.open_page.flush() if self.session is self.visit.session else self.session.flush())
        for document in self.documents.values():
            if document.session.pending and document.session is not self.session:
                await document.session.flush()
        for error in refused:
            raise error

    async def update(self, function: Callable[[Any], object]) -> None:
        """Read, modify and write the fields whose part is known; held changes are not included."""
        self.save_opaque()
        present = dict(self.values.defaults)
        for each in self.documents.values() if len(self.documents) > 1 else ():
            present |= each.stored()
        document = self.documents['session' if len(self.documents) == 1 else self._changed_by(function, present)]
        change = updating(self.schema, dict(document.parts), function, present)

        def note(found: Slice) -> list[Written]:
            written = change(found)
            self._updated |= {name for _, name, _ in written}
            return written

        try:
            await document.session.update(self.slice_id, note)
        finally:
            get_running_loop().call_soon(self._forget_updated)  # after the page has shown the change

    def _changed_by(self, function: Callable[[Any], object], present: Mapping[str, Raw]) -> Owner:
        """Return the owner of the fields that a function changes, the session if it changes none.

        Raises `StashError` for a function that changes fields of two: no put is one of both.
        """
        parts = {scope: part for document in self.documents.values() for scope, part in document.parts.items()}
        written = updating(self.schema, parts, function, present)(Slice())
        changed = {self.schema.fields[name].scope.owner for _, name, _ in written}
        owners: list[Owner] = [owner for owner in self.documents if owner in changed]
        if len(owners) > 1:
            raise across_owners(self.schema)
        return owners[0] if owners else 'session'

    def _forget_updated(self) -> None:
        self._updated = frozenset()

    def reset(self) -> None:
        """Delete the class's stored values, and show the defaults."""
        for document in self.documents.values():
            document.reset()
        self.show_defaults()
        self.pin()

    def reset_fields(self, names: Iterable[str]) -> None:
        """Give some fields their defaults. Raises `TooMuchPending`."""
        fields = list(names)
        for name in fields:
            self.accepting.reset(name)
        self.open_page.discard_unsaved(self, fields)

    def show_defaults(self, *, of: Collection[Owner | None] = (None, *OWNERS)) -> None:
        """Show the defaults at once, now that the slice is deleted; discard changes that are not submitted yet.

        `of`: the owners whose documents have lost it.
        """
        names = [name for name, stored in self.schema.fields.items() if stored.scope.owner in of]
        self._show_instead(names, {})
        if self.steps is not None:
            self.steps.clear()
        self.elsewhere.reset()
        self.open_page.discard_unsaved(self, names)

    def _show_instead(self, names: Sequence[str], stored: Mapping[str, Raw]) -> None:
        """Show these values in place of all that was in some fields, and the defaults for the rest."""
        self.accepting.let_go(names)
        self.values.compute_defaults(*names)
        for each in self.refused():
            if each.field in names:
                self.values.raws[each.field] = Raw(b'')  # so that its element shows the value too
        shown = {name: self.values.defaults[name] for name in names}
        self.values.show(
            {**shown, **{name: raw for name, raw in stored.items() if name in shown}}, self.schema.version, 'reset'
        )

    # ---- moving and closing

    def watch_touched(self, *, watch: bool) -> None:
        """Start or stop collecting the fields that a person changes."""
        self.values.touched = set() if watch else None

    def follow(self, session: Session) -> None:
        """Continue with another session that has the same values."""
        self.documents['session'].move_to(session)
        if self.steps is not None:
            self.steps.follow(session)

    def move(self, owner: Owner, document: Session) -> None:
        """Show the document of another one of these owners, as when somebody signs in or out.

        What waits for `save()` stays at a sign-in, and is saved there.
        """
        following = self.documents[owner]
        has_left, unsaved = self.visit.has_left, self.accepting.is_unsaved
        fields = [name for name, stored in self.schema.fields.items() if stored.scope.owner == owner]
        names = [name for name in fields if has_left or not unsaved(name)]
        if self.steps is not None:
            self.steps.leave_person()
        following.move_to(document)
        self._locate_steps()
        self._show_instead(names, following.stored() if document.is_read else {})
        self.open_page.discard_unsaved(self, names)
        if not document.is_read:
            following.status = 'unavailable'  # until it is read
            return
        if names == fields:
            following.recover()
        self._note_found()
        if not has_left:
            self.pin()
            self._notify_soon()

    def close(self, *, left: bool = False) -> None:
        """Stop following. `left`: the person navigated away within the page; the visit to this view is over."""
        if self.closed:
            return
        target = self.values.target()
        self.save_opaque()
        if self.steps is not None:
            self.steps.end(left=left)
            self.values.steps = None
        self.values.closed = True
        self.elsewhere.end()
        for document in self.documents.values():
            document.close(left=left)
        self.page = None
        if target is not None:
            binding.remove([target])


def page_object_of(page: object) -> PageObject:
    """Return the page object behind an object of the app. Raises `StashError` if it has none."""
    page_object = getattr(page, '__dict__', {}).get(PAGE_OBJECT)
    if page_object is None:
        raise StashError(
            f'this {type(page).__qualname__} was not made by nicegui_stash: '
            'use the object that build() gets as self, or one from `await stash.recover(...)`'
        )
    return page_object


def _changed_in_place(back: weakref.ref[PageObject], name: str, collection: object, change: Change) -> None:
    if (page_object := back()) is not None:
        page_object.accepting.changed_in_place(name, collection, change)


def _is_unsaved(back: weakref.ref[PageObject], name: str) -> bool:
    page_object = back()
    return page_object is not None and page_object.accepting.is_unsaved(name)
