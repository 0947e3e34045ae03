"""The scopes in which elements are remembered."""

from __future__ import annotations

from typing import Literal, cast

from ...errors import StashError
from ...model.scopes import SCOPES, Scope, ScopeName

RememberScope = Literal['session', 'tab', 'reconnect']
_STORED = ('session', 'tab', 'reconnect')


def scope_named(name: str) -> Scope:
    """Return a scope by its name. Raises `StashError` for one that does not keep elements."""
    if name not in _STORED:
        raise StashError(f"scope={name!r} remembers no elements; write scope='session', 'tab' or 'reconnect'")
    return SCOPES[cast(ScopeName, name)]
