"""The options of a `Stash`: from its arguments, else from the environment, else the defaults."""

from __future__ import annotations

import json
import math
import os
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, TypeVar, cast

from .errors import ConfigurationError
from .model.limits import Policy

T = TypeVar('T')
D = TypeVar('D')
OnInvalid = Literal['raise', 'log']
Identity = Callable[[Any], str | None]
PREFIX = 'NICEGUI_STASH_'
_FOLDER = re.compile(r'[\w-][\w.-]*(/[\w-][\w.-]*)*', re.ASCII)  # what stores admit in keys
_NONCE = re.compile(r'[A-Za-z0-9+/_-]+={0,2}')  # as https://www.w3.org/TR/CSP3/#grammardef-nonce-source has it
_EXPECTED: Mapping[str, tuple[Any, str]] = {
    'url': ((str, os.PathLike), 'a text'),
    'storage_options': (Mapping, 'a dict'),
    'engine': (str, 'a text'),
    'prefix': (str, 'a text'),
    'secrets': ((str, Sequence), 'a text, or a list of texts'),
    'allow_lost_updates': (bool, 'True or False'),
    'identity': (Callable, 'a function'),
    'on_invalid': (str, 'a text'),
    'csp_nonce': (str, 'a text'),
}
"""What an argument has to be; numbers and times are looked at more closely."""
_TRUE, _FALSE = {'1', 'true', 'yes', 'on'}, {'0', 'false', 'no', 'off', ''}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every option, resolved. Times are seconds, sizes bytes; `url` may be empty: the caller knows a default folder.

    Two that are equal can share one place: what concerns the pages of one `Stash` alone may differ.
    """

    url: str
    storage_options: Mapping[str, Any] = field(repr=False)
    engine: str | None
    prefix: str
    secrets: tuple[str, ...] = field(repr=False)
    ttl: float
    tab_ttl: float
    browser_ttl: float
    recover_timeout: float
    revalidate_timeout: float
    drain_timeout: float
    flush_interval: float | None
    max_value_bytes: int
    max_document_bytes: int
    allow_lost_updates: bool
    sweep_interval: float | None = None
    identity: Identity | None = field(default=None, compare=False)
    on_invalid: OnInvalid = field(default='raise', compare=False)
    csp_nonce: str = field(default='', compare=False, repr=False)

    def policy(self, store_interval: float) -> Policy:
        interval = store_interval if self.flush_interval is None else self.flush_interval
        return Policy(
            ttl=self.ttl,
            tab_ttl=self.tab_ttl,
            flush_interval=interval,
            max_value_bytes=self.max_value_bytes,
            max_document_bytes=self.max_document_bytes,
        )


def resolve(
    *,
    url: str | None,
    storage_options: Mapping[str, Any] | None,
    engine: str | None = None,
    prefix: str | None,
    secrets: str | Sequence[str] | None,
    ttl: timedelta | None,
    tab_ttl: timedelta | None,
    browser_ttl: timedelta | None = None,
    recover_timeout: float | None,
    revalidate_timeout: float | None,
    drain_timeout: float | None,
    flush_interval: float | None,
    max_value_bytes: int | None,
    max_document_bytes: int | None,
    allow_lost_updates: bool | None,
    sweep_interval: timedelta | None = None,
    identity: Identity | None = None,
    on_invalid: OnInvalid | None = None,
    csp_nonce: str | None = None,
) -> Settings:
    """Resolve the options of a `Stash`. Raises `ConfigurationError` naming the option or variable that cannot be used.

    A time in the environment is a number of seconds, or a number with one of the units s, min, h and d, as in `30d`; a
    function is written `module:function`.
    """
    return Settings(
        url=_given('url', url, str, ''),
        storage_options=dict(_given('storage_options', storage_options, _object, dict[str, Any]())),
        engine=_given('engine', engine, str, None),
        prefix=_folder(_given('prefix', prefix, str, '').strip('/')),
        secrets=_secrets(_given('secrets', secrets, _listed, ())),
        ttl=_positive('ttl', _given('ttl', _in_seconds('ttl', ttl), _seconds, 30 * 86400.0)),
        tab_ttl=_positive('tab_ttl', _given('tab_ttl', _in_seconds('tab_ttl', tab_ttl), _seconds, 86400.0)),
        browser_ttl=_positive(
            'browser_ttl', _given('browser_ttl', _in_seconds('browser_ttl', browser_ttl), _seconds, 30 * 86400.0)
        ),
        recover_timeout=_positive('recover_timeout', _given('recover_timeout', recover_timeout, _seconds, 1.0)),
        revalidate_timeout=_positive(
            'revalidate_timeout', _given('revalidate_timeout', revalidate_timeout, _seconds, 0.1)
        ),
        drain_timeout=_positive('drain_timeout', _given('drain_timeout', drain_timeout, _seconds, 5.0)),
        flush_interval=_interval('flush_interval', _given('flush_interval', flush_interval, _seconds, None)),
        max_value_bytes=_positive('max_value_bytes', _given('max_value_bytes', max_value_bytes, int, 256 * 1024)),
        max_document_bytes=_positive(
            'max_document_bytes', _given('max_document_bytes', max_document_bytes, int, 1024 * 1024)
        ),
        allow_lost_updates=_given('allow_lost_updates', allow_lost_updates, _truth, False),  # noqa: FBT003
        sweep_interval=_interval(
            'sweep_interval', _given('sweep_interval', _in_seconds('sweep_interval', sweep_interval), _seconds, None)
        ),
        identity=_given('identity', identity, _function, None),
        on_invalid=_reaction(_given('on_invalid', on_invalid, str, 'raise')),
        csp_nonce=_nonce(_given('csp_nonce', csp_nonce, str, '')),
    )


def _given(name: str, argument: T | None, parse: Callable[[str], T], default: D) -> T | D:
    if argument is not None:
        kind, words = _EXPECTED.get(name, (object, ''))
        if not isinstance(argument, kind):  # its value is not told: it may be a secret
            raise ConfigurationError(name, f'it is of type {type(argument).__name__}', f'Pass {words}')
        return argument
    variable = PREFIX + name.upper()
    text = os.environ.get(variable)
    if text is None:
        return default
    try:
        return parse(text.strip())
    except ValueError as error:
        raise ConfigurationError(
            variable, str(error), f'Correct or unset the variable, or pass {name}= to Stash'
        ) from error


def _in_seconds(name: str, given: timedelta | None) -> float | None:
    if given is not None and not isinstance(given, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(name, f'{given!r} is no timedelta', f'Write {name}=timedelta(days=…)')
    return None if given is None else given.total_seconds()


def _seconds(text: str) -> float:
    units = {'min': 60.0, 's': 1.0, 'h': 3600.0, 'd': 86400.0}
    unit = next((unit for unit in units if text.endswith(unit)), '')
    try:
        return float(text.removesuffix(unit)) * units.get(unit, 1.0)
    except ValueError:
        raise ValueError('it is no time; write seconds, or a number with s, min, h or d') from None


def _truth(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise ValueError('it is neither true nor false')


def _listed(text: str) -> list[str]:
    listed = [part.strip() for part in text.split(',') if part.strip()]
    if not listed:  # another secret would be taken instead, under which nothing that was stored is found
        raise ValueError('there is no secret in it')
    return listed


def _object(text: str) -> Mapping[str, Any]:
    found: Any = json.loads(text or '{}')
    if not isinstance(found, dict):
        raise ValueError('it is no JSON object')  # noqa: TRY004 what the caller reports is text that cannot be used
    return cast(dict[str, Any], found)


def _function(text: str) -> Callable[..., Any] | None:
    if not text:
        return None
    if not all(text.partition(':')):
        raise ValueError('it is not of the form module:function')
    try:
        found = pkgutil.resolve_name(text)
    except (ImportError, AttributeError) as error:
        raise ValueError(f'{text} cannot be imported: {error}') from error
    if not callable(found):
        raise ValueError(f'{text} is no function')  # noqa: TRY004 as above
    return cast(Callable[..., Any], found)


def _reaction(given: str) -> OnInvalid:
    if given not in {'raise', 'log'}:
        raise ConfigurationError('on_invalid', f'{given!r} is unknown', "Use 'raise' or 'log'")
    return cast(OnInvalid, given)


def _nonce(given: str) -> str:
    if given and not _NONCE.fullmatch(given):  # it is put into the HTML as it stands
        raise ConfigurationError('csp_nonce', 'it is no base64 text', 'Use secrets.token_urlsafe(), or leave it out')
    return given


def _folder(prefix: str) -> str:
    if prefix and (not _FOLDER.fullmatch(prefix) or prefix.partition('/')[0] == 'quarantine'):
        raise ConfigurationError(
            'prefix',
            f'{prefix!r} cannot be a folder of keys',
            'Use letters, digits, "-", "_" and "." between "/", and not quarantine/, which is taken',
        )
    return prefix


def _interval(name: str, value: float | None) -> float | None:
    if value is None or value == 0:  # the default, and no space or sweep at all
        return value
    return _positive(name, value)


def _secrets(given: str | Sequence[str]) -> tuple[str, ...]:
    secrets = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(secret, str) for secret in secrets):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError('secrets', 'one is no text', 'Write bytes as text, such as secret.hex()')
    if not all(secrets):
        raise ConfigurationError(
            'secrets', 'there is no secret in an empty text', 'Leave it out for the storage_secret of ui.run'
        )
    return secrets


def _positive(name: str, value: T) -> T:
    number = cast(Any, value)
    if not isinstance(number, (int, float)) or not (number > 0 and math.isfinite(number)):
        raise ConfigurationError(name, 'it has to be greater than 0, and finite', 'Leave it out for the default')
    return value
