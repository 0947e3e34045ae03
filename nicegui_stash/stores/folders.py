"""Folders that a store makes, flushed to the disk where the system can."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

# What visitors typed is no other user's business.
FILE_MODE = 0o600
FOLDER_MODE = 0o700

DATABASE = 'stash.db'
"""The name of the default database, in a folder that an earlier version may have filled with objects."""


def make_folder(path: str) -> None:
    """Make a folder and its parents, each flushed to the disk."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_folder(parent)
    with suppress(FileExistsError):  # another process was quicker
        os.mkdir(path, FOLDER_MODE)
    sync_folder(parent)


def sync_folder(path: str) -> None:
    """Flush the names in a folder to the disk. Windows has no call for that, and needs none."""
    if sys.platform == 'win32':
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # filesystems whose folders cannot be flushed
            raise
    finally:
        os.close(folder)
