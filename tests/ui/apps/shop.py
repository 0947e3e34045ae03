"""The main file of an app in several modules."""

import shop_pages
from nicegui import ui

assert shop_pages.Shop
ui.run(storage_secret='the secret of the shop')
