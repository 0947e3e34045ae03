"""The configuration of the app that the tests of whole processes start."""

import os

import reflex as rx

from nicegui_stash.reflex import StashPlugin

config = rx.Config(
    app_name='counter',
    telemetry_enabled=False,
    disable_plugins=[rx.plugins.SitemapPlugin],
    plugins=[
        StashPlugin(
            os.environ['STORE'],
            secrets='a secret of the tests',
            flush_interval=3600,  # so that nothing is put but what somebody waits for
            answer=os.environ['ANSWER'] or None,
        )
    ],
)
