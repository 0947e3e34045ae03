"""A browser that lies about what was typed: it reaches nobody else, and changes nothing that an element could not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from .server import Server
from .tab import Tab, Visitor
from .told import Visitors
from .typist import enter, shows, visit

HAND_OVER = """async (sent) => {
    const found = {};
    const answered = new Promise((resolve) => {
        window.__niceguiStash.typed.settle = (verdicts) => verdicts ? Object.assign(found, verdicts) : resolve(found);
    });
    window.__niceguiStash.tell({kind: "typed", ...sent});
    return await answered;
}"""
BOUND = 'id => window.__niceguiStash.typed.bound[id]?.address'


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with Server('typed.py', tmp_path_factory.mktemp('forged')) as server:
        yield server.url


async def of(tab: Tab, name: str) -> dict[str, Any]:
    """Return a value as the page itself would hand it over: with its address, and what may have been there before."""
    element = await tab.page.get_by_test_id(f'{name}-input').get_attribute('id')
    assert element is not None
    await tab.until(BOUND, element[1:])
    address = await tab.page.evaluate(BOUND, element[1:])
    known = await tab.page.evaluate("['', 'typed'].map(value => window.__niceguiStash.typed.digest(value))")
    return {'f': address, 'v': '"forged"', 'known': known}


async def accepted(tab: Tab, **values: str) -> None:
    """Return when the server has these values: the page did not type what it handed over."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(value)


async def seal(tab: Tab) -> str:
    await tab.until('window.__niceguiStash?.acknowledged')
    return await tab.page.evaluate('window.__niceguiStash.seal')


async def hands_over(tab: Tab, sent: Any) -> Any:
    """Send what a browser hands over, and return the verdicts that the server has answered with when it is done."""
    return await tab.page.evaluate(HAND_OVER, sent)


async def test_what_is_handed_over_with_the_own_seal_is_accepted(visitor: Visitor, url: str):
    tab = await visit(visitor, url)
    value = await of(tab, 'line')
    assert await hands_over(tab, {'seal': await seal(tab), 'values': [value]}) == {value['f']: 'merged'}
    await accepted(tab, line='forged')


async def test_the_seal_of_another_session_opens_nothing(visitor: Visitor, visitors: Visitors, url: str):
    tab = await visit(visitor, url)
    async with visitors() as other:
        victim = await other.open(url)
        await enter(victim, line='untouched')
        await shows(victim, line='untouched')
        stolen = await seal(victim)
        assert await hands_over(tab, {'seal': stolen, 'values': [await of(tab, 'line')]}) == {}
        await shows(victim, line='untouched')
    await shows(tab, line='')


async def test_the_seal_of_another_visit_of_the_same_session_opens_nothing(visitor: Visitor, url: str):
    tab, other = await visit(visitor, url), await visit(visitor, url)
    assert await hands_over(tab, {'seal': await seal(other), 'values': [await of(tab, 'text')]}) == {}
    await shows(tab, text='')


def nested(depth: int) -> str:
    return '[' * depth + ']' * depth


MALFORMED: dict[str, Any] = {
    'nothing': None,
    'a text': 'values',
    'no seal': {'values': []},
    'a number as seal': {'seal': 1, 'values': []},
    'a seal of 900 KB': {'seal': 's' * 900_000, 'values': []},
    'values that are no list': {'seal': 's', 'values': {'a': 1}},
}


@pytest.mark.parametrize('name', MALFORMED)
async def test_what_cannot_come_from_the_script_is_dropped(visitor: Visitor, url: str, name: str):
    tab = await visit(visitor, url)
    await tab.page.evaluate('(sent) => window.__niceguiStash.tell({kind: "typed", ...sent})', MALFORMED[name])
    value = await of(tab, 'line')
    assert await hands_over(tab, {'seal': await seal(tab), 'values': [value]}) == {value['f']: 'merged'}


@pytest.mark.parametrize('wrong', ['', 'ü€😀'])
async def test_a_seal_that_the_server_cannot_have_made_opens_nothing(visitor: Visitor, url: str, wrong: str):
    tab = await visit(visitor, url)
    assert await hands_over(tab, {'seal': wrong, 'values': [await of(tab, 'line')]}) == {}
    await enter(tab, line='still works')
    await shows(tab, line='still works')


VALUES: dict[str, dict[str, Any]] = {
    'no address': {'f': None},
    'an address of markup': {'f': '<script>////'},
    'no JSON': {'v': '{'},
    'no text': {'v': {'a': 1}},
    'too long': {'v': json.dumps('x' * 500_000)},
    'deeply nested': {'v': nested(100_000)},
    'half of a surrogate pair': {'v': '"\\ud83d"'},
    'no history': {'known': None},
    'somebody wrote since': {'known': []},
    'an object for a text': {'v': '{"__class__": "str"}'},
    'a list for a text': {'v': '[["a"]]'},
    'a number of 5000 digits': {'v': '9' * 5000},
    'not a number': {'v': 'NaN'},
}


@pytest.mark.parametrize('name', VALUES)
async def test_a_value_that_the_element_cannot_have_sent_is_not_accepted(visitor: Visitor, url: str, name: str):
    tab = await visit(visitor, url)
    await enter(tab, line='typed')
    await shows(tab, line='typed')
    good, bad = await of(tab, 'mine'), {**await of(tab, 'line'), **VALUES[name]}
    answer = await hands_over(tab, {'seal': await seal(tab), 'values': [bad, good]})
    assert answer.pop(good['f']) == 'merged'
    assert answer.get(bad['f']) in {None, 'refused', 'rejected'}
    await accepted(tab, line='typed', mine='forged')


async def test_ten_thousand_values_are_no_more_than_five_hundred(visitor: Visitor, url: str):
    tab = await visit(visitor, url)
    good = await of(tab, 'line')
    flood = [{**good, 'f': f'{number:012d}', 'v': '1'} for number in range(10_000)]
    answer = await hands_over(tab, {'seal': await seal(tab), 'values': [*flood, good]})
    assert len(answer) == 500
    assert set(answer.values()) == {'rejected'}
    await shows(tab, line='')


async def test_what_was_typed_before_signing_out_is_not_merged_into_the_next_session(visitor: Visitor, url: str):
    tab = await visit(visitor, url)
    await enter(tab, line='of the old session')
    await shows(tab, line='of the old session')  # the label grows with it, and moves the button away under the pointer
    client, before = await tab.client(), await seal(tab)
    value = {**await of(tab, 'line'), 'v': '"of the old session"'}
    await tab.page.get_by_test_id('sign-out').click()
    await tab.connected(after=client)
    assert await hands_over(tab, {'seal': before, 'values': [value]}) == {}
    await shows(tab, line='')
