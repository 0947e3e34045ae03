"""A page object that shows a session's values: recovered at first, and kept as they become elsewhere."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from inspect import iscoroutine
from typing import Any

from msgspec import Raw
from nicegui import app, background_tasks

from ...errors import ValueNotStorable
from ...model.document import SESSION_PART, Part, SliceId
from ...model.observed import KINDS, is_ordinary, observe
from ...model.operations import Set
from ...model.recovery import Problem, Recovery, Rejected, Status, decode_value, part_of, stored_value, stored_values
from ...model.schema import Schema
from ...model.versions import Found, candidates, find_parts
from ...session.session import Session
from ..contracts.page_object import Cause
from ..visit.visit import Visit
from .defaults import Made, begin
from .on_change import Listeners
from .stored_property import PAGE_OBJECT, properties_of


class Follower:
    """What connects a page object with a session, as far as values come from there. A subscriber of the session."""

    # What few pages ever need belongs to the class until one of them does: a page is made for every visitor.
    closed = False
    used: tuple[Follower, ...] = ()
    _held: Mapping[str, Raw] = {}
    _unsaved: frozenset[str] = frozenset()
    _stale: frozenset[str] = frozenset()
    _posted: Mapping[str, int] = {}
    """How many changes of worker threads are on their way here, by field."""
    _notified = False
    _generation = (0, 0)
    _followed: frozenset[Part] = frozenset()
    _brought: Mapping[str, Raw] = {}

    def __init__(self, schema: Schema, target: Any, visit: Visit, key: str, *, given: bool) -> None:
        self.schema = schema
        self.visit = visit
        self.slice_id = schema.slice_id(key)
        self.recovery = Recovery()
        self._target = weakref.ref(target)
        self.page: object | None = target  # held while it is shown, whether or not anything is bound to it
        self.session: Session = visit.find_session()
        self.defaults, self._made = begin(target, given=given)  # the latter until they are set
        self._parts: dict[str, Part] = {'session': SESSION_PART}
        self._loop = asyncio.get_running_loop()
        self.touched: set[str] | None = None  # this one and the next two because each change looks at them
        self.listeners: Listeners | None = None
        self._applying = False
        self.raws: dict[str, Raw] = dict(self.defaults)
        target.__dict__[PAGE_OBJECT] = self

    def complete(self) -> None:
        """Set the defaults of the fields that were not recovered."""
        target = self._target()
        for name, prop in properties_of(self.schema.cls).items():
            if target is not None and prop.slot not in target.__dict__:
                value = self._made[name][0] if name in self._made else prop.new_default()
                prop.begin(target, self.observed(name, value))
        self._made = Made()

    def _submit(self, name: str, raw: Raw) -> None:
        part = self._parts.get(self.schema.fields[name].scope)
        if part is None:
            self._held = {**self._held, name: raw}
        else:
            self.session.set(self.slice_id, part, name, raw, source=self)

    def observed(self, name: str, value: Any) -> Any:
        if not isinstance(value, KINDS) or (self.schema.fields[name].field.decode and not is_ordinary(value)):
            return value  # what decode= makes comes back as what it is
        return observe(value, partial(self.changed_in_place, name), (self, name))

    def changed_in_place(self, name: str) -> None:
        """Accept what a collection became, after it was changed in place."""
        raise NotImplementedError

    def attach(self) -> None:
        """Follow the session from now on."""
        self.session.attach(self)
        self.session.watch(self)
        self.session.hold(self.slice_id, SESSION_PART)

    def _hold(self, sign: int) -> None:
        for part in self._parts.values():
            (self.session.hold if sign > 0 else self.session.release)(self.slice_id, part)

    @property
    def needs_report(self) -> bool:
        """Whether something is stored that only this tab or visit may see: building has to wait for the report."""
        schema = self.schema
        if schema.has_outside and self.awaits_outside:
            return True
        if self.visit.identified:
            return False
        if self.used and any(state.needs_report for state in self.used):
            return True
        if schema.has_private:
            for _, found in candidates(schema, self.session.document, self.slice_id.key):
                if (found.tabs and 'tab' in schema.scopes) or (found.visits and 'reconnect' in schema.scopes):
                    return True
        return False

    @property
    def awaits_outside(self) -> bool:
        """Whether it is not known yet what is kept outside of the store."""
        raise NotImplementedError

    def recover_outside(self) -> None:
        """Keep on record what came back from outside of the store."""
        raise NotImplementedError

    def recover(self) -> None:
        """Set every field whose place is known. Changes accepted meanwhile are in the document already."""
        session, recovery, schema = self.session, self.recovery, self.schema
        if recovery.reason != 'subpage':
            recovery.reason = self.visit.report.reason
        if not session.is_read:
            recovery.status = 'unavailable'
            if provisional := session.document.slice(self.slice_id):  # what other tabs changed meanwhile
                self._show(stored_values(schema, provisional, self._parts), schema.version, 'remote')
            return
        own = session.document.slice(self.slice_id)
        absent = [part for part in self._parts.values() if own is None or own.values(part) is None]
        if absent or session.has_brought:
            found = self._inherit(absent)
            own = own or session.document.slice(self.slice_id)
        else:
            found = Found(own, schema.version)
        if found.migrated or found.problem or recovery.from_version is None:
            recovery.from_version = found.from_version
            recovery.age = (
                self.visit.registry.now - found.slice.seen / 1000 if found.slice and found.slice.seen else None
            )
        raws = stored_values(schema, own, self._parts) if own else {}
        for name in self._held:
            raws.pop(name, None)
        problems = self._show(raws, recovery.from_version or schema.version, 'recovered')
        if found.problem or recovery.problems:
            discarded = [problem for problem in [*recovery.problems, found.problem] if problem and not problem.field]
            problems = [*dict.fromkeys(discarded), *problems]
        recovery.problems = problems
        recovery.status = 'recovered' if raws else self._status_of_nothing(problems)
        self._generation = session.document.epoch, own.reset if own else 0
        if schema.has_outside:
            self.recover_outside()

    def _inherit(self, absent: Collection[Part]) -> Found:
        """Bring along what only older versions of the class have, and follow it where there is nothing yet."""
        self._followed |= frozenset(absent)
        found = self.session.inherit(self.schema, self.slice_id.key, self._parts.values())
        if found.migrated and found.slice:
            self._brought = {**self._brought, **stored_values(self.schema, found.slice, self._parts)}
        return found

    def _status_of_nothing(self, problems: Iterable[Problem]) -> Status:
        """Say why nothing came back."""
        if any(not problem.field for problem in problems):
            return 'discarded'
        match self.session.condition:
            case 'expired' | 'quarantined' as condition:
                return condition
            case _:
                return 'fresh'

    def _show(self, raws: Mapping[str, Raw], version: int, cause: Cause) -> list[Problem]:
        target, fields, attributes = self._target(), self.schema.fields, vars(self.schema.cls)
        problems: list[Problem] = []
        before, self._applying = self._applying, True  # what applying a change causes is not published again
        try:
            for name, raw in [(name, raw) for name, raw in raws.items() if self.raws.get(name) != raw]:
                value, problem = decode_value(fields[name], raw, version)
                if problem is not None:
                    problems.append(problem)
                elif target is not None:
                    self.raws[name] = raw
                    try:
                        attributes[name].show(target, value, self)
                    except Exception as error:  # noqa: BLE001 what is bound may raise anything, and the other fields must follow
                        app.handle_exception(error)
                    if self.listeners is not None:
                        self.listeners.tell(name, cause)
        finally:
            self._applying = before
        return problems

    def listen(self) -> Listeners:
        """Return who wants to know when a field changes."""
        self.listeners = self.listeners or Listeners(self.visit.client)
        return self.listeners

    def tell(self, name: str) -> None:
        """Say that a field was changed on this page."""
        if self.listeners is not None:
            self.listeners.tell(name, 'local')

    def locate(self) -> None:
        """Take part in the tab and the visit, now that it is known which they are."""
        if self.recovery.reason != 'subpage':
            self.recovery.reason = self.visit.report.reason
        if not self.schema.has_private or self.closed:
            return
        self._hold(-1)
        if before := self._parts.get('reconnect'):  # a late report: what was typed since is newer than what it brings
            found = self.session.document.slice(self.slice_id)
            self._held = {**self._held, **((found.values(before) if found else None) or {})}
            self.session.drop(self.slice_id, before)
        for scope in ('tab', 'reconnect'):
            self._parts[scope] = part_of(scope, self.visit.tab, self.visit.id)
        self._hold(1)
        report = self.visit.report
        if report.previous and report.previous != self.visit.id:
            self.session.drop(self.slice_id, Part('visits', report.previous))
        if report.old_tab and report.old_tab != self.visit.tab:
            copied = Part('tabs', report.old_tab)
            self.session.inherit(self.schema, self.slice_id.key, [copied])
            self.session.copy_part(self.slice_id, copied, self._parts['tab'])
        self.recover()
        held, self._held = self._held, {}
        for name, raw in held.items():
            self.session.set(self.slice_id, self._parts[self.schema.fields[name].scope], name, raw, source=self)

    @property
    def wants_notice(self) -> bool:
        """Whether the class or one that it uses has `on_recovered`."""
        own = hasattr(self._target(), 'on_recovered')
        return own or (bool(self.used) and any(state.wants_notice for state in self.used))

    async def notify_recovered(self) -> None:
        """Call the optional `on_recovered(recovery)` of the class and of those it uses, once each; it may be async."""
        for state in self.used:
            await state.notify_recovered()
        handler = getattr(self._target(), 'on_recovered', None)
        if handler is not None and not self._notified:
            self._notified = True
            if iscoroutine(result := handler(self.recovery)):
                await result

    async def notify_beside(self) -> None:
        """Call `on_recovered` from a task of its own, again if the record has changed since: within the client."""
        self._notified = False
        with self.visit.in_client():
            await self.notify_recovered()

    # ---- changes from elsewhere (Subscriber)

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        stored = self.schema.fields.get(name)
        if slice_id == self.slice_id and stored and stored.field.live and self._parts.get(stored.scope) == part:
            self._schedule(name)

    def replaced(self) -> None:
        self._schedule(*self.schema.fields)

    def rejected(self, operation: Set) -> None:
        scope = self.schema.fields[operation.field].scope
        if operation.slice == self.slice_id and self._parts.get(scope) == operation.part:
            with suppress(ValueNotStorable):  # it was accepted by this very schema, so it decodes
                value = self.schema.fields[operation.field].codec.decode(operation.raw)
                self.recovery.rejected.append(Rejected(operation.field, value))

    def activity_changed(self) -> None:
        self.visit.schedule_status()

    def _schedule(self, *names: str) -> None:
        if not self._stale:
            self._loop.call_soon(self._deliver)
        self._stale |= frozenset(names)

    def _deliver(self) -> None:
        """Show what changed elsewhere: one turn of the loop per page, in its client's context, errors to its client."""
        names, self._stale = self._stale, frozenset()
        if self.closed:
            return
        with self.visit.in_client():
            if self.recovery.status == 'unavailable' and self.session.is_read:
                self.recover()
                background_tasks.create(self.notify_beside(), name=f'recovered {self.slice_id.name}')
                return
            if self.touched is not None:
                self._follow_older(self.touched)
            for name in names:
                self._refresh(name)
            self._generation = self._current_generation()

    def _follow_older(self, touched: set[str]) -> None:
        """Take over what a server with an older version wrote late, as it drained, where nobody changed it since."""
        session, schema = self.session, self.schema
        parts = {scope: part for scope, part in self._parts.items() if part in self._followed}
        found = find_parts(schema, session.document, self.slice_id.key, parts.values()).slice
        for name, raw in (stored_values(schema, found, parts) if found else {}).items():
            part, own = parts[schema.fields[name].scope], session.document.slice(self.slice_id)
            now = stored_value(schema.fields[name], own.values(part)) if own else None
            if now == self._brought.get(name) != raw and name not in touched:
                self._brought = {**self._brought, name: raw}
                session.set(self.slice_id, part, name, raw, source=self)
                self._show({name: raw}, self.recovery.from_version or schema.version, self.cause_of(name))

    def _refresh(self, name: str) -> None:
        stored = self.schema.fields[name]
        part = self._parts.get(stored.scope)
        found = self.session.document.slice(self.slice_id)
        if part is None or name in self._unsaved or self._posted.get(name):
            return
        raw = stored_value(stored, found.values(part)) if found else None
        if raw is None:
            if self.raws[name] == self.defaults[name]:
                return
            if self._generation == self._current_generation() and stored.scope != 'session':
                self._submit(name, self.raws[name])  # pruned elsewhere, while it is still shown here
                return
            self._show({name: self.defaults[name]}, self.schema.version, 'reset')
        elif raw != self.raws[name]:
            if self.touched is not None and name in self.touched:
                self._submit(name, self.raws[name])  # an older server drained late: what is shown here is newer
            elif stored.field.live or self._generation != self._current_generation():
                problems = self._show({name: raw}, self.schema.version, self.cause_of(name))
                known = {(problem.field, problem.why) for problem in self.recovery.problems}
                self.recovery.problems += [each for each in problems if (each.field, each.why) not in known]

    def cause_of(self, name: str) -> Cause:  # noqa: ARG002 for an update of this page
        """Say who changed a field that the session has another value of."""
        return 'remote'

    def _current_generation(self) -> tuple[int, int]:
        found = self.session.document.slice(self.slice_id)
        return self.session.document.epoch, found.reset if found else 0
