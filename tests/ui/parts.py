"""Parts of a page object, each made alone: around it stands only what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from unittest.mock import Mock

from msgspec import Raw
from msgspec.json import encode
from nicegui import Client

from nicegui_stash import stored
from nicegui_stash.model.limits import Policy
from nicegui_stash.model.recovery import Problem, Recovery
from nicegui_stash.model.schema import Schema, build_schema
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.contracts.keeper import KeptFields
from nicegui_stash.ui.contracts.page_object import Cause
from nicegui_stash.ui.page.stored_property import StoredProperty
from nicegui_stash.ui.page.values import FieldValues
from nicegui_stash.ui.visit.messages import UNKNOWN, Report


class Form:
    """An app's class with a field of each scope that the parts treat differently."""

    count: int = stored(0)
    note: str = stored('', scope='reconnect')
    query: str = stored('', scope='url')
    tags: list[str] = stored([])


def schema_of_form() -> Schema:
    """Return the schema of a class of its own, whose fields are properties as after `@stash.page`."""
    cls: Any = type('Form', (Form,), {'__annotations__': {}})
    schema = build_schema(cls)
    for name, each in schema.fields.items():
        setattr(cls, name, StoredProperty(each))
    return schema


def raw(value: object) -> Raw:
    return Raw(encode(value))


@dataclass
class Visited:
    """What a part asks of a visit: which it is, and the registry's clock."""

    registry: Registry
    id: str = 'visit-1234'
    tab: str = 'tab-12345'
    report: Report = UNKNOWN
    client: Any = field(default_factory=lambda: Mock(spec=Client, is_deleted=True))

    def in_client(self) -> Any:
        return Mock(__enter__=lambda _: None, __exit__=lambda *_: None)


@dataclass
class Parts:
    """An app's object with its values, on a session of its own."""

    store: FaultyStore
    schema: Schema = field(default_factory=schema_of_form)
    recovery: Recovery = field(default_factory=Recovery)
    late: int = 0
    newer: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page: Any = object.__new__(self.schema.cls)
        self.changed_in_place: list[str] = []
        self.refusals: list[None] = []
        self.registry = Registry(self.store, Keys(['secret']), Policy())
        self.visit: Any = Visited(self.registry)
        self.values = FieldValues(
            self.schema,
            self.schema.slice_id(),
            self.page,
            self.visit.client,
            changed_in_place=lambda name, *_: self.changed_in_place.append(name),
            refusals_changed=lambda: self.refusals.append(None),
        )

    def session(self) -> Session:
        return self.registry.session('an id', exists=False)

    # ---- what following a document asks (Follows)

    def is_newer_here(self, name: str) -> bool:
        return name in self.newer

    def cause_of(self, name: str) -> Cause:
        return 'remote'

    def recover_late(self) -> None:
        self.late += 1


class KeepsInMemory:
    """A keeper that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: dict[str, Raw] = {}
        self.ended = False
        self.is_asked = True

    def begin(self, kept: KeptFields) -> None:
        kept.show({**self.kept}, 'recovered', own=False)

    def keep(self, kept: KeptFields, name: str, value: Raw) -> None:
        self.kept[name] = value

    def reset(self, kept: KeptFields) -> None:
        self.kept.clear()

    def end(self, kept: KeptFields) -> None:
        self.ended = True

    def is_pending(self, kept: KeptFields) -> bool:
        return self.is_asked


PROBLEM = Problem('query', 1, 'it cannot be read')
