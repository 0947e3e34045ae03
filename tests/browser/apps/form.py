"""A form with one field of each scope on several pages, which differ in when they are built."""

from __future__ import annotations

import os
from datetime import timedelta

import panel
import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'], ttl=timedelta(seconds=float(os.environ.get('TTL', '2592000'))))


class Fields:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self)

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.page('/')
class Form(Fields):
    pass


@stash.page('/other')
class Other(Fields):
    pass


@stash.page('/at-request', build='request')
class AtRequest(Fields):
    pass


@stash.page('/when-connected', build='connected')
class WhenConnected(Fields):
    pass


probe.serve()
