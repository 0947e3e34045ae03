"""The panel of a page for its developer: its fields, what it would lose, and accidents to try.

It is made only on request. It looks at the page twice a second, and changes nothing of it: the panel is one element,
apart from those of the app.
"""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nicegui.element import Element

from ...model.recovery import Recovery
from ...stores.interrupted import InterruptedStore
from .. import nicegui_private
from ..app.connection import Connection
from ..page.page_object import PageObject
from ..page.status import Status
from .ending import Ending, ending_here, kill, redeploy
from .fields import Fields
from .unstored import Attributes, Elements

EVERY: Final = 0.5
"""Seconds between two looks at a page."""
MOST_LOST: Final = 20


class DevPanel(Element, component='nicegui_stash_dev.js'):
    """What the browser shows."""


def show_on(connection: Connection) -> None:
    """Show the panel on a page, once it is connected and has an object with stored fields."""
    client, panel = connection.visit.client, Panel(connection)
    if connection.visit.joins:
        panel.begin()
    else:
        client.on_connect(panel.begin)
    client.on_delete(panel.end)


class Panel:
    """Looks at one page until it is gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._visit = connection.visit
        self._element: DevPanel | None = None
        self._elements: Elements | None = None
        self._seen: dict[PageObject, tuple[Fields, Attributes]] = {}
        self._ending: Ending | None = None
        self._file = Path()
        self._wake = asyncio.Event()
        self._began = False

    def begin(self) -> None:
        if not self._began:  # NiceGUI tells of each connection of a page
            self._began = True
            self._visit.registry.spawn(self._run())

    def end(self) -> None:
        self._wake.set()

    async def _run(self) -> None:
        if not await self._connection.wait_until_identified():
            return
        while not self._visit.ended:
            self._wake.clear()
            self._visit.guarded(self._look)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY)

    # ---- looking

    def _look(self) -> None:
        connection = self._connection
        if connection.handover.is_building:
            return
        page_objects = [each for each in connection.page_objects if each.page is not None]
        self._seen = {each: self._seen.get(each) or _first_look(each) for each in page_objects}
        self._elements = self._elements or Elements(self._visit.client)
        if not page_objects:
            if self._element is not None and not self._element.is_deleted:
                self._element.delete()
            return
        element = self._element
        if element is None or element.is_deleted:
            element = self._element = self._made(page_objects[0])
        shown = self._shown(page_objects)
        if element.props.get('shown') != shown:
            element.props.update(shown=shown, now=asyncio.get_running_loop().time())

    def _shown(self, page_objects: list[PageObject]) -> dict[str, Any]:
        visit, now = self._visit, asyncio.get_running_loop().time()
        status = Status()
        status.update(visit.sessions, page_objects)
        classes: list[dict[str, Any]] = []
        lost: list[dict[str, str]] = []
        for page_object in page_objects:
            fields, attributes = self._seen[page_object]
            name, version, key = page_object.schema.name, page_object.schema.version, page_object.slice_id.key
            classes.append(
                {
                    'name': name,
                    'version': version,
                    'key': key,
                    'recovery': _recovery_text(page_object.recovery),
                    'rows': fields.rows(now),
                }
            )
            lost += [{**each._asdict(), 'of': name} for each in attributes.assigned(page_object.page)]
        if self._elements is not None:
            pages = [each.page for each in page_objects]
            lost += [{**each._asdict(), 'of': ''} for each in self._elements.changed(pages, self._connection.remembers)]
        store = visit.registry.store
        return {
            'classes': classes,
            'lost': lost[:MOST_LOST],
            'more': max(0, len(lost) - MOST_LOST),
            'state': status.state,
            'pending': status.pending,
            'problem': status.problem or '',
            'size': visit.session.size,
            'away': store.away if isinstance(store, InterruptedStore) else None,
        }

    def _made(self, page_object: PageObject) -> DevPanel:
        client, store = self._visit.client, self._visit.registry.store
        self._file = Path(page_object.schema.origin.rpartition(':')[0])
        self._ending = ending_here(keeps_nothing=store.guarantee == 'process', file=self._file)
        with nicegui_private.apart_from_the_app(client):
            element = DevPanel()
        element.props.update(ending=self._ending.told(), timeout=nicegui_private.reconnect_timeout(client))
        element.on('kill', self._kill)
        element.on('redeploy', self._redeploy)
        element.on('store', self._toggle_store)
        return element

    # ---- accidents

    def _kill(self) -> None:
        if self._ending is not None and self._ending.can_kill:
            kill()

    def _redeploy(self) -> None:
        if self._ending is not None:
            self._bring_store_back()
            redeploy(self._ending.way, self._file)

    def _toggle_store(self) -> None:
        store = self._visit.registry.store
        if isinstance(store, InterruptedStore):
            if store.away:
                self._bring_store_back()
            else:
                store.away = True
            self._wake.set()

    def _bring_store_back(self) -> None:
        registry = self._visit.registry
        if isinstance(registry.store, InterruptedStore) and registry.store.away:
            registry.store.away = False
            for session in registry.live():  # also those that could not be read
                session.hurry()


def _recovery_text(recovery: Recovery) -> str:
    """Say how the fields of a class came back, and what did not."""
    in_place = ', in place' if recovery.in_place else ''
    said = f'{recovery.status} ({recovery.reason}{in_place})'
    problems = [f'{each.field or "all"} of version {each.version}: {each.why}' for each in recovery.problems]
    rejected = [f'{each.field} was changed elsewhere' for each in recovery.rejected]
    return '; '.join([said, *problems, *rejected][:MOST_LOST])


def _first_look(page_object: PageObject) -> tuple[Fields, Attributes]:
    return Fields(page_object), Attributes(page_object.page, page_object.schema)
