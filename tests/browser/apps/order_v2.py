"""The same order in its second version: items have a size, the note has another name, and there is a colour."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from nicegui import ui

import panel
import probe
from nicegui_stash import Stash, stored

stash = Stash(os.environ['STORE'])


class Item(msgspec.Struct):
    name: str
    size: int = 1


def told(items: list[Item]) -> str:
    return ', '.join(f'{item.name} ({item.size})' for item in items)


def names_to_items(values: dict[str, Any]) -> dict[str, Any]:
    if 'items' in values:
        values['items'] = [{'name': name, 'size': 40} for name in values['items']]
    return values


@stash.page('/', version=2, migrations={1: names_to_items})
class Order:
    items: list[Item] = stored([])
    comment: str = stored('', renamed_from='note')
    colour: str = stored('red')
    draft: str = stored('', scope='reconnect')

    def build(self) -> None:
        panel.show_some(stash, self, 'version 2', ['comment', 'colour', 'draft'])
        ui.label().bind_text_from(self, 'items', told).props('data-testid=items')
        ui.button('add', on_click=self.add).props('data-testid=add')

    def add(self) -> None:
        self.items.append(Item(f'new {len(self.items) + 1}'))


probe.serve()
