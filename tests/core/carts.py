"""Two versions of one class, and sessions on servers that know them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui_stash.model.document import SESSION_PART, SliceId
from nicegui_stash.model.fields import stored as declared
from nicegui_stash.model.schema import build_schema
from nicegui_stash.session.session import Session
from nicegui_stash.testing import FaultyStore

from .scene import VISIT, document, put

Serve = Callable[..., Session]
OLD, NEW = SliceId('Cart', 1), SliceId('Cart', 2)


class OldCart:
    items: list[str] = declared([])
    size: int = declared(0)
    draft: str = declared('', scope='reconnect')


class NewCart:
    items: list[dict[str, Any]] = declared([])
    size: int = declared(0)
    currency: str = declared('EUR')
    draft: str = declared('', scope='reconnect')


def to_dicts(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, 'items': [{'name': name} for name in values.get('items', [])]} if 'items' in values else values


V1 = build_schema(OldCart, name='Cart')
V2 = build_schema(NewCart, name='Cart', version=2, migrations={1: to_dicts})


async def stored_by_v1(serve: Serve, **changes: Any) -> Session:
    """A server with the old version, on which somebody has changed something durably."""
    session = serve(V1)
    assert await session.load(1.0)
    for name, value in (changes or {'items': ['socks'], 'size': 40}).items():
        put(session, name, value, VISIT if name == 'draft' else SESSION_PART, OLD)
    await session.flush()
    return session


async def slices(store: FaultyStore, session: Session) -> dict[str, Any]:
    return ((await document(store, session.key)) or {})['slices']['Cart']
