"""A job's lease: who runs it, and whether that process is still alive. Pure: it is judged by what was seen of it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

JobState = Literal['idle', 'running', 'interrupted', 'failed']
CLOCKS: Final = 60.0
"""Seconds by which the clocks of two servers may differ."""


class Lease(msgspec.Struct, frozen=True):
    """Says who runs a job. Declare it as a field: `lease: Lease = stored(Lease())`.

    `state` is `idle`, `running`, `interrupted` (its server stopped it), or `failed` (it raised). `run` identifies one
    run, `process` the process that holds it. The holder renews the lease: `renewed` is in ms since the epoch, by its
    clock. Another server may take it once it was not renewed for `ttl` seconds. `cancelled`: somebody asks the holder
    to stop.
    """

    state: JobState = 'idle'
    run: str = ''
    process: str = ''
    renewed: int = 0
    ttl: float = 0.0
    cancelled: bool = False


class Sight:
    """What one process has seen of a lease, to tell a holder that renews it from one that is dead.

    Clocks of two servers differ, so a lease has expired if nothing of it changed for `ttl` seconds of this process. The
    holder's clock counts only where it is older than any difference of clocks.
    """

    __slots__ = ('_expired', '_lease', '_since')

    def __init__(self) -> None:
        self._lease = Lease()
        self._since = 0.0
        self._expired = False

    def look(self, lease: Lease, *, elapsed: float, wall: float) -> None:
        """Take a lease that was just read from the store. Both times are in seconds, `wall` since the epoch."""
        if lease != self._lease:
            self._lease, self._since, self._expired = lease, elapsed, False
        unchanged = elapsed - self._since >= lease.ttl
        self._expired = self._expired or unchanged or wall - lease.renewed / 1000 > lease.ttl + CLOCKS

    def state(self, lease: Lease, *, gone: bool) -> JobState:
        """Return what to show of a lease whose process is known to be `gone`, or not."""
        if lease.state != 'running':
            return lease.state
        return 'interrupted' if gone or (self._expired and lease == self._lease) else 'running'
