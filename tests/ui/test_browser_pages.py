"""Fields of scope `browser` beside the rest: keys, reset, manual mode, threads, views, and a browser that lies."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import DeclarationError, Stash, StashError, ValueNotStorable, stored
from nicegui_stash.model.fields import Field

from .desks import Desk, desk, fill, items, place, problems, storage
from .scene import Browser, client_of, close, idle, page_object_of, serving, shown, text

__all__ = ['desk']


@dataclass
class Lamp:
    watts: int = 0


async def test_each_value_of_a_key_has_its_own(stash: Stash) -> None:
    @stash.page('/item/{item}', key='item')
    class Item:
        note: str = stored('', scope='browser')

        def build(self, item: str) -> None: ...

    ann = Browser()
    shown(stash, await ann.open('/item/a:b'), Item, 'a:b').note = 'lamps'
    await idle()
    assert shown(stash, await ann.open('/item/a:b'), Item, 'a:b').note == 'lamps'
    assert shown(stash, await ann.open('/item/a'), Item, 'a').note == ''


async def test_reset_drops_it_with_older_versions(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', kept='stored')
    older = place(tab, 'note').replace(':1:', ':0:')
    storage(tab).items |= {older: 'of an older version', 'another app': 'x'}
    page = shown(stash, tab, desk)
    stash.reset(page)
    page.size = 5
    await idle()
    assert (page.note, page.kept) == ('', '')
    assert list(items(tab)) == ['another app', 'size']
    assert shown(stash, await ann.open(), desk).size == 5


@pytest.mark.parametrize('call', ['clear_browser', 'forget', 'new_session'])
async def test_it_can_be_dropped_from_a_page_that_has_none(stash: Stash, desk: type[Desk], call: str) -> None:
    @stash.page('/other')
    class Other:
        kept: str = stored('')

        def build(self) -> None: ...

    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', kept='stored')
    other = await ann.open('/other')
    storage(tab).items['another app'] = 'x'
    with client_of(other):
        answer = getattr(stash, call)()
        if answer is not None:
            await answer
    await idle()
    assert list(items(tab)) == ['another app']
    page = shown(stash, tab, desk)
    assert page.note == ''
    assert page.kept == ('stored' if call == 'clear_browser' else '')


async def test_with_auto_off_nothing_is_kept_before_save(stash: Stash) -> None:
    @stash.page('/', auto=False)
    class Page:
        note: str = stored('', scope='browser')

        def build(self) -> None: ...

    ann = Browser()
    first, second = await ann.open(), await ann.open()
    page = shown(stash, first, Page)
    page.note = 'unsaved'
    await idle()
    assert items(first) == {}
    shown(stash, second, Page).note = 'saved elsewhere'
    stash.save(shown(stash, second, Page))
    await idle()
    assert page.note == 'unsaved'
    stash.save(page)
    await idle()
    assert shown(stash, second, Page).note == 'unsaved'


async def test_a_dataclass_changed_in_place_is_kept(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        lamp: Lamp = stored(default_factory=Lamp, scope='browser')

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, Page)
    page.lamp.watts = 40
    stash.save(page)
    await idle()
    assert shown(stash, await ann.open(), Page).lamp == Lamp(40)


async def test_a_change_of_a_worker_thread_is_kept(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    page = shown(stash, await ann.open(), desk)
    await asyncio.to_thread(setattr, page, 'note', 'lamps')
    await idle()
    assert shown(stash, await ann.open(), desk).note == 'lamps'


async def test_a_change_after_the_page_is_gone_is_logged(
    stash: Stash, desk: type[Desk], caplog: pytest.LogCaptureFixture
) -> None:
    tab = await Browser().open()
    page = shown(stash, tab, desk)
    await close(tab)
    with caplog.at_level(logging.WARNING):
        page.note = 'a private word'
    assert 'Lamps.note: the page is gone' in caplog.text
    assert 'private' not in caplog.text


async def test_a_value_that_is_too_large_is_refused(stash: Stash, desk: type[Desk]) -> None:
    page = shown(stash, await Browser().open(), desk)
    with pytest.raises(ValueNotStorable, match='characters in the browser are more than 65536'):
        page.note = 'x' * 50_000
    assert page.note == ''


async def test_update_changes_nothing_that_the_browser_keeps(stash: Stash, desk: type[Desk]) -> None:
    page = shown(stash, await Browser().open(), desk)
    with pytest.raises(StashError, match='not stored on the server'):
        await stash.update(page, lambda desk: setattr(desk, 'note', 'lamps'))
    async with stash.open('an id') as session:
        with pytest.raises(StashError, match='no field'):
            session.set(desk, note='lamps')


async def test_used_states_and_views_have_it_too(stash: Stash) -> None:
    @stash.state
    class Settings:
        wide: bool = stored(default=False, scope='browser')

    built: list[bool] = []

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            built.append(self.settings.wide)
            ui.sub_pages({'/': View})

    @stash.view
    class View:
        note: str = stored('', scope='browser')

        def build(self) -> None:
            ui.label(self.note).mark('note')

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Settings).wide = True
    shown(stash, tab, View).note = 'lamps'
    await idle()
    tab = await ann.open()
    assert built == [False, True]
    assert text(tab, 'note') == 'lamps'


@pytest.mark.parametrize(
    'sent',
    [
        {},
        {'made': 'x'},
        {'made': 0, 'ask': 'x'},
        {'made': 0, 'ask': 1, 'items': 'x', 'last': True},
        {'made': 0, 'ask': 999, 'items': {}, 'last': True},
        {'made': 0, 'changed': ['x']},
        {'made': 0, 'changed': {'x': 5}},
        {'made': -1, 'cleared': 'yes'},
        {'made': 0, 'failed': {'x': {'y': 'z'}}},
        {'made': 10**30, 'failed': 7},
    ],
)
async def test_messages_of_a_hostile_browser_change_nothing(
    stash: Stash, desk: type[Desk], sent: dict[str, Any]
) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps')
    page = shown(stash, tab, desk)
    open_page = page_object_of(page).open_page
    for number in (open_page.browser._number, [open_page.browser._number]):
        open_page.hear({'told': sent | {'kind': 'browser', 'browser': number}})
    await idle()
    assert page.note == 'lamps'
    assert problems(stash, page) == {}


async def test_another_tab_that_forges_gives_the_default(stash: Stash, desk: type[Desk]) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps', size=3)
    storage(tab).change({place(tab, 'note'): 's.1.x.y'})
    await idle()
    page = shown(stash, tab, desk)
    assert (page.note, page.size) == ('', 3)
    assert problems(stash, page) == {'note': 'it is not a token'}


async def test_what_the_browser_did_not_keep_is_on_record_and_in_the_log(
    stash: Stash, desk: type[Desk], caplog: pytest.LogCaptureFixture
) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps')
    page = shown(stash, tab, desk)
    number = page_object_of(page).open_page.browser._number
    failed = {place(tab, 'note'): 'QuotaExceededError', 'x': 'y'}
    with caplog.at_level(logging.WARNING):
        page_object_of(page).open_page.hear(
            {'told': {'kind': 'browser', 'browser': number, 'made': 1, 'failed': failed}}
        )
    assert problems(stash, page) == {'note': 'the browser did not store it: QuotaExceededError'}
    assert 'Lamps.note: the browser did not store it: QuotaExceededError' in caplog.text
    page_object_of(page).open_page.hear(
        {'told': {'kind': 'browser', 'browser': number, 'made': 1, 'failed': {place(tab, 'note'): 'a\nforged line'}}}
    )
    assert problems(stash, page) == {'note': 'the browser did not store it: unknown'}
    page.note = 'shorter'
    assert problems(stash, page) == {}


async def test_a_page_without_such_fields_asks_nothing(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        kept: str = stored('')

        def build(self) -> None: ...

    tab = await Browser().open()
    assert page_object_of(shown(stash, tab, Page)).open_page._browser is None


@pytest.mark.parametrize('scope', ['session', 'tab', 'reconnect', 'url'])
def test_only_what_browsers_keep_is_encrypted(scope: Any) -> None:
    field = Field('', None, scope, True, None, None, None, None, encrypted=True)
    field.name = 'note'
    with pytest.raises(DeclarationError, match="encrypted=True is for a field of scope='browser'"):
        field.check('Page')


def test_encryption_asks_for_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('nicegui_stash.model.fields.find_spec', lambda name: None)
    field = Field('', None, 'browser', True, None, None, None, None, encrypted=True)
    field.name = 'note'
    with pytest.raises(DeclarationError, match="pip install 'cryptography>="):
        field.check('Page')


async def test_with_identity_a_token_opens_for_the_same_person_only(url: str) -> None:
    def declare() -> tuple[Stash, type[Desk]]:
        stash = Stash(url, identity=lambda request: request.headers.get('x-account'))
        return stash, stash.page('/')(type('Lamps', (Desk,), {'__module__': __name__}))

    shared = Browser(headers={'x-account': 'ann'})
    async with serving(declare) as (stash, cls):
        await fill(stash, shared, cls, note='a word of ann')
        shared.http.headers['x-account'] = 'ben'
        page = shown(stash, await shared.open(), cls)
        assert page.note == ''
        assert 'made for another field, session or app' in problems(stash, page)['note']
        shared.http.headers['x-account'] = 'ann'
        assert shown(stash, await shared.open(), cls).note == 'a word of ann'
