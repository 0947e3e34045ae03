"""Which paths lie on a network: there SQLite's locks and its shared memory reach one host only, or none."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path, PureWindowsPath
from typing import Any, Final

_NETWORK: Final = re.compile(
    r'9p|afs|beegfs|ceph|cifs|coda|davfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|orangefs|smb2|smb3|smbfs'
    r'|fuse\.\w*(ssh|s3|gcs|blob|dav|nfs|smb|cifs|goofys|rclone|gluster|ceph|juice|seaweed)\w*'
)
_REMOTE_DRIVE: Final = 4


def network_filesystem(path: str) -> str | None:
    """Return the type of the network filesystem on which an absolute path lies.

    `None` for a local one, and where the system does not say (known: Linux, and drives and shares of Windows).
    """
    if sys.platform == 'win32':
        return _of_windows(path)
    try:
        mounts = Path('/proc/mounts').read_text(encoding='utf-8', errors='surrogateescape')
        kind = filesystem_of(os.path.realpath(path), mounts)
    except OSError:
        return None
    return kind if _NETWORK.fullmatch(kind) else None


def filesystem_of(path: str, mounts: str) -> str:
    """Return the type of the filesystem of a path, as `/proc/mounts` has them: the deepest, and of these the last."""
    deepest, found = -1, ''
    for line in mounts.splitlines():
        _, where, kind, *_ = line.split(' ')
        point = re.sub(r'\\([0-7]{3})', lambda octal: chr(int(octal[1], 8)), where).rstrip('/')
        if len(point) >= deepest and (path == point or path.startswith(f'{point}/')):
            deepest, found = len(point), kind
    return found


def _of_windows(path: str) -> str | None:
    import ctypes  # noqa: PLC0415 needed on Windows only

    if path.startswith(('\\\\', '//')):
        return 'a share'
    windows: Any = getattr(ctypes, 'windll')  # noqa: B009 it exists there only
    kind = windows.kernel32.GetDriveTypeW(f'{PureWindowsPath(path).drive}\\')
    return 'a network drive' if kind == _REMOTE_DRIVE else None
