"""A store in Redis or Valkey: every server may use it, and objects that nobody renews expire by themselves."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from redis.exceptions import NoScriptError, RedisError

from ...errors import ConfigurationError, Conflict, OutcomeUnknown, Refused, StoreError, Unavailable
from ..base import NOT_MODIFIED, Changed, ETag, Guarantee, Mode, NotModified, ObjectInfo, Replace, StoredObject, Told
from ..keys import check_key, folder_of, is_key
from ..urls import without_credentials
from .errors import redis_error
from .pool import Connections, FixedOption

log = logging.getLogger('nicegui_stash')

NAMESPACE: Final = 'nicegui-stash:'
"""What the name of every object in the database begins with, so that others may use the database too."""

CHANGED: Final = b'nicegui-stash:changed'
"""The channel on which each put says the name of the object and its new etag; of a small one all else, too."""

SMALL: Final = 4000
"""Bytes up to which a body is told as well, so that nobody has to read it."""

_HEARTBEAT = 2.0
"""Seconds after which somebody who watches is told that nothing has changed."""

_OWN: Final = 1000
"""How many of its own last puts a store knows again when it hears of them, which may be late."""

_TOKEN = 16
"""A value is the etag, of so many bytes, and the body behind it: one string, read and replaced whole."""


class _Script:
    """A Lua script, known to the server by its hash after the first time."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.hash = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


# The second comparison makes a put that was applied without an answer safe to repeat. Who may not publish still puts.
_PUT = _Script(f"""
local etag = redis.call('GETRANGE', KEYS[1], 0, 15)
if etag ~= ARGV[1] then
    return etag == string.sub(ARGV[2], 1, 16) and 1 or 0
end
if ARGV[3] == '0' then
    redis.call('SET', KEYS[1], ARGV[2])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
local told = KEYS[1] .. ' ' .. string.sub(ARGV[2], 1, 16)
if #ARGV[2] <= {_TOKEN + SMALL} then
    told = told .. ' ' .. ARGV[1] .. ' ' .. string.sub(ARGV[2], 17)
end
redis.pcall('PUBLISH', 'nicegui-stash:changed', told)
return 1
""")
_GET_UNLESS = _Script("""
if redis.call('GETRANGE', KEYS[1], 0, 15) == ARGV[1] then
    return 1
end
return redis.call('GET', KEYS[1])
""")
_LIST = _Script("""
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
local sizes = {}
for number, name in ipairs(found[2]) do
    local size = redis.pcall('STRLEN', name)
    sizes[number] = type(size) == 'number' and size or 0
end
return {found[1], found[2], sizes}
""")


