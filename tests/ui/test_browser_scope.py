"""Fields of scope `browser`, with a simulated browser that keeps them: what comes back, and what other tabs see."""

from __future__ import annotations

from nicegui import ui

from nicegui_stash import Change, Stash, stored
from nicegui_stash.testing import FaultyStore, reload, restart

from .desks import Desk, desk, fill, items, set_clock, storage
from .scene import Browser, client_of, documents, idle, page_object_of, shown, text, type_into

__all__ = ['desk']


async def test_the_value_comes_back_on_every_visit(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'note', 'lamps')
    shown(stash, tab, desk).tags.append('red')
    await idle()
    for comes_back in (ann.open, lambda: reload(tab), lambda: restart(tab, kill=True)):
        await comes_back()
        await idle()
        page = shown(stash, tab, desk)
        assert (page.note, list(page.tags)) == ('lamps', ['red'])
        assert text(tab, 'shown') == 'note: lamps'
    assert stash.recovery(shown(stash, tab, desk)).status == 'recovered'


async def test_the_server_stores_nothing_of_it(stash: Stash, desk: type[Desk], store: FaultyStore) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps', secret='hidden')
    await stash.flush(shown(stash, tab, desk))
    assert store.calls['put'] == 0
    assert await documents(store) == {}
    with client_of(tab):
        assert 'lamps' not in str(await stash.export())


async def test_what_is_encrypted_cannot_be_read(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', secret='hidden')
    kept = items(tab)
    assert kept['note'].startswith('s.')
    assert kept['secret'].startswith('e.')
    assert shown(stash, await ann.open(), desk).secret == 'hidden'


async def test_each_browser_has_its_own(stash: Stash, desk: type[Desk]) -> None:
    await fill(stash, Browser(), desk, note='lamps')
    assert shown(stash, await Browser().open(), desk).note == ''


async def test_build_sees_it_and_the_first_visit_is_built_within_the_request(stash: Stash) -> None:
    built: list[str] = []

    @stash.page('/')
    class Page:
        note: str = stored('', scope='browser')

        def on_recovered(self, recovery: object) -> None:
            built.append(f'recovered {self.note}')

        def build(self) -> None:
            built.append(f'built {self.note}')

    ann = Browser()
    await ann.get()
    assert built == ['recovered ', 'built ']
    tab = await ann.open()
    shown(stash, tab, Page).note = 'lamps'
    await idle()
    built.clear()
    await ann.get()
    assert built == [], 'what the browser keeps is not known within the request'
    await ann.open()
    assert built == ['recovered lamps', 'built lamps']


async def test_built_within_the_request_the_page_shows_the_value_when_it_comes(stash: Stash) -> None:
    causes: list[Change] = []

    @stash.page('/', build='request')
    class Page:
        note: str = stored('', scope='browser')

        def build(self) -> None:
            ui.label().bind_text_from(self, 'note').mark('shown')
            stash.on_change(self, 'note', causes.append)

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Page).note = 'lamps'
    await idle()
    causes.clear()
    assert text(await ann.open(), 'shown') == 'lamps'
    assert causes == [Change('note', 'recovered')]


async def test_other_tabs_follow(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    first, second = await ann.open(), await ann.open()
    causes: list[Change] = []
    stash.on_change(shown(stash, second, desk), 'note', causes.append)
    type_into(first, 'note', 'lamps')
    await idle()
    assert text(second, 'shown') == 'note: lamps'
    assert causes == [Change('note', 'remote')]
    stash.reset(shown(stash, first, desk))
    await idle()
    assert text(second, 'shown') == 'note: '
    assert causes[1:] == [Change('note', 'reset')]


async def test_a_field_that_is_not_live_does_not_follow(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        note: str = stored('', scope='browser', live=False)

        def build(self) -> None: ...

    ann = Browser()
    first, second = await ann.open(), await ann.open()
    shown(stash, first, Page).note = 'lamps'
    await idle()
    assert shown(stash, second, Page).note == ''
    assert shown(stash, await ann.open(), Page).note == 'lamps'


async def test_of_two_changes_that_cross_the_later_one_of_the_browser_counts_in_both_tabs(
    stash: Stash, desk: type[Desk]
) -> None:
    ann = Browser()
    first, second = await ann.open(), await ann.open()
    shown(stash, first, desk).note = 'first'
    shown(stash, second, desk).note = 'second'  # before the browser has told of the other
    await idle()
    kept = shown(stash, await ann.open(), desk).note
    assert {shown(stash, tab, desk).note for tab in (first, second)} == {kept}


async def test_a_replaced_token_undoes_no_change_of_another_tab(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    first = await fill(stash, ann, desk, note='lamps')
    before = items(first)['note']
    set_clock(stash, days=5)
    second = await ann.open()
    assert items(first)['note'] != before, 'it was due'
    set_clock(stash, days=5)
    instance = page_object_of(shown(stash, second, desk))
    shown(stash, first, desk).note = 'tables'
    instance.open_page.browser._recover(
        instance.elsewhere, dict(storage(second).items), 0
    )  # of what was read a moment before
    await idle()
    assert {shown(stash, tab, desk).note for tab in (first, second, await ann.open())} == {'tables'}
