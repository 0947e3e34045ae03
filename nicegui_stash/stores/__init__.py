"""Where documents are kept: the `Store` protocol, its implementations, and how a URL chooses one."""

from .base import NOT_MODIFIED, ETag, Expiring, Guarantee, Mode, NotModified, ObjectInfo, Replace, Store, StoredObject
from .file.files import FileStore
from .generic import FsspecStore
from .memory import MemoryStore
from .opening import open_store, register_store

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
    'Store',
    'StoredObject',
    'open_store',
    'register_store',
]
