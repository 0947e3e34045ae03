"""Following one owner's document for a page object: recover its fields, and show changes from elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from msgspec import Raw

from ...errors import ValueNotStorable
from ...model.document import Part, Slice, SliceId
from ...model.operations import Set
from ...model.pieces import Json, joined
from ...model.recovery import Problem, Recovery, Rejected, Status, stored_value, stored_values
from ...model.scopes import OWNERS, SCOPES, Owner, Scope
from ...model.versions import Found, candidates, find_parts
from ...session.session import Session
from ..contracts.page_object import Cause
from ..visit.visit import Visit
from .values import FieldValues

_KNOWN_AT_ONCE: Final[Mapping[Owner, Mapping[Scope, Part]]] = {
    owner: {scope: scope.part_of('', '') for scope in SCOPES.values() if scope.owner == owner and not scope.is_private}
    for owner in OWNERS
}
"""By owner: the parts of its document that are known before the browser's report."""
_PRIVATE: Final[Mapping[Owner, tuple[Scope, ...]]] = {
    owner: tuple(scope for scope in SCOPES.values() if scope.owner == owner and scope.is_private) for owner in OWNERS
}


class Follows(Protocol):
    """The page object, as `Following` needs it."""

    @property
    def values(self) -> FieldValues: ...

    @property
    def recovery(self) -> Recovery: ...

    @property
    def visit(self) -> Visit: ...

    def is_newer_here(self, name: str) -> bool:
        """Whether a change of this page is on its way to the session, or waits for `save()`."""
        ...

    def cause_of(self, name: str) -> Cause:
        """Say who changed a field whose value in the session differs."""
        ...

    def recover_late(self) -> None:
        """Recover now that the session is read, and call `on_recovered`."""
        ...


