#!/usr/bin/env bash
# fsspec's simplecache and filecache return a file after it was removed through themselves.
#
# Writing through such a cache drops the local copy: the next read returns the new bytes. Removing through it does not:
# `exists` says no, and `cat` and `open` of the same object go on returning the bytes that were removed. It is known
# that these caches do not see changes made elsewhere. This change was made through them.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   fsspec 2026.9.0
#   simplecache: written again: b'second', removed: exists False, cat b'second', open b'second'
#   filecache:   written again: b'second', removed: exists False, cat b'second', open b'second'
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'fsspec==2026.9.0' || cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import sys
from pathlib import Path

import fsspec


def read(fs: fsspec.AbstractFileSystem, path: str) -> bytes:
    with fs.open(path) as file:
        return file.read()


def after_removal(protocol: str) -> list[object]:
    folder = Path(protocol, 'files').absolute()
    folder.mkdir(parents=True)
    path = str(folder / 'file')
    fs = fsspec.filesystem(protocol, target_protocol='file', cache_storage=str(Path(protocol, 'copies')))
    fs.pipe(path, b'first')
    fs.cat(path)
    fs.pipe(path, b'second')
    again = fs.cat(path)
    fs.rm(path)
    seen: list[object] = [fs.exists(path), Path(path).exists()]
    for look in (fs.cat, lambda path: read(fs, path)):
        try:
            seen.append(look(path))
        except FileNotFoundError:
            seen.append(FileNotFoundError)
    print(
        f'{protocol + ":":<12} written again: {again!r}, removed: exists {seen[0]}, cat {seen[2]!r}, open {seen[3]!r}'
    )
    return [again, *seen]


print('fsspec', importlib.metadata.version('fsspec'))
seen = [after_removal(protocol) for protocol in ('simplecache', 'filecache')]
as_described = seen == [[b'second', False, False, b'second', b'second']] * 2
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
