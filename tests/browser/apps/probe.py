"""What every app of these tests shares: how it is served, and what it tells a test about itself."""

from __future__ import annotations

import os
from collections import Counter

import uvicorn
from fastapi import FastAPI, HTTPException
from nicegui import Client, app, core, ui

import patience  # noqa: F401 it registers itself

builds: Counter[str] = Counter()
"""How often a page or view was built, per NiceGUI client."""


@app.get('/probe')
async def probe() -> dict[str, object]:
    """Tell which clients exist and whether their socket is open, what was built and how much was sent for them.

    It is asked while pages come: on the loop, as in a thread it would look through dicts that grow.
    """
    return {
        'clients': {client.id: client.has_socket_connection for client in Client.instances.values()},
        'messages': {client.id: client.outbox.next_message_id for client in Client.instances.values()},
        'builds': dict(builds),
    }


@app.post('/probe/reconnect/{client_id}')
async def ask_to_reconnect(client_id: str) -> None:
    """Have the browser reload by NiceGUI's own `try_reconnect`."""
    if client_id not in Client.instances:
        raise HTTPException(404)
    await core.sio.emit('try_reconnect', {}, room=client_id)


def serve(*, tailwind: bool = False) -> None:
    """Run the app as the environment says, below the path `MOUNT` of a FastAPI app if there is one.

    Tailwind compiles in the page, for a fifth of its CPU: only where the layout, or all of the head, is under test.
    What each new browser loads is compressed anew, for a tenth of it: only below a path, and in the demo.
    """
    if transports := os.environ.get('TRANSPORTS'):
        app.config.socket_io_js_transports = transports.split()  # type: ignore[assignment]
    if mount := os.environ.get('MOUNT'):
        above = FastAPI()
        timeout = float(os.environ['RECONNECT_TIMEOUT'])
        secret = os.environ['SECRET']
        ui.run_with(above, mount_path=mount, reconnect_timeout=timeout, storage_secret=secret, tailwind=tailwind)
        uvicorn.run(above, host='127.0.0.1', port=int(os.environ['PORT']))
        return
    ui.run(
        host='127.0.0.1',
        port=int(os.environ['PORT']),
        reload=False,
        show=False,
        show_welcome_message=False,
        reconnect_timeout=float(os.environ['RECONNECT_TIMEOUT']),
        message_history_length=int(os.environ.get('MESSAGE_HISTORY_LENGTH', '1000')),
        storage_secret=os.environ['SECRET'],
        tailwind=tailwind,
        gzip_middleware_factory=None,
    )
