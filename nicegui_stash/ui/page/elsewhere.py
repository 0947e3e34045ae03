"""What a page object has from outside of the store: values that the visitor's browser or the address keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Raw

from ...model.fields import OUTSIDE
from ...model.recovery import Problem
from ..contracts.keeper import Keeper
from ..contracts.page_object import Cause
from .following import Follower


class Outside(Follower):
    """A follower of its session some of whose values come from elsewhere, with a record of what became of them."""

    _keepers: Mapping[str, Keeper] = {}
    """Who keeps the values of fields that are not in the store."""
    _following = False
    """Whether what is shown was done by a person on this page."""
    _outside: Sequence[Problem] = ()
    _unkept: Mapping[str, Problem] = {}
    _returned: tuple[int, float] | None = None

    def recover_outside(self) -> None:
        """Keep on record what came back from outside of the store, and what was wrong with it."""
        known = self.recovery.problems
        known += [problem for problem in (*self._outside, *self._unkept.values()) if problem not in known]
        self._count_returned()

    @property
    def awaits_outside(self) -> bool:
        """Whether the browser has not said yet what it keeps."""
        return any(keeper.awaits(self) for keeper in set(self._keepers.values()))

    def begin_outside(self) -> None:
        """Take what the browser keeps of this class, and keep changes there."""
        keepers = {scope: self.visit.keeper(scope) for scope in self.schema.scopes & OUTSIDE}
        self._keepers = {
            name: keepers[stored.scope] for name, stored in self.schema.fields.items() if stored.scope in keepers
        }
        for keeper in keepers.values():
            keeper.begin(self)

    def is_unsaved(self, name: str) -> bool:
        """Whether a change waits for `save()`, with `auto=False`."""
        return name in self._unsaved

    def show_kept(self, raws: Mapping[str, Raw | Problem], cause: Cause, *, own: bool) -> list[Problem]:
        """Show what is kept outside of the store; a field with a problem gets its default. Return the problems.

        `own`: a person did it on this page, so that what follows from it is a change of this page.
        """
        found = {name: self.defaults[name] if isinstance(raw, Problem) else raw for name, raw in raws.items()}
        before, self._following = self._following, own
        try:
            problems = self._show(found, self.schema.version, cause)
        finally:
            self._following = before
        problems += [raw for raw in raws.values() if isinstance(raw, Problem)]
        self._outside = [problem for problem in self._outside if problem.field not in raws] + problems
        others = [problem for problem in self.recovery.problems if problem.field not in raws]
        self.recovery.problems = others + problems
        return problems

    def note_kept(self, version: int, age: float, problem: Problem | None) -> None:
        """Put it on record that something came back which is not in the store, or could not be migrated."""
        if problem is None:
            self._returned = version, age
            self._count_returned()
        else:
            self._outside = [*self._outside, problem]
            self.recovery.problems.append(problem)
            if self.recovery.status == 'fresh':
                self.recovery.status, self.recovery.from_version = 'discarded', version

    def _count_returned(self) -> None:
        if self._returned is not None and self.recovery.status == 'fresh':
            self.recovery.status = 'recovered'
            self.recovery.from_version, self.recovery.age = self._returned

    def blame(self, name: str, why: str) -> None:
        """Put it on record that a value is not kept, until one of this field is again."""
        self.forgive(name)
        problem = Problem(name, self.schema.version, why)
        self._unkept = {**self._unkept, name: problem}
        self.recovery.problems.append(problem)

    def forgive(self, name: str) -> None:
        problem = self._unkept.get(name)
        if problem is not None:
            self._unkept = {each: why for each, why in self._unkept.items() if each != name}
            if problem in self.recovery.problems:
                self.recovery.problems.remove(problem)
