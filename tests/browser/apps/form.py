"""A form with one field of each scope on several pages, which differ in when they are built."""

from __future__ import annotations

import os
from datetime import timedelta

import panel
import probe
from nicegui_stash import Recovery, Stash, stored

stash = Stash(os.environ['STORE'], ttl=timedelta(seconds=float(os.environ.get('TTL', '2592000'))))


@stash.page('/')
class Form:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'form')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.page('/other')
class Other:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'other')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.page('/at-request', build='request')
class AtRequest:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'at request')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


@stash.page('/when-connected', build='connected')
class WhenConnected:
    session: str = stored('')
    reconnect: str = stored('', scope='reconnect')
    tab: str = stored('', scope='tab')

    def __init__(self) -> None:
        self.recoveries = 0

    def build(self) -> None:
        panel.show(stash, self, 'when connected')

    def on_recovered(self, recovery: Recovery) -> None:
        self.recoveries += 1


probe.serve()
