"""Which process this is, and whether another one on the same host has ended."""

from __future__ import annotations

import functools
import os
import platform
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

_TOO_LONG: Final = 19
"""Digits: more than the number of a process can have."""


@functools.cache
def _host() -> str:
    """Identify this boot of this host, and what its process numbers refer to; empty where Linux does not say so."""
    try:
        boot = Path('/proc/sys/kernel/random/boot_id').read_text(encoding='ascii')
        numbers = Path('/proc/self/ns/pid').stat().st_ino
    except OSError:
        return ''
    return blake2b(f'{boot}{numbers} {platform.node()}'.encode(), digest_size=8).hexdigest()


def this_process() -> str:
    """Return a name of this process that no later one has; empty where there is none."""
    return _name(os.getpid()) if _host() else ''


def is_gone(process: str) -> bool:
    """Whether a process is known to have ended. `False` where that cannot be known, as of another host."""
    host, _, rest = process.partition(':')
    number, _, _ = rest.partition(':')
    if not host or host != _host() or not number.isdecimal() or len(number) >= _TOO_LONG:
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it is another user's, and may be hidden
        pass
    with suppress(OSError):
        return _name(int(number)) != process
    return False


def _name(number: int) -> str:
    """Name a process by its number and by when it started, since numbers are used again. Raises `OSError`."""
    state, *fields = (
        Path(f'/proc/{number}/stat').read_text(encoding='utf-8', errors='replace').rpartition(')')[2].split()
    )
    return '' if state in 'ZX' else f'{_host()}:{number}:{fields[18]}'  # a zombie has ended, and waits for its parent
