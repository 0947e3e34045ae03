"""Every touch of Reflex, and of what it does not document; only the plugin's base class is imported elsewhere.

Reflex is not installed where most of this project is checked, so what is used of it is declared here for type checkers.
"""

# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from inspect import get_annotations
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:

    class RxField(Protocol):
        """A var's declaration, as Reflex keeps it."""

        annotated_type: Any
        default: Any
        default_factory: Callable[[], Any] | None
        _owner: type | None

        def default_value(self) -> Any: ...

    class BaseState:
        """A node of the tree of states of one client."""

        substates: dict[str, BaseState]
        parent_state: BaseState | None
        dirty_vars: set[str]
        dirty_substates: set[str]
        _was_touched: bool
        _mixin: bool

        def __init__(self, *, _reflex_internal_init: bool = False) -> None: ...
        @classmethod
        def get_fields(cls) -> Mapping[str, RxField]: ...
        @classmethod
        def get_full_name(cls) -> str: ...
        @classmethod
        def get_root_state(cls) -> type[BaseState]: ...
        @classmethod
        def get_substates(cls) -> set[type[BaseState]]: ...
        @classmethod
        def _is_client_storage(cls, prop_name_or_field: Any) -> bool: ...
        def _mark_dirty(self, var_names: Iterable[str] | None = None) -> None: ...

    class StateToken:
        """Whose state is asked for, and which class of it."""

        ident: str
        cls: type[Any]
        cache_key: str

        def __init__(self, *, ident: str, cls: type[Any]) -> None: ...

    class BaseStateToken(StateToken):
        """A token of a tree of states."""

    class StateManager:
        """What an app asks for the states of its clients."""

        @staticmethod
        def _coerce_token(token: StateToken | str) -> StateToken: ...

    class TokenManager(Protocol):
        """Who is connected."""

        link_token_to_sid: Callable[[str, str], Awaitable[str | None]]

    class EventNamespace(Protocol):
        """What speaks with the browsers."""

        emit_update: Callable[..., Any]
        _token_manager: TokenManager

    class App(Protocol):
        """The app, as far as the plugin touches it."""

        _state: type[BaseState] | None
        _state_manager: StateManager | None
        event_namespace: EventNamespace | None

        def register_lifespan_task(self, task: Callable[[], AbstractAsyncContextManager[None]]) -> object: ...

    class MutableProxy:
        """What watches a mutable value for changes in place."""

        __wrapped__: Any

    def field(default: Any = ..., *, default_factory: Callable[[], Any] | None = None) -> RxField: ...
    def get_config() -> Any: ...

else:
    from reflex.istate.manager import StateManager
    from reflex.istate.manager.token import BaseStateToken, StateToken
    from reflex.istate.proxy import MutableProxy
    from reflex.state import BaseState
    from reflex_base.config import get_config
    from reflex_base.vars.base import field

    App = EventNamespace = RxField = Any

__all__ = ['App', 'BaseState', 'BaseStateToken', 'RxField', 'StateManager', 'StateToken']

OLDEST: Final = (0, 10)
"""The first version whose states say for themselves that they were changed, and keep all their vars alike."""
_OPTIONS = 'nicegui_stash'
_CONNECTION = frozenset({'is_hydrated', '_reflex_internal_links'})


def make_field(default: Any, default_factory: Callable[[], Any] | None, options: object) -> Any:
    """Return a field of Reflex that carries options of ours, also into the classes that mix it in."""
    made = field(default_factory=default_factory) if default_factory else field(default)
    setattr(made, _OPTIONS, options)
    return made


def options_of(field: RxField) -> object:
    """Return the options that `make_field` was given, `None` if Reflex made the field itself."""
    return getattr(field, _OPTIONS, None)


# ---- classes of states


def own_fields(cls: type[BaseState]) -> Iterator[tuple[str, RxField]]:
    """Iterate over what a class adds to its parent, without what belongs to the connection and to the browser."""
    for name, field in cls.get_fields().items():
        if field._owner is cls and not _is_told(cls, name, field):
            yield name, field


def _is_told(cls: type[BaseState], name: str, field: RxField) -> bool:
    """Whether a var is what the browser has told.

    The address, the headers and the session of the socket come with the next event, cookies among them; what is in the
    browser's storage comes with the next hydration.
    """
    if name in _CONNECTION or name.startswith('rx_router_') or name == 'router_data':
        return True
    return cls._is_client_storage(field)


def is_annotated(cls: type[BaseState], name: str) -> bool:
    """Whether the app has annotated a var; otherwise its annotation is Reflex's guess from the default."""
    return any(name in get_annotations(base) for base in cls.__mro__)


def subclasses_of_shared_state() -> list[str]:
    """Return the names of the app's classes that several clients are to share.

    Reflex's module is not imported for it: it adds a state to the tree, for which the browser's code was not built.
    """
    module: Any = sys.modules.get('reflex.istate.shared')
    found: list[str] = []
    waiting: list[type[BaseState]] = module.SharedState.__subclasses__() if module else []
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if not cls._mixin:
            found.append(f'{cls.__module__}.{cls.__qualname__}')
    return sorted(found)


