"""The one place where an error of redis-py becomes an error of the store."""

from __future__ import annotations

import re
import ssl
from typing import Final

from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TookTooLong

from ...errors import OutcomeUnknown, Refused, StoreError, Unavailable

_SETTINGS = 'url (NICEGUI_STASH_URL) or storage_options (NICEGUI_STASH_STORAGE_OPTIONS)'
_LOGIN = f'correct user and password in {_SETTINGS}'
_CLUSTER = f'Redis Cluster is not supported: name a server with cluster-enabled no in {_SETTINGS}'

# What an answer begins with says what it means; the rest of it may quote what was sent.
_HINTS: Final = {
    'NOPERM': 'let the user run GET, SET, GETRANGE, STRLEN, DEL, SCAN, EVAL and EVALSHA on nicegui-stash:*',
    'OOM': 'raise maxmemory of the server, or let something else expire',
    'MISCONF': 'the server cannot write its snapshot: look at its log',
    'MOVED': _CLUSTER,
    'ASK': _CLUSTER,
    'CLUSTERDOWN': _CLUSTER,
    'WRONGTYPE': 'something else uses the names nicegui-stash:* in this database; use another one',
    'DENIED': 'the server is in protected mode: set a password, or bind it to an address that only your servers reach',
    'DB index is out of range': 'use a lower number: `CONFIG GET databases` tells how many the server has',
    'Client names cannot contain spaces': f'write client_name without spaces in {_SETTINGS}',
}
# These pass by themselves: a start, a failover, another script.
_PASSING: Final = frozenset({'LOADING', 'BUSY', 'MASTERDOWN', 'READONLY', 'TRYAGAIN', 'CLUSTERDOWN', 'NOREPLICAS'})
# Some answers have no code, and redis-py removes the code of others.
_CODES_OF_TEXTS: Final = (
    (re.compile(r'ACL failure in script|user executing the script'), 'NOPERM'),
    (re.compile(r'DB index is out of range|invalid DB index'), 'DB index is out of range'),
    (re.compile(r'Client names cannot contain'), 'Client names cannot contain spaces'),
)
_CODES_OF_KINDS: Final = {
    'AskError': 'ASK',
    'BusyLoadingError': 'LOADING',
    'ClusterDownError': 'CLUSTERDOWN',
    'MasterDownError': 'MASTERDOWN',
    'MovedError': 'MOVED',
    'NoPermissionError': 'NOPERM',
    'OutOfMemoryError': 'OOM',
    'ReadOnlyError': 'READONLY',
    'TryAgainError': 'TRYAGAIN',
}
_WITHIN_SCRIPT = re.compile(r'Error running script \(call to \w+\): (?:@\w+: ?\d+: )+')  # before Redis 7
_CODE = re.compile(r'-?(?:ERR )?([A-Z]{2,})\b')


def redis_error(operation: str, key: str, error: RedisError, *, attempted: bool) -> StoreError:
    """Translate an error: an answer is a refusal unless it will pass, a broken connection `Unavailable`.

    `attempted`: a put was sent, so that without an answer the outcome is `OutcomeUnknown`.
    """
    if isinstance(error, AuthenticationError):
        return Refused(operation, key, 'the server does not accept user and password', _LOGIN)
    if isinstance(error, ResponseError):
        return _answered(operation, key, error)
    if isinstance(_root(error), ssl.SSLError):
        reason = f'no TLS connection: {getattr(_root(error), "reason", None) or "SSLError"}'
        return Refused(operation, key, reason, f'set ssl_ca_certs and the like in {_SETTINGS}')
    code = _code(error)
    if code in _PASSING:
        return Unavailable(operation, key, f'the server answered {code}', _HINTS.get(code, ''))
    if code == 'DENIED':
        return Refused(operation, key, 'the server answered DENIED', _HINTS['DENIED'])
    reason = 'the connection broke' if attempted else 'the server cannot be reached'
    if not isinstance(error, (ConnectionLost, TookTooLong)):
        reason = type(error).__name__
    return (OutcomeUnknown if attempted else Unavailable)(operation, key, reason)


def passes_elsewhere(error: ResponseError) -> bool:
    """Whether this server cannot do it now: its address may lead to another one by now, as after a failover."""
    return _code(error) in _PASSING


def _answered(operation: str, key: str, error: ResponseError) -> StoreError:
    """An answer says that nothing was applied: each script writes at most once, as the last it does."""
    code = _code(error) or type(error).__name__
    if code in _PASSING:
        return Unavailable(operation, key, f'the server answered {code}', _HINTS.get(code, ''))
    return Refused(operation, key, f'the server answered {code}', _HINTS.get(code, ''))


def _code(error: RedisError) -> str:
    text = _WITHIN_SCRIPT.sub('', str(error), count=1)
    for pattern, code in _CODES_OF_TEXTS:
        if pattern.search(text):
            return code
    found = _CODE.match(text)
    return _CODES_OF_KINDS.get(type(error).__name__) or (found[1] if found else '')


def _root(error: BaseException) -> BaseException:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return error
