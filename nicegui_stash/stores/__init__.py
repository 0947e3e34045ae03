"""Where documents are kept: the `Store` protocol, its implementations, and how a URL chooses one."""

from typing import TYPE_CHECKING

from ..lazy_names import lazy_names
from .base import (
    NOT_MODIFIED,
    ETag,
    Expiring,
    Guarantee,
    Mode,
    NotModified,
    ObjectInfo,
    Replace,
    Store,
    StoredObject,
    Timekeeping,
    Watching,
)

__all__ = [
    'NOT_MODIFIED',
    'ETag',
    'Expiring',
    'FileStore',
    'FsspecStore',
    'Guarantee',
    'MemoryStore',
    'Mode',
    'NotModified',
    'ObjectInfo',
    'Replace',
    'SQLiteStore',
    'Store',
    'StoredObject',
    'Timekeeping',
    'Watching',
    'open_store',
    'register_store',
]

if TYPE_CHECKING:
    from .file.files import FileStore
    from .generic import FsspecStore
    from .memory import MemoryStore
    from .opening import open_store, register_store
    from .sqlite.store import SQLiteStore
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            'file.files': ['FileStore'],
            'generic': ['FsspecStore'],
            'memory': ['MemoryStore'],
            'opening': ['open_store', 'register_store'],
            'sqlite.store': ['SQLiteStore'],
        },
    )
