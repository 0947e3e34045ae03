"""A `ui.tree`: which nodes are expanded, ticked and selected."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from nicegui import ui

from .. import nicegui_private

Node = str | int | float


class TreeState(msgspec.Struct, omit_defaults=True):
    """What a person set on a tree, by the keys of its nodes."""

    expanded: list[Node] = []  # msgspec copies it
    ticked: list[Node] = []
    selected: Node | None = None


class TreeShape:
    """The state of a tree; keys of nodes that are gone are dropped."""

    has_parts = True
    is_looked_at = True
    name = 'tree.1'

    def __init__(self, tree: ui.tree) -> None:
        self.element = tree
        tree.props.setdefault('expanded', [])  # else the browser keeps it to itself
        self._begin = self.state()

    def parts(self) -> set[Any]:
        props = self.element.props
        return {node.get(props['node-key']) for node in _all(props['nodes'], props['children-key'])}

    def listen(self, changed: Callable[[], None]) -> None:
        """Do nothing: NiceGUI's handlers change the tree's props."""

    def state(self) -> Any:
        props = self.element.props
        return {
            'expanded': list(props.get('expanded') or ()),
            'ticked': list(props.get('ticked') or ()),
            'selected': props.get('selected'),
        }

    def show(self, state: Any) -> Any:
        wanted = msgspec.convert(self._begin if state is None else state, TreeState)
        props = self.element.props
        known = self.parts()
        for name, value in (
            ('expanded', [key for key in wanted.expanded if key in known]),
            ('ticked', [key for key in wanted.ticked if key in known]),
            ('selected', wanted.selected if wanted.selected in known else None),
        ):
            if name in props and props[name] != value:
                props[name] = value
        return self.state()

    def announce(self) -> None:
        for name in ('expanded', 'ticked', 'selected'):
            if self.element.props.get(name):
                nicegui_private.fire(self.element, f'update:{name}', self.element.props[name])

    def reduced(self, state: Any) -> Any:
        return {**state, 'ticked': []}


def _all(nodes: list[dict[str, Any]], children: str) -> list[dict[str, Any]]:
    found = list(nodes)
    for node in found:  # which grows meanwhile
        found += node.get(children) or ()
    return found
