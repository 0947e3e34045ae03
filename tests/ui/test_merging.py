"""Merging values typed while the server was away: the verdict always matches what happened to the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.ui import nicegui_private
from nicegui_stash.ui.carryover.digest import digest
from nicegui_stash.ui.carryover.merge import Verdict, merge
from nicegui_stash.ui.carryover.targets import Bound, find_bound
from nicegui_stash.ui.carryover.typed import TypedValue

from .scene import Browser, idle, page_object_of, serving, shown

ANIMALS = ['ant', 'bee', 'cat']
MADE: dict[str, tuple[type[Any], Any, Callable[[], Any]]] = {
    'input': (str, '', ui.input),
    'textarea': (str, '', ui.textarea),
    'number': (int, 1, ui.number),
    'select': (str, 'ant', lambda: ui.select(ANIMALS)),
    'several': (list[str], ['ant'], lambda: ui.select(ANIMALS, multiple=True)),
    'growing': (str, 'ant', lambda: ui.select(ANIMALS, new_value_mode='add')),
    'checkbox': (bool, False, ui.checkbox),
    'switch': (bool, False, ui.switch),
    'slider': (float, 10.0, lambda: ui.slider(min=0, max=100)),
    'range': (dict[str, float], {'min': 20.0, 'max': 80.0}, lambda: ui.range(min=0, max=100)),
    'toggle': (str, 'ant', lambda: ui.toggle(ANIMALS)),
    'radio': (str, 'ant', lambda: ui.radio(ANIMALS)),
    'date': (str, '2031-07-14', ui.date),
    'time': (str, '10:30', ui.time),
    'color_input': (str, '#000000', ui.color_input),
    'rating': (float, 1.0, ui.rating),
    'editor': (str, '', ui.editor),
    'codemirror': (str, 'one\n', ui.codemirror),
}


def nested(depth: int) -> Any:
    value: Any = 'x'
    for _ in range(depth):
        value = [value]
    return value


SENT: dict[str, Any] = {
    'nothing': None,
    'a yes': True,
    'a number': 2,
    'below nought': -1,
    'a huge number': 2**70,
    'a fraction': 1.5,
    'an empty text': '',
    'a text': 'x',
    'a number as text': '7',
    'an empty list': [],
    'lists in a list': [['a']],
    'nested 900 times': nested(900),
    'an option': {'value': 1, 'label': 'bee'},
    'options': [{'value': 1, 'label': 'bee'}],
    'an option that is not there': {'value': 99, 'label': 'x'},
    'ends of a range': {'min': 1, 'max': 2},
    'another object': {'a': [None]},
    'what an editor sends': {'sections': [4, 3], 'inserted': [['abc']]},
}


def declare(url: str, made: dict[str, tuple[type[Any], Any, Callable[[], Any]]]) -> tuple[Stash, type[Any]]:
    stash = Stash(url)

    def build(self: Any) -> None:
        self.elements = {name: make().bind_value(self, name) for name, (_, _, make) in made.items()}

    fields = {name: stored(default) for name, (_, default, _) in made.items()}
    annotations = {name: annotation for name, (annotation, _, _) in made.items()}
    body = {**fields, '__annotations__': annotations, '__module__': __name__, 'build': build}
    return stash, stash.page('/')(type('Page', (), body))


async def open_page(stash: Stash, cls: type[Any]) -> Any:
    return shown(stash, await Browser().open(), cls)


def hand_over(page: Any, bound: Bound, arguments: Any) -> Verdict:
    """Merge a value of which the browser says what the element has shown before."""
    element_shows, numeric = nicegui_private.shown_value(bound.element)
    known = frozenset({digest(element_shows, numeric=numeric)})
    with page_object_of(page).visit.in_client():
        return merge(bound, TypedValue('address', arguments, known))


def bound_of(page: Any, name: str) -> Bound:
    (found,) = [each for each in find_bound([page_object_of(page)]).values() if each.field == name]
    return found


def meant(bound: Bound, arguments: Any) -> Any:
    try:
        return bound.value_of(arguments)
    except Exception as error:  # noqa: BLE001 an element may raise anything
        return error


@pytest.mark.parametrize('name', MADE)
async def test_what_is_said_of_a_value_is_what_became_of_its_field(url: str, name: str) -> None:
    async with serving(lambda: declare(url, {name: MADE[name]})) as (stash, cls):
        for what, arguments in SENT.items():
            page = await open_page(stash, cls)
            bound, before = bound_of(page, name), getattr(page, name)
            value = meant(bound, arguments)
            verdict = hand_over(page, bound, arguments)
            taken = '' if value is None and isinstance(before, str) else value  # of an emptied element
            expected = taken if verdict == 'merged' else before
            assert getattr(page, name) == expected, (what, verdict)
            if verdict != 'merged':
                assert isinstance(value, Exception) == (verdict == 'rejected'), (what, verdict)
            await idle()


def text_page(url: str, **options: Any) -> tuple[Stash, type[Any]]:
    stash = Stash(url)

    @stash.page('/')
    class Page:
        text: str = stored('', **options)

        def build(self) -> None:
            self.input = ui.input('text').bind_value(self, 'text')

    return stash, Page


async def test_what_validate_refuses_is_refused_and_stays_on_its_element(url: str) -> None:
    async with serving(lambda: text_page(url, validate=lambda value: len(value) < 5)) as (stash, cls):
        page = await open_page(stash, cls)
        assert hand_over(page, bound_of(page, 'text'), 'too long') == 'refused'
        assert (page.text, page.input.value) == ('', 'too long')
        page.text = 'longer than that'  # as any assignment: validate= is asked of what comes back
        assert hand_over(page, bound_of(page, 'text'), 'fits') == 'merged'
        assert page.text == 'fits'


async def test_an_element_that_takes_no_events_takes_nothing_that_was_typed(url: str) -> None:
    async with serving(lambda: text_page(url)) as (stash, cls):
        page = await open_page(stash, cls)
        page.input.disable()
        assert hand_over(page, bound_of(page, 'text'), 'typed') == 'rejected'
        assert (page.text, page.input.value) == ('', '')
        assert [(each.field, each.value) for each in stash.recovery(page).rejected] == [('text', 'typed')]


async def test_an_element_that_was_deleted_meanwhile_is_not_bound_any_more(url: str) -> None:
    async with serving(lambda: text_page(url)) as (stash, cls):
        page = await open_page(stash, cls)
        page.input.delete()
        assert find_bound([page_object_of(page)]) == {}


async def test_half_of_a_surrogate_pair_on_an_element_has_a_digest_and_is_not_stored(url: str) -> None:
    async with serving(lambda: text_page(url)) as (stash, cls):
        page = await open_page(stash, cls)
        assert hand_over(page, bound_of(page, 'text'), 'a\ud83d') == 'refused'
        assert page.text == ''
        assert hand_over(page, bound_of(page, 'text'), 'whole \U0001f600') == 'merged'
        assert page.text == 'whole \U0001f600'
