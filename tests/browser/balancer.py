"""A load balancer: each new document goes to another server, and the socket of a document to that document's."""

from __future__ import annotations

import re

import httpx

from .proxy import Proxy, asks_for_socket
from .server import Server

_CLIENT_ID = re.compile(rb'[?&]client_id=([0-9a-f-]+)')


class Balancer(Proxy):
    """One address for the servers in service. Documents, and pages that come back in place, take turns among them.

    `served` says whose turns they were.

    Each request gets a connection of its own, so that the one after it can go elsewhere.
    """

    def __init__(self, *servers: Server) -> None:
        super().__init__(servers[0].port)
        self.in_service = list(servers)
        self.served: list[Server] = []
        self._http = httpx.AsyncClient(timeout=60)

    async def __aexit__(self, *of: object) -> None:
        await super().__aexit__(*of)
        await self._http.aclose()

    async def _route(self, first: bytes) -> tuple[bytes, int]:
        if asks_for_socket(first):
            return first, (await self._server_of(first)).port
        if b'\r\nSec-Fetch-Dest: document\r\n' in first or b'\r\nx-nicegui-stash: ' in first.lower():
            self.served.append(self._next())
        return first.replace(b'\r\nConnection: keep-alive\r\n', b'\r\nConnection: close\r\n'), self._current.port

    def _next(self) -> Server:
        """Return the server in service that was not chosen for the longest time."""
        turns = {server: number for number, server in enumerate(self.served)}
        return min(self.in_service, key=lambda server: turns.get(server, -1))

    @property
    def _current(self) -> Server:
        """Where everything goes that is the same on all servers, such as scripts and styles."""
        return self.served[-1] if self.served and self.served[-1] in self.in_service else self.in_service[0]

    async def _server_of(self, request: bytes) -> Server:
        """Return who has made the document; without it any, which lets the page load anew."""
        found = _CLIENT_ID.search(request.partition(b'\r\n')[0])
        for server in self.in_service if found else []:
            answer = await self._http.get(f'{server.url}/probe')
            if found and found[1].decode() in answer.json()['clients']:
                return server
        return self._current