def all_states(root: type[BaseState]) -> Iterator[type[BaseState]]:
    """Iterate over a class of states and all below it."""
    yield root
    for cls in sorted(root.get_substates(), key=lambda each: each.get_full_name()):
        yield from all_states(cls)


# ---- trees of states


def new_tree(root: type[BaseState]) -> BaseState:
    """Return a new tree in which every var has its default."""
    return root(_reflex_internal_init=True)


def nodes(state: BaseState) -> Iterator[BaseState]:
    """Iterate over a node and all below it."""
    yield state
    for each in state.substates.values():
        yield from nodes(each)


def touch_all(state: BaseState) -> None:
    """Let every node of a tree count as changed, as of one that did not come from here."""
    for node in nodes(state):
        node._was_touched = True


def has_unsent(root: BaseState) -> bool:
    """Whether the browser is still to be sent something of a tree, with its next answer."""
    return any(state.dirty_vars or state.dirty_substates for state in nodes(root))


Told = Mapping[str, Mapping[str, Any]]
"""By the name of a state: what the browser has told, by var."""


def told_by_browser(root: BaseState) -> Told:
    """Return what the browser has told the states of a tree, and tells only once for each connection."""
    found: dict[str, dict[str, Any]] = {}
    for state in nodes(root):
        cls, values = type(state), vars(state)
        told = {
            name: values[name]
            for name, field in cls.get_fields().items()
            if name in values and field._owner is cls and _is_told(cls, name, field)
        }
        if told:
            found[cls.get_full_name()] = told
    return found


def tell_again(root: BaseState, told: Told) -> None:
    """Give the states of a new tree what the browser has told those of an earlier one; it knows that."""
    for state in nodes(root):
        vars(state).update(told.get(type(state).get_full_name(), {}))


def cut(state: BaseState) -> None:
    """Break the cycles of a tree that nobody uses any more, so that it is freed at once."""
    for each in state.substates.values():
        cut(each)
    state.substates.clear()


is_touched: Callable[[BaseState], bool] = attrgetter('_was_touched')
"""Whether a var of a node was set, or changed in place, since this was set to `False`; asked of each at each event."""
set_touched: Callable[[BaseState, bool], None] = vars(BaseState)['_was_touched'].__set__
"""Set that. It is a slot; `__setattr__` of a state would cost more."""


def show(state: BaseState, name: str, value: Any) -> None:
    """Give a var another value, and send it to the browser with the next answer, without counting it as a change."""
    vars(state)[name] = value
    state.dirty_vars.add(name)
    state._mark_dirty((name,))


def plain(value: Any) -> Any:
    """Return a value without Reflex's proxies, which watch for changes in place, at any depth."""
    if isinstance(value, MutableProxy):
        value = value.__wrapped__
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in cast(dict[Any, Any], value).items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(map(plain, value))
    return value


def is_plain_attribute(name: str) -> bool:
    """Whether an attribute of a node holds neither a var nor a cached one, but something that the app has put there."""
    return not name.startswith(('__', '_reflex'))


# ---- the app


def is_of_state_tree(token: StateToken) -> bool:
    return isinstance(token, BaseStateToken)


def hydrates(event: Any) -> bool:
    """Whether an event belongs to a connection that has just been made, so that another server may have been first."""
    name = getattr(event, 'name', '')
    return name.endswith(('.hydrate', '.hydrate_and_load'))


def token_expiration() -> float:
    """Return after how many seconds Reflex lets go of a state in memory."""
    return float(get_config().redis_token_expiration)


def is_too_old() -> str | None:
    """Return the version of Reflex if it is older than the oldest whose states this knows."""
    installed = version('reflex')
    return installed if tuple(map(int, re.findall(r'\d+', installed)[:2])) < OLDEST else None


def root_of(app: App) -> type[BaseState] | None:
    return app._state


def set_manager(app: App, manager: StateManager) -> None:
    """Let an app ask this manager from now on; call it before the app runs."""
    app._state_manager = manager


def before_each_answer(app: App, step: Callable[[str], Any]) -> None:
    """Await `step` with the client's token before anything is sent to it."""
    namespace = app.event_namespace
    if namespace is None:
        return
    emit = namespace.emit_update

    async def emit_update(update: Any, token: str) -> None:
        await step(token)
        await emit(update=update, token=token)

    namespace.emit_update = emit_update


def at_each_new_token(app: App, step: Callable[[str, str], Awaitable[None]]) -> None:
    """Await `step` with the token and the new one, which Reflex gives to a second connection with the same token."""
    namespace = app.event_namespace
    if namespace is None:
        return
    tokens = namespace._token_manager
    link = tokens.link_token_to_sid

    async def link_token_to_sid(token: str, sid: str) -> str | None:
        new = await link(token, sid)
        if new:
            await step(token, new)
        return new

    tokens.link_token_to_sid = link_token_to_sid
