"""A filter in the address: typed, shared as a link, walked through with back and forward, and never stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from .proxy import BOTH_WAYS, LATENCIES, Proxy, way_to
from .server import Server, eventually
from .tab import Tab, Visitor
from .told import Visitors, dead

pytestmark = pytest.mark.proves('scopes')


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def listing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with Server('listing.py', tmp_path_factory.mktemp('listing')) as server:
        yield server


@pytest_asyncio.fixture(scope='module', loop_scope='session')
async def url(listing: Server, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async with way_to(listing, getattr(request, 'param', 0.0)) as url:
        yield url


def query(tab: Tab) -> str:
    return urlsplit(tab.page.url).query


async def has_query(tab: Tab, expected: str) -> None:
    await tab.until('query => location.search === query', expected and f'?{expected}')


async def shows(tab: Tab, **values: object) -> None:
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(name)).to_have_text(str(value))


async def press(tab: Tab, button: str) -> None:
    await tab.page.get_by_test_id(button).click()


async def history(tab: Tab) -> int:
    return await tab.page.evaluate('history.length')


async def test_the_first_html_has_the_values_of_the_link(url: str):
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.get(f'{url}/?q=needle&page=42&tags=%5B%22haystack%22%5D')
    assert answer.status_code == 200
    assert all(word in answer.text for word in ('needle', '42', 'haystack'))


@BOTH_WAYS
async def test_typing_shows_in_the_address_and_defaults_do_not(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/?utm=news&flag')
    before = await history(tab)
    await tab.type(q='lamp & shade')
    await has_query(tab, 'utm=news&flag&q=lamp+%26+shade')
    await press(tab, 'tag')
    await has_query(tab, 'utm=news&flag&q=lamp+%26+shade&tags=%5B%22tag+0%22%5D')
    await tab.type(q='')
    await has_query(tab, 'utm=news&flag&tags=%5B%22tag+0%22%5D')
    assert await history(tab) == before, 'replaced, not pushed'


async def test_a_link_shows_the_same_list_to_somebody_else(visitors: Visitors, visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await tab.type(q='needle', note='mine')
    await press(tab, 'next')
    await has_query(tab, 'q=needle&page=2')
    async with visitors() as somebody:
        other = await somebody.open(tab.page.url)
        await shows(other, q='needle', page=2, note='')
        await expect(other.page.get_by_test_id('q-input')).to_have_value('needle')


@BOTH_WAYS
async def test_back_and_forward_walk_through_what_was_pushed(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await tab.type(q='lamp')
    await has_query(tab, 'q=lamp')
    client = await tab.client()
    for page in (2, 3):
        await press(tab, 'next')
        await has_query(tab, f'q=lamp&page={page}')
    await tab.page.go_back()
    await shows(tab, page=2, q='lamp')
    await tab.page.go_back()
    await shows(tab, page=1, q='lamp')
    assert query(tab) == 'q=lamp'
    await tab.page.go_forward()
    await shows(tab, page=2)
    await tab.page.go_forward()
    await shows(tab, page=3)
    assert await tab.client() == client, 'no document was loaded'


async def test_f5_and_a_second_tab_show_the_values_of_the_address(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await tab.type(q='lamp', draft='half')
    await press(tab, 'next')
    await has_query(tab, 'q=lamp&page=2')
    await tab.reload()
    await shows(tab, q='lamp', page=2, draft='', reason='reload')
    other = await visitor.open(url)
    await shows(other, q='', page=1)
    await tab.page.go_back()
    await shows(tab, q='lamp', page=1)


async def test_the_draft_of_a_visit_that_ended_is_dropped_although_the_address_changed(visitor: Visitor, folder: Path):
    async with Server('listing.py', folder) as server:
        tab = await visitor.open(server.url)
        await tab.type(draft='half', q='lamp', note='kept')
        await has_query(tab, 'q=lamp')
        await eventually(lambda: _stored(server, 'half'), 'the draft is stored')
        await tab.reload()
        await eventually(lambda: _stored(server, 'half', there=False), 'the draft is gone')
        assert 'kept' in str(server.document())


async def _stored(server: Server, word: str, *, there: bool = True) -> bool:
    return bool(server.objects()) and (word in str(server.document())) == there


async def test_a_link_on_the_page_is_another_filter(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/?q=lamp')
    await tab.follow('to-shared')
    await shows(tab, q='shared', page=7)
    await tab.back()
    await shows(tab, q='lamp', page=1)


@pytest.mark.parametrize(
    ('link', 'problems'),
    [
        ('?q=ok&page=zero', 'page'),
        ('?q=ok&page=0', 'page'),
        ('?q=ok&page=1e2', 'page'),
        ('?q=ok&sort=colour', 'sort'),
        ('?q=ok&tags=red', 'tags'),
        ('?q=ok&tags=[[]]', 'tags'),
        ('?q=ok&sort=%FF%00&tags={}&page=', 'page, sort, tags'),
        ('?q=ok&tags=' + '[' * 1900, 'tags'),
        ('?q=ok&tags=["' + 'x' * 3000 + '"]', 'tags'),
    ],
)
async def test_a_forged_link_falls_back_field_by_field(visitor: Visitor, url: str, link: str, problems: str):
    tab = await visitor.open(f'{url}/{link}')
    await shows(tab, q='ok', page=1, sort='name', tags='[]', problems=problems)


async def test_a_script_in_a_link_is_text(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/?q=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E%27%22%5C%E2%80%A8')
    evil = '</script><script>alert(1)</script>\'"\\\u2028'
    assert await tab.page.get_by_test_id('q-input').input_value() in {evil, evil.replace('\u2028', '')}
    await press(tab, 'tag')
    await shows(tab, tags="['tag 0']")
    await tab.page.get_by_test_id('q-input').fill(evil)
    await shows(tab, q=evil)


async def test_forged_events_change_nothing_but_the_own_page(visitor: Visitor, url: str):
    tab = await visitor.open(f'{url}/?q=lamp')
    for sent in ('null', '7', 'search: "?q=x"', 'search: 1, made: 0', 'search: "q=x", made: 0',
                 'search: "?q=" + "x".repeat(30000), made: 0', 'search: "?q=x", made: -1'):  # fmt: skip
        told = f'{{kind: "address", {sent}}}' if ':' in sent else sent
        await tab.page.evaluate(f'__niceguiStash.tell({told})')
    await tab.type(note='still here')
    await shows(tab, q='lamp')
    await tab.page.evaluate('__niceguiStash.tell({kind: "address", search: "?q=x&page=-3", made: 1e9})')
    await shows(tab, q='x', page=1)


async def test_kill_9_brings_the_page_back_with_its_address(visitor: Visitor, folder: Path):
    async with Server('listing.py', folder) as server:
        tab = await visitor.open(server.url)
        await tab.type(q='lamp', draft='half')
        await press(tab, 'next')
        await has_query(tab, 'q=lamp&page=2')
        await eventually(lambda: _stored(server, 'half'), 'the draft is stored')
        client = await tab.client()
        await server.kill()
        await tab.disconnected()
        await server.start()
        await tab.connected(after=client)
        await shows(tab, q='lamp', page=2, draft='half', reason='rejoin')
        assert 'lamp' not in str(server.document())
        await tab.page.go_back()
        await shows(tab, q='lamp', page=1)


@pytest.mark.parametrize('latency', LATENCIES)
async def test_back_while_the_server_is_away_counts_when_it_is_back(visitor: Visitor, folder: Path, latency: float):
    async with Server('listing.py', folder) as server, way_to(server, latency) as url:
        tab = await visitor.open(url)
        await tab.type(draft='half')
        await press(tab, 'next')
        await has_query(tab, 'page=2')
        await eventually(lambda: _stored(server, 'half'), 'the draft is stored')
        async with dead(server, tab):
            await tab.page.go_back()
            await has_query(tab, '')
        await shows(tab, page=1, draft='half', reason='rejoin')


@BOTH_WAYS
async def test_a_hundred_changes_are_all_made_although_browsers_refuse_so_many(visitor: Visitor, url: str):
    tab = await visitor.open(url)
    await tab.page.get_by_test_id('q-input').press_sequentially('abcdefghij' * 12, delay=5)
    await shows(tab, q='abcdefghij' * 12)
    await has_query(tab, 'q=' + 'abcdefghij' * 12)
    assert not [line for line in tab.console if 'hrottling' in line]


@pytest.mark.parametrize('latency', LATENCIES)
async def test_a_change_that_crosses_back_on_its_way_ends_where_the_address_is(
    visitor: Visitor, listing: Server, latency: float
):
    async with Proxy(listing.port, latency=latency) as proxy:
        tab = await visitor.open(proxy.url)
        for page in (2, 3):
            await press(tab, 'next')
            await has_query(tab, f'page={page}')
        client = await tab.client()
        sent = (await listing.probe())['messages'][client]

        async def is_told() -> bool:
            return (await listing.probe())['messages'][client] > sent

        proxy.hold_answers()
        await press(tab, 'tag')
        await eventually(is_told, 'the server has sent the new address')
        await tab.page.go_back()
        await has_query(tab, 'page=2')
        proxy.restore()
        await has_query(tab, 'page=2&tags=%5B%22tag+0%22%5D')
        await shows(tab, page=2, tags="['tag 0']")


class TestViews:
    async def test_a_view_reads_its_address_and_writes_it(self, visitor: Visitor, url: str):
        tab = await visitor.open(f'{url}/shop/items?q=needle')
        await shows(tab, q='needle')
        await press(tab, 'lamps')
        await has_query(tab, 'q=lamps')
        await tab.reload()
        await shows(tab, q='lamps')

    @BOTH_WAYS
    async def test_back_and_forward_walk_through_views_and_values(self, visitor: Visitor, url: str):
        tab = await visitor.open(f'{url}/shop')
        client = await tab.client()
        await tab.switch('to-found', 'Items')
        await shows(tab, q='found')
        await press(tab, 'lamps')
        await has_query(tab, 'q=lamps')
        await press(tab, 'tables')
        await has_query(tab, 'q=tables')
        await tab.page.go_back()
        await shows(tab, q='lamps')
        await tab.page.go_back()
        await shows(tab, q='found')
        await tab.page.go_back()
        await shows(tab, title='Home')
        await tab.page.go_forward()
        await shows(tab, title='Items', q='found')
        await tab.page.go_forward()
        await shows(tab, q='lamps')
        assert await tab.client() == client

    async def test_a_field_of_the_page_around_follows_the_address(self, visitor: Visitor, url: str):
        tab = await visitor.open(f'{url}/shop')
        await press(tab, 'widen')
        await has_query(tab, 'wide=true')
        await shows(tab, wide=True)
        await tab.switch('to-items', 'Items')
        await shows(tab, wide=False)
        await press(tab, 'lamps')
        await press(tab, 'widen')
        await has_query(tab, 'q=lamps&wide=true')
        await tab.page.go_back()
        await shows(tab, q='', wide=False)
        await tab.page.go_back()
        await shows(tab, title='Home', wide=True)
