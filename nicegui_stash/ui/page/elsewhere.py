"""The fields that the client keeps for a page object, in its address or its storage, and how they came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Raw

from ...model.document import SliceId
from ...model.pieces import joined
from ...model.recovery import Problem, Recovery
from ...model.schema import Schema
from ...model.scopes import Scope
from ..contracts.keeper import Keeper
from ..contracts.page_object import Cause
from .values import FieldValues


class Elsewhere:
    """The fields of one page object that are not in the store; their keepers see it as `KeptFields`.

    `keepers` has the keeper of each field. `shows_own` is set while the page shows the effect of a person's own action
    on it, such as going back in its history.
    """

    keepers: Mapping[str, Keeper] = {}
    shows_own = False
    _problems: Sequence[Problem] = ()
    _unkept: Mapping[str, Problem] = {}
    _returned: tuple[int, float] | None = None

    def __init__(self, values: FieldValues, recovery: Recovery, is_unsaved: Callable[[str], bool]) -> None:
        self._values = values
        self._recovery = recovery
        self._is_unsaved = is_unsaved

    def begin(self, keeper_of: Callable[[Scope], Keeper]) -> None:
        """Show the client's values of this class, and keep changes there."""
        schema = self._values.schema
        keepers = {scope: keeper_of(scope) for scope in schema.scopes if not scope.is_stored}
        self.keepers = {
            name: keepers[stored.scope] for name, stored in schema.fields.items() if stored.scope in keepers
        }
        for keeper in keepers.values():
            keeper.begin(self)

    @property
    def is_pending(self) -> bool:
        """Whether the client has not sent its values yet."""
        return any(keeper.is_pending(self) for keeper in set(self.keepers.values()))

    @property
    def is_read(self) -> bool:
        """Whether the client has sent its values."""
        return all(keeper.has_answered(self) for keeper in set(self.keepers.values()))

    def reset(self) -> None:
        """Delete the client's values."""
        for keeper in set(self.keepers.values()):
            keeper.reset(self)

    def end(self) -> None:
        """Stop following; the client keeps its values."""
        for keeper in set(self.keepers.values()):
            keeper.end(self)

    def recover(self) -> None:
        """Add the client's values and problems to the record again: a recovery begins a new one."""
        known = self._recovery.problems
        known += [problem for problem in (*self._problems, *self._unkept.values()) if problem not in known]
        self._count_returned()

    # ---- for keepers (KeptFields)

    @property
    def schema(self) -> Schema:
        return self._values.schema

    @property
    def slice_id(self) -> SliceId:
        return self._values.slice_id

    @property
    def defaults(self) -> Mapping[str, Raw]:
        return self._values.defaults

    def raw(self, name: str) -> Raw:
        return joined(self._values.raws[name])

    @property
    def closed(self) -> bool:
        return self._values.closed

    def is_unsaved(self, name: str) -> bool:
        return self._is_unsaved(name)

    def show(self, raws: Mapping[str, Raw | Problem], cause: Cause, *, own: bool) -> list[Problem]:
        found = {name: self.defaults[name] if isinstance(raw, Problem) else raw for name, raw in raws.items()}
        before, self.shows_own = self.shows_own, own
        try:
            problems = self._values.show(found, self.schema.version, cause)
        finally:
            self.shows_own = before
        problems += [raw for raw in raws.values() if isinstance(raw, Problem)]
        self._problems = [problem for problem in self._problems if problem.field not in raws] + problems
        others = [problem for problem in self._recovery.problems if problem.field not in raws]
        self._recovery.problems = others + problems
        return problems

    def note_kept(self, version: int, age: float, problem: Problem | None) -> None:
        if problem is None:
            self._returned = version, age
            self._count_returned()
        else:
            self._problems = [*self._problems, problem]
            self._recovery.problems.append(problem)
            if self._recovery.status == 'fresh':
                self._recovery.status, self._recovery.from_version = 'discarded', version

    def _count_returned(self) -> None:
        if self._returned is not None and self._recovery.status == 'fresh':
            self._recovery.status = 'recovered'
            self._recovery.from_version, self._recovery.age = self._returned

    def note_unkept(self, name: str, why: str) -> None:
        self.clear_unkept(name)
        problem = Problem(name, self.schema.version, why)
        self._unkept = {**self._unkept, name: problem}
        self._recovery.problems.append(problem)

    def clear_unkept(self, name: str) -> None:
        problem = self._unkept.get(name)
        if problem is not None:
            self._unkept = {each: why for each, why in self._unkept.items() if each != name}
            if problem in self._recovery.problems:
                self._recovery.problems.remove(problem)
