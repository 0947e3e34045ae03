"""What the rooms below ask of a page object."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from ...model.document import SliceId
from ...model.recovery import Recovery
from ...model.schema import Schema

Cause = Literal['local', 'remote', 'recovered', 'reset']
"""Who changed a field: this page, another one, a recovery, or a reset."""


class TakesEntries(Protocol):
    """A page object, as far as values that were entered into its elements are handed to it."""

    @property
    def schema(self) -> Schema: ...

    @property
    def slice_id(self) -> SliceId: ...

    @property
    def page(self) -> object | None:
        """The app's object, while it is shown."""
        ...

    @property
    def recovery(self) -> Recovery: ...

    @property
    def is_read(self) -> bool:
        """Whether what is stored is known."""
        ...

    @property
    def has_unsaved(self) -> bool:
        """Whether anything that was entered is with this page only: it waits for `save()`, or for its tab or visit."""
        ...

    def merging(self, name: str) -> AbstractContextManager[set[str]]:
        """Ask `validate=` of a field for what is assigned meanwhile; the set has the fields that refuse a value."""
        ...

    async def notify_beside(self) -> None:
        """Call `on_recovered` again, as the record has changed."""
        ...
