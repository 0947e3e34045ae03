"""The store without what Windows does not have; run by the tests with the name of a folder that is not there."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

MISSING = ('fork', 'register_at_fork', 'O_DIRECTORY', 'geteuid', 'getuid', 'fchmod', 'chown', 'kill', 'statvfs')
__all__ = ['shutil']  # imported here, while its own look at the system is true
system: Any = sys
drives = {'': 3}

# The standard library is imported for the system that this is; from here on everything that is imported sees Windows.
system.modules.update(dict.fromkeys(('fcntl', 'pwd', 'grp', 'resource', 'termios')))
for name in MISSING:
    delattr(os, name)
system.platform = 'win32'
ctypes.windll = SimpleNamespace(
    kernel32=SimpleNamespace(GetDriveTypeW=lambda root: drives[root.rstrip('\\')])  # a disk of this machine
)

from nicegui_stash.errors import ConfigurationError  # noqa: E402
from nicegui_stash.stores import Replace, StoredObject, open_store  # noqa: E402
from nicegui_stash.stores.opening import default_url  # noqa: E402


def tell(done: str) -> None:
    sys.stdout.write(f'{done}\n')


async def main(folder: str) -> None:
    store: Any = open_store(default_url(Path(folder)))
    store.check()
    etag = await store.put('x', b'one', mode='create')
    etag = await store.put('x', b'two', mode=Replace(etag))
    tell('put')
    assert await store.get('x') == StoredObject(b'two', etag)
    tell('got')
    assert [(row.key, row.size) async for row in store.list()] == [('x', 3)]
    tell('listed')
    await store.delete('x')
    assert await store.get('x') is None
    tell('deleted')
    await store.aclose()
    tell('closed')
    drives[''] = 4
    far: Any = open_store(f'sqlite:///{folder}/stash.db')
    try:
        far.check()
    except ConfigurationError as error:
        tell(error.reason.rpartition('(')[2])


asyncio.run(main(sys.argv[1]))
