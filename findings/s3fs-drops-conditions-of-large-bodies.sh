#!/usr/bin/env bash
# s3fs sends IfMatch and IfNoneMatch with a small body, and silently leaves them out with a large one.
#
# `pipe_file(path, body, IfMatch=etag)` hands its keyword arguments to PutObject: a stale etag is refused. From twice
# `chunksize` on (100 MiB unless told otherwise) the same call makes a multipart upload. The arguments then go to
# CreateMultipartUpload, which has no conditions; s3fs drops what an operation does not know. CompleteMultipartUpload,
# which has them, is not given them. So the write succeeds, and another writer's object is lost without an error. One
# would expect the same condition at any size, or an error. mode='create' does reach the last request.
#
# The server is moto, which checks conditions in both operations: mode='create' shows that for the large body.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   s3fs 2026.9.0, aiobotocore 3.10.0, botocore 1.43.117, moto 5.2.5
#   chunksize 5 MiB, over an object that somebody else has replaced
#       10 bytes, IfMatch=<the etag read before>  refused: OSError
#       10 bytes, IfNoneMatch='*'                 refused: FileExistsError
#       10 bytes, mode='create'                   refused: FileExistsError
#       10 MiB,   IfMatch=<the etag read before>  no error, the object is overwritten
#       10 MiB,   IfNoneMatch='*'                 no error, the object is overwritten
#       10 MiB,   mode='create'                   refused: FileExistsError
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet \
    's3fs==2026.9.0' 'aiobotocore==3.10.0' 'botocore==1.43.117' 'moto[server]==5.2.5' \
    || cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import s3fs

MIB = 2**20
THEIRS = b'written by somebody else'


@contextmanager
def moto() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    command = (sys.executable, '-m', 'moto.server', '-H', '127.0.0.1', '-p', str(port))
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            for _ in range(600):
                try:
                    socket.create_connection(('127.0.0.1', port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port
        finally:
            server.kill()


def is_refused(size: int, condition: str) -> bool:
    fs.pipe_file('bucket/key', b'read by us')
    etag = fs.info('bucket/key')['ETag']
    fs.pipe_file('bucket/key', THEIRS)
    arguments = {'IfMatch': {'IfMatch': etag}, 'IfNoneMatch': {'IfNoneMatch': '*'}, 'mode': {'mode': 'create'}}
    shown = {'IfMatch': 'IfMatch=<the etag read before>', 'IfNoneMatch': "IfNoneMatch='*'", 'mode': "mode='create'"}
    try:
        fs.pipe_file('bucket/key', bytes(size), chunksize=5 * MIB, **arguments[condition])
        raised = ''
    except OSError as error:
        raised = type(error).__name__
    stored = fs.cat_file('bucket/key')
    if raised and stored == THEIRS:
        outcome = f'refused: {raised}'
    else:
        outcome = f'{raised or "no error"}, the object is {"unchanged" if stored == THEIRS else "overwritten"}'
    print(f'    {"10 bytes," if size == 10 else "10 MiB,  "} {shown[condition]:<31} {outcome}')
    return outcome.startswith('refused')


packages = ('s3fs', 'aiobotocore', 'botocore', 'moto')
print(', '.join(f'{name} {importlib.metadata.version(name)}' for name in packages))
with moto() as port:
    fs = s3fs.S3FileSystem(
        key='key', secret='secret', endpoint_url=f'http://127.0.0.1:{port}', use_listings_cache=False
    )
    fs.call_s3('create_bucket', Bucket='bucket')
    print('chunksize 5 MiB, over an object that somebody else has replaced')
    conditions = ('IfMatch', 'IfNoneMatch', 'mode')
    refused = {(size, condition): is_refused(size, condition) for size in (10, 10 * MIB) for condition in conditions}

dropped = {case for case, value in refused.items() if not value}
as_described = dropped == {(10 * MIB, 'IfMatch'), (10 * MIB, 'IfNoneMatch')}
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
