"""An inspector of a `Stash`: what all of its open pages share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from fastapi import Request

from ...errors import StashError
from ...session.record import Record
from ...session.registry import Registry
from .access import Allow, Guard, add_guarded_page
from .measuring import Measuring
from .messages import LastMessages, last_messages
from .overview import Overviews
from .page import Page

_BEGINNING: Final = re.compile(r'[\w-]{4,43}', re.ASCII)
MOST_FOUND: Final = 20


class Inspector:
    """Shows one registry to those whom `allow` admits; values only if the app has said so."""

    def __init__(self, registry_of: Callable[[], Registry], allow: Allow, *, values: bool) -> None:
        self.guard = Guard(allow)
        self.values = values
        self.messages: LastMessages = last_messages()
        self.measuring = Measuring()
        self._registry_of = registry_of
        self._registry: Registry | None = None
        self._overviews: Overviews | None = None

    def serve(self, path: str, module: str) -> None:
        """Add the page as one of the app's module."""

        async def build(request: Request) -> None:
            await Page(self, request).build()

        add_guarded_page(path, self.guard, build, 'Stash inspector', module)

    @property
    def registry(self) -> Registry:
        """The registry of this event loop; another one takes its place where a test restarts the app."""
        registry = self._registry_of()
        if registry is not self._registry:
            self._registry, self._overviews, self.measuring = registry, Overviews(registry), Measuring()
        return registry

    @property
    def overviews(self) -> Overviews:
        registry = self.registry
        return self._overviews or Overviews(registry)

    @property
    def record(self) -> Record:
        return self.registry.keep_record()

    async def find(self, beginning: str) -> list[str]:
        """Return the keys of sessions in memory or in the store whose name begins so. Raises `StashError`."""
        name = beginning.strip().rpartition('/')[2].removesuffix('.json')
        if not _BEGINNING.fullmatch(name):
            raise StashError("Enter the first 4 characters or more of a session's key, as logs and tables show it.")
        registry = self.registry
        folder = f'{registry.prefix}/' if registry.prefix else ''
        start = f'{folder}{name[:2]}/{name}'
        found = {session.key for session in registry.live() if session.key.startswith(start)}
        async for row in registry.store.list(start):
            found.add(row.key)
            if len(found) >= MOST_FOUND:
                break
        return sorted(found)[:MOST_FOUND]
