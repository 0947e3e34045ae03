"""Some fields get their defaults back, the others stay."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from nicegui_stash import Change, Stash, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, client_of, data_of, element, idle, shown, type_into


async def test_a_draft_is_reset_and_the_rest_of_the_class_stays(stash: Stash, store: FaultyStore) -> None:
    changes: list[tuple[str, str, str]] = []

    @stash.page('/')
    class Desk:
        done: int = stored(0)
        draft: str = stored('', scope='reconnect')
        items: list[str] = stored(['first'])
        q: str = stored('', scope='url')
        name = ''

        def build(self) -> None:
            ui.input().mark('draft').bind_value(self, 'draft')
            stash.on_change(self, ['done', 'items'], self.note)

        def note(self, change: Change) -> None:
            changes.append((self.name, change.field, change.cause))

    ann = Browser()
    tab, other = await ann.open(), await ann.open()
    desk, second = shown(stash, tab, Desk), shown(stash, other, Desk)
    desk.name, second.name = 'here', 'there'
    desk.done, desk.q = 3, 'bolt'
    desk.items.append('second')
    type_into(tab, 'draft', 'a text')
    await idle()
    changes.clear()

    stash.reset(desk, scope='reconnect')
    await idle()
    assert (desk.draft, element(tab, 'draft').value, desk.done, desk.q) == ('', '', 3, 'bolt')
    stash.reset(desk, 'done', 'q')
    await idle()
    assert (desk.done, desk.q, desk.items, second.done) == (0, '', ['first', 'second'], 0)
    assert client_of(tab).sub_pages_router.current_path == '/'
    stash.reset(desk, 'items')
    await idle()
    assert (desk.items, second.items) == (['first'], ['first'])
    desk.items.append('again')
    await idle()
    assert second.items == ['first', 'again']
    assert changes[:4] == [
        ('here', 'done', 'reset'),
        ('there', 'done', 'remote'),
        ('here', 'items', 'reset'),
        ('there', 'items', 'remote'),
    ]
    await stash.flush(desk)
    assert (await data_of(store, 'Desk')) == {'done': 0, 'items': ['first', 'again']}


async def test_a_reset_empties_an_element_whose_value_was_refused(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(3)

        def build(self) -> None:
            ui.number().mark('count').bind_value(self, 'count')

    tab = await Browser().open()
    form, count = shown(stash, tab, Form), element(tab, 'count')
    for reset in (lambda: stash.reset(form), lambda: stash.reset(form, 'count')):
        type_into(tab, 'count', None)
        await idle()
        assert count.error is not None
        reset()
        await idle()
        assert (count.value, count.error) == (3, None)


async def test_a_reset_takes_back_what_was_not_saved(stash: Stash, store: FaultyStore) -> None:
    @stash.page('/', auto=False)
    class Form:
        a: str = stored('')
        b: str = stored('')

        def build(self) -> None: ...

    form: Any = shown(stash, await Browser().open(), Form)
    form.a, form.b = 'x', 'y'
    stash.reset(form, 'a')
    stash.save(form)
    await stash.flush(form)
    assert (form.a, await data_of(store, 'Form')) == ('', {'a': '', 'b': 'y'})


async def test_a_handler_of_others_is_not_called_for_this_page(stash: Stash) -> None:
    told: list[str] = []

    @stash.page('/')
    class Form:
        a: str = stored('')
        b: str = stored('')

        def build(self) -> None:
            ui.input().mark('a').bind_value(self, 'a')
            stash.on_change(self, ('a', 'b'), lambda: told.append('any'))
            stash.on_change(self, ('a', 'b'), self.note, others=True)

        def note(self, change: Change) -> None:
            told.append(f'{change.field} {change.cause}')

    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'a', 'typed here')
    await idle()
    assert told == ['any']
    other = await ann.open()
    told.clear()
    shown(stash, other, Form).b = 'there'
    await idle()
    assert sorted(told) == ['any', 'any', 'b remote']
