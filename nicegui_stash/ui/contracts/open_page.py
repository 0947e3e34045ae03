"""An open page, as its page objects need it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ...model.scopes import Scope
from ..visit.visit import Visit
from .keeper import Keeper
from .page_object import TakesEntries


class OpenPage(Protocol):
    """One client with all its page objects."""

    visit: Visit

    @property
    def texts(self) -> Mapping[str, str]:
        """What a visitor reads, in the language of the page."""
        ...

    def keeper(self, scope: Scope) -> Keeper:
        """Return the keeper of a scope whose values the client keeps."""
        ...

    def discard_unsaved(self, page_object: TakesEntries, fields: Collection[str]) -> None:
        """Have the browser drop what it shows of these fields and is not saved: too large to be sent, or refused."""
        ...

    def status_changed(self) -> None:
        """Note that the page's status may have changed."""
        ...

    async def flush(self) -> None:
        """Wait until all changes of the page are durable. Raises `ValueNotStorable` and `StoreError`."""
        ...
