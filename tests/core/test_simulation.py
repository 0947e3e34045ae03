"""The guarantees of several servers writing one session, under faults drawn from a seed; a failing seed replays."""

from __future__ import annotations

import asyncio
import os

import pytest

from nicegui_stash.document import SESSION_PART, Raw, Slice

from .virtual import run
from .world import COUNTER, SLICE, World

SEEDS = int(os.environ.get('SIMULATION_SEEDS', '400'))
BLOCK = max(1, SEEDS // 20)


async def many_things(seed: int) -> World:
    world = World(seed)
    for _ in range(world.dice.randrange(5, 60)):
        await world.step()
    await world.settle()
    return world


def check_nothing_is_lost_or_counted_twice(seed: int) -> None:
    world = run(many_things(seed))
    stored = world.stored()
    for server in world.servers:
        if server.written:
            assert stored[SLICE.name][server.name] == server.written, f'seed {seed}: {server.name} lost a change'
        assert server.session.pending == 0, f'seed {seed}'
        assert server.session.pending_bytes == 0, f'seed {seed}'
    counted = stored.get(COUNTER.name, {}).get('count', 0)
    assert counted == world.attempted_increments, f'seed {seed}: an increment was lost or counted twice'


def check_all_servers_agree(seed: int) -> None:
    world = run(many_things(seed))
    views = [(server.session.document.slice(SLICE) or Slice()).data for server in world.servers]
    assert all(view == views[0] for view in views), f'seed {seed}: the servers show different things'


async def erased_things(seed: int) -> World:
    """Everybody has read and written; one server erases, while the others still have changes pending from before."""
    world = World(seed)
    world.store.trouble = 0.0  # who has not read yet cannot know what its changes come before
    for server in world.servers:
        assert await server.session.load(60.0)
    for server in world.servers:
        world.write(server)
    for server in world.servers:
        await server.session.revalidate(60.0)
    eraser, *others = world.dice.sample(world.servers, len(world.servers))
    world.store.trouble = 1.0  # nobody reaches the store, so that what the others do now stays pending
    for server in others:
        server.session.set(SLICE, SESSION_PART, 'secret', Raw(b'"before"'))
    if world.dice.random() < 0.5:
        eraser.session.forget()
    else:
        eraser.session.reset(SLICE)
    await asyncio.sleep(1.0)
    world.store.trouble = 0.0
    await eraser.registry.drain(120.0)
    await world.settle()
    return world


def check_what_was_erased_stays_away(seed: int) -> None:
    world = run(erased_things(seed))
    assert 'secret' not in world.stored().get(SLICE.name, {}), f'seed {seed}: what was erased came back'


@pytest.mark.parametrize('block', range(SEEDS // BLOCK))
def test_nothing_accepted_is_lost_and_nothing_is_applied_twice(block: int):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check_nothing_is_lost_or_counted_twice(seed)


@pytest.mark.parametrize('block', range(SEEDS // BLOCK))
def test_all_servers_show_the_same_once_they_have_settled(block: int):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check_all_servers_agree(seed)


@pytest.mark.parametrize('block', range(SEEDS // BLOCK))
def test_what_was_erased_is_not_brought_back_by_what_others_had_pending(block: int):
    for seed in range(block * BLOCK, (block + 1) * BLOCK):
        check_what_was_erased_stays_away(seed)
