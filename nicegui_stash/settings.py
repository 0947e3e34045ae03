"""The options of a `Stash`: from its arguments, else from the environment, else the defaults.

An option is declared here, with its type as an argument in `StashOptions` and everything else in `Settings`. The
signature of `Stash`, the variable, what is refused and the text of the documentation follow from that.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Final, Generic, Literal, NamedTuple, TypedDict, TypeVar, Unpack, cast
from uuid import UUID

from .errors import ConfigurationError
from .extras import install_line
from .model.limits import Policy

T = TypeVar('T')
Request = TypeVar('Request')
OnInvalid = Literal['raise', 'log']
Rejoin = Literal['in_place', 'reload']
Identity = Callable[[Any], str | None]
User = Callable[[Any], str | int | UUID | None]
Adopt = Literal['fill', 'replace', 'none']
PREFIX: Final = 'NICEGUI_STASH_'
DAY: Final = 86400.0


class StashOptions(TypedDict, Generic[Request], total=False):
    """What a `Stash` takes besides its URL. `None` stands for an option that is not given."""

    storage_options: Mapping[str, Any] | None
    engine: str | None
    prefix: str | None
    allow_lost_updates: bool | None
    journal: str | os.PathLike[str] | None
    secrets: str | Sequence[str] | None
    encrypt: bool | None
    identity: Callable[[Request], str | None] | None
    user: Callable[[Request], str | int | UUID | None] | None
    adopt: Adopt | None
    ttl: timedelta | None
    tab_ttl: timedelta | None
    browser_ttl: timedelta | None
    sweep_interval: timedelta | None
    recover_timeout: float | None
    revalidate_timeout: float | None
    flush_interval: float | None
    live_interval: float | None
    drain_timeout: float | None
    max_value_bytes: int | None
    max_document_bytes: int | None
    max_new_sessions: int | None
    on_invalid: OnInvalid | None
    csp_nonce: str | None
    rejoin: Rejoin | None
    dev: bool | None


# ---- kinds of options


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How options of one kind are given, read and checked.

    `read` makes an argument of a variable's text and raises `ValueError` for a text that it cannot use. `check` makes
    the setting of an argument's name and value, and raises `ConfigurationError`. `remedy` says what to write instead
    of an argument of another type than `admits`.
    """

    admits: type | tuple[type, ...]
    remedy: str
    read: Callable[[str], Any]
    check: Callable[[str, Any], T]


def read_seconds(text: str) -> float:
    """Read a time as `30d`: seconds, or a number with s, min, h or d. Raises `ValueError` saying so."""
    units = {'min': 60.0, 's': 1.0, 'h': 3600.0, 'd': DAY}
    unit = next((unit for unit in units if text.endswith(unit)), '')
    try:
        return float(text.removesuffix(unit)) * units.get(unit, 1.0)
    except ValueError:
        raise ValueError('it is not a time; write seconds, or a number with s, min, h or d') from None


