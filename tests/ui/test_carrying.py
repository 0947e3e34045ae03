"""The server's half of what was typed while it was away: each value that a browser hands over is answered, once."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import Mock

import pytest
from msgspec import Raw
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.carryover import handover
from nicegui_stash.ui.carryover.digest import digest
from nicegui_stash.ui.scopes import browser as browser_scope

from .scene import Browser, client_of, eventually, idle, page_object_of, replace, serving, shown, tell, with_values
from .typed_page import EMPTY, Told, address_of, declare, enter, open_page, told

__all__ = ['told']


def hand_over(tab: User, page: Any, *values: dict[str, Any]) -> None:
    sealed = page_object_of(page).visit.seal()
    tell(tab, {'kind': 'typed', 'seal': sealed, 'values': list(values)})


def sent_with_elements(tab: User) -> dict[int, str]:
    """Return the addresses that come with the elements of a page that is built once its browser has reported."""
    return client_of(tab).content.props[handover.BOUND]


async def test_a_value_is_answered_and_then_that_everything_is(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    address = address_of(told)
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
    await idle()
    assert told.answers == [{address: 'merged'}, None]
    assert page.text == 'typed'


async def test_a_seal_is_for_its_session_and_its_visit_only(stash: Stash, told: Told) -> None:
    cls = declare(stash)
    browser = Browser()
    (_, page), (_, same_session), (_, other) = [
        await open_page(stash, cls, browser),
        await open_page(stash, cls, browser),
        await open_page(stash, cls),
    ]
    visit, second = page_object_of(page).visit, page_object_of(same_session).visit
    assert visit.is_seal(visit.seal())
    assert not second.is_seal(visit.seal())
    assert not page_object_of(other).visit.is_seal(visit.seal())
    bare = visit.seal().removeprefix(f'{visit.id}.')
    forged = (bare, f'.{bare}', f'{visit.id}{bare}', f'{visit.id}.', f'{visit.id}..{bare}', '')
    assert [seal for seal in forged if visit.is_seal(seal)] == []
    assert second.is_seal(f'{second.id}.{bare}'), 'which the same browser could have put together as well'


async def test_what_is_handed_over_again_after_a_drop_is_answered_alike_and_not_merged_again(
    stash: Stash, told: Told
) -> None:
    tab, page = await open_page(stash, declare(stash))
    address = address_of(told)
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
    await idle()
    page.text = 'typed on'
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY, digest('typed on')]})
    await idle()
    assert told.answers == [{address: 'merged'}, None] * 2
    assert page.text == 'typed on'


async def test_a_value_that_cannot_be_judged_while_the_store_is_away_may_be_sent_as_an_event(
    url: str, store: FaultyStore, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, 'PATIENCE', 0.0)
    browser = Browser()
    async with serving(lambda: Stash(url)) as stash:
        declare(stash)
        await browser.open()  # which only gives a cookie
    told.clear()
    store.down = True
    async with serving(lambda: Stash(url, recover_timeout=0.02)) as stash:
        tab, page = await open_page(stash, declare(stash), browser)
        assert stash.recovery(page).status == 'unavailable'
        address = address_of(told)
        hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
        await eventually(lambda: None in told.answers)
        assert told.answers == [{address: 'free'}, None]
        assert page.text == ''
        store.down = False


async def test_a_value_is_judged_by_what_is_in_the_store_not_by_what_a_page_had_to_be_shown_with(
    url: str, store: FaultyStore, told: Told
) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, revalidate_timeout=0.02)) as stash:
        cls, browser = declare(stash), Browser()
        _, open_still = await open_page(stash, cls, browser)
        open_still.text = 'both know'
        await stash.flush(open_still)
        await replace(store, with_values(text='newer'))
        told.clear()
        store.hold('get')
        tab, page = await open_page(stash, cls, browser)
        assert page.text == 'both know', 'the store has not answered in time'
        hand_over(tab, page, {'f': address_of(told), 'v': '"older"', 'known': [digest('both know')]})
        await idle()
        assert told.answers == []
        store.release()
        await eventually(lambda: None in told.answers)
        assert page.text == 'newer'
        assert [each.value for each in stash.recovery(page).rejected] == ['older']


async def test_a_value_without_an_element_is_rejected_after_a_while(
    stash: Stash, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, 'PATIENCE', 0.0)
    tab, page = await open_page(stash, declare(stash))
    hand_over(tab, page, {'f': 'nobodys12345', 'v': '"typed"', 'known': [EMPTY]})
    await eventually(lambda: None in told.answers)
    assert told.answers == [{'nobodys12345': 'rejected'}, None]


async def test_a_browser_that_names_many_elements_that_are_not_there_fills_no_log(
    stash: Stash, told: Told, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handover, 'PATIENCE', 0.0)
    tab, page = await open_page(stash, declare(stash))
    hand_over(tab, page, *({'f': f'nobodys{number:05}', 'v': '"typed"', 'known': [EMPTY]} for number in range(300)))
    await eventually(lambda: None in told.answers)
    assert [record.getMessage() for record in caplog.records if record.name == 'nicegui_stash'] == [
        '300 typed values are lost: the page no longer has their elements'
    ]


async def test_a_value_waits_for_its_element(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    address = address_of(told)
    page.input.delete()
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
    await idle()
    assert told.answers == []
    with client_of(tab):
        ui.input('text').bind_value(page, 'text')
    await eventually(lambda: None in told.answers)
    assert told.answers == [{address: 'merged'}, None]
    assert page.text == 'typed'


@pytest.mark.parametrize('kind', ['select', 'radio', 'toggle'])
async def test_a_choice_waits_for_the_options_among_which_it_was_made(stash: Stash, told: Told, kind: str) -> None:
    @stash.page('/', build='request')
    class Page:
        city: str | None = stored(None)

        def build(self) -> None:
            self.choice = getattr(ui, kind)([]).bind_value(self, 'city')

    _, page = await open_page(stash, Page)
    page.choice.set_options(['a', 'b'])
    await idle()
    first, second = [json.loads(code[code.index('(') + 1 : -1]) for code in told if 'typed?.bind' in code]
    assert first != second
    (address,) = second.values()
    tab, page = await open_page(stash, Page)
    chosen = '{"value":1,"label":"b"}' if kind == 'select' else '1'
    hand_over(tab, page, {'f': address, 'v': chosen, 'known': [digest(None)]})
    for options in (['b', 'c'], ['c', 'b', 'a']):  # among which it would be another one
        page.choice.set_options(options)
        await idle()
    assert (told.answers, page.city) == ([], None)
    page.choice.set_options(['a', 'b'])
    await eventually(lambda: None in told.answers)
    assert (told.answers, page.city) == ([{address: 'merged'}, None], 'b')


async def test_a_value_waits_as_long_as_its_page_is_being_built(
    stash: Stash, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, 'PATIENCE', 0.0)
    gate, begun = asyncio.Event(), asyncio.Event()

    @stash.page('/', build='connected')
    class Slow:
        text: str = stored('')

        async def build(self) -> None:
            ui.label('only a part')
            begun.set()
            await gate.wait()
            ui.input('text').bind_value(self, 'text')

    tab, page = await open_page(stash, Slow)
    await begun.wait()
    with client_of(tab):
        addressed = ui.input('text').bind_value(page, 'text')
    page_object_of(page).open_page.handover.announce()
    (address,) = sent_with_elements(tab).values()
    addressed.delete()
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
    looks = Mock(side_effect=handover.find_bound)
    monkeypatch.setattr(handover, 'find_bound', looks)
    await eventually(lambda: looks.call_count > 2)
    assert told.answers == []
    gate.set()
    await eventually(lambda: None in told.answers)
    assert told.answers == [{address: 'merged'}, None]
    assert page.text == 'typed'


async def test_a_page_that_is_built_late_says_what_is_bound_with_its_elements_and_that_it_is_built_behind_them(
    stash: Stash, told: Told
) -> None:
    @stash.page('/', build='connected')
    class Late:
        text: str = stored('before')
        other: str = stored('')

        def build(self) -> None:
            self.input = ui.input('text').bind_value(self, 'text')

    tab, page = await open_page(stash, Late)
    assert list(sent_with_elements(tab)) == [page.input.id]
    acknowledged, *shown_again, built = told
    assert acknowledged.endswith(', false)')
    assert ['updateValue' in code for code in shown_again] == [True]
    assert built == 'window.__niceguiStash?.typed?.built()'

    with client_of(tab):
        other = ui.input('other').bind_value(page, 'other')
    page_object_of(page).open_page.handover.announce()
    assert list(sent_with_elements(tab)) == [page.input.id, other.id], 'as its content may be sent again'
    assert address_of(told) == sent_with_elements(tab)[other.id]


async def test_on_recovered_is_called_again_if_a_typed_value_was_overruled(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    notices = page.notices
    page.text = 'newer'
    hand_over(tab, page, {'f': address_of(told), 'v': '"older"', 'known': [EMPTY]})
    await idle()
    assert (page.text, page.notices) == ('newer', notices + 1)
    assert [each.value for each in stash.recovery(page).rejected] == ['older']


@pytest.mark.parametrize('number', [-1, 2**80, True, '1', 1.5, None, [1], '); alert(1'], ids=repr)
async def test_a_forged_number_of_an_event_comes_back_as_a_number_or_not_at_all(
    stash: Stash, told: Told, number: object
) -> None:
    _, page = await open_page(stash, declare(stash))
    enter(page, 'typed', number=number)
    await stash.flush(page)
    await idle()
    assert page.text == 'typed'
    said = [code for code in told if 'durable' in code]
    assert said == ([f'window.__niceguiStash?.typed?.durable({max(0, number)})'] if type(number) is int else [])


async def test_a_value_of_the_address_counts_until_the_person_has_left_that_address(stash: Stash, told: Told) -> None:
    @stash.page('/', build='request')
    class Search:
        text: str = stored('', scope='url')

        def build(self) -> None:
            ui.input('text').bind_value(self, 'text')

    for left, expected in (({}, 'typed'), ({'m': 1}, 'shown')):
        told.clear()
        tab = await Browser().open('/?text=shown')
        tell(tab, {'kind': 'report', 'reason': 'visit'})
        await idle()
        page = shown(stash, tab, Search)
        hand_over(tab, page, {'f': address_of(told), 'v': '"typed"', 'known': [EMPTY], **left})
        await idle()
        assert page.text == expected
        assert [each.value for each in stash.recovery(page).rejected] == (['typed'] if left else [])


async def test_a_value_of_the_browser_waits_for_what_the_browser_keeps(
    stash: Stash, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser_scope, 'ANSWER_TIMEOUT', 0.0)

    @stash.page('/', build='request')
    class Desk:
        text: str = stored('', scope='browser')

        def build(self) -> None:
            ui.input('text').bind_value(self, 'text')

    tab, page = await open_page(stash, Desk)
    hand_over(tab, page, {'f': address_of(told), 'v': '"typed"', 'known': [digest('kept')]})
    await idle()
    assert told.answers == [], 'the browser has not said what it keeps'
    kept, keeper = page_object_of(page).elsewhere, stash._app_state.connection_of(client_of(tab)).browser
    items = {keeper._items.key(kept, 'text'): keeper._items.token(kept, 'text', Raw(b'"kept"'))}
    tell(tab, {'kind': 'browser', 'browser': keeper._number, 'made': 0, 'ask': 1, 'items': items, 'last': True})
    await eventually(lambda: None in told.answers)
    assert page.text == 'typed'
    assert told.answers[0] == {address_of(told): 'merged'}
