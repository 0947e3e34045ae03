"""The messages of the server to an indicator: only changes, in the given words, and true."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from nicegui import ui

from nicegui_stash import Indicator, Refused, Stash, StashError, Trouble, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.page.status import Kind
from nicegui_stash.ui.page.texts import TEXTS, sentence

from .scene import Browser, client_of, element, idle, serving, shown, type_into


def declare(stash: Stash, **options: Any) -> type:
    @stash.page('/')
    class Page:
        name: str = stored('')
        age: int = stored(0)

        def build(self) -> None:
            ui.input('Your name').mark('name').bind_value(self, 'name')
            ui.number('Your age').mark('age').bind_value(self, 'age')
            ui.number().mark('nameless').bind_value(self, 'age')
            stash.indicator(self, **options).mark('indicator')

    return Page


def says(indicator: Any) -> tuple[str, str, list[str]]:
    return indicator.props['state'], indicator.props['text'], indicator.props['why']


async def test_it_follows_the_status_in_english(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page, indicator = shown(stash, tab, cls), element(tab, 'indicator')
        assert isinstance(indicator, Indicator)
        assert (says(indicator), indicator.props['saves']) == (('saved', 'Saved', []), 0)
        gate = store.hold('put')
        page.name = 'new'
        await gate.started.wait()
        await idle()
        assert says(indicator) == ('saving', 'Saving…', [])
        store.release()
        await stash.flush(page)
        await idle()
        assert (says(indicator), indicator.props['saves']) == (('saved', 'Saved', []), 1)
        store.fail_next('put', Refused('put', 'key', 'No space left on device'))
        page.name = 'newer'
        await idle()
        trouble = Trouble('refused', 'No space left on device')
        assert stash.status(page).troubles == (trouble,)
        assert says(indicator) == ('refused', 'Not saved', [sentence(trouble)])
        await stash.flush(page)
        await idle()
        assert (says(indicator), indicator.props['saves']) == (('saved', 'Saved', []), 2)


async def test_refused_values_of_several_elements_are_listed_until_each_fits(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, max_value_bytes=20)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        indicator = element(tab, 'indicator')
        type_into(tab, 'age', None)
        type_into(tab, 'name', 'far too long to be stored')
        await idle()
        assert [(each.kind, each.field, each.label) for each in stash.status(shown(stash, tab, cls)).troubles] == [
            ('invalid', 'age', 'Your age'),
            ('too_large', 'name', 'Your name'),
        ]
        assert says(indicator)[2] == [
            'Your age: Please enter a whole number.',
            'Your name: this is too large to be saved.',
        ]
        type_into(tab, 'name', 'short')
        await idle()
        assert says(indicator) == ('refused', 'Not saved', ['Your age: Please enter a whole number.'])
        with client_of(tab):
            element(tab, 'age').delete()
        shown(stash, tab, cls).name = 'other'
        await stash.flush(shown(stash, tab, cls))
        await idle()
        assert says(indicator) == ('saved', 'Saved', [])


async def test_nothing_is_sent_while_nothing_it_shows_has_changed(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page, indicator = shown(stash, tab, cls), element(tab, 'indicator')
        store.down = True
        page.name = 'one'
        await idle()
        sent: list[bool] = []
        indicator.update = lambda: sent.append(True)
        for number in range(5):  # the count of what is pending changes, and the reason is told again
            page.age = number
            page.name = str(number)
            await idle()
        assert (says(indicator)[0], sent) == ('offline', [])


async def test_words_and_reasons_can_be_given(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(
            stash,
            texts={'offline': 'Getrennt', 'why_connection': 'Keine Verbindung.'},
            reason=lambda trouble: f'{trouble.kind}: {trouble.reason}',
        )
        tab = await Browser().open()
        indicator = element(tab, 'indicator')
        store.down = True
        shown(stash, tab, cls).name = 'new'
        await idle()
        assert says(indicator) == ('offline', 'Getrennt', ['away: the test has taken the store down'])
        assert (indicator.props['offline'], indicator.props['connection']) == ('Getrennt', 'Keine Verbindung.')


@pytest.mark.parametrize(
    ('texts', 'message'),
    [
        ({'save': 'x'}, "unknown text 'save'; the texts are saving, saved"),
        ({'why_full': '{name} is full'}, "the text 'why_full' cannot be filled in"),
        ({'why_full': 'full {'}, "the text 'why_full' cannot be filled in"),
    ],
)
async def test_a_text_that_could_never_be_shown_is_refused(url: str, texts: dict[str, str], message: str) -> None:
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page = shown(stash, tab, cls)
        with client_of(tab), pytest.raises(StashError, match=message):
            stash.indicator(page, texts=texts)


async def test_an_indicator_that_is_gone_follows_nothing(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await Browser().open()
        page, indicator = shown(stash, tab, cls), element(tab, 'indicator')
        with client_of(tab):
            indicator.delete()
        store.down = True
        page.name = 'new'
        await idle()
        assert stash.status(page).state == 'offline'
        assert says(indicator)[0] == 'saved'


def test_every_kind_of_trouble_has_a_sentence() -> None:
    why = {name.removeprefix('why_') for name in TEXTS if name.startswith('why_')}
    assert why == {*get_args(Kind), 'connection'}