class RedisStore:
    """Objects as strings of a Redis or Valkey database (6 or newer), compared and replaced by a script: one round trip.

    An etag is random and never used twice, also not after an object has expired. A put whose connection broke is
    repeated once: it is recognised by its own etag, so it cannot conflict with itself.

    What a put wrote survives a crash of the server process; a crash of Redis as far as its own persistence goes.
    There are at most `max_connections` connections, opened when needed and again after they broke; an operation waits
    for a free one. It ends within `deadline` seconds whatever the server does.
    """

    guarantee: Guarantee = 'shared'
    flush_interval: float = 0.1

    def __init__(
        self,
        url: str,
        storage_options: Mapping[str, Any] | None = None,
        *,
        deadline: float = 5.0,
        max_connections: int = 16,
    ) -> None:
        """Name the server; nothing is connected yet. `storage_options` go to redis-py's connections.

        Raises `ConfigurationError` for a URL or an option that redis-py cannot use.
        """
        _check_database(url)
        self._shown = without_credentials(url)
        options = {'socket_connect_timeout': min(2.0, deadline), **(storage_options or {})}
        try:
            self._connections = Connections(url, options, max_connections)
        except FixedOption as error:
            reason = f'{self._shown!r} or the options set {error}, which the store sets itself'
            raise ConfigurationError('storage_options', reason, f'Leave {error} out') from None
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                'storage_options', f'redis-py cannot use them or the URL: {_told(error)}', 'Look at its documentation'
            ) from None  # the cause would show the password
        self._again = lambda: RedisStore(url, storage_options, deadline=deadline, max_connections=1)
        self._deadline = deadline
        self._expiry = 0
        self._own: dict[str, None] = {}

    def __repr__(self) -> str:
        return f'RedisStore({self._shown!r})'

    def check(self, prefix: str = '') -> None:
        """Put, read and delete an object from a thread, over a connection of its own, before the app is served.

        Raises `ConfigurationError` where the server refuses. One that does not answer may do so later.
        """
        with ThreadPoolExecutor(1, thread_name_prefix='stash-check') as thread:
            try:
                thread.submit(asyncio.run, _try(self._again(), f'{prefix}/' if prefix else '')).result()
            except Unavailable as error:
                log.warning('the store %r does not answer yet: %s', self, error.reason)
            except Refused as error:
                raise ConfigurationError('url', f'{self!r} cannot be used: {error.reason}', error.hint) from error

    def expire_after(self, seconds: float) -> None:
        """Let each object expire so long after its last put."""
        self._expiry = max(1, round(seconds * 1000))

    @property
    def connections(self) -> int:
        """How many connections are open, or were until they broke: never more than `max_connections`."""
        return self._connections.made

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; of one that is unchanged only its etag is compared, on the server."""
        name = NAMESPACE + check_key(key)
        if unless is None:
            found = await self._call('get', key, 'GET', name)
        else:
            found = await self._run('get', key, _GET_UNLESS, name, unless)
        if found is None:
            return None
        if found == 1:
            return NOT_MODIFIED
        return StoredObject(found[_TOKEN:], ETag(found[:_TOKEN].decode('ascii', 'replace')))

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object in its mode; `Refused` where something else lies under its name."""
        name, token = NAMESPACE + check_key(key), secrets.token_hex(_TOKEN // 2)
        etag = mode.etag if isinstance(mode, Replace) else ''
        self._note_own(token)
        if await self._run('put', key, _PUT, name, etag, token.encode() + body, str(self._expiry)):
            return ETag(token)
        raise Conflict('put', key, 'it has another etag or is gone' if etag else 'it exists')

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        await self._call('delete', key, 'DEL', NAMESPACE + check_key(key))

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`, by SCAN: the whole database is walked through."""
        folder_of(prefix)
        seen: set[str] = set()  # SCAN may give a name twice
        cursor = b'0'
        while True:
            cursor, names, sizes = await self._run('list', prefix, _LIST, None, cursor, f'{NAMESPACE}{prefix}*')
            for name, size in zip(names, sizes, strict=True):
                key = name.decode('utf-8', 'replace').removeprefix(NAMESPACE)
                if size >= _TOKEN and key not in seen and is_key(key):
                    seen.add(key)
                    yield ObjectInfo(key, size - _TOKEN)
            if cursor == b'0':
                return

    async def now(self, prefix: str = '') -> float:
        """Return the server's time, by which it lets objects expire."""
        del prefix
        seconds, microseconds = await self.ask('TIME')
        return int(seconds) + int(microseconds) / 1e6

    async def ask(self, *command: str) -> Any:
        """Send one command of Redis and return its answer, for looking at how the server is set up."""
        return await self._call('open', command[0], *command)

    async def advice(self) -> list[str]:
        """Say what of the server's set-up lets it lose sessions. Raises `StoreError` where it may not be looked at."""
        info: dict[str, str] = dict(re.findall(r'^(\w+):(\S*)', (await self.ask('INFO')).decode(), re.MULTILINE))
        advice: list[str] = []
        if (policy := info.get('maxmemory_policy', 'noeviction')) != 'noeviction':
            advice.append(
                f'maxmemory-policy is {policy}: where memory is short, sessions are dropped without a word. '
                'Set it to noeviction.'
            )
        if info.get('aof_enabled') == '0':
            advice.append(
                'appendonly is no: a crash of Redis loses what was written since its last snapshot. Set it to yes.'
            )
        return advice

    async def watch(self) -> AsyncIterator[Changed | None]:
        """Tell what others put, as it is published; this keeps one more connection open."""
        try:
            async with self._connections.listening(CHANGED, self._deadline) as heard:
                yield None
                while True:
                    yield self._told(await heard(_HEARTBEAT) or b'')
        except (RedisError, TimeoutError) as error:
            raise Unavailable('get', CHANGED.decode(), f'listening failed: {type(error).__name__}') from error

    def _told(self, message: bytes) -> Changed:
        name, _, rest = message.partition(b' ')
        told, _, rest = rest.partition(b' ')
        key, etag = name.decode('utf-8', 'replace').removeprefix(NAMESPACE), ETag(told.decode('ascii', 'replace'))
        if not etag or etag in self._own:
            return {}
        before, is_whole, body = rest.partition(b' ')
        if not is_whole:
            return {key: etag}
        return {key: Told(StoredObject(body, etag), ETag(before.decode('ascii', 'replace')) if before else None)}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    def _note_own(self, token: str) -> None:
        self._own[token] = None
        if len(self._own) > _OWN:
            del self._own[next(iter(self._own))]

    async def _run(self, operation: str, key: str, script: _Script, name: str | None, *arguments: str | bytes) -> Any:
        """Run a script by its hash; the first time after a start of the server, by its text."""
        given = ('1', name, *arguments) if name is not None else ('0', *arguments)
        try:
            return await self._call(operation, key, 'EVALSHA', script.hash, *given)
        except StoreError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        return await self._call(operation, key, 'EVAL', script.source, *given)

    async def _call(self, operation: str, key: str, *command: str | bytes) -> Any:
        """Send a command and return its answer, within the deadline. Raises `StoreError`."""
        sent: list[bool] = []
        try:
            async with asyncio.timeout(self._deadline):
                return await self._connections.call(command, sent)
        except RedisError as error:
            raise redis_error(operation, key, error, attempted=bool(sent) and operation == 'put') from error
        except TimeoutError as error:
            kind = OutcomeUnknown if sent and operation == 'put' else Unavailable
            raise kind(operation, key, f'no answer within {self._deadline:g} s') from error


async def _try(store: RedisStore, folder: str) -> None:
    key = f'{folder}probe/{secrets.token_hex(16)}'
    store.expire_after(60)
    try:
        try:
            etag = await store.put(key, b'probe', mode='create')
        except OutcomeUnknown as error:
            raise Unavailable('put', key, error.reason) from error
        try:
            found = await store.get(key), await store.get(key, unless=etag)
            if found != (StoredObject(b'probe', etag), NOT_MODIFIED):
                raise Refused('get', key, 'another object was read than was put')
        finally:
            await store.delete(key)
    finally:
        await store.aclose()


def _check_database(url: str) -> None:
    """Refuse a path that is no number: redis-py would silently take database 0."""
    scheme, _, rest = url.partition('://')
    path = rest.partition('?')[0].partition('/')[2]
    if scheme.lower() != 'unix' and path and not path.isdecimal():
        raise ConfigurationError(
            'url', f'{without_credentials(url)!r} names no database', 'Write its number: redis://host:6379/0'
        )


def _told(error: Exception) -> str:
    """Say what is wrong without the URL: a `TypeError` names the option, a `ValueError` may quote the password."""
    return str(error) if isinstance(error, TypeError) else type(error).__name__
