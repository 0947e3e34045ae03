"""Fields of scope `browser`: the server asks an open page's browser for them, stores them there, and follows them."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any, Final

from msgspec import Raw

from ...errors import ValueTooLarge
from ...model.recovery import Problem
from ...model.tokens import Tokens
from ...model.versions import blame
from .. import nicegui_private
from ..contracts.keeper import KeptFields
from ..contracts.page_object import Cause
from ..visit.messages import StorageReport
from ..visit.visit import Visit
from .browser_items import BrowserItems, names
from .simulated_browser import storage_of

log = logging.getLogger('nicegui_stash')

ANSWER_TIMEOUT: Final = 1.0
"""Seconds for which a connected page waits for its browser's items."""
MAX_REPORTED: Final = 4 * 1024 * 1024
"""Characters that a browser may send for one class; localStorage does not hold more, so more is forged."""

_NAME = re.compile(r'[A-Za-z]{1,40}')
_numbers = itertools.count(1)


@dataclass(slots=True)
class _Ask:
    """A question to the browser for a class's items, and the items received so far."""

    kept: KeptFields
    answered: asyncio.Future[None]
    items: dict[str, str] = field(default_factory=dict[str, str])
    size: int = 0
    waited: bool = False


class Browser:
    """Asks the browser for the items of a page's classes, stores changes there, and follows its other tabs.

    Changes are sent once per turn of the loop, numbered. Each message of the browser says how many of them it had made
    by then. A message about a key that was changed here meanwhile is older than our change, and is ignored.
    """

    def __init__(self, visit: Visit, tokens: Tokens, expect: Callable[[int], None]) -> None:
        """`expect` is given the number of bytes that an answer may have, before the browser is asked."""
        self._expect = expect
        self._visit = visit
        self._items = BrowserItems(visit, tokens)
        self._number = next(_numbers)
        self._loop = asyncio.get_running_loop()
        self._connected = False
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []  # calls of the script to make at the connect
        self._following: list[KeptFields] = []
        self._asks: dict[int, _Ask] = {}
        self._ask_numbers = itertools.count(1)
        self._scheduled = False
        self._cleared: list[str] = []  # prefixes of keys to drop
        self._changed: dict[str, str] = {}
        self._renewed: dict[str, tuple[str | None, str | None]] = {}  # by key: the token read, and its replacement
        self._touched: set[str] = set()
        self._sent = 0
        self._last: dict[str, int] = {}  # by key: the number of its last change
        visit.client.on_connect(self._connect)
        visit.client.on_delete(self._give_up)
        if visit.client.has_socket_connection:
            self._connect()

    # ---- for page objects (Keeper)

    def begin(self, kept: KeptFields) -> None:
        self._following.append(kept)
        number = next(self._ask_numbers)
        self._asks[number] = _Ask(kept, self._loop.create_future())
        self._expect(MAX_REPORTED)
        self._call_script('watch', number, self._items.prefixes(kept))

    def has_answered(self, kept: KeptFields) -> bool:
        return all(ask.kept is not kept for ask in self._asks.values())

    def is_pending(self, kept: KeptFields) -> bool:
        asked = (ask for ask in self._asks.values() if ask.kept is kept and not ask.waited)
        return self._visit.exists and any(asked)  # without a session, no item can belong to it

    async def ready(self) -> None:
        """Wait until the browser has answered all questions, or for `ANSWER_TIMEOUT`."""
        asks = list(self._asks.values())
        if asks:
            await asyncio.wait([ask.answered for ask in asks], timeout=ANSWER_TIMEOUT)
        for ask in asks:
            ask.waited = True

    def keep(self, kept: KeptFields, name: str, raw: Raw) -> None:
        token = self._items.token(kept, name, raw)
        if self._visit.client.is_deleted:
            log.warning('%s.%s: the page is gone, so no browser stores this change', kept.schema.name, name)
            return
        kept.clear_unkept(name)
        key = self._items.key(kept, name)
        self._changed[key] = token
        self._touch([key])

    def reset(self, kept: KeptFields) -> None:
        self._clear(self._items.prefixes(kept), self._items.keys(kept))

    def end(self, kept: KeptFields) -> None:
        self._following.remove(kept)
        for number in [number for number, ask in self._asks.items() if ask.kept is kept]:
            self._answered(self._asks.pop(number))

    # ---- for the app

    def clear(self) -> None:
        """Delete all items of this app in the browser; the fields of the page get their defaults."""
        self._clear([self._items.root], [key for kept in self._following for key in self._items.keys(kept)])
        for kept in self._following:
            kept.show({name: kept.defaults[name] for name in names(kept)}, 'reset', own=False)

    async def hurry(self) -> None:
        """Hand waiting changes to NiceGUI, ahead of everything that is sent from now on."""
        self._send()
        await asyncio.sleep(0)  # NiceGUI queues a script in a task, which runs before we resume

    # ---- to the browser

    def _clear(self, prefixes: list[str], keys: Iterable[str]) -> None:
        self._cleared += prefixes
        self._changed = {key: text for key, text in self._changed.items() if not key.startswith(tuple(prefixes))}
        self._touch(keys)

    def _touch(self, keys: Iterable[str]) -> None:
        self._touched |= set(keys)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        if not self._scheduled:
            return  # `hurry` was earlier
        self._scheduled = False
        self._sent += 1
        self._last |= dict.fromkeys(self._touched, self._sent)
        self._call_script('keep', self._sent, self._cleared, self._renewed, self._changed)
        self._cleared, self._renewed, self._changed, self._touched = [], {}, {}, set()

    def _call_script(self, function: str, *arguments: Any) -> None:
        """Call a function of the script, as soon as the browser is connected."""
        client = self._visit.client
        if not self._connected:
            self._waiting.append((function, arguments))
        elif nicegui_private.is_simulated(client):
            self._loop.call_soon(partial(getattr(storage_of(client), function), self._number, *arguments))
        else:
            listed = ', '.join(json.dumps(argument) for argument in (self._number, *arguments))
            client.run_javascript(f'window.__niceguiStash?.browser?.{function}({listed})')

    def _connect(self) -> None:
        """Send the script and the waiting calls at the first connect; NiceGUI calls this at every connect."""
        if self._connected:
            return
        self._connected = True
        client = self._visit.client
        if nicegui_private.is_simulated(client):
            storage_of(client).followers[self._number] = self
        else:
            client.run_javascript(script())
        waiting, self._waiting = self._waiting, []
        for function, arguments in waiting:
            self._call_script(function, *arguments)

    # ---- from the browser

    def receive(self, report: StorageReport) -> None:
        """Handle a message of the browser: an answer, a change by another tab, or items that it could not store."""
        if self._visit.ended or report.browser != self._number:
            return
        if report.ask is not None:
            if report.ask in self._asks:
                self._gather(report, report.ask)
        elif report.cleared:
            self._follow({key: None for kept in self._following for key in self._items.keys(kept)}, report.made)
        elif report.changed is not None:
            self._follow(_texts(report.changed), report.made)
        elif report.failed is not None:
            self._note_failures(_texts(report.failed))

    def _gather(self, report: StorageReport, number: int) -> None:
        """Collect the parts of an answer, which is split so that no message is too long."""
        ask = self._asks[number]
        items = self._items.of_class(ask.kept, _texts(report.items or {}))
        ask.size += sum(len(key) + len(text) for key, text in items.items())
        if ask.size <= MAX_REPORTED:
            ask.items |= items
        if report.last:
            del self._asks[number]
            self._visit.client.safe_invoke(partial(self._recover, ask.kept, ask.items, report.made))
            for name in names(ask.kept) if report.error is not None else ():
                ask.kept.note_unkept(name, f'the browser cannot store it: {_error_name(report.error)}')
            self._answered(ask)

    def _recover(self, kept: KeptFields, items: Mapping[str, str], made: int) -> None:
        """Show the browser's items of a class, and replace tokens that are due."""
        back = self._items.find(kept, items)
        overtaken = {name for name in names(kept) if self._is_overtaken(self._items.key(kept, name), made)}
        raws = {name: raw for name, raw in back.raws.items() if name not in overtaken}
        if back.found.from_version is not None:
            kept.note_kept(back.found.from_version, back.age, back.found.problem)
        if back.found.error:
            log.error('%s: its items in a browser were discarded, %s', kept.schema.name, blame(back.found.error))
        problems = {problem.field for problem in kept.show(raws, 'recovered', own=False)}
        self._renewed |= {key: (token, None) for key, token in back.expired.items()}
        for name, read in back.due.items():
            raw = raws.get(name)
            if raw is not None and not isinstance(raw, Problem) and name not in problems:
                self._renew(kept, name, raw, read)
        if self._renewed:
            self._touch([])

    def _renew(self, kept: KeptFields, name: str, raw: Raw, read: str | None) -> None:
        try:
            self._renewed[self._items.key(kept, name)] = read, self._items.token(kept, name, raw)
        except ValueTooLarge as error:  # a migration made it longer, or encryption
            kept.note_unkept(name, error.reason)

    def _follow(self, changed: Mapping[str, str | None], made: int) -> None:
        """Show items that another tab has changed, or removed (`None`)."""
        for kept in list(self._following):
            shown: dict[Cause, dict[str, Raw | Problem]] = {'remote': {}, 'reset': {}}
            for name in names(kept):
                key = self._items.key(kept, name)
                follows = kept.schema.fields[name].field.live and not kept.is_unsaved(name)
                if key not in changed or not follows or self._is_overtaken(key, made):
                    continue
                if (token := changed[key]) is None:
                    shown['reset'][name] = kept.defaults[name]
                else:
                    shown['remote'][name] = self._items.read(kept, name, token)
            for cause, raws in shown.items():
                if raws:
                    self._visit.client.safe_invoke(partial(self._show, kept, raws, cause))

    @staticmethod
    def _show(kept: KeptFields, raws: Mapping[str, Raw | Problem], cause: Cause) -> None:
        kept.show(raws, cause, own=False)

    def _is_overtaken(self, key: str, made: int) -> bool:
        """Whether the browser sent this key before it made a change of ours to it."""
        return key in self._touched or made < self._last.get(key, 0)

    def _note_failures(self, failed: Mapping[str, str | None]) -> None:
        for kept in self._following:
            for name in names(kept):
                if (key := self._items.key(kept, name)) in failed:
                    why = f'the browser did not store it: {_error_name(failed[key])}'
                    kept.note_unkept(name, why)
                    log.warning('%s.%s: %s', kept.schema.name, name, why)

    @staticmethod
    def _answered(ask: _Ask) -> None:
        if not ask.answered.done():
            ask.answered.set_result(None)

    def _give_up(self) -> None:
        for ask in self._asks.values():
            self._answered(ask)


@lru_cache(maxsize=1)
def script() -> str:
    """Return the script of pages that have such fields."""
    return files('nicegui_stash.ui.scopes').joinpath('browser.js').read_text(encoding='utf-8')


def _texts(items: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a browser's items by key; a value that is not a text becomes a damaged token."""
    return {key: text if text is None or isinstance(text, str) else '' for key, text in items.items()}


def _error_name(error: Any) -> str:
    """Return the name of a browser's error, `unknown` for anything that is not a name."""
    return error if isinstance(error, str) and _NAME.fullmatch(error) else 'unknown'
