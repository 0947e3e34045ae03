#!/usr/bin/env bash
# A request of long polling with 17 messages is answered "200 OK", and not one of the 17 arrives. With 16, all arrive.
#
# Engine.IO's protocol lets a client put several packets into one request; the handshake announces `maxPayload`, a
# number of bytes, and no number of packets. Its JavaScript client fills requests up to these bytes. python-engineio
# takes 16 packets in a request; from the seventeenth on it logs an error, drops the whole request and answers as if
# all had been taken, so no client sends them again. One would expect "400 Bad Request" and a closed connection, or the
# limit in the handshake. In NiceGUI it happens where WebSockets are blocked, when a page connects and hands over what
# was typed meanwhile. `engineio.payload.Payload.max_decode_packets` raises the limit.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   python-engineio 4.15.1
#   the handshake announces maxPayload 1000000
#   16 messages: status 200, 16 arrived
#   17 messages: status 200, 0 arrived
#   then 1 more: status 200, 1 arrived
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'python-engineio==4.15.1' 'httpx==0.28.1' \
    || cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import asyncio
import importlib.metadata
import json
import sys

import engineio
import httpx

SEPARATOR = '\x1e'


async def main() -> bool:
    """Send messages by long polling, as a browser does, and count what arrives."""
    server = engineio.AsyncServer(async_mode='asgi', async_handlers=False)
    arrived: list[str] = []
    server.on('message', lambda sid, data: arrived.append(data))
    transport = httpx.ASGITransport(app=engineio.ASGIApp(server))
    async with httpx.AsyncClient(transport=transport, base_url='http://server/engine.io/') as client:
        query = {'EIO': '4', 'transport': 'polling'}
        opened = json.loads((await client.get('', params=query)).text[1:])
        print('the handshake announces maxPayload', opened['maxPayload'])
        query['sid'] = opened['sid']

        async def send(count: int) -> tuple[int, int]:
            before = len(arrived)
            body = SEPARATOR.join(f'4message {number}' for number in range(count))
            response = await client.post('', params=query, content=body)
            return response.status_code, len(arrived) - before

        seen = [await send(count) for count in (16, 17, 1)]
    for said, (status, count) in zip(('16 messages', '17 messages', 'then 1 more'), seen, strict=True):
        print(f'{said}: status {status}, {count} arrived')
    return seen == [(200, 16), (200, 0), (200, 1)]


print('python-engineio', importlib.metadata.version('python-engineio'))
as_described = asyncio.run(main())
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
