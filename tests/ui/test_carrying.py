"""The server's half of what was typed while it was away: each value that a browser hands over is answered, once."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any
from unittest.mock import Mock

import pytest
from nicegui import Client, ui
from nicegui.testing import User

from nicegui_stash import Recovery, Stash, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui import carrying, internals
from nicegui_stash.ui.typed import digest

from .scene import Browser, click, client_of, eventually, idle, instance_of, replace, serving, shown, tell, with_values

ANSWER = re.compile(r'typed\?\.settle\((.*)\)$')
EMPTY = digest('')


class Told(list[str]):
    """What a page's browser was told, in order."""

    @property
    def answers(self) -> list[Any]:
        return [json.loads(found[1]) for code in self if (found := ANSWER.search(code))]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """Clients count as connected by a browser; what it is told is kept."""
    told = Told()
    monkeypatch.setattr(internals, 'is_simulated', lambda client: False)
    monkeypatch.setattr(Client, 'run_javascript', lambda client, code, **_: told.append(code))
    return told


def declare(stash: Stash) -> type[Any]:
    @stash.page('/', build='request')
    class Page:
        text: str = stored('')
        notices = 0

        def build(self) -> None:
            self.input = ui.input('text').bind_value(self, 'text').mark('text')

        def on_recovered(self, recovery: Recovery) -> None:
            self.notices += 1

    return Page


async def open_page(stash: Stash, cls: type[Any], browser: Browser | None = None) -> tuple[User, Any]:
    tab = await (browser or Browser()).open()
    tell(tab, {'reason': 'visit'})
    await idle()
    return tab, shown(stash, tab, cls)


def hand_over(tab: User, page: Any, *values: dict[str, Any]) -> None:
    sealed = instance_of(page).visit.seal()
    tell(tab, {'typed': {'seal': sealed, 'values': list(values)}})


def address_of(told: Told) -> str:
    """Return under which address the page's only element was told to be."""
    (addresses,) = [json.loads(code[code.index('(') + 1 : -1]) for code in told if 'typed?.bind' in code]
    ((_, address),) = addresses.items()
    return address


def sent_with_elements(tab: User) -> dict[int, str]:
    """Return the addresses that come with the elements of a page that is built once its browser has reported."""
    return client_of(tab).content.props[carrying.BOUND]


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
    visit, second = instance_of(page).visit, instance_of(same_session).visit
    assert visit.is_seal(visit.seal())
    assert not second.is_seal(visit.seal())
    assert not instance_of(other).visit.is_seal(visit.seal())
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


async def test_what_nobody_can_judge_while_the_store_is_away_may_be_sent_as_an_event(
    url: str, store: FaultyStore, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, 'PATIENCE', 0.0)
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
    monkeypatch.setattr(carrying, 'PATIENCE', 0.0)
    tab, page = await open_page(stash, declare(stash))
    hand_over(tab, page, {'f': 'nobodys12345', 'v': '"typed"', 'known': [EMPTY]})
    await eventually(lambda: None in told.answers)
    assert told.answers == [{'nobodys12345': 'rejected'}, None]


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


async def test_a_value_waits_as_long_as_its_page_is_being_built(
    stash: Stash, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, 'PATIENCE', 0.0)
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
    instance_of(page).visit.carrying.announce()
    (address,) = sent_with_elements(tab).values()
    addressed.delete()
    hand_over(tab, page, {'f': address, 'v': '"typed"', 'known': [EMPTY]})
    looks = Mock(side_effect=carrying.find_bound)
    monkeypatch.setattr(carrying, 'find_bound', looks)
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
    instance_of(page).visit.carrying.announce()
    assert list(sent_with_elements(tab)) == [page.input.id, other.id], 'as its content may be sent again'
    assert address_of(told) == sent_with_elements(tab)[other.id]


