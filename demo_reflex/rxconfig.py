"""The state of this app is kept in a database beside this file."""

import reflex as rx

from nicegui_stash.reflex import StashPlugin

config = rx.Config(
    app_name='guestbook',
    telemetry_enabled=False,
    disable_plugins=[rx.plugins.SitemapPlugin],
    plugins=[rx.plugins.RadixThemesPlugin(), StashPlugin(secrets='only for this demo')],
)
