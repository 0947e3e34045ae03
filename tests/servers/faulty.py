"""An HTTP proxy between a store and its server: loses answers, resets, hangs, delays, answers by itself, rewrites."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from .accepting import Accepting

Fault = Callable[['Request'], 'bytes | str | None']
"""What a fault makes of a request: an answer of its own, the name of what happens instead, or nothing.

`'lose'`: the server applies it, and its answer never arrives. `'reset'`: the connection breaks before the server
sees it. `'hang'`: nothing happens any more. `None`: it is carried as usual, perhaps changed.
"""


@dataclass
class Request:
    """A request as it was received; a fault may change its headers, by lower-case name."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    asks_first: bool = False
    """Whether it waits to be told that its body may come."""

    @property
    def writes(self) -> bool:
        """Whether it puts an object; a listing of SDKs' own probes is none."""
        return self.method in {'PUT', 'POST'} and bool(self.body)

    def to_bytes(self) -> bytes:
        lines = [f'{self.method} {self.target} HTTP/1.1', *(f'{name}: {value}' for name, value in self.headers.items())]
        return '\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + self.body


def answer(status: int, code: str = '') -> bytes:
    """Make an answer that a server gives instead of doing something."""
    body = f'<?xml version="1.0"?><Error><Code>{code}</Code></Error>'.encode()
    head = f'HTTP/1.1 {status} Whatever\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n'
    return head.encode() + body


@dataclass
class FaultyProxy:
    """One address in front of a server; requests are carried one at a time per connection.

    ```python
    async with FaultyProxy(server.port) as proxy:
        proxy.fault = lambda request: 'lose' if request.writes else None
    ```
    """

    backend: int
    port: int = 0
    delay: float = 0.0
    fault: Fault | None = None
    seen: list[Request] = field(default_factory=list)
    """Every request that arrived, those that were not carried included."""
    rewrite: Callable[[bytes], bytes] | None = None
    """What becomes of each answer of the server."""

    async def __aenter__(self) -> Self:
        self._accepting = Accepting(self._serve)
        self.port = await self._accepting.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._accepting.stop()

    def times(self, number: int, happens: bytes | str, when: Callable[[Request], bool]) -> None:
        """Let something happen to the next requests of a kind, and carry what comes later."""
        left = number

        def fault(request: Request) -> bytes | str | None:
            nonlocal left
            if left and when(request):
                left -= 1
                return happens
            return None

        self.fault = fault

    @property
    def puts(self) -> int:
        """How many requests to write have arrived."""
        return sum(request.writes for request in self.seen)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                source, upstream = await asyncio.open_connection('127.0.0.1', self.backend)
                while await self._carry(reader, writer, source, upstream):
                    pass
        finally:
            if upstream is not None:
                upstream.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> bool:
        """Carry one request and its answer; False ends the connection."""
        request = await _request(reader, writer)
        self.seen.append(request)
        happens = self.fault(request) if self.fault is not None else None
        await asyncio.sleep(self.delay)
        if isinstance(happens, bytes):
            writer.write(happens)
            await writer.drain()
            return True
        if happens == 'hang':
            await asyncio.Event().wait()
        if happens == 'reset':
            return False
        upstream.write(request.to_bytes())
        await upstream.drain()
        received = await _response(source, has_body=request.method != 'HEAD')
        if happens == 'lose':
            return False
        writer.write(self.rewrite(received) if self.rewrite else received)
        await writer.drain()
        return b'\r\nconnection: close\r\n' not in received.partition(b'\r\n\r\n')[0].lower() + b'\r\n'


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
    first, *rows = head.rstrip().split('\r\n')
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(':') for row in rows)}
    asks_first = headers.pop('expect', '') == '100-continue'
    if asks_first:
        writer.write(b'HTTP/1.1 100 Continue\r\n\r\n')
    body = await _body(reader, headers)
    headers.pop('transfer-encoding', None)
    if body or first.startswith(('PUT', 'POST')):
        headers['content-length'] = str(len(body))
    method, target, _ = first.split(' ')
    return Request(method, target, headers, body, asks_first)


async def _response(reader: asyncio.StreamReader, *, has_body: bool) -> bytes:
    head = await reader.readuntil(b'\r\n\r\n')
    lines = head.decode('latin-1').rstrip().split('\r\n')
    status = int(lines[0].split(' ')[1])
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(':') for row in lines[1:])}
    if not has_body or status in {204, 304} or status < 200:
        return head
    body = await _body(reader, headers)
    kept = [row for row in lines if not row.lower().startswith(('transfer-encoding:', 'content-length:'))]
    return '\r\n'.join([*kept, f'Content-Length: {len(body)}']).encode('latin-1') + b'\r\n\r\n' + body


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get('transfer-encoding', '').lower() != 'chunked':
        return await reader.readexactly(int(headers.get('content-length', '0')))
    parts: list[bytes] = []
    while size := int((await reader.readuntil(b'\r\n')).split(b';')[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b'\r\n')
    return b''.join(parts)