async def test_the_app_is_told_once_more_if_what_was_typed_was_overruled(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    notices = page.notices
    page.text = 'newer'
    hand_over(tab, page, {'f': address_of(told), 'v': '"older"', 'known': [EMPTY]})
    await idle()
    assert (page.text, page.notices) == ('newer', notices + 1)
    assert [each.value for each in stash.recovery(page).rejected] == ['older']


@pytest.mark.parametrize('number', [-1, 2**80, True, '1', 1.5, None, [1], '); alert(1'], ids=repr)
async def test_a_forged_number_of_an_event_is_told_back_as_a_number_or_not_at_all(
    stash: Stash, told: Told, number: object
) -> None:
    tab, page = await open_page(stash, declare(stash))
    listener = next(iter(page.input._event_listeners.values()))
    message = {'id': page.input.id, 'listener_id': listener.id, 'args': ['"typed"'], 'stash': number}
    client_of(tab).handle_event(message)
    await stash.flush(page)
    await idle()
    assert page.text == 'typed'
    said = [code for code in told if 'durable' in code]
    assert said == ([f'window.__niceguiStash?.typed?.durable({max(0, number)})'] if type(number) is int else [])


# ---- what a short drop swallowed


def enter(page: Any, text: str, *, number: int) -> None:
    """Have the page's element receive an event that the browser has counted."""
    listener = next(iter(page.input._event_listeners.values()))
    message = {'id': page.input.id, 'listener_id': listener.id, 'args': [json.dumps(text)], 'stash': number}
    page.input.client.handle_event(message)


async def test_an_event_whose_number_never_came_is_done_when_it_is_sent_again(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    enter(page, 'one', number=1)
    again = {'f': address_of(told), 'v': '"three"', 'known': [digest('one'), digest('two')], 'n': 3}
    tell(tab, {'again': [again]}, number=4)
    assert page.text == 'three'
    await stash.flush(page)
    await idle()
    assert told[-1].endswith('durable(4)')


async def test_an_event_that_has_come_is_not_done_again(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    enter(page, 'one', number=1)
    page.text = 'newer'
    again = {'f': address_of(told), 'v': '"one"', 'known': [EMPTY, digest('newer')], 'n': 1}
    tell(tab, {'again': [again]}, number=2)
    tell(tab, {'again': [again]}, number=3)
    await idle()
    assert (page.text, stash.recovery(page).rejected) == ('newer', [])


async def test_an_event_is_sent_again_once_more_where_that_was_swallowed_too(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    again = {'f': address_of(told), 'v': '"one"', 'known': [EMPTY], 'n': 1}
    tell(tab, {'again': [again]}, number=3)
    assert page.text == 'one'
    page.text = ''
    tell(tab, {'again': [again]}, number=4)
    assert page.text == '', 'it has come by now'


async def test_what_was_overruled_by_then_is_told_to_the_app(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    notices = page.notices
    page.text = 'newer'
    for number in (1, 3):
        again = {'f': address_of(told), 'v': '"older"', 'known': [EMPTY], 'n': number}
        tell(tab, {'again': [again]}, number=number + 1)
        await idle()
    assert (page.text, page.notices) == ('newer', notices + 2)
    assert [each.value for each in stash.recovery(page).rejected] == ['older'] * 2


@pytest.mark.parametrize('number', [10**9 - 1001, 10**7 - 1, 10**8 - 1, 10**9, 10**9 + 1, 6, 5, 3, -1, True, '7'])
async def test_however_far_a_browser_jumps_with_its_numbers_only_the_last_thousand_are_missed(
    stash: Stash, told: Told, number: object
) -> None:
    tab, page = await open_page(stash, declare(stash))
    for jump in (5, 10**7, 5, 10**8, 7, 10**9):
        enter(page, '', number=jump)
    again = {'f': address_of(told), 'v': '"sent again"', 'known': [EMPTY]}
    tell(tab, {'again': [{**again, 'n': number}]})
    assert page.text == ''
    for jump in (2**53, 2**80):
        enter(page, '', number=jump)
    tell(tab, {'again': [{**again, 'n': 2**80 - 1000}]})
    assert page.text == 'sent again'


async def test_an_event_that_comes_late_over_the_connection_before_is_not_missed(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    for number in (2, 4, 1, 3):
        enter(page, f'{number}', number=number)
    again = [{'f': address_of(told), 'v': '"again"', 'known': [digest('3')], 'n': number} for number in (1, 2, 3, 4)]
    for each in again:
        tell(tab, {'again': [each]}, number=5)
    assert page.text == '3'


async def test_a_class_that_comes_late_does_not_miss_what_was_sent_before_it_listened(stash: Stash, told: Told) -> None:
    made: list[Any] = []

    class Kept:
        text: str = stored('')

    stash.state(Kept)

    def show() -> None:
        made.append(stash.keep(Kept()))
        ui.input('text').bind_value(made[-1], 'text')

    @ui.page('/')
    def page() -> None:
        ui.button('show', on_click=show)

    tab = await Browser().open()
    click(tab, 'show')
    tell(tab, {'reason': 'visit'}, number=57)
    await idle()
    for number in (3, 56):
        tell(
            tab, {'again': [{'f': address_of(told), 'v': '"again"', 'known': [EMPTY], 'n': number}]}, number=number + 60
        )
        assert made[-1].text == '', number


async def test_what_is_sent_again_is_judged_as_when_it_comes_at_once(stash: Stash, told: Told) -> None:
    @stash.page('/', build='request')
    class Short:
        text: str = stored('', validate=lambda text: len(text) < 5)

        def build(self) -> None:
            self.input = ui.input('text').bind_value(self, 'text').mark('text')

    tab, page = await open_page(stash, Short)
    again = {'f': address_of(told), 'v': '"longer"', 'known': [EMPTY], 'n': 1}
    tell(tab, {'again': [again]}, number=2)
    assert page.text == 'longer', 'validate= is for what comes back'
    assert page.input.error is None


@pytest.mark.parametrize('sent', [None, 7, 'again', {}, [None], [{}], [{'f': 'x' * 12, 'v': '1', 'known': [], 'n': 1}]])
async def test_what_cannot_have_been_sent_again_breaks_nothing(stash: Stash, told: Told, sent: object) -> None:
    tab, page = await open_page(stash, declare(stash))
    tell(tab, {'again': sent}, number=2)
    enter(page, 'works', number=3)
    assert page.text == 'works'
