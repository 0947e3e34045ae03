"""A stored text with line ends of Windows in `ui.codemirror`, whose browser counts each as one character."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, element, idle, shown, type_into


@pytest.mark.parametrize('end', ['\r\n', '\r', '\n'])
async def test_what_is_typed_into_an_editor_of_code_takes_no_character_of_the_lines(
    stash: Stash, store: FaultyStore, end: str
) -> None:
    before = f'one{end}two{end}three 🐝'

    @stash.page('/')
    class Editor:
        code: str = stored(before)
        parts: dict[str, str] = stored({'part': before})

        def build(self) -> None:
            ui.codemirror().mark('code').bind_value(self, 'code')
            ui.codemirror().mark('part').bind_value(self.parts, 'part')

    tab = await Browser().open()
    editor = shown(stash, tab, Editor)
    assert editor.code == before  # until a person changes it
    for marker in ('code', 'part'):
        # what a browser sends when `!` is typed before `two`, and then at the end, behind what counts as two there
        type_into(tab, marker, {'sections': [4, -1, 0, 1, 12, -1], 'inserted': [[], ['!']]})
        type_into(tab, marker, {'sections': [17, -1, 0, 1], 'inserted': [[], ['?']]})
        await idle()
        assert element(tab, marker).value == 'one\n!two\nthree 🐝?'
    await stash.flush(editor)
    text = 'one\n!two\nthree 🐝?'
    assert await data_of(store, 'Editor') == {'code': text, 'parts': {'part': text}}


async def test_an_editor_without_a_field_is_left_to_nicegui(stash: Stash) -> None:
    values: list[Any] = []

    @stash.page('/')
    class Editor:
        code: str = stored('')

        def build(self) -> None:
            ui.codemirror('a\r\nb', on_change=lambda event: values.append(event.value)).mark('code')

    tab = await Browser().open()
    shown(stash, tab, Editor)
    type_into(tab, 'code', {'sections': [4, -1, 0, 1], 'inserted': [[], ['!']]})
    assert values == ['a\r\nb!']
