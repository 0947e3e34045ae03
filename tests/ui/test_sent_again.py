"""What a short drop swallowed and a browser sends again: events whose number never came are done, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Stash, stored
from nicegui_stash.ui.carryover.digest import digest

from .scene import Browser, click, idle, tell
from .typed_page import EMPTY, Told, address_of, declare, enter, open_page, told

__all__ = ['told']


async def test_an_event_whose_number_never_came_is_done_when_it_is_sent_again(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    enter(page, 'one', number=1)
    again = {'f': address_of(told), 'v': '"three"', 'known': [digest('one'), digest('two')], 'n': 3}
    tell(tab, {'kind': 'again', 'values': [again]}, number=4)
    assert page.text == 'three'
    await stash.flush(page)
    await idle()
    assert told[-1].endswith('durable(4)')


async def test_an_event_that_has_come_is_not_done_again(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    enter(page, 'one', number=1)
    page.text = 'newer'
    again = {'f': address_of(told), 'v': '"one"', 'known': [EMPTY, digest('newer')], 'n': 1}
    tell(tab, {'kind': 'again', 'values': [again]}, number=2)
    tell(tab, {'kind': 'again', 'values': [again]}, number=3)
    await idle()
    assert (page.text, stash.recovery(page).rejected) == ('newer', [])


async def test_an_event_is_sent_again_once_more_where_that_was_swallowed_too(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    again = {'f': address_of(told), 'v': '"one"', 'known': [EMPTY], 'n': 1}
    tell(tab, {'kind': 'again', 'values': [again]}, number=3)
    assert page.text == 'one'
    page.text = ''
    tell(tab, {'kind': 'again', 'values': [again]}, number=4)
    assert page.text == '', 'it has come by now'


async def test_on_recovered_reports_values_overruled_by_then(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    notices = page.notices
    page.text = 'newer'
    for number in (1, 3):
        again = {'f': address_of(told), 'v': '"older"', 'known': [EMPTY], 'n': number}
        tell(tab, {'kind': 'again', 'values': [again]}, number=number + 1)
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
    tell(tab, {'kind': 'again', 'values': [{**again, 'n': number}]})
    assert page.text == ''
    for jump in (2**53, 2**80):
        enter(page, '', number=jump)
    tell(tab, {'kind': 'again', 'values': [{**again, 'n': 2**80 - 1000}]})
    assert page.text == 'sent again'


async def test_an_event_that_comes_late_over_the_connection_before_is_not_missed(stash: Stash, told: Told) -> None:
    tab, page = await open_page(stash, declare(stash))
    for number in (2, 4, 1, 3):
        enter(page, f'{number}', number=number)
    again = [{'f': address_of(told), 'v': '"again"', 'known': [digest('3')], 'n': number} for number in (1, 2, 3, 4)]
    for each in again:
        tell(tab, {'kind': 'again', 'values': [each]}, number=5)
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
    tell(tab, {'kind': 'report', 'reason': 'visit'}, number=57)
    await idle()
    for number in (3, 56):
        tell(
            tab,
            {'kind': 'again', 'values': [{'f': address_of(told), 'v': '"again"', 'known': [EMPTY], 'n': number}]},
            number=number + 60,
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
    tell(tab, {'kind': 'again', 'values': [again]}, number=2)
    assert page.text == 'longer', 'validate= is for what comes back'
    assert page.input.error is None


@pytest.mark.parametrize('sent', [None, 7, 'again', {}, [None], [{}], [{'f': 'x' * 12, 'v': '1', 'known': [], 'n': 1}]])
async def test_what_cannot_have_been_sent_again_breaks_nothing(stash: Stash, told: Told, sent: object) -> None:
    tab, page = await open_page(stash, declare(stash))
    tell(tab, {'kind': 'again', 'values': sent}, number=2)
    enter(page, 'works', number=3)
    assert page.text == 'works'
