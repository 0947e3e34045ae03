"""Two people work on one room, and each takes back and makes again: only what is their own, and exactly that."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.ui.page.steps import Steps

from .scene import Browser, idle, page_object_of, shown

pytestmark = pytest.mark.proves('undo')
FIELDS = ('title', 'votes', 'cards')
LIMIT = 6
LONG = 'a text by which a card is long enough for the JSON of all to be kept in pieces'
_rooms = count()


def declare(stash: Stash) -> type[Any]:
    @stash.page('/board/{board}', room='board', undo=LIMIT)
    class Board:
        title: str = stored('', scope='room')
        votes: int = stored(0, scope='room')
        cards: list[dict[str, Any]] = stored(
            default_factory=lambda: [{'id': number, 'text': LONG} for number in range(20)], scope='room'
        )

        def build(self, board: str) -> None: ...

    return Board


@dataclass
class Model:
    """What a person should be able to take back: their own steps, as whole states of the fields that changed."""

    past: list[dict[str, tuple[str, str]]] = field(default_factory=list)
    future: list[dict[str, tuple[str, str]]] = field(default_factory=list)

    def did(self, changed: dict[str, tuple[str, str]]) -> None:
        self.past = [*self.past, changed][-LIMIT:]
        self.future = []

    def others_did(self, names: set[str]) -> None:
        """Make every step unusable that has changed one of these fields."""
        for steps in (self.past, self.future):
            for step in steps:
                if names & step.keys():
                    step.clear()

    def move(self, *, back: bool) -> dict[str, str]:
        """Return what the fields have after the newest usable step is taken back, or the oldest made again."""
        steps, others = (self.past, self.future) if back else (self.future, self.past)
        while steps:
            if any(steps):
                step = steps.pop()
                others.append(step)
                if step:
                    return {name: values[0 if back else 1] for name, values in step.items()}
                continue
            break
        return {}


def state(page: Any) -> dict[str, str]:
    return {name: json.dumps(getattr(page, name)) for name in FIELDS}


def change(page: Any, what: str, number: int) -> None:
    """Make a change of a few that are easily made twice, so that one person's value often equals the other's."""
    cards = page.cards
    match what:
        case 'title':
            page.title = ('', 'a', 'b')[number % 3]
        case 'votes':
            page.votes += 1 if number % 2 else -1
        case 'both':
            page.title, page.votes = ('', 'a', 'b')[number % 3], number % 3
        case 'add':
            cards.insert(number % (len(cards) + 1), {'id': 100 + number, 'text': LONG})
        case 'edit' if cards:
            cards[number % len(cards)]['text'] = ('x', 'y', LONG)[number % 3]
        case 'remove' if cards:
            cards.pop(number % len(cards))
        case 'assign':
            page.cards = [dict(card) for card in reversed(cards)]
        case _:
            pass


ACTS = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(['undo', 'redo', 'undo', 'redo', 'title', 'votes', 'both', 'add', 'edit', 'remove', 'assign']),
    st.integers(0, 30),
)


async def open_room(stash: Stash, cls: type[Any]) -> list[Any]:
    path = f'/board/{next(_rooms)}'
    tabs: list[User] = [await Browser().open(path) for _ in range(2)]
    return [shown(stash, tab, cls) for tab in tabs]


def page_steps(page: object) -> Steps:
    steps = page_object_of(page).steps
    assert steps is not None
    return steps


@pytest.fixture
def board(stash: Stash) -> type[Any]:
    return declare(stash)


REAL = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@REAL
@example([(0, 'title', 1), (1, 'title', 2), (1, 'title', 1), (0, 'undo', 0)])
@example([(0, 'votes', 1), (0, 'title', 1), (1, 'title', 2), (0, 'undo', 0), (0, 'redo', 0), (0, 'redo', 0)])
@given(st.lists(ACTS, max_size=25))
async def test_a_person_takes_back_their_own_changes_and_nothing_else(
    stash: Stash, board: type[Any], acts: list[tuple[int, str, int]]
) -> None:
    pages = await open_room(stash, board)
    models = [Model(), Model()]
    for who, what, number in acts:
        page, model, before = pages[who], models[who], state(pages[who])
        if what in {'undo', 'redo'}:
            assert page_steps(page).can_undo == any(model.past)
            assert page_steps(page).can_redo == any(model.future)
            expected = model.move(back=what == 'undo')
            assert (stash.undo if what == 'undo' else stash.redo)(page) == bool(expected)
            assert state(page) == {**before, **expected}
        else:
            change(page, what, number)
        await idle()
        page_object_of(page).steps.close()
        after = state(page)
        changed = {name: (before[name], after[name]) for name in FIELDS if before[name] != after[name]}
        if changed and what not in {'undo', 'redo'}:
            model.did(changed)
        models[1 - who].others_did(set(changed))
        assert state(pages[1 - who]) == after


@REAL
@given(st.lists(ACTS, max_size=20), st.integers(0, LIMIT))
async def test_as_many_steps_made_again_as_taken_back_is_the_identity(
    stash: Stash, board: type[Any], acts: list[tuple[int, str, int]], times: int
) -> None:
    pages = await open_room(stash, board)
    for who, what, number in acts:
        if what in {'undo', 'redo'}:
            (stash.undo if what == 'undo' else stash.redo)(pages[who])
        else:
            change(pages[who], what, number)
        await idle()
        page_object_of(pages[who]).steps.close()
    for page in pages:
        before = state(page)
        steps = sum(stash.undo(page) for _ in range(times))
        assert sum(stash.redo(page) for _ in range(steps)) == steps
        assert state(page) == before
        await idle()
    assert state(pages[0]) == state(pages[1])
