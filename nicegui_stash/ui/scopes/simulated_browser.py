"""What a browser keeps, for NiceGUI's user simulation, where there is none: as `browser.js`, in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from nicegui import Client

from ..visit.messages import BrowserTold


class Follows(Protocol):
    """What follows the storage of a browser."""

    def receive(self, told: BrowserTold) -> None: ...


class SimulatedStorage:
    """The localStorage of one simulated browser, and what follows it, by number."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.followers: WeakValueDictionary[int, Follows] = WeakValueDictionary()
        self._made: dict[int, int] = {}

    def watch(self, number: int, ask: int, prefixes: list[str]) -> None:
        items = {key: text for key, text in self.items.items() if key.startswith(tuple(prefixes))}
        self._tell(number, ask=ask, items=items, last=True)

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
        anew = {key: token for key, (read, token) in renewed.items() if left.get(key) == read}
        self._made[number] = count
        self.change({**dropped, **anew, **changed}, by=number)

    def change(self, changed: Mapping[str, str | None], *, by: int = 0) -> None:
        """Change items as the tab of a page does, or nobody's; the other tabs are told of what differs."""
        differs = {key: text for key, text in changed.items() if self.items.get(key) != text}
        for key, text in differs.items():
            if text is None:
                del self.items[key]
            else:
                self.items[key] = text
        for number in list(self.followers):
            if number != by and differs:
                self._tell(number, changed=differs)

    def _tell(self, number: int, **told: Any) -> None:
        if (follower := self.followers.get(number)) is not None:
            follower.receive(BrowserTold(number, self._made.get(number, 0), **told))


_storages: Final[dict[str, SimulatedStorage]] = {}


def storage_of(client: Client) -> SimulatedStorage:
    """Return what the browser of a page keeps; simulated browsers are told apart by the id in their cookie."""
    return _storages.setdefault(client.request.session['id'], SimulatedStorage())
