"""Ctrl+Z and its like, for undo and redo of a page."""

# pyright: reportUnknownMemberType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from typing import Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from .steps import Steps

UNDO_OR_REDO: Final = """(pressed) => {
    const key = pressed.key.toLowerCase(), isCommand = pressed.ctrlKey || pressed.metaKey;
    if (pressed.action !== 'keydown' || !isCommand || pressed.altKey || !'zy'.includes(key)) return;
    if (document.activeElement?.isContentEditable) return;
    pressed.event.preventDefault();
    emit(key === 'y' || pressed.shiftKey ? 'redo' : 'undo');
}"""
"""An editor is typed into as well, but it is no input. The browser would undo in the input that was used last."""


def undo_keys(steps: Steps) -> ui.keyboard:
    """Undo and redo by keys, unless a person types into an element."""

    def move(pressed: GenericEventArguments) -> None:
        if pressed.args == 'undo':
            steps.undo()
        elif pressed.args == 'redo':
            steps.redo()

    keyboard = ui.keyboard(ignore=['input', 'select', 'textarea'])  # a button keeps the focus after a click
    keyboard.props['events'] = ['keydown']
    return keyboard.on('key', move, js_handler=UNDO_OR_REDO)
