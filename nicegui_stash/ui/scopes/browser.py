"""What a browser keeps for an open page: fields of scope `browser` are asked of it, kept there, and followed."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
from collections.abc import Iterable, Mapping
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
from ..visit.messages import BrowserTold
from ..visit.visit import Visit
from .browser_items import BrowserItems, names
from .simulated_browser import storage_of

log = logging.getLogger('nicegui_stash')

ANSWER_TIMEOUT: Final = 1.0
"""Seconds for which a page that is connected waits to be told what its browser keeps."""
MAX_TOLD: Final = 4 * 1024 * 1024
"""Characters that a browser may tell of one class; more than localStorage holds is made up."""

_NAME = re.compile(r'[A-Za-z]{1,40}')
_numbers = itertools.count(1)


@dataclass(slots=True)
class _Ask:
    """A class whose kept values the browser was asked for, and what it has told so far."""

    kept: KeptFields
    answered: asyncio.Future[None]
    items: dict[str, str] = field(default_factory=dict[str, str])
    size: int = 0
    waited: bool = False


class Browser:
    """Asks what the browser keeps for the classes of a page, has it keep changes, and follows its other tabs.

    Changes go out once per turn of the loop, numbered; the browser says with all that it tells how many it had made by
    then. What it tells of a key that was changed here meanwhile is older than our change, and is not followed.
    """

    def __init__(self, visit: Visit, tokens: Tokens) -> None:
        self._visit = visit
        self._items = BrowserItems(visit, tokens)
        self._number = next(_numbers)
        self._loop = asyncio.get_running_loop()
        self._connected = False
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []  # what is to be said at the connect
        self._following: list[KeptFields] = []
        self._asks: dict[int, _Ask] = {}
        self._ask_numbers = itertools.count(1)
        self._scheduled = False
        self._cleared: list[str] = []  # how the keys begin that are to be dropped
        self._changed: dict[str, str] = {}
        self._renewed: dict[str, tuple[str | None, str | None]] = {}  # what may be replaced only as it was read
        self._touched: set[str] = set()
        self._sent = 0
        self._last: dict[str, int] = {}  # by key: the number of the last change of it
        visit.client.on_connect(self._connect)
        visit.client.on_delete(self._give_up)
        if visit.client.has_socket_connection:
            self._connect()

    # ---- what a page object asks (Keeper)

    def begin(self, kept: KeptFields) -> None:
        self._following.append(kept)
        number = next(self._ask_numbers)
        self._asks[number] = _Ask(kept, self._loop.create_future())
        self._say('watch', number, self._items.prefixes(kept))

    def awaits(self, kept: KeptFields) -> bool:
        asked = (ask for ask in self._asks.values() if ask.kept is kept and not ask.waited)
        return self._visit.exists and any(asked)  # without a session, nothing that is kept can belong to it

    async def ready(self) -> None:
        """Return when the browser has told everything that it was asked, or has had its time."""
        asks = list(self._asks.values())
        if asks:
            await asyncio.wait([ask.answered for ask in asks], timeout=ANSWER_TIMEOUT)
        for ask in asks:
            ask.waited = True

    def keep(self, kept: KeptFields, name: str, raw: Raw) -> None:
        token = self._items.token(kept, name, raw)
        if self._visit.client.is_deleted:
            log.warning('%s.%s: its page is gone, so no browser keeps this change', kept.schema.name, name)
            return
        kept.forgive(name)
        key = self._items.key(kept, name)
        self._changed[key] = token
        self._touch([key])

    def reset(self, kept: KeptFields) -> None:
        self._clear(self._items.prefixes(kept), self._items.keys(kept))

    def end(self, kept: KeptFields) -> None:
        self._following.remove(kept)
        for number in [number for number, ask in self._asks.items() if ask.kept is kept]:
            self._answered(self._asks.pop(number))

    # ---- what the app asks

    def clear(self) -> None:
        """Have the browser drop all that it keeps for this app; the fields of the page get their defaults."""
        self._clear([self._items.root], [key for kept in self._following for key in self._items.keys(kept)])
        for kept in self._following:
            kept.show({name: kept.defaults[name] for name in names(kept)}, 'reset', own=False)

    async def hurry(self) -> None:
        """Return when NiceGUI has what is to be said, so that nothing that is sent from now on comes before it."""
        self._send()
        await asyncio.sleep(0)  # NiceGUI takes a script over in a task, which has its turn before us

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
            return  # it was hurried
        self._scheduled = False
        self._sent += 1
        self._last |= dict.fromkeys(self._touched, self._sent)
        self._say('keep', self._sent, self._cleared, self._renewed, self._changed)
        self._cleared, self._renewed, self._changed, self._touched = [], {}, {}, set()

    def _say(self, function: str, *arguments: Any) -> None:
        """Call a function of the script, once there is a browser that could run it."""
        client = self._visit.client
        if not self._connected:
            self._waiting.append((function, arguments))
        elif nicegui_private.is_simulated(client):
            self._loop.call_soon(partial(getattr(storage_of(client), function), self._number, *arguments))
        else:
            told = ', '.join(json.dumps(argument) for argument in (self._number, *arguments))
            client.run_javascript(f'window.__niceguiStash?.browser?.{function}({told})')

    def _connect(self) -> None:
        """Bring the script, and say what had to wait, at the first connect; NiceGUI tells of every one."""
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
            self._say(function, *arguments)

    # ---- from the browser

    def receive(self, told: BrowserTold) -> None:
        """Take what the browser tells: answers, changes of other tabs, what it could not keep."""
        if self._visit.ended or told.browser != self._number:
            return
        if told.ask is not None:
            if told.ask in self._asks:
                self._gather(told, told.ask)
        elif told.cleared:
            self._follow({key: None for kept in self._following for key in self._items.keys(kept)}, told.made)
        elif told.changed is not None:
            self._follow(_texts(told.changed), told.made)
        elif told.failed is not None:
            self._note_failures(_texts(told.failed))

    def _gather(self, told: BrowserTold, number: int) -> None:
        """Put an answer together, which comes in parts so that no message is too long."""
        ask = self._asks[number]
        items = {key: text for key, text in _texts(told.items or {}).items() if text is not None}
        ask.size += sum(len(key) + len(text) for key, text in items.items())
        if ask.size <= MAX_TOLD:
            ask.items |= items
        if told.last:
            del self._asks[number]
            self._visit.client.safe_invoke(partial(self._recover, ask.kept, ask.items, told.made))
            for name in names(ask.kept) if told.error is not None else ():
                ask.kept.blame(name, f'the browser keeps nothing: {_named(told.error)}')
            self._answered(ask)

    def _recover(self, kept: KeptFields, items: Mapping[str, str], made: int) -> None:
        """Show what the browser keeps of a class, and have it keep anew what should be."""
        back = self._items.find(kept, items)
        overtaken = {name for name in names(kept) if self._is_overtaken(self._items.key(kept, name), made)}
        raws = {name: raw for name, raw in back.raws.items() if name not in overtaken}
        if back.found.from_version is not None:
            kept.note_kept(back.found.from_version, back.age, back.found.problem)
        if back.found.error:
            log.error('%s: what a browser keeps of it was discarded, %s', kept.schema.name, blame(back.found.error))
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
            kept.blame(name, error.reason)

    def _follow(self, told: Mapping[str, str | None], made: int) -> None:
        """Show what another tab had the browser keep, or drop."""
        for kept in list(self._following):
            shown: dict[Cause, dict[str, Raw | Problem]] = {'remote': {}, 'reset': {}}
            for name in names(kept):
                key = self._items.key(kept, name)
                follows = kept.schema.fields[name].field.live and not kept.is_unsaved(name)
                if key not in told or not follows or self._is_overtaken(key, made):
                    continue
                if (token := told[key]) is None:
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
        """Whether the browser had not made a change of ours when it told of this key."""
        return key in self._touched or made < self._last.get(key, 0)

    def _note_failures(self, failed: Mapping[str, str | None]) -> None:
        for kept in self._following:
            for name in names(kept):
                if (key := self._items.key(kept, name)) in failed:
                    why = f'the browser did not keep it: {_named(failed[key])}'
                    kept.blame(name, why)
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
    """Return the script that a page with such fields runs, and no other."""
    return files('nicegui_stash.ui.scopes').joinpath('browser.js').read_text(encoding='utf-8')


def _texts(told: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what a browser tells by key; a value that is not a text counts as a damaged token."""
    return {key: text if text is None or isinstance(text, str) else '' for key, text in told.items()}


def _named(error: Any) -> str:
    """Return the name of an error that a browser tells, and nothing else that may be in its place."""
    return error if isinstance(error, str) and _NAME.fullmatch(error) else 'unknown'
