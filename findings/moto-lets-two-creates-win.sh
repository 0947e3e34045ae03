#!/usr/bin/env bash
# moto's server lets several racing creates of one object succeed, once the bodies are larger than 5 MiB.
#
# Eight threads put the same absent key with IfNoneMatch='*'. S3 answers 200 to one of them and 412 or 409 to the
# others. moto's server runs a thread per request. It checks the condition first and writes the object later, without a
# lock. Small bodies stay in memory, and Python seldom switches threads in between: 1 of 200 races of tiny objects had
# two winners. Bodies over 5 MiB go to a file between check and write, which lets other threads in: every third race
# had. A racer that checks while a second winner replaces the object gets 500 (moto reads a closed file).
#
# The race is repeated up to 100 times, until two creates win.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64 (the number of the race and of its winners vary):
#
#   moto 5.2.5, boto3 1.43.117, Werkzeug 3.1.9
#   race 1 of 8 creates, 6 MB each: 3 winners
#     statuses: 200 200 200 500 500 500 500 500
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
    'moto[server]==5.2.5' 'Werkzeug==3.1.9' 'boto3==1.43.117' 'botocore==1.43.117' \
    || cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

RACES = 100
RACERS = 8


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


def statuses_of_a_race(key: str) -> list[int]:
    statuses = []
    start = threading.Barrier(RACERS)

    def create(racer: int) -> None:
        body = bytes([racer]) * 6_000_000
        start.wait()
        try:
            s3.put_object(Bucket='bucket', Key=key, Body=body, IfNoneMatch='*')
            statuses.append(200)
        except ClientError as error:
            statuses.append(error.response['ResponseMetadata']['HTTPStatusCode'])

    threads = [threading.Thread(target=create, args=(racer,)) for racer in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


print(', '.join(f'{name} {importlib.metadata.version(name)}' for name in ('moto', 'boto3', 'Werkzeug')))
with moto() as port:
    s3 = boto3.client(
        's3',
        endpoint_url=f'http://127.0.0.1:{port}',
        aws_access_key_id='key',
        aws_secret_access_key='secret',
        region_name='us-east-1',
        config=Config(retries={'total_max_attempts': 1}),  # a repeated request could not win twice
    )
    s3.create_bucket(Bucket='bucket')
    winners = 0
    for race in range(1, RACES + 1):
        statuses = statuses_of_a_race(f'race-{race}')
        winners = statuses.count(200)
        print(f'race {race} of {RACERS} creates, 6 MB each: {winners} winner{"s" * (winners != 1)}')
        if winners > 1:
            print('  statuses:', *statuses)
            break

print('as described' if winners > 1 else 'CHANGED: not as described')
sys.exit(winners <= 1)
PYTHON