class Following:
    """Recovers a page object's fields from one document, and shows changes by others. A `Subscriber`.

    `parts` has, by scope, the part of the document where the fields are, once it is known.
    """

    # Class attributes for what few pages need, as in FieldValues.
    _held: Mapping[str, Raw] = {}
    _stale: frozenset[str] = frozenset()
    _generation = (0, 0)
    _followed: frozenset[Part] = frozenset()
    _brought: Mapping[str, Raw] = {}
    _from_version: int | None = None
    status: Status = 'unavailable'
    """What the last recovery found in this document."""
    problems: Sequence[Problem] = ()

    def __init__(self, follows: Follows, session: Session, owner: Owner) -> None:
        self._page_object = follows
        self._values = follows.values
        self._schema = self._values.schema
        self._slice_id = self._values.slice_id
        self._owner: Owner = owner
        self.session = session
        self.parts: dict[Scope, Part] = dict(_KNOWN_AT_ONCE[owner])

    # ---- taking part

    def attach(self) -> None:
        """Follow the document from now on."""
        self.session.attach(self)
        self._hold(1)

    def move_to(self, session: Session) -> None:
        """Continue with another session that has the same values."""
        self._detach()
        self.session = session
        self.attach()
        self._generation = self._found()[1]

    def close(self, *, left: bool) -> None:
        """Stop following. `left`: the visit to this view is over; drop its values."""
        self._detach()
        for part in self.parts.values() if left else ():
            if part.kind == 'visits':
                self.session.drop(self._slice_id, part)

    def reset(self) -> None:
        """Delete the class's stored values, those of older versions too."""
        self.session.reset(self._slice_id)

    def _detach(self) -> None:
        self.session.detach(self)
        self._hold(-1)

    def _hold(self, sign: int) -> None:
        for part in self.parts.values():
            (self.session.hold if sign > 0 else self.session.release)(self._slice_id, part)

    def locate(self) -> None:
        """Recover the values of the tab and the visit, now that the browser has reported them."""
        visit, report, session = self._page_object.visit, self._page_object.visit.report, self.session
        if not _PRIVATE[self._owner]:
            self.recover()
            return
        self._hold(-1)
        for scope in _PRIVATE[self._owner]:
            if scope.part == 'visits' and (before := self.parts.get(scope)):
                # a late report: values typed since are newer than the ones it brings
                found = session.document.slice(self._slice_id)
                self._held = {**self._held, **((found.values(before) if found else None) or {})}
                session.drop(self._slice_id, before)
            self.parts[scope] = scope.part_of(visit.tab, visit.id)
        self._hold(1)
        if report.previous and report.previous != visit.id:
            session.drop(self._slice_id, Part('visits', report.previous))
        if report.old_tab and report.old_tab != visit.tab:
            copied = Part('tabs', report.old_tab)
            session.inherit(self._schema, self._slice_id.key, [copied])
            session.copy_part(self._slice_id, copied, Part('tabs', visit.tab))
        self.recover()
        held, self._held = self._held, {}
        for name, raw in held.items():
            session.set(self._slice_id, self.parts[self._schema.fields[name].scope], name, raw, source=self)

    @property
    def generation(self) -> tuple[int, int]:
        """How often the document, and the class's slice in it, were erased, as far as this page has shown it."""
        return self._generation

    # ---- from the page

    @property
    def has_held(self) -> bool:
        """Whether a change waits for the report on its tab or visit."""
        return bool(self._held)

    def submit(self, name: str, json: Json, *, unless_changed: bool = False) -> None:
        """Hand a change to the session, or hold it until its tab or visit is known.

        `unless_changed`: where somebody else has changed the field, their value stays. Raises `ValueTooLarge` or
        `TooMuchPending`.
        """
        part = self.parts.get(self._schema.fields[name].scope)
        if part is None:
            self._held = {**self._held, name: joined(json)}
        else:
            self.session.set(self._slice_id, part, name, json, source=self, unless_changed=unless_changed)

    def show_again(self, name: str) -> None:
        """Show a field's stored value in place of a refused change."""
        self._schedule(name)

    def stored(self) -> Mapping[str, Raw]:
        """Return the stored JSON of the fields in this document."""
        found = self.session.document.slice(self._slice_id)
        return stored_values(self._schema, found, self.parts) if found else {}

    def let_go(self) -> None:
        """Discard held changes: their slice was deleted."""
        self._held = {}

    def pin(self) -> None:
        """Store computed defaults where nothing is stored, so that they stay, here and in other tabs."""
        if not self.session.is_read:
            return
        found = self.session.document.slice(self._slice_id)
        for stored in self._schema.computed:
            part = self.parts.get(stored.scope)
            if part is None or stored.scope.owner != self._owner or stored.name in self._held:
                continue
            if stored_value(stored, found.values(part) if found else None) is None:
                with suppress(ValueNotStorable):  # too much is pending: it is another one on the next visit
                    self.submit(stored.name, self._values.raws[stored.name])

    # ---- recovering

    @property
    def has_private_values(self) -> bool:
        """Whether the document has values of single tabs or visits."""
        scopes = self._schema.scopes
        kinds = {scope.part for scope in _PRIVATE[self._owner] if scope in scopes}
        return any(
            ('tabs' in kinds and found.tabs) or ('visits' in kinds and found.visits)
            for _, found in candidates(self._schema, self.session.document, self._slice_id.key)
        )

    def recover(self) -> None:
        """Set every field whose part is known. The document has changes accepted meanwhile already."""
        session, schema, recovery = self.session, self._schema, self._page_object.recovery
        if not session.is_read:
            self.status = 'unavailable'
            if provisional := session.document.slice(self._slice_id):  # changes of other tabs meanwhile
                self._values.show(stored_values(schema, provisional, self.parts), schema.version, 'remote')
            return
        own = session.document.slice(self._slice_id)
        absent = [part for part in self.parts.values() if own is None or own.values(part) is None]
        if absent or session.has_brought:
            found = self._inherit(absent)
            own = own or session.document.slice(self._slice_id)
        else:
            found = Found(own, schema.version)
        is_new = found.migrated or found.problem
        if is_new or self._from_version is None:
            self._from_version = found.from_version
        if is_new or recovery.from_version is None:
            recovery.from_version = found.from_version
            seen = found.slice.seen if found.slice else 0
            recovery.age = self._page_object.visit.registry.now - seen / 1000 if seen else None
        raws = stored_values(schema, own, self.parts) if own else {}
        for name in self._held:
            raws.pop(name, None)
        problems = self._values.show(raws, self._from_version or schema.version, 'recovered')
        if found.problem or self.problems:
            discarded = [problem for problem in [*self.problems, found.problem] if problem and not problem.field]
            problems = [*dict.fromkeys(discarded), *problems]
        self.problems = problems
        self.status = 'recovered' if raws else self._status_of_nothing(problems)
        self._generation = session.document.epoch, own.reset if own else 0

    def _inherit(self, absent: Collection[Part]) -> Found:
        """Take over parts that only older versions of the class have, and follow them."""
        self._followed |= frozenset(absent)
        found = self.session.inherit(self._schema, self._slice_id.key, self.parts.values())
        if found.migrated and found.slice:
            self._brought = {**self._brought, **stored_values(self._schema, found.slice, self.parts)}
        return found

    def _status_of_nothing(self, problems: Iterable[Problem]) -> Status:
        """Return the status of a recovery that found no values."""
        if any(not problem.field for problem in problems):
            return 'discarded'
        match self.session.condition:
            case 'expired' | 'quarantined' as condition:
                return condition
            case _:
                return 'fresh'

    # ---- changes from elsewhere (Subscriber)

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        if slice_id != self._slice_id:
            return
        stored = self._schema.fields.get(name)
        if stored is None or self.parts.get(stored.scope) != part:
            return
        if self._values.steps is not None:
            self._values.steps.changed_elsewhere(name)
        if self._values.touched is not None:
            self._values.touched.discard(name)  # another page of this server has a newer value, no older server
        if stored.field.live:
            self._schedule(name)

    def replaced(self) -> None:
        self._schedule(*self._schema.names_of[self._owner])

    def rejected(self, operation: Set) -> None:
        stored = self._schema.fields.get(operation.field) if operation.slice == self._slice_id else None
        if stored is not None and self.parts.get(stored.scope) == operation.part:
            with suppress(ValueNotStorable):  # this very schema accepted it, so it decodes
                value = stored.codec.decode(operation.raw)
                self._page_object.recovery.note_rejected(Rejected(operation.field, value, size=len(operation.raw)))

    def _schedule(self, *names: str) -> None:
        if not self._stale:
            self.session.soon(self._deliver)
        self._stale = self._stale.union(names) if self._stale else frozenset(names)

    def _deliver(self) -> None:
        """Show changes from elsewhere: in one turn of the loop, in the client's context, errors to the client."""
        names, self._stale = self._stale, frozenset()
        values, page_object = self._values, self._page_object
        if values.closed:
            return
        with page_object.visit.in_client():
            if self.status == 'unavailable' and self.session.is_read:
                page_object.recover_late()
                return
            if values.touched is not None:
                self._follow_older(values.touched)
            found, generation = self._found()
            for name in names:
                self._refresh(name, found, generation)
            before, self._generation = self._generation, generation
            if before != generation and values.steps is not None:
                values.steps.clear()

    def _follow_older(self, touched: set[str]) -> None:
        """Take over values that an older server wrote late, as it drained, unless they were changed since."""
        session, schema = self.session, self._schema
        parts = {scope: part for scope, part in self.parts.items() if part in self._followed}
        found = find_parts(schema, session.document, self._slice_id.key, parts.values()).slice
        for name, raw in (stored_values(schema, found, parts) if found else {}).items():
            part, own = parts[schema.fields[name].scope], session.document.slice(self._slice_id)
            now = stored_value(schema.fields[name], own.values(part)) if own else None
            if now == self._brought.get(name) != raw and name not in touched:
                self._brought = {**self._brought, name: raw}
                session.set(self._slice_id, part, name, raw, source=self)
                version = self._from_version or schema.version
                self._values.show({name: raw}, version, self._page_object.cause_of(name))

    def _refresh(self, name: str, found: Slice | None, generation: tuple[int, int]) -> None:
        values, stored = self._values, self._schema.fields[name]
        part = self.parts.get(stored.scope)
        if part is None:
            return
        raw = stored_value(stored, found.values(part)) if found else None
        if raw == values.raws[name] or self._page_object.is_newer_here(name):
            return
        if raw is None:
            if values.raws[name] == values.defaults[name]:
                return
            if self._generation == generation and part.kind != 'data':
                self.submit(name, values.raws[name])  # another server pruned it while this page shows it
                return
            values.compute_defaults(name)
            values.show({name: values.defaults[name]}, self._schema.version, 'reset')
        elif values.touched is not None and name in values.touched and self._owner == 'session':
            self.submit(name, values.raws[name])  # an older server drained late: the value here is newer
        elif stored.field.live or self._generation != generation:
            if values.steps is not None:
                values.steps.changed_elsewhere(name)
            problems = values.show({name: raw}, self._schema.version, self._page_object.cause_of(name))
            if problems:
                recovery = self._page_object.recovery
                known = {(problem.field, problem.why) for problem in recovery.problems}
                recovery.problems += [each for each in problems if (each.field, each.why) not in known]

    def _found(self) -> tuple[Slice | None, tuple[int, int]]:
        """Return the stored slice, and what tells it from one that was deleted or erased."""
        document = self.session.document
        found = document.slice(self._slice_id)
        return found, (document.epoch, found.reset if found else 0)
