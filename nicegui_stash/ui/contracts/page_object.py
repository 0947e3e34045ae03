"""A page object, as the other packages of `ui` need it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

from nicegui.element import Element

from ...model.document import SliceId
from ...model.recovery import Recovery
from ...model.schema import Schema
from ...model.scopes import Owner

Cause = Literal['local', 'remote', 'recovered', 'reset']
"""Who changed a field: this page, another one, a recovery, or a reset."""


class TakesEntries(Protocol):
    """A page object that takes values entered into its elements."""

    @property
    def schema(self) -> Schema: ...

    @property
    def slice_id(self) -> SliceId: ...

    def owner_name(self, owner: Owner) -> str:
        """Return what tells the document of an owner from others that a page of this address may show."""
        ...

    @property
    def page(self) -> object | None:
        """The app's object, while it is shown."""
        ...

    @property
    def recovery(self) -> Recovery: ...

    @property
    def is_read(self) -> bool:
        """Whether every owner's document is read, and the client has sent what it keeps."""
        ...

    @property
    def has_unsaved(self) -> bool:
        """Whether only this page has a change: it waits for `save()`, or for the report on tab and visit."""
        ...

    def merging(self, name: str) -> AbstractContextManager[set[str]]:
        """Apply `validate=` to assignments of a field meanwhile; yields the set of fields that refused a value."""
        ...

    def save_opaque(self) -> None:
        """Submit opaque values changed in place; mark those that do not fit."""
        ...

    @property
    def refused_elements(self) -> set[int]:
        """The ids of the elements that show a refused value."""
        ...

    def mark_unsent(self, unsent: Sequence[tuple[str, Element]]) -> None:
        """Note the fields and elements of all values that are too large for the browser to send."""
        ...

    async def notify_again(self) -> None:
        """Call `on_recovered` again: the record has changed."""
        ...
