"""The clock that tests of pages have: it counts what is waited for."""

from __future__ import annotations

import asyncio
import time

from tests.steady import count_only_waiting


def work(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


async def test_turns_that_take_long_bring_no_timer_forward() -> None:
    count_only_waiting()
    loop, begin = asyncio.get_running_loop(), time.monotonic()
    fired: list[float] = []
    loop.call_later(0.02, lambda: fired.append(time.monotonic() - begin))
    for _ in range(10):
        work(0.005)
        await asyncio.sleep(0)
    assert fired == []
    await asyncio.sleep(0.03)
    assert len(fired) == 1


async def test_a_timer_that_is_waited_for_takes_its_time() -> None:
    count_only_waiting()
    count_only_waiting()  # once more changes nothing
    loop, begin = asyncio.get_running_loop(), time.monotonic()
    start = loop.time()
    await asyncio.sleep(0.05)
    assert time.monotonic() - begin >= 0.049
    assert 0.049 <= loop.time() - start < 0.06


async def test_tasks_that_never_rest_do_not_stop_the_clock() -> None:
    count_only_waiting()
    ended = asyncio.create_task(asyncio.sleep(0.01))
    turns = 0
    while not ended.done():
        turns += 1
        await asyncio.sleep(0)
    assert 50 < turns < 200