def _read_bytes(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError('it is not a whole number; write how many bytes') from None


def _read_count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError('it is not a whole number') from None


def _read_truth(text: str) -> bool:
    true, false = {'1', 'true', 'yes', 'on'}, {'0', 'false', 'no', 'off', ''}
    if text.lower() in true | false:
        return text.lower() in true
    raise ValueError('it is neither true nor false')


def _read_list(text: str) -> list[str]:
    listed = [part.strip() for part in text.split(',') if part.strip()]
    if not listed:  # another secret would be taken instead, under which nothing that was stored is found
        raise ValueError('it holds no secret')
    return listed


def _read_object(text: str) -> Mapping[str, Any]:
    found: Any = json.loads(text or '{}')
    if not isinstance(found, dict):
        raise ValueError('it is not a JSON object')  # noqa: TRY004 what the caller reports is text that cannot be used
    return cast(dict[str, Any], found)


def _read_function(text: str) -> Callable[..., Any] | None:
    if not text:
        return None
    if not all(text.partition(':')):
        raise ValueError('it is not of the form module:function')
    try:
        found = pkgutil.resolve_name(text)
    except (ImportError, AttributeError) as error:
        raise ValueError(f'{text} cannot be imported: {error}') from error
    if not callable(found):
        raise ValueError(f'{text} is not a function')  # noqa: TRY004 as above
    return cast(Callable[..., Any], found)


def _as_given(_: str, value: Any) -> Any:
    return value


def _copied(_: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(value)


def _positive(name: str, value: Any) -> Any:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if not (number > 0 and math.isfinite(number)):
        raise ConfigurationError(name, 'it must be greater than 0 and finite', 'Leave it out for the default')
    return number


def _positive_or_zero(name: str, value: Any) -> float:
    if value in {0, timedelta(0)}:  # no time at all between puts, or no sweep
        return 0.0
    return _positive(name, value)


def _not_negative(name: str, value: int) -> int:
    if value < 0:
        raise ConfigurationError(name, 'it must not be negative', 'Leave it out for the default')
    return int(value)


def _folder(name: str, given: str) -> str:
    prefix = given.strip('/')
    admitted_by_stores = r'[\w-][\w.-]*(/[\w-][\w.-]*)*'
    if prefix and (not re.fullmatch(admitted_by_stores, prefix, re.ASCII) or prefix.partition('/')[0] == 'quarantine'):
        raise ConfigurationError(
            name,
            f'{prefix!r} cannot be a folder of keys',
            'Use letters, digits, "-", "_" and "." between "/", and not quarantine/, which is taken',
        )
    return prefix


def _secrets(name: str, given: str | Sequence[str]) -> tuple[str, ...]:
    secrets = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(secret, str) for secret in secrets):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(name, 'a secret must be a text', 'Write bytes as text, such as secret.hex()')
    if not all(secrets):
        raise ConfigurationError(name, 'a secret is empty', 'Leave it out for the storage_secret of ui.run')
    if not secrets:
        raise ConfigurationError(name, 'the list is empty', 'Leave it out for the storage_secret of ui.run')
    if any(len(secret.strip()) < 2 for secret in secrets):  # such as list('a secret')
        raise ConfigurationError(
            name, 'a secret of one character can be guessed', "Write a list of long random texts: secrets=['…']"
        )
    return secrets


def _encrypting(name: str, given: bool) -> bool:  # noqa: FBT001 as each check
    if given and find_spec('cryptography') is None:
        reason = 'it needs the package cryptography'
        raise ConfigurationError(name, reason, install_line('encryption', 'cryptography'))
    return given


def _reaction(name: str, given: str) -> OnInvalid:
    if given not in {'raise', 'log'}:
        raise ConfigurationError(name, f'{given!r} is unknown', "Use 'raise' or 'log'")
    return cast(OnInvalid, given)


def _path(_: str, given: str | os.PathLike[str]) -> str:
    text = os.fspath(given)
    return str(Path(text).expanduser().absolute()) if text else ''


def _adopting(name: str, given: str) -> Adopt:
    if given not in {'fill', 'replace', 'none'}:
        raise ConfigurationError(name, f'{given!r} is unknown', "Use 'fill', 'replace' or 'none'")
    return cast(Adopt, given)


def way_back(name: str, given: str) -> Rejoin:
    """Return the way in which pages come back. Raises `ConfigurationError` for an unknown one."""
    if given not in {'in_place', 'reload'}:
        raise ConfigurationError(name, f'{given!r} is unknown', "Use 'in_place' or 'reload'")
    return cast(Rejoin, given)


def _nonce(name: str, given: str) -> str:
    grammar = r'[A-Za-z0-9+/_-]+={0,2}'  # https://www.w3.org/TR/CSP3/#grammardef-nonce-source
    if given and not re.fullmatch(grammar, given):  # it is put into the HTML as it stands
        raise ConfigurationError(name, 'it must be base64 text', 'Use secrets.token_urlsafe(), or leave it out')
    return given


_TEXT_OR_NONE: Kind[str | None] = Kind(str, 'Pass a text', str, _as_given)
_URL: Kind[str] = Kind((str, os.PathLike), 'Pass a text', str, _as_given)
_PATH: Kind[str] = Kind((str, os.PathLike), 'Pass a path', str, _path)
_OBJECT: Kind[Mapping[str, Any]] = Kind(cast(type, Mapping), 'Pass a dict', _read_object, _copied)
_FOLDER: Kind[str] = Kind(str, 'Pass a text', str, _folder)
_TRUTH: Kind[bool] = Kind(bool, 'Pass True or False', _read_truth, _as_given)
_ENCRYPTION: Kind[bool] = Kind(bool, 'Pass True or False', _read_truth, _encrypting)
_SECRETS = Kind((str, cast(type, Sequence)), 'Pass a text, or a list of texts', _read_list, _secrets)
_FUNCTION: Kind[Identity | None] = Kind(cast(type, Callable), 'Pass a function', _read_function, _as_given)
_WHO: Kind[User | None] = Kind(cast(type, Callable), 'Pass a function', _read_function, _as_given)
_ADOPT = Kind(str, "Use 'fill', 'replace' or 'none'", str, _adopting)
_SPAN: Kind[float] = Kind(timedelta, 'Write {}=timedelta(days=…)', read_seconds, _positive)
_SPAN_OR_NONE: Kind[float | None] = Kind(timedelta, 'Write {}=timedelta(days=…)', read_seconds, _positive_or_zero)
_SECONDS: Kind[float] = Kind((int, float), 'Pass a number of seconds', read_seconds, _positive)
_SECONDS_OR_NONE: Kind[float | None] = Kind((int, float), 'Pass a number of seconds', read_seconds, _positive_or_zero)
_SECONDS_OR_NEVER: Kind[float] = Kind((int, float), 'Pass a number of seconds', read_seconds, _positive_or_zero)
_BYTES: Kind[int] = Kind((int, float), 'Pass a number of bytes', _read_bytes, _positive)
_COUNT: Kind[int] = Kind(int, 'Pass a whole number', _read_count, _not_negative)
_REACTION = Kind(str, "Use 'raise' or 'log'", str, _reaction)
_WAY_BACK = Kind(str, "Use 'in_place' or 'reload'", str, way_back)
_NONCE = Kind(str, 'Pass a text', str, _nonce)


# ---- the options


class Option(NamedTuple):
    """One option of `Stash`. A default of `None` means that something else decides, as `meaning` or its page says."""

    name: str
    kind: Kind[Any]
    default: Any
    meaning: str

    @property
    def variable(self) -> str:
        return PREFIX + self.name.upper()

    def settle(self, given: Any) -> Any:
        """Return the setting: of an argument, else of the environment, else the default.

        Raises `ConfigurationError`, which shows neither an argument of a wrong type nor the text of a variable that
        may hold a secret.
        """
        if given is None:
            given = self._of_environment()
        elif not isinstance(given, self.kind.admits):
            reason = f'it is of type {type(given).__name__}'
            raise ConfigurationError(self.name, reason, self.kind.remedy.format(self.name))
        return self.default if given is None else self.kind.check(self.name, given)

    def _of_environment(self) -> Any:
        text = os.environ.get(self.variable)
        if text is None:
            return None
        try:
            return self.kind.read(text.strip())
        except ValueError as error:
            remedy = f'Correct or unset the variable, or pass {self.name}= to Stash'
            raise ConfigurationError(self.variable, str(error), remedy) from error

    def __str__(self) -> str:
        return f'`{self.name}`: {self.meaning}'


def _option(kind: Kind[T], default: T, meaning: str, *, is_secret: bool = False, is_of_one_stash: bool = False) -> T:
    """Declare an option. Two `Stash` objects can share a store although they differ in one `is_of_one_stash`."""
    declared: Any = dataclasses.field(
        repr=not is_secret, compare=not is_of_one_stash, metadata={'declared': (kind, default, meaning)}
    )
    return declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every option, resolved. Times are seconds, sizes bytes; `url` may be empty: the caller knows a default.

    Two that are equal can share one store. What may hold a password is not shown.
    """

    url: str = _option(_URL, '', 'where documents are kept: a folder, or the URL of a store', is_secret=True)
    storage_options: Mapping[str, Any] = _option(
        _OBJECT,
        cast(Mapping[str, Any], {}),
        "options of an fsspec filesystem, or of a third party's store",
        is_secret=True,
    )
    engine: str | None = _option(
        _TEXT_OR_NONE, None, 'the library that speaks with object storage: `fsspec` or `obstore`'
    )
    prefix: str = _option(_FOLDER, '', 'a folder within the store, so that several apps can share one')
    allow_lost_updates: bool = _option(_TRUTH, False, 'accept a store without conditional puts')  # noqa: FBT003
    journal: str = _option(_PATH, '', 'a folder of this host in which changes are durable before they are put')
    secrets: tuple[str, ...] = _option(
        _SECRETS,
        (),
        'from which object keys are derived, and what browsers keep is signed; the first is used, the others are '
        'looked up',
        is_secret=True,
    )
    encrypt: bool = _option(_ENCRYPTION, False, 'seal what is stored, with keys that are derived from `secrets`')  # noqa: FBT003
    identity: Identity | None = _option(  # noqa: RUF009 it declares the default, as dataclasses.field does
        _FUNCTION,
        None,
        'a function from the request to the id of the session, or `None` for that of the cookie',
        is_of_one_stash=True,
    )
    user: User | None = _option(  # noqa: RUF009 as above
        _WHO,
        None,
        "a function from the request to the id of the person who is signed in, or `None`: the owner of `scope='user'`",
        is_of_one_stash=True,
    )
    adopt: Adopt = _option(  # noqa: RUF009 as above
        _ADOPT,
        'fill',
        "what happens at sign-in to what was entered before: it fills what the person lacks, or it wins: `'replace'`, "
        "or it stays: `'none'`",
        is_of_one_stash=True,
    )
    ttl: float = _option(
        _SPAN, 30 * DAY, 'how long an unseen session, or an unseen old version of a class, can still come back'
    )
    tab_ttl: float = _option(_SPAN, DAY, 'how long an unseen tab or visit can still come back')
    browser_ttl: float = _option(_SPAN, 30 * DAY, 'how long what a browser keeps can still come back')
    sweep_interval: float | None = _option(
        _SPAN_OR_NONE, None, 'how often the app sweeps its store, on one server at a time; 0 for never'
    )
    recover_timeout: float = _option(_SECONDS, 1.0, 'how long a page waits for a session that is not in memory')
    revalidate_timeout: float = _option(
        _SECONDS, 0.1, 'how long a page waits to learn whether another server changed a session that is in memory'
    )
    flush_interval: float | None = _option(_SECONDS_OR_NONE, None, 'time between two puts of one session; 0 for none')
    live_interval: float = _option(
        _SECONDS_OR_NEVER,
        0.0,
        'how often open rooms are looked at in object storage, which does not tell of puts; 0 for never',
    )
    drain_timeout: float = _option(_SECONDS, 5.0, 'how long a stopping server takes for what is not durable yet')
    max_value_bytes: int = _option(_BYTES, 256 * 1024, 'the most bytes of JSON for one field')
    max_document_bytes: int = _option(_BYTES, 1024 * 1024, 'the most bytes of JSON for one session')
    max_new_sessions: int = _option(
        _COUNT,
        600,
        'how many sessions one process stores for the first time per minute; those beyond wait in memory; 0 for any',
    )
    on_invalid: OnInvalid = _option(  # noqa: RUF009 as above
        _REACTION,
        'raise',
        "what a direct assignment that does not fit does: raise, or `'log'` and keep the old value",
        is_of_one_stash=True,
    )
    csp_nonce: str = _option(
        _NONCE,
        '',
        'the nonce of the script element that is added to each page',
        is_secret=True,
        is_of_one_stash=True,
    )
    rejoin: Rejoin = _option(  # noqa: RUF009 as above
        _WAY_BACK,
        'in_place',
        "how a page comes back whose client is gone: within its document, or by a `'reload'`",
        is_of_one_stash=True,
    )
    dev: bool = _option(_TRUTH, False, 'show a panel for developers on each page, never in production')  # noqa: FBT003

    def policy(self, store_interval: float) -> Policy:
        interval = store_interval if self.flush_interval is None else self.flush_interval
        return Policy(
            ttl=self.ttl,
            tab_ttl=self.tab_ttl,
            flush_interval=interval,
            max_value_bytes=self.max_value_bytes,
            max_document_bytes=self.max_document_bytes,
            max_new_sessions=self.max_new_sessions,
            live_interval=self.live_interval,
        )


OPTIONS: Final[Mapping[str, Option]] = {
    field.name: Option(field.name, *field.metadata['declared']) for field in dataclasses.fields(Settings)
}


def resolve(url: str | None = None, **options: Unpack[StashOptions[Any]]) -> Settings:
    """Resolve the options of a `Stash`. Raises `ConfigurationError` naming the option or variable that cannot be used.

    A time in the environment is a number of seconds, or a number with one of the units s, min, h and d, as in `30d`; a
    function is written `module:function`.
    """
    for name in options:
        if name not in OPTIONS:
            raise ConfigurationError(name, 'unknown option', suggestion(name, OPTIONS))
    given = {'url': url, **options}
    return Settings(**{name: option.settle(given.get(name)) for name, option in OPTIONS.items()})


def signature() -> Signature:
    """Return the signature of `Stash`: the URL, then every option as a keyword."""
    types = {name: hint.__forward_arg__ for name, hint in cast(Mapping[str, Any], StashOptions.__annotations__).items()}
    return Signature(
        [
            Parameter('url', Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation='str | None'),
            *(Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hint) for name, hint in types.items()),
        ],
        return_annotation=None,
    )


def suggestion(name: str, options: Iterable[str]) -> str:
    """Say which option was probably meant by a name that there is not, and which there are."""
    from difflib import get_close_matches  # noqa: PLC0415 only an error needs it

    close = get_close_matches(name, options, n=1)
    meant = f'Did you mean {close[0]}=…? ' if close else ''
    return f'{meant}Valid options: {", ".join(sorted(options))}'
