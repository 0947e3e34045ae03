"""Servers of FTP, SFTP and WebDAV over a folder. Run as `python -m tests.servers.filesystems KIND PORT FOLDER`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .process import free_ports, running

ROOT = Path(__file__).parents[2]
USER, PASSWORD = 'ann', 'a-secret'
HANG_UP = 'hang-up'
"""A file that, once it is in the folder, lets the kind `ftp-hanging-up` end its connections as idle ones."""


@dataclass(frozen=True)
class FileServer:
    """A running server, and the folder that it serves."""

    kind: str
    port: int
    folder: Path

    @property
    def options(self) -> dict[str, Any]:
        """What `storage_options` have to say."""
        return self.options_with(PASSWORD)

    def options_with(self, password: str) -> dict[str, Any]:
        if self.kind == 'sftp':
            return {'look_for_keys': False, 'allow_agent': False}
        return {'base_url': f'http://{USER}:{password}@127.0.0.1:{self.port}'} if self.kind == 'webdav' else {}

    def url(self, folder: str | None = None, password: str = PASSWORD) -> str:
        """Name a folder of the server, by default one that does not exist."""
        path = folder or uuid.uuid4().hex
        if self.kind == 'webdav':
            return f'webdav://{path}'
        return f'{self.kind.partition("-")[0]}://{USER}:{password}@127.0.0.1:{self.port}/{path}'


@contextmanager
def serving(kind: str, folder: Path, port: int | None = None) -> Iterator[FileServer]:
    """Serve a folder within `with`, as a process that is killed at the end."""
    port = port or free_ports(1)[0]
    served = folder / 'served'
    served.mkdir(exist_ok=True)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get('PYTHONPATH', ''))))
    command = [sys.executable, '-W', 'ignore', '-m', 'tests.servers.filesystems', kind, str(port), served]
    with running(command, _listens(port), folder / f'{kind}.log', {'PYTHONPATH': path}):
        yield FileServer(kind, port, served)


def _listens(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        with socket.socket() as tried:
            return tried.connect_ex(('127.0.0.1', port)) == 0

    return ask


def _ftp(port: int, folder: str, *, hangs_up: bool = False) -> None:
    from pyftpdlib.authorizers import DummyAuthorizer  # noqa: PLC0415 each process needs one server's package only
    from pyftpdlib.handlers import FTPHandler  # noqa: PLC0415
    from pyftpdlib.servers import FTPServer  # noqa: PLC0415

    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, folder, perm='elradfmwMT')

    class Handler(FTPHandler):
        timeout = 0  # none
        auth_failed_timeout = 0

        def on_login(self, username: str) -> None:
            if hangs_up:
                self.looking = self.ioloop.call_every(0.05, self.look)

        def look(self) -> None:
            if (Path(folder) / HANG_UP).exists():
                self.looking.cancel()
                (Path(folder) / HANG_UP).unlink()
                self.handle_timeout()

    Handler.authorizer = authorizer
    FTPServer(('127.0.0.1', port), Handler).serve_forever()


def _sftp(port: int, folder: str) -> None:
    import asyncssh  # noqa: PLC0415 as above

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    async def serve() -> None:
        await asyncssh.listen(
            '127.0.0.1',
            port,
            server_factory=Server,
            server_host_keys=[asyncssh.generate_private_key('ssh-ed25519')],
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder),
        )
        await asyncio.Event().wait()

    asyncio.run(serve())


def _webdav(port: int, folder: str) -> None:
    from cheroot.wsgi import Server  # noqa: PLC0415 as above; the one of Python knows no body without a length
    from wsgidav.wsgidav_app import WsgiDAVApp  # noqa: PLC0415

    app = WsgiDAVApp(
        {
            'provider_mapping': {'/': folder},
            'simple_dc': {'user_mapping': {'*': {USER: {'password': PASSWORD}}}},
            'verbose': 0,
        }
    )
    Server(('127.0.0.1', port), app).start()


if __name__ == '__main__':
    kinds: dict[str, Callable[[int, str], None]] = {
        'ftp': _ftp,
        'ftp-hanging-up': partial(_ftp, hangs_up=True),
        'sftp': _sftp,
        'webdav': _webdav,
    }
    kinds[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
