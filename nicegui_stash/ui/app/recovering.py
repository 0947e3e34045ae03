"""What `stash.recover(...)` returns: it has to be awaited, and says so where somebody forgets."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, NoReturn, TypeVar

from ...errors import StashError

T_co = TypeVar('T_co', covariant=True)

_OWN: Final = ('_cls', '_function', '_coroutine')
_OF_COROUTINES: Final = ('__', '_is_coroutine', '_asyncio', 'cr_', 'gi_', 'ag_')
"""How the names begin that frameworks look for in an awaitable."""


class Recovering(Coroutine[Any, Any, T_co]):
    """The recovery of one instance, which begins when it is awaited."""

    def __init__(self, cls: type[T_co], function: Callable[[type[T_co]], Coroutine[Any, Any, T_co]]) -> None:
        self._cls = cls
        self._function = function
        self._coroutine: Coroutine[Any, Any, T_co] | None = None

    def __await__(self) -> Generator[Any, Any, T_co]:
        return self._begin().__await__()

    def send(self, value: Any) -> Any:
        return self._begin().send(value)

    def throw(self, *error: Any) -> Any:
        return self._begin().throw(*error)

    def close(self) -> None:
        if self._coroutine is not None:
            self._coroutine.close()

    def _begin(self) -> Coroutine[Any, Any, T_co]:
        if self._coroutine is None:
            self._coroutine = self._function(self._cls)
        return self._coroutine

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith(_OF_COROUTINES):
            raise AttributeError(name)
        raise self._not_awaited(name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _OWN:
            raise self._not_awaited(name)
        super().__setattr__(name, value)

    def _not_awaited(self, name: str) -> StashError:
        cls = self._cls.__qualname__
        return StashError(
            f'{cls}.{name}: stash.recover({cls}) is not awaited; '
            f'write page = await stash.recover({cls}), in an async def function'
        )
