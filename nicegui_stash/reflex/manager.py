"""Reflex's state manager on our core: a tree of states per client in memory, and its document in any store."""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple

from msgspec import Struct

from ..errors import ConfigurationError, DeclarationError, StashError, ValueNotStorable
from ..hosting.opening import open_registry, renewal_interval, sweep_regularly
from ..model.document import SESSION_PART
from ..model.schema import Schema
from ..session.registry import Registry, Statistics
from ..session.session import Rested
from ..settings import Settings
from .declared import LeftOut, StateSchema, schema_of_state
from .options import ReflexOptions
from .reflex_private import (
    BaseState,
    BaseStateToken,
    StateManager,
    StateToken,
    Told,
    all_states,
    cut,
    hydrates,
    is_of_state_tree,
    new_tree,
    tell_again,
    token_expiration,
    told_by_browser,
)
from .tree import Tree

log = logging.getLogger('nicegui_stash')

LOOK_INTERVAL: Final = 1.0
"""Seconds in which a tree is looked up in the store at most once for code that is no event of a browser."""


REST_AFTER: Final = 10.0
"""Seconds without an event after which a tree is kept as the bytes of its document: in a sixth of the memory."""
AT_ONCE: Final = 50
"""How many trees may go to rest in one turn of the event loop."""


class Left(NamedTuple):
    """What stays of a tree that rests: what its browser has told and, for a while, its document."""

    used: float
    told: Told
    stored: Rested | None


class _Running:
    """The registry on one event loop, with the trees that are in memory there."""

    def __init__(self, registry: Registry, settings: Settings, options: ReflexOptions) -> None:
        self.registry = registry
        self.trees: dict[str, Tree] = {}
        self.left: dict[str, Left] = {}
        self.others: dict[str, tuple[asyncio.Lock, Any]] = {}
        self.loop = asyncio.get_running_loop()
        self._renew_every = renewal_interval(settings)
        self._idle = options.idle_timeout
        self._rest_after = min(REST_AFTER, options.idle_timeout)
        self._expiration = token_expiration()
        self._timers = [
            self.loop.call_later(self._renew_every, self._renew),
            self.loop.call_later(self._rest_after / 10, self._tidy),
        ]
        sweep_regularly(registry, settings)

    def _renew(self) -> None:
        self.registry.renew()
        self._timers[0] = self.loop.call_later(self._renew_every, self._renew)

    def _tidy(self) -> None:
        is_done = self.release_idle(monotonic())
        self._timers[1] = self.loop.call_later(self._rest_after / 10 if is_done else 0.01, self._tidy)

    def release_idle(self, now: float) -> bool:
        """Let trees rest that were idle for a while, and forget what rests for long; return whether that is all.

        What only memory holds stays as long as Reflex would keep it: a tree with values of the app that no document
        has, and what the browser has told, without which Reflex would load the open page once more.
        """
        rested = 0
        for ident, tree in list(self.trees.items()):
            idle = now - tree.used
            if tree.turns.is_taken or idle < self._rest_after or tree.session.pending:
                continue
            if idle < self._expiration and (tree.used == tree.kept or tree.holds_more):
                tree.kept = tree.used  # looked at once after each use
                continue
            stored = tree.session.rest()
            if stored is None and idle < self._idle:  # it would have to be read at the next event
                continue
            self.left[ident] = Left(tree.used, told_by_browser(tree.root), stored)
            del self.trees[ident]
            tree.close()
            cut(tree.root)
            rested += 1
            if rested == AT_ONCE:
                return False
        for ident, left in list(self.left.items()):
            if now - left.used >= self._expiration or (now - left.used >= self._idle and not left.told):
                del self.left[ident]
            elif left.stored is not None and now - left.used >= self._idle:
                self.left[ident] = left._replace(stored=None)
        return True

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()


