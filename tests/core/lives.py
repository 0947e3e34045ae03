"""The servers of a simulated world: what one process accepts from its start to its crash, at one version."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec

from nicegui_stash.model.document import Part, SliceId
from nicegui_stash.model.fields import stored
from nicegui_stash.model.schema import Schema, build_schema
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session

from .disk import Desk


class OldForm:
    shared: str = stored('')


class NewForm:
    shared: str = stored('')
    more: str = stored('')


VERSIONS = {
    1: build_schema(OldForm, name='Form'),
    2: build_schema(NewForm, name='Form', version=2, migrations={1: dict}),
}


class Broken(AssertionError):
    """A guarantee does not hold."""


class Page:
    """A subscriber that only listens."""

    def changed(self, slice_id: SliceId, part: Part, name: str) -> None:
        """Need nothing."""

    def replaced(self) -> None:
        """Need nothing."""

    def rejected(self, operation: object) -> None:
        raise Broken(f'{operation} was rejected, though nobody else writes this field')


@dataclass
class Life:
    """One process from start to crash: its accepted changes, and those confirmed as durable."""

    name: str
    registry: Registry
    session: Session
    schema: Schema
    desk: Desk | None = None
    page: Page = field(default_factory=Page)
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    written: int = 0
    durable: int = 0
    increments: int = 0
    confirmed: int = 0
    erased: bool = False
    """Whether it has erased anything."""
    wrote_since: bool = False
    """Whether it has written since it did."""

    @property
    def slice_id(self) -> SliceId:
        return SliceId('Form', self.schema.version)

    def shown(self) -> str | None:
        found = self.session.document.slice(self.slice_id)
        raw = (found.data if found else {}).get(self.name)
        return msgspec.json.decode(raw) if raw is not None else None
