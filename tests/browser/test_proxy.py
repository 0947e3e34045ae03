"""The network of these tests: a kept-alive connection is what its latest request makes of it."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from .proxy import Proxy

DOCUMENT = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
POLL = b'GET /_nicegui_ws/socket.io/?transport=polling HTTP/1.1\r\nHost: a\r\n\r\n'


@pytest.fixture(scope='module', autouse=True)
def collect_what_others_left() -> None:
    """Let asyncio complain now of what earlier modules left, as the log is read here."""
    gc.collect()


@asynccontextmanager
async def answering(name: bytes) -> AsyncIterator[int]:
    """Answer each request with a name, on the port that is yielded."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while await reader.readline() != b'\r\n':
                pass
            writer.write(name + b'\n')
        writer.close()

    async with await asyncio.start_server(serve, '127.0.0.1', 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_connection_that_was_kept_alive_and_polls_now_is_a_socket():
    async with answering(b'one') as one, Proxy(one) as proxy:
        reader, writer = await asyncio.open_connection('127.0.0.1', proxy.port)
        for request in (DOCUMENT, POLL):
            writer.write(request)
            assert await reader.readline() == b'one\n'
        proxy.drop_sockets()
        assert await ends(reader)
        writer.close()


async def test_a_connection_that_has_polled_carries_no_document_to_the_server_before():
    async with answering(b'one') as one, answering(b'two') as two, Proxy(one) as proxy:
        reader, writer = await asyncio.open_connection('127.0.0.1', proxy.port)
        writer.write(POLL)
        assert await reader.readline() == b'one\n'
        proxy.lead_to(two)
        writer.write(DOCUMENT)
        assert await ends(reader), 'a browser asks again on another connection'
        writer.close()
        reader, writer = await asyncio.open_connection('127.0.0.1', proxy.port)
        writer.write(DOCUMENT)
        assert await reader.readline() == b'two\n'
        writer.close()


async def test_a_connection_that_comes_while_the_proxy_closes_is_closed_as_well(caplog: pytest.LogCaptureFixture):
    async with answering(b'one') as one:
        async with Proxy(one) as proxy:
            browser = socket.create_connection(('127.0.0.1', proxy.port))
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # the loop has accepted it, and made nothing of it yet
        browser.settimeout(60)
        with browser, suppress(ConnectionResetError):
            assert await asyncio.to_thread(browser.recv, 1) == b''
    gc.collect()
    assert [record for record in caplog.records if record.name == 'asyncio'] == []


async def ends(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b''
    except ConnectionResetError:
        return True
