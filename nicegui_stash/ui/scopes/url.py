"""The query string of an open page: fields of scope `url` are read from it, and projected onto it."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec import Raw
from nicegui import Client, ui

from ...errors import StashError, ValueNotStorable
from ...model import query
from ...model.recovery import Problem, decode_values
from ...model.schema import StoredField

if TYPE_CHECKING:
    from ..contracts.page_object import Cause
    from ..page.elsewhere import Outside

_SEARCH: Final = re.compile(r'(\?[^#\s]{0,20000})?')
TELL: Final = 'window.__niceguiStash?.address?.tell()'


class Address:
    """Shows changes in the browser's address once per turn of the loop, and follows back, forward and sub pages.

    The address counts: where it says nothing of a field, the field has its default.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._page_objects: list[Outside] = []
        self._changed: dict[str, Outside] = {}
        self._pushes = False
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        client.sub_pages_router.on_path_changed(self._path_changed)

    # ---- what a page object asks (Keeper)

    def begin(self, page_object: Outside) -> None:
        for other in self._page_objects:
            if taken := {*_names(other)} & {*_names(page_object)}:
                raise StashError(
                    f'{other.schema.name} and {page_object.schema.name} are on one page, and both have '
                    f'{", ".join(sorted(taken))} in its address; rename the field of one'
                )
        self._page_objects.append(page_object)
        self._show(page_object, 'recovered')

    def keep(self, page_object: Outside, name: str, raw: Raw) -> None:
        change = {name: self._written(page_object, name, raw)}
        query.require_room(f'{page_object.schema.name}.{name}', query.replaced(self._shown, change))
        self._pushes |= page_object.schema.fields[name].field.history == 'push'
        if not self._changed:
            self._loop.call_soon(self._project)
        self._changed[name] = page_object

    def reset(self, page_object: Outside) -> None:
        for name in _names(page_object):
            self.keep(page_object, name, page_object.defaults[name])

    def end(self, page_object: Outside) -> None:
        self._page_objects.remove(page_object)

    def awaits(self, page_object: Outside) -> bool:  # noqa: ARG002 it came with the request
        return False

    # ---- from the fields to the address

    @property
    def _shown(self) -> str:
        """The path with its query, as the browser shows it below the app's own prefix."""
        return self._client.sub_pages_router.current_path

    def _written(self, page_object: Outside, name: str, raw: Raw) -> str | None:
        stored = page_object.schema.fields[name]
        return None if raw == page_object.defaults[name] else query.written(name, query.to_text(stored, raw))

    def _project(self) -> None:
        """Send what the changed fields hold now; which may be what the address says already."""
        changed, self._changed = self._changed, {}
        pushes, self._pushes = self._pushes, False
        changes: dict[str, str | None] = {}
        for name, page_object in changed.items():
            if not page_object.closed:
                changes[name] = self._written(page_object, name, page_object.raws[name])
                changes |= _old_names(page_object.schema.fields[name])
        address = query.replaced(self._shown, changes)
        if address == self._shown or self._client.is_deleted:
            return
        self._client.sub_pages_router.current_path = address
        self._sent += 1
        sent = json.dumps([self._sent, changes, pushes])
        self._client.run_javascript(f'window.__niceguiStash?.address?.project(...{sent})')

    # ---- from the address to the fields

    def receive(self, sent: Any) -> None:
        """Follow back and forward. The browser says how many of our changes it had made by then."""
        told = cast(dict[str, Any], sent)
        search, made, moved = told.get('search'), told.get('made'), told.get('moved')
        if not isinstance(search, str) or not _SEARCH.fullmatch(search) or not isinstance(made, int):
            return
        if moved is True and any(isinstance(each, ui.sub_pages) for each in self._client.layout.descendants()):
            return  # NiceGUI's own event follows, upon which the views of that path are built
        if made < self._sent or self._changed:  # it crossed a change of ours: what is shown then, it tells again
            self._client.run_javascript(TELL)
            return
        self._client.sub_pages_router.current_path = query.with_query(self._shown, search)
        self._follow()

    def _path_changed(self, _: str) -> None:
        """Follow once NiceGUI has removed the views of the old path; those of the new one have read it themselves."""
        self._loop.call_soon(self._follow)

    def _follow(self) -> None:
        for page_object in list(self._page_objects):
            self._client.safe_invoke(partial(self._show, page_object, 'remote'))

    def _show(self, page_object: Outside, cause: Cause) -> None:
        found = query.parameters(self._shown)
        raws = {name: _read(page_object, name, found) for name in _names(page_object)}
        page_object.show_kept(raws, cause, own=True)


def is_of_address(sent: Any) -> bool:
    """Whether what a page sent is for `Address.receive`, and no report."""
    return isinstance(sent, dict) and 'search' in sent


def _names(page_object: Outside) -> list[str]:
    return [name for name, stored in page_object.schema.fields.items() if stored.scope == 'url']


def _old_names(stored: StoredField) -> dict[str, None]:
    return {stored.field.renamed_from: None} if stored.field.renamed_from else {}


def _read(page_object: Outside, name: str, found: dict[str, str]) -> Raw | Problem:
    """Return the JSON of a field as the address says, its default where it says nothing, or why it cannot be used."""
    schema = page_object.schema
    stored = schema.fields[name]
    text = found.get(name, found.get(stored.field.renamed_from or ''))
    if text is None:
        return page_object.defaults[name]
    try:
        raw = query.from_text(stored, text)
    except ValueNotStorable as error:
        return Problem(name, schema.version, error.reason)
    if raw == page_object.defaults[name]:
        return raw
    _, problems = decode_values(schema, {name: raw}, schema.version)
    return problems[0] if problems else raw
