"""Fields of scope `url`: read from the query string of an open page, and written to it."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Final

from msgspec import Raw
from nicegui import Client, ui

from ...errors import StashError, ValueNotStorable
from ...model import query
from ...model.recovery import Problem, decode_values
from ...model.schema import StoredField
from ..contracts.keeper import KeptFields
from ..contracts.page_object import Cause
from ..visit.messages import AddressChanged

ASK_FOR_ADDRESS: Final = 'window.__niceguiStash?.address?.tell()'


class Address:
    """Writes changes to the browser's address once per turn of the loop, and follows back, forward and sub pages.

    The address decides: a field without a parameter has its default.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._following: list[KeptFields] = []
        self._changed: dict[str, KeptFields] = {}
        self._pushes = False
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        client.sub_pages_router.on_path_changed(self._path_changed)

    # ---- for page objects (Keeper)

    def begin(self, kept: KeptFields) -> None:
        for other in self._following:
            if taken := {*_names(other)} & {*_names(kept)}:
                raise StashError(
                    f'{other.schema.name} and {kept.schema.name} are on one page, and both have '
                    f'{", ".join(sorted(taken))} in its address; rename the field of one'
                )
        self._following.append(kept)
        self._show(kept, 'recovered')

    def keep(self, kept: KeptFields, name: str, raw: Raw) -> None:
        change = {name: self._written(kept, name, raw)}
        query.require_room(f'{kept.schema.name}.{name}', query.replaced(self._shown, change))
        self._pushes |= kept.schema.fields[name].field.history == 'push'
        if not self._changed:
            self._loop.call_soon(self._project)
        self._changed[name] = kept

    def reset(self, kept: KeptFields) -> None:
        for name in _names(kept):
            self.keep(kept, name, kept.defaults[name])

    def end(self, kept: KeptFields) -> None:
        self._following.remove(kept)

    def has_answered(self, kept: KeptFields) -> bool:  # noqa: ARG002 it came with the request
        return True

    def is_pending(self, kept: KeptFields) -> bool:  # noqa: ARG002 as above
        return False

    # ---- from the fields to the address

    @property
    def _shown(self) -> str:
        """The path and query that the browser shows, below the app's own prefix."""
        return self._client.sub_pages_router.current_path

    def _written(self, kept: KeptFields, name: str, raw: Raw) -> str | None:
        stored = kept.schema.fields[name]
        return None if raw == kept.defaults[name] else query.written(name, query.to_text(stored, raw))

    def _project(self) -> None:
        """Send the changed fields' present values, unless the address has them already."""
        changed, self._changed = self._changed, {}
        pushes, self._pushes = self._pushes, False
        changes: dict[str, str | None] = {}
        for name, kept in changed.items():
            if not kept.closed:
                changes[name] = self._written(kept, name, kept.raw(name))
                changes |= _old_names(kept.schema.fields[name])
        address = query.replaced(self._shown, changes)
        if address == self._shown or self._client.is_deleted:
            return
        self._client.sub_pages_router.current_path = address
        self._sent += 1
        sent = json.dumps([self._sent, changes, pushes])
        self._client.run_javascript(f'window.__niceguiStash?.address?.project(...{sent})')

    # ---- from the address to the fields

    def receive(self, message: AddressChanged) -> None:
        """Follow back and forward."""
        if message.moved and any(isinstance(each, ui.sub_pages) for each in self._client.layout.descendants()):
            return  # NiceGUI's own event follows, and builds the views of that path
        if message.made < self._sent or self._changed:  # it crossed a change of ours: ask for the address after that
            self._client.run_javascript(ASK_FOR_ADDRESS)
            return
        self._client.sub_pages_router.current_path = query.with_query(self._shown, message.search)
        self._follow()

    def _path_changed(self, _: str) -> None:
        """Follow once NiceGUI has removed the old path's views; the new path's views have read it themselves."""
        self._loop.call_soon(self._follow)

    def _follow(self) -> None:
        for kept in list(self._following):
            self._client.safe_invoke(partial(self._show, kept, 'remote'))

    def _show(self, kept: KeptFields, cause: Cause) -> None:
        found = query.parameters(self._shown)
        raws = {name: _read(kept, name, found) for name in _names(kept)}
        kept.show(raws, cause, own=True)


def _names(kept: KeptFields) -> list[str]:
    return [name for name, stored in kept.schema.fields.items() if stored.scope.kept_by == 'address']


def _old_names(stored: StoredField) -> dict[str, None]:
    return {stored.field.renamed_from: None} if stored.field.renamed_from else {}


def _read(kept: KeptFields, name: str, found: dict[str, str]) -> Raw | Problem:
    """Return a field's JSON from the address, its default if the address lacks it, or the problem with it."""
    schema = kept.schema
    stored = schema.fields[name]
    text = found.get(name, found.get(stored.field.renamed_from or ''))
    if text is None:
        return kept.defaults[name]
    try:
        raw = query.from_text(stored, text)
    except ValueNotStorable as error:
        return Problem(name, schema.version, error.reason)
    if raw == kept.defaults[name]:
        return raw
    _, problems = decode_values(schema, {name: raw}, schema.version)
    return problems[0] if problems else raw
