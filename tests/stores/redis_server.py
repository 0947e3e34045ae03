"""A real server of Redis or Valkey on a free port, that can be killed and started again; and a network that breaks."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.servers.accepting import Accepting
from tests.servers.process import PATIENCE, free_ports


def debian() -> str:
    """Return the program of Debian's package; an older one lies beside this Python."""
    folders = [folder for folder in os.environ['PATH'].split(os.pathsep) if Path(folder) != Path(sys.executable).parent]
    program = shutil.which('redis-server', path=os.pathsep.join(folders))
    assert program, 'redis-server has to be installed: apt-get install redis-server'
    return program


def packaged(package: str, place: str) -> str | None:
    """Return the program that a package brings, or None where there is none for this Python or system."""
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found else None
    return next((str(path) for folder in folders or () if (path := Path(folder) / place).exists()), None)


class RedisServer:
    """A server process in a folder of its own; what it acknowledged survives `kill`."""

    def __init__(self, folder: Path, *options: str, program: str | None = None) -> None:
        (self.port,) = free_ports(1)
        self.socket = folder / 'redis.sock'
        self.url = f'redis://127.0.0.1:{self.port}/0'
        self._folder = folder
        self._options = options
        self._program = program or debian()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        persistence = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--dir', str(self._folder)]
        place = ['--port', str(self.port), '--bind', '127.0.0.1', '--unixsocket', str(self.socket)]
        with (self._folder / 'log').open('ab') as log:
            self._process = subprocess.Popen([self._program, *place, *persistence, *self._options], stdout=log)

    async def is_up(self) -> None:
        """Wait until the server answers."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    reader, writer = await asyncio.open_connection('127.0.0.1', self.port)
                    writer.write(b'PING\r\n')
                    answer = await reader.readline()
                    writer.close()
                    await writer.wait_closed()
                    if answer.startswith((b'+PONG', b'-NOAUTH', b'-MASTERDOWN')):
                        return
                await asyncio.sleep(0.01)

    def freeze(self) -> None:
        """Let it hang, with all its connections open."""
        assert self._process is not None, 'the server is not running'
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None, 'the server is not running'
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Network:
    """One address in front of a server: it counts connections, loses answers and goes silent."""

    def __init__(self, backend: int) -> None:
        self.port = 0
        self.backend = backend
        """The port to which connections lead that are made from now on."""
        self.connections = 0
        """How many are open now."""
        self.most = 0
        self.answers_to_lose = 0
        """So many answers from now on are thrown away, each with its connection."""
        self.silent = False
        """Nothing is answered any more, until it is set back."""
        self._accepting = Accepting(self._carry)

    async def __aenter__(self) -> Self:
        self.port = await self._accepting.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._accepting.stop()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.most = max(self.most, self.connections)
        pumps: list[asyncio.Task[None]] = []
        server_writer: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                server_reader, server_writer = await asyncio.open_connection('127.0.0.1', self.backend)
                pumps = [
                    asyncio.create_task(self._pump(reader, server_writer, answers=False)),
                    asyncio.create_task(self._pump(server_reader, writer, answers=True)),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.connections -= 1
            for pump in pumps:
                pump.cancel()
            if server_writer is not None:
                server_writer.transport.abort()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while chunk := await source.read(65536):
            if answers and self.silent:
                continue
            if answers and self.answers_to_lose:
                self.answers_to_lose -= 1
                return
            target.write(chunk)
            await target.drain()
