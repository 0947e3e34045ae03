"""The browser's storage for NiceGUI's user simulation, which has no browser: `browser.js` in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from nicegui import Client

from ..visit.messages import StorageReport


class Follows(Protocol):
    """Receives the reports of a browser's storage."""

    def receive(self, report: StorageReport) -> None: ...


class SimulatedStorage:
    """The localStorage of one simulated browser, and its followers by number."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.followers: WeakValueDictionary[int, Follows] = WeakValueDictionary()
        self._made: dict[int, int] = {}

    def watch(self, number: int, ask: int, prefixes: list[str]) -> None:
        items = {key: text for key, text in self.items.items() if key.startswith(tuple(prefixes))}
        self._report(number, ask=ask, items=items, last=True)

    def keep(
        self,
        number: int,
        count: int,
        cleared: list[str],
        renewed: Mapping[str, tuple[str | None, str | None]],
        changed: Mapping[str, str],
    ) -> None:
        dropped: dict[str, str | None] = {key: None for key in self.items if key.startswith(tuple(cleared))}
        left = {key: text for key, text in self.items.items() if key not in dropped}
        replaced = {key: token for key, (read, token) in renewed.items() if left.get(key) == read}
        self._made[number] = count
        self.change({**dropped, **replaced, **changed}, by=number)

    def change(self, changed: Mapping[str, str | None], *, by: int = 0) -> None:
        """Change items, as the tab of the page `by` or of none; the other tabs get a report of the differences."""
        differs = {key: text for key, text in changed.items() if self.items.get(key) != text}
        for key, text in differs.items():
            if text is None:
                del self.items[key]
            else:
                self.items[key] = text
        for number in list(self.followers):
            if number != by and differs:
                self._report(number, changed=differs)

    def _report(self, number: int, **fields: Any) -> None:
        if (follower := self.followers.get(number)) is not None:
            follower.receive(StorageReport(number, self._made.get(number, 0), **fields))


_storages: Final[dict[str, SimulatedStorage]] = {}


def storage_of(client: Client) -> SimulatedStorage:
    """Return the storage of a page's simulated browser, which its cookie's session id identifies."""
    return _storages.setdefault(client.request.session['id'], SimulatedStorage())
