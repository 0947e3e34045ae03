"""What the tests' own servers leave behind: no open connection, at whatever turn of the loop one came."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from .accepting import Accepting


@pytest.fixture(scope='module', autouse=True)
def collect_what_others_left() -> None:
    """Let asyncio complain now of what earlier modules left, as the log is read here."""
    gc.collect()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()


async def test_a_connection_is_served_and_closed() -> None:
    server = Accepting(answer)
    reader, writer = await asyncio.open_connection('127.0.0.1', await server.start())
    writer.write(b'hello\n')
    assert await reader.read() == b'hello\n'
    writer.close()
    await writer.wait_closed()
    await server.stop()


@pytest.mark.parametrize('turns', range(6))
async def test_a_connection_that_comes_while_it_stops_is_closed_as_well(
    caplog: pytest.LogCaptureFixture, turns: int
) -> None:
    server = Accepting(answer)
    with socket.create_connection(('127.0.0.1', await server.start())) as browser:
        browser.settimeout(60)
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        with suppress(ConnectionResetError):
            assert await asyncio.to_thread(browser.recv, 1) == b''
    gc.collect()  # an open one would be named by now
    assert [record for record in caplog.records if record.name == 'asyncio'] == []
