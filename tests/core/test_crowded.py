"""Many pages show one document: each change reaches all of them, some in each turn of the event loop."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.session.subscriber import TURN, Audience

CROWD = range(3 * TURN + 1)


async def test_a_crowd_shows_a_change_in_turns_between_which_the_loop_does_other_work() -> None:
    audience, shown = Audience(), list[int]()
    for number in CROWD:
        audience.soon(lambda number=number: shown.append(number))
    counts = [len(shown)]
    while len(shown) < len(CROWD):
        await asyncio.sleep(0)
        counts.append(len(shown))
    assert counts == [0, TURN, 2 * TURN, 3 * TURN, len(CROWD)]
    assert shown == list(CROWD)


async def test_what_a_step_asks_for_comes_in_the_next_turn() -> None:
    audience, shown = Audience(), list[str]()
    audience.soon(lambda: audience.soon(lambda: shown.append('later')))
    await asyncio.sleep(0)
    assert not shown
    await asyncio.sleep(0)
    assert shown == ['later']


async def test_a_step_that_raises_does_not_keep_the_others_from_showing() -> None:
    audience, shown, raised = Audience(), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context['exception']))

    def fail() -> None:
        raise ValueError('of a page')

    audience.soon(fail)
    for number in CROWD:
        audience.soon(lambda number=number: shown.append(number))
    while len(shown) < len(CROWD):
        await asyncio.sleep(0)
    assert [str(each) for each in raised] == ['of a page']


@pytest.mark.parametrize('pages', [1, TURN])
async def test_few_pages_show_a_change_in_the_next_turn(pages: int) -> None:
    audience, shown = Audience(), list[int]()
    for number in range(pages):
        audience.soon(lambda number=number: shown.append(number))
    await asyncio.sleep(0)
    assert len(shown) == pages