class StashStateManager(StateManager):
    """Keeps states in our documents: a tree of states is a session, a class a slice, a var a field.

    Changes of one client are made one after another within a process. Between processes nothing is locked: each change
    is put under the condition that the document is as it was read, and is merged var by var where it is not.
    """

    def __init__(self, settings: Settings, url: str, options: ReflexOptions, root: type[BaseState]) -> None:
        """Read the declarations of all states below `root`; nothing is opened yet.

        Raises `DeclarationError`, and `ConfigurationError` for vars that cannot be stored, if that is asked for.
        """
        super().__init__()
        self._settings = settings
        self._url = url
        self._options = options
        self._root = root
        self._declared: dict[type[BaseState], StateSchema] = {}
        self._names: dict[str, Schema] = {}
        self._running: _Running | None = None
        self._said: set[tuple[str, str]] = set()
        left_out = [each for cls in all_states(root) for each in self._schema_of(cls).left_out]
        if left_out:
            self._tell_left_out(left_out)

    def _tell_left_out(self, left_out: list[LeftOut]) -> None:
        lines = '; '.join(f'{each.cls}.{each.name}: {each.why}' for each in left_out)
        if self._options.on_unstorable == 'raise':
            raise ConfigurationError(
                'on_unstorable',
                f'some vars cannot be stored: {lines}',
                'Annotate them with types that JSON can hold, or write stash_var(…, stored=False)',
            )
        log.warning(
            'these vars are not stored, and have their defaults after a restart: %s. Write stash_var(…, stored=False) '
            'for what need not be',
            lines,
        )

    # ---- what is open

    def open(self) -> Registry:
        """Return the registry of the running event loop; open it at the first call. Raises `ConfigurationError`."""
        return self._open().registry

    def _open(self) -> _Running:
        running = self._running
        if running is None or running.loop is not asyncio.get_running_loop():
            registry = open_registry(self._settings, self._url, self._settings.secrets)
            for declared in self._declared.values():
                registry.declare(declared.schema)
            running = self._running = _Running(registry, self._settings, self._options)
            if registry.store.guarantee == 'process':
                log.warning('%s keeps everything in the memory of this process: a restart loses it', self._url)
        return running

    def _schema_of(self, cls: type[BaseState]) -> StateSchema:
        declared = self._declared.get(cls)
        if declared is None:
            declared = schema_of_state(cls)
            other = self._names.setdefault(declared.schema.name, declared.schema)
            if other.cls is not cls and other.origin != declared.schema.origin:
                reason = f'{other.cls.__qualname__} already has the stored name {declared.schema.name!r}'
                raise DeclarationError(cls.__qualname__, None, reason)
            self._declared[cls] = declared
            if self._running is not None:
                self._running.registry.declare(declared.schema)
        return declared

    def statistics(self) -> Statistics:
        """Return the counts of the running event loop."""
        return self.open().statistics()

    # ---- what Reflex asks for

    async def get_state(self, token: StateToken | str) -> Any:
        """Return a client's tree, read from the store if it is not in memory."""
        token = self._coerce_token(token)
        if not is_of_state_tree(token):
            return self._other(token)[1]
        running = self._open()
        tree = running.trees.get(token.ident) or await self._load(running, token)
        tree.used = monotonic()
        self._freshen(tree)
        return tree.root

    async def set_state(self, token: StateToken | str, state: Any, **_context: Any) -> None:
        """Accept what was changed in a tree, or another tree in its place."""
        token = self._coerce_token(token)
        if not is_of_state_tree(token):
            self._open().others[token.cache_key] = self._other(token)[0], state
            return
        running = self._open()
        tree = running.trees.get(token.ident) or await self._load(running, token)
        tree.used = monotonic()
        tree.replace(state)
        tree.accept()
        self.raise_refused(tree)

    def modify_state(
        self, token: StateToken | str, *, event: object | None = None, **_context: Any
    ) -> _Modifying | _ModifyingOther:
        """Return a context that gives a client's tree to one event at a time, and accepts what it has changed."""
        if not isinstance(token, BaseStateToken):
            token = self._coerce_token(token)
            if not is_of_state_tree(token):
                return _ModifyingOther(*self._other(token))
        return _Modifying(self, token, event)

    async def close(self) -> None:
        """Make everything durable within `drain_timeout`, and close the store."""
        running, self._running = self._running, None
        if running is None:
            return
        running.stop()
        for tree in running.trees.values():
            tree.accept()
        registry = running.registry
        await registry.drain(self._settings.drain_timeout)
        await registry.aclose()
        await registry.store.aclose()

    async def before_answer(self, ident: str) -> None:
        """Accept what a client is about to be shown, and wait until it is durable, if that is asked for."""
        running = self._running
        tree = running.trees.get(ident) if running else None
        if running is None or tree is None:
            return
        tree.accept()
        session = tree.session
        if session.pending and session.problem is None and self._answers_durable(running):
            try:
                async with asyncio.timeout(self._options.answer_timeout):
                    await session.flush()
            except (StashError, TimeoutError) as error:
                log.debug('session %s: answered before its changes are durable: %s', session.key, error)

    async def copy(self, ident: str, new_ident: str) -> None:
        """Let a new token begin with what another one has.

        Reflex gives one to a second connection with the same token: to a duplicated tab, and to a page that reconnects
        before the server has noticed that its connection was lost.
        """
        running = self._open()
        source = running.trees.get(ident) or await self._load(running, BaseStateToken(ident=ident, cls=self._root))
        target = running.registry.session(new_ident)
        await target.load(self._settings.recover_timeout)
        for slice_id, found in list(source.session.document.all_slices()):
            for name, raw in found.data.items():
                try:
                    target.set(slice_id, SESSION_PART, name, raw)
                except ValueNotStorable as error:  # more is pending than fits
                    self._refuse(error)

    def _answers_durable(self, running: _Running) -> bool:
        if self._options.answer is not None:
            return self._options.answer == 'durable'
        return bool(self._settings.journal) or running.registry.store.guarantee == 'host'

    # ---- inside

    def enter_at_once(self, token: StateToken, event: object | None) -> Tree | None:
        """Return a client's tree, as in nearly every event; `None` if something has to be waited for."""
        running = self._running
        if running is None or running.loop is not asyncio.get_running_loop():
            return None
        tree = running.trees.get(token.ident)
        if tree is None or tree.is_stale or event is None or hydrates(event) or not tree.turns.take():
            return None
        tree.used = monotonic()
        return tree

    async def enter(self, token: StateToken, event: object | None) -> Tree:
        """Return a client's tree, once no other event has it."""
        running = self._open()
        tree = running.trees.get(token.ident) or await self._load(running, token)
        await tree.turns.wait()
        try:
            tree.used = monotonic()
            if event is None or hydrates(event):
                await self._look(tree, tree.used, event)
            if tree.is_stale:
                self._freshen(tree)
        except BaseException:
            tree.turns.give_up()
            raise
        return tree

    async def _look(self, tree: Tree, now: float, event: object | None) -> None:
        """Look whether another process wrote, where a connection was made or nobody knows how the code came here."""
        if event is None and now - tree.looked < LOOK_INTERVAL:
            return
        tree.looked = now
        await tree.session.revalidate(self._settings.revalidate_timeout)
        if event is not None:
            tree.session.touch()

    def _freshen(self, tree: Tree) -> None:
        if tree.is_stale:
            tree.accept()
            tree.refresh()

    async def _load(self, running: _Running, token: StateToken) -> Tree:
        session = running.registry.session(token.ident)
        left = running.left.get(token.ident)
        if left is not None and left.stored is not None and not session.is_read:
            session.go_on(left.stored)
        else:
            await session.load(self._settings.recover_timeout)
        tree = running.trees.get(token.ident)
        if tree is None:  # nobody was faster
            left = running.left.pop(token.ident, None)
            root = new_tree(token.cls.get_root_state())
            if left is not None:
                tell_again(root, left.told)
            tree = Tree(token.ident, root, session, self._schema_of, self._refuse, self._report)
            tree.used = monotonic()
            tree.looked = tree.used if left is None else 0.0
            running.trees[token.ident] = tree
        return tree

    def _other(self, token: StateToken) -> tuple[asyncio.Lock, Any]:
        others = self._open().others
        if token.cache_key not in others:
            self._say('other', token.cls.__qualname__, '%s is no state of the tree: it is kept in memory only')
            others[token.cache_key] = asyncio.Lock(), token.cls()
        return others[token.cache_key]

    def _refuse(self, error: ValueNotStorable) -> None:
        self.open().count('refused_changes')
        if self._settings.on_invalid == 'log':
            self._say('refused', error.without_value, 'a change is not stored: %s')

    def _report(self, what: str, why: str) -> None:
        del why  # it may quote the value
        self._say('lost', what, '%s does not fit any more, and has its default; what is stored stays until it changes')

    def _say(self, kind: str, what: str, message: str) -> None:
        if (kind, what) not in self._said:
            self._said.add((kind, what))
            log.warning(message, what)

    def raise_refused(self, tree: Tree) -> None:
        """Raise what could not be stored of a tree, if that is asked for."""
        error = tree.take_refused()
        if error is not None and self._settings.on_invalid == 'raise':
            raise error


class _Modifying(Struct):
    """Gives a tree to one event at a time. A generator would cost more than what it holds, as would `__init__`."""

    _manager: StashStateManager
    _token: StateToken
    _event: object | None
    _tree: Tree | None = None

    async def __aenter__(self) -> BaseState:
        manager, token, event = self._manager, self._token, self._event
        tree = self._tree = manager.enter_at_once(token, event) or await manager.enter(token, event)
        return tree.root

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tree = self._tree
        if tree is None:
            return
        try:
            tree.accept()
        finally:
            tree.turns.give_up()
        if error is None and tree.refused is not None:
            self._manager.raise_refused(tree)


class _ModifyingOther:
    """Gives an object that belongs to no tree to one event at a time."""

    def __init__(self, lock: asyncio.Lock, value: Any) -> None:
        self._lock = lock
        self._value = value

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        return self._value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()
