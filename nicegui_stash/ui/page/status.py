"""What a page can say about its changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from nicegui.binding import BindableProperty

from ...errors import TooMuchPending, ValueNotStorable, ValueTooLarge
from ...session.session import Session

Kind = Literal['away', 'refused', 'newer', 'invalid', 'too_large', 'full']


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something that was changed on a page is not durable.

    `kind` says whether the store is `away` or has `refused`; whether what is stored is `newer` than this version of the
    library, which leaves it alone; or whether a field does not take what an element shows: the value is `invalid` or
    `too_large`, or too much is pending already (`full`). `reason` says more, in English; of a value it may quote it.
    `field` is the field's name and `label` what its element is called, both empty where it is about the store.
    """

    kind: Kind
    reason: str
    field: str = ''
    label: str = ''


class ShowsRefused(Protocol):
    """A page object, as far as its elements show what was refused."""

    def refused(self) -> Iterator[tuple[str, str, ValueNotStorable]]: ...


class Status:
    """Whether what was changed on a page is durable yet. Every attribute can be bound.

    `state` is `saved`, `pending` (accepted, waiting for its put), `saving` (a put is under way), `offline` (the store
    is away: changes are kept in memory) or `refused` (the store, or a field, does not take what was changed). `pending`
    counts the changes that are not durable yet, `saves` how often some became durable. `troubles` say what is wrong,
    and `problem` why the store does not take changes.
    """

    state: str = cast(str, BindableProperty())  # what reading it gives
    pending: int = cast(int, BindableProperty())
    saves: int = cast(int, BindableProperty())
    problem: str | None = cast('str | None', BindableProperty())
    troubles: tuple[Trouble, ...] = cast(tuple[Trouble, ...], BindableProperty())

    def __init__(self) -> None:
        self.state = 'saved'
        self.pending = 0
        self.saves = 0
        self.problem = None
        self.troubles = ()
        self._settled: int | None = None

    def update(self, session: Session, page_objects: Iterable[ShowsRefused]) -> None:
        refused = tuple(_refused(page_objects))
        self.troubles = (*refused, *_of_store(session))
        self.pending = session.pending
        self.problem = session.problem
        self.state = 'refused' if refused else session.activity
        if self._settled is not None and session.settled > self._settled:
            self.saves += 1
        self._settled = session.settled


def _refused(page_objects: Iterable[ShowsRefused]) -> Iterator[Trouble]:
    for page_object in page_objects:
        for name, label, error in page_object.refused():
            yield Trouble(_kind_of(error), error.reason, name, label or name)


def _kind_of(error: ValueNotStorable) -> Kind:
    if isinstance(error, TooMuchPending):
        return 'full'
    return 'too_large' if isinstance(error, ValueTooLarge) else 'invalid'


def _of_store(session: Session) -> Iterator[Trouble]:
    if session.problem is not None:
        newer = session.condition == 'unreadable'
        yield Trouble('newer' if newer else 'refused' if session.refuses else 'away', session.problem)
