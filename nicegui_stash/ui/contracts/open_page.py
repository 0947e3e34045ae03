"""What a page object asks of the open page that it is on."""

from __future__ import annotations

from typing import Protocol

from ...model.scopes import Scope
from ..visit.visit import Visit
from .keeper import Keeper


class OpenPage(Protocol):
    """One client with all its page objects."""

    visit: Visit

    def keeper(self, scope: Scope) -> Keeper:
        """Return what keeps the values of a scope that the client keeps."""
        ...

    def status_changed(self) -> None:
        """Note that what the page can say about its changes may be another."""
        ...

    async def flush(self) -> None:
        """Wait until all that was changed on the page is durable. Raises `ValueNotStorable` and `StoreError`."""
        ...
