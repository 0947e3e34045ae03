#!/usr/bin/env bash
# An FTP server that has closed an idle connection makes fsspec say of a file which is there that it does not exist.
#
# FTP servers close a connection on which nothing happens, after some minutes. The next command finds their last answer,
# 421, for which ftplib raises error_temp. fsspec makes each of ftplib's errors a FileNotFoundError in `cat_file`, and a
# listing without the file for `info` and `exists`. One would expect an error of the connection, or that it connects
# again. Whoever creates what is "not there" replaces the file.
#
# Needs: Python 3.11 or newer.
# Seen with CPython 3.11.7 on Linux x86_64:
#
#   fsspec 2026.9.0 pyftpdlib 2.2.0
#   cat_file of a file that is there, after the server has closed the idle connection: FileNotFoundError from error_temp
#   info of a file that is there, after the server has closed the idle connection: FileNotFoundError from StopIteration
#   exists of a file that is there, after the server has closed the idle connection: False
#   as described
set -euo pipefail

cannot_run() { echo "cannot be run: $1" >&2; exit 2; }
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || cannot_run 'Python 3.11 or newer is needed'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TMPDIR="$folder"

python3 -m venv venv || cannot_run 'python3 -m venv does not work'
venv/bin/python -m pip install --quiet --quiet 'fsspec==2026.9.0' 'pyftpdlib==2.2.0' ||
    cannot_run 'pip could not install the packages'

venv/bin/python -I - <<'PYTHON'
import importlib.metadata
import logging
import sys
import threading
import time
from pathlib import Path

import fsspec
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

IDLE = 1
logging.disable(logging.INFO)
served = Path('served').absolute()
served.mkdir()
(served / 'file').write_bytes(b'content')
authorizer = DummyAuthorizer()
authorizer.add_user('user', 'password', str(served), perm='elradfmwMT')
server = FTPServer(('127.0.0.1', 0), type('Handler', (FTPHandler,), {'authorizer': authorizer, 'timeout': IDLE}))
threading.Thread(target=server.serve_forever, daemon=True).start()


def asked(what: str) -> str:
    """Ask over a connection that the server has closed meanwhile."""
    fs = fsspec.filesystem(
        'ftp',
        host='127.0.0.1',
        port=server.address[1],
        username='user',
        password='password',
        skip_instance_cache=True,
        use_listings_cache=False,
    )
    assert fs.cat_file('/file') == b'content'
    time.sleep(2 * IDLE + 1)
    try:
        return repr(getattr(fs, what)('/file'))
    except Exception as error:
        return f'{type(error).__name__} from {type(error.__cause__).__name__}'


print('fsspec', importlib.metadata.version('fsspec'), 'pyftpdlib', importlib.metadata.version('pyftpdlib'))
seen = {what: asked(what) for what in ('cat_file', 'info', 'exists')}
for what, answer in seen.items():
    print(f'{what} of a file that is there, after the server has closed the idle connection: {answer}')
as_described = seen['cat_file'] == 'FileNotFoundError from error_temp' and seen['exists'] == 'False'
as_described = as_described and seen['info'].startswith('FileNotFoundError')
print('as described' if as_described else 'CHANGED: not as described')
sys.exit(not as_described)
PYTHON
