"""Events of one client take turns, whatever is cancelled meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from nicegui_stash.reflex.turns import Turns


class Queue:
    """Some that want the turn, and who had it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.had: list[int] = []

    def ask(self, number: int) -> asyncio.Task[None]:
        return asyncio.create_task(self._wait(number))

    async def _wait(self, number: int) -> None:
        await self.turns.wait()
        self.had.append(number)
        self.turns.give_up()


async def test_turns_are_taken_in_the_order_of_asking() -> None:
    queue = Queue()
    assert queue.turns.take()
    tasks = [queue.ask(number) for number in range(3)]
    await asyncio.sleep(0)
    assert not queue.turns.take()
    queue.turns.give_up()
    late = queue.ask(3)
    await asyncio.gather(*tasks, late)
    assert queue.had == [0, 1, 2, 3]
    assert not queue.turns.is_taken


async def test_who_is_cancelled_while_waiting_holds_nobody_up() -> None:
    queue = Queue()
    queue.turns.take()
    cancelled, other = queue.ask(0), queue.ask(1)
    await asyncio.sleep(0)
    cancelled.cancel()
    queue.turns.give_up()
    await other
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert queue.had == [1]
    assert not queue.turns.is_taken


async def test_who_is_cancelled_with_the_turn_in_hand_passes_it_on() -> None:
    queue = Queue()
    queue.turns.take()
    cancelled, other = queue.ask(0), queue.ask(1)
    await asyncio.sleep(0)
    queue.turns.give_up()  # it is `cancelled`'s turn, which does not run before it is cancelled
    cancelled.cancel()
    await other
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert queue.had == [1]
    assert not queue.turns.is_taken
