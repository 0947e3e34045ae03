"""A server process of an app, in this process: it reads the states' declarations, and has its own memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from reflex.istate.manager.token import BaseStateToken

from nicegui_stash.reflex.manager import StashStateManager
from nicegui_stash.reflex.options import ReflexOptions
from nicegui_stash.reflex.tree import Tree
from nicegui_stash.settings import resolve

SECRET = 'a secret of the tests'
CLIENT = '0b1c7c5e-client'
HYDRATION = SimpleNamespace(name='state.hydrate_and_load')
CLICK = SimpleNamespace(name='state.click')


class Life:
    """One process of an app whose states are below `root`."""

    def __init__(self, url: str, root: type[Any], *, reflex: ReflexOptions | None = None, **options: Any) -> None:
        self.root = root
        settings = resolve(url, secrets=SECRET, **{'on_invalid': 'log', **options})
        self.manager = StashStateManager(settings, url, reflex or ReflexOptions(), root)

    @asynccontextmanager
    async def event(
        self, cls: type[Any] | None = None, *, client: str = CLIENT, event: Any = CLICK
    ) -> AsyncIterator[Any]:
        """Let an event's handler have one state of a client's tree."""
        wanted = cls or self.root
        async with self.manager.modify_state(BaseStateToken(ident=client, cls=wanted), event=event) as tree:
            yield await tree.get_state(wanted)

    async def read(self, *names: str, cls: type[Any] | None = None, client: str = CLIENT) -> Any:
        """Return the values of these vars, as a page that has just connected sees them."""
        async with self.event(cls, client=client, event=HYDRATION) as state:
            values = tuple(state.get_value(name) for name in names)
        return values if len(names) > 1 else values[0]

    def tree(self, client: str = CLIENT) -> Tree:
        """Return the tree that this process has in memory."""
        assert self.manager._running is not None
        return self.manager._running.trees[client]

    async def stop(self) -> None:
        """End as at SIGTERM."""
        await self.manager.close()
