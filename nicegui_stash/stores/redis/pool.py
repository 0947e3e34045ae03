"""A few connections to Redis that many operations share; redis-py gives the connections and the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from redis.asyncio.connection import AbstractConnection, ConnectionPool, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

from .errors import passes_elsewhere

_FIXED: Final[Mapping[str, Any]] = {
    'retry': Retry(NoBackoff(), 0),  # repeating is decided here, by who knows what may be repeated
    'retry_on_timeout': False,
    'retry_on_error': [],
    'decode_responses': False,
    'encoding': 'utf-8',
    'encoding_errors': 'strict',
    'protocol': 2,
}


class FixedOption(ValueError):
    """The URL or the options set what the connections decide themselves; it is named. Remove it."""


class Connections:
    """At most `limit` connections, made when needed; an operation waits for a free one.

    redis-py's own pool is not used: an operation that is cancelled twice while it gives its connection back loses the
    place of that connection for ever. Here giving back awaits nothing.
    """

    def __init__(self, url: str, options: Mapping[str, Any], limit: int) -> None:
        """Name the server; nothing is connected. `max_connections` among the options replaces `limit`.

        Raises `TypeError` or `ValueError` for what redis-py cannot use, and `FixedOption`.
        """
        named: dict[str, Any] = {**options, **parse_url(url)}
        for name in _FIXED.keys() & named.keys():
            raise FixedOption(name)
        limit = int(named.get('max_connections') or limit)
        self._maker = cast(Any, ConnectionPool).from_url(url, **options, **_FIXED)
        self._idle: list[AbstractConnection] = [self._maker.make_connection()]
        self._free = asyncio.Semaphore(limit)
        self._closed = False
        self.made = 1
        """How many connections there are, open or not."""

    async def call(self, command: tuple[str | bytes, ...], sent: list[bool]) -> Any:
        """Send a command and return its answer; once more where the connection broke, as when the server restarted.

        What was sent without an answer is noted in `sent`. Raises `RedisError`.
        """
        async with self._free:
            connection = self._borrow()
            try:
                try:
                    return await _ask(connection, command, sent)
                except ConnectionLost:
                    if not sent:
                        raise
                    return await _ask(connection, command, sent)
            finally:
                self._idle.append(connection)
                if self._closed:
                    await connection.disconnect(nowait=True)

    @asynccontextmanager
    async def listening(self, channel: bytes, deadline: float) -> AsyncGenerator[Callable[[float], Awaitable[Any]]]:
        """Subscribe to a channel; yields what waits some seconds for a message, and returns `None` if there is none.

        Raises `RedisError`, and `TimeoutError` where the server does not answer within `deadline` seconds.
        """
        connection = self._maker.make_connection()
        try:
            async with asyncio.timeout(deadline):
                await connection.connect()
                await connection.send_command('SUBSCRIBE', channel)
                await connection.read_response()

            async def hear(seconds: float) -> Any:
                message = cast('list[Any] | None', await connection.read_response(timeout=seconds))
                return message and message[2]

            yield hear
        finally:
            await connection.disconnect(nowait=True)

    async def aclose(self) -> None:
        """Close what is open, and what is in use as soon as it is given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().disconnect()

    def _borrow(self) -> AbstractConnection:
        if self._idle:
            return self._idle.pop()
        self.made += 1
        return self._maker.make_connection()


async def _ask(connection: AbstractConnection, command: tuple[str | bytes, ...], sent: list[bool]) -> Any:
    await connection.connect()
    answered = False
    try:
        sent.append(True)
        await connection.send_command(*command)
        answer = cast(Any, await connection.read_response())
        answered = True
    except ResponseError as error:
        answered = not passes_elsewhere(error)
        raise
    else:
        return answer
    finally:
        if not answered:  # an answer that comes late must not be taken for that of the next command
            await connection.disconnect(nowait=True)
