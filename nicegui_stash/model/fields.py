"""`stored()`: the declaration of one field."""

from __future__ import annotations

import copy
from collections.abc import Callable
from importlib.util import find_spec
from inspect import iscoroutinefunction
from typing import Any, Final, Literal, TypeVar, cast, overload

from ..errors import DeclarationError, StashError
from ..extras import install_line
from .codec import Decode, Encode
from .scopes import SCOPES, ScopeName

T = TypeVar('T')

History = Literal['replace', 'push']
Validate = Callable[[Any], bool]


class _Missing:
    def __repr__(self) -> str:
        return 'MISSING'


MISSING: Final = _Missing()


def _undecorated(cls: type) -> StashError:
    return StashError(
        f'{cls.__qualname__} is not decorated; put @stash.page(...), @stash.view or @stash.state above it'
    )


class Field:
    """The declaration in the class body, made by `stored()`; the decorator replaces it with a bindable property."""

    def __init__(
        self,
        default: Any,
        default_factory: Callable[[], Any] | None,
        scope: ScopeName,
        live: bool,  # noqa: FBT001 only `stored` calls this
        encode: Encode | None,
        decode: Decode | None,
        renamed_from: str | None,
        validate: Validate | None,
        history: History | None = None,
        *,
        encrypted: bool = False,
        row_key: str | None = None,
    ) -> None:
        self.name = ''
        self.default = default
        self.default_factory = default_factory
        self.scope: ScopeName = scope
        self.live = live
        self.encode = encode
        self.decode = decode
        self.renamed_from = renamed_from
        self.validate = validate
        self.history = history
        self.encrypted = encrypted
        self.row_key = row_key

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        raise _undecorated(owner)

    def __set__(self, instance: object, value: Any) -> None:
        raise _undecorated(type(instance))

    def new_default(self) -> Any:
        """Return a new default: made by the factory, or a deep copy."""
        return self.default_factory() if self.default_factory else copy.deepcopy(self.default)

    def check(self, cls: str) -> None:
        """Raise `DeclarationError` for a mistake that shows without the annotation."""
        if self.scope not in SCOPES:
            from difflib import get_close_matches  # noqa: PLC0415 only an error needs it

            close = next(iter(get_close_matches(self.scope, SCOPES, n=1)), 'session')
            reason = f'unknown scope {self.scope!r}; the scopes are {", ".join(SCOPES)}'
            raise DeclarationError(cls, self.name, f"{reason}. Write stored(…, scope='{close}')")
        if self.history not in {None, 'replace', 'push'} or (self.history and self.scope != 'url'):
            raise DeclarationError(cls, self.name, "history= is 'replace' or 'push', for a field of scope='url'")
        if self.encrypted and self.scope != 'browser':
            raise DeclarationError(cls, self.name, "encrypted=True is for a field of scope='browser'")
        if self.encrypted and find_spec('cryptography') is None:
            reason = f'encrypted=True needs the package cryptography: {install_line("encryption", "cryptography")}'
            raise DeclarationError(cls, self.name, reason)
        if (self.default is MISSING) == (self.default_factory is None):
            raise DeclarationError(cls, self.name, 'give either a default or default_factory=')
        for option in ('default_factory', 'encode', 'decode', 'validate'):
            function = getattr(self, option)
            if function is not None and (not callable(function) or iscoroutinefunction(function)):
                raise DeclarationError(cls, self.name, f'{option}={function!r} must be a plain function')
        if self.renamed_from is not None and not isinstance(cast(Any, self.renamed_from), str):
            raise DeclarationError(cls, self.name, f'renamed_from={self.renamed_from!r} must be a text')
        if self.row_key is not None and not isinstance(cast(Any, self.row_key), str):
            raise DeclarationError(cls, self.name, f"row_key={self.row_key!r} must be a key of its rows, as 'id'")
        if self.name.startswith('_') or self.name in {'build', 'prepare', 'on_recovered'}:
            raise DeclarationError(cls, self.name, 'a stored field cannot have this name; rename it')


@overload
def stored(
    default: T,
    *,
    scope: ScopeName = 'session',
    live: bool = True,
    renamed_from: str | None = None,
    history: History | None = None,
    encrypted: bool = False,
    row_key: str | None = None,
) -> T: ...  # no function of T here: a checker takes the T of `stored([])` from the annotation then
@overload
def stored(
    default: T,
    *,
    scope: ScopeName = 'session',
    live: bool = True,
    encode: Callable[[T], Any] | None = None,
    decode: Callable[[Any], T] | None = None,
    renamed_from: str | None = None,
    validate: Callable[[T], bool] | None = None,
    history: History | None = None,
    encrypted: bool = False,
    row_key: str | None = None,
) -> T: ...
@overload
def stored(
    *,
    default_factory: Callable[[], T],
    scope: ScopeName = 'session',
    live: bool = True,
    encode: Callable[[T], Any] | None = None,
    decode: Callable[[Any], T] | None = None,
    renamed_from: str | None = None,
    validate: Callable[[T], bool] | None = None,
    history: History | None = None,
    encrypted: bool = False,
    row_key: str | None = None,
) -> T: ...
def stored(
    default: Any = MISSING,
    *,
    default_factory: Callable[[], Any] | None = None,
    scope: ScopeName = 'session',
    live: bool = True,
    encode: Encode | None = None,
    decode: Decode | None = None,
    renamed_from: str | None = None,
    validate: Validate | None = None,
    history: History | None = None,
    encrypted: bool = False,
    row_key: str | None = None,
) -> Any:
    """Declare an attribute of a page class whose value is stored.

    `default` is copied for each instance, so `stored([])` is safe. `scope` says when the value comes back:

    - `session`: on every visit of this browser session.
    - `tab`: in this browser tab.
    - `reconnect`: only if this very page comes back by itself, after a lost connection or a restarted server.
    - `url`: from the address, links included. The value is a parameter of the page's query string, and the server
      stores nothing. With `history='push'` each change is a step of back and forward.
    - `browser`: like `session`, but the browser keeps the value, signed or, with `encrypted=True`, unreadable. The
      server stores nothing.
    - `user`: for the person who is signed in, on every device, live. `user=` of `Stash` says who that is. What was
      entered before goes over at sign-in.
    - `room`: for everybody on a page of this room, at once. `room=` of the page names it; its `prepare()` says who may
      open it.

    With `live=False` other tabs do not follow at once. `encode` and `decode` convert values that JSON does not know.
    `renamed_from` is the name under which older versions stored the field. `validate` says whether a recovered value is
    still valid: if it returns `False` or raises, the field has its default, and `recovery.problems` has the reason.

    Rows of a list are the same row, after a change elsewhere, if they agree in `row_key`: by default in `'id'` if every
    row has one, else by position. The same row stays the same object, so elements stay bound to it.

    To a type checker the result has the type of the value. That of `stored([])` comes from the annotation; beside
    `encode`, `decode` or `validate`, write `stored(default_factory=list[str], …)`.
    """
    return cast(
        Any,
        Field(
            default,
            default_factory,
            scope,
            live,
            encode,
            decode,
            renamed_from,
            validate,
            history,
            encrypted=encrypted,
            row_key=row_key,
        ),
    )
