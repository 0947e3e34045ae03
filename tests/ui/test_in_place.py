"""What the server answers to a page that comes back in place: its elements, or the order to reload."""

from __future__ import annotations

import json
import re
import threading
from importlib.resources import files
from typing import Any

import httpx
import pytest
from nicegui import Client, ui
from starlette.responses import RedirectResponse

from nicegui_stash import ConfigurationError, Stash, stored
from nicegui_stash.settings import Rejoin
from nicegui_stash.ui import nicegui_private
from nicegui_stash.ui.carryover import handover
from nicegui_stash.ui.rejoin import turnstile
from nicegui_stash.ui.rejoin.answer import MEDIA_TYPE
from nicegui_stash.ui.rejoin.claim import HEADER
from nicegui_stash.ui.rejoin.farewell import turns
from nicegui_stash.ui.rejoin.turnstile import Turnstile
from nicegui_stash.ui.visit import scripts

from .scene import Browser, client_of, idle, serving, shown, type_into

TAB = 'a-tab-of-the-browser'


def claim_on(html: str, *, tab: str = TAB) -> str:
    """Return what a page says of itself when it comes back."""
    (seal,) = re.findall(r'data-seal="([^"]+)"', html)
    (page,) = re.findall(r'data-page="([^"]+)"', html)
    return f'{page} {tab} {seal}'


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200
    assert answer.headers['content-type'].startswith(MEDIA_TYPE), answer.text[:200]
    return answer.json()


def is_page(answer: httpx.Response) -> bool:
    return answer.headers['content-type'].startswith('text/html')


def form(stash: Stash, *, rejoin: Rejoin | None = 'in_place', **options: Any) -> Any:
    @stash.page('/', rejoin=rejoin, **options)
    class Form:
        draft: str = stored('', scope='reconnect')
        mine: str = stored('', scope='tab')
        text: str = stored('')

        def build(self) -> None:
            ui.input('draft').bind_value(self, 'draft').mark('draft')
            ui.input('mine').bind_value(self, 'mine').mark('mine')
            ui.label(f'{self.draft} {self.mine}')

    return Form


async def test_the_answer_has_the_draft_and_the_values_of_the_tab(stash: Stash) -> None:
    page = form(stash)
    browser = Browser()
    tab = await browser.open()
    type_into(tab, 'draft', 'a draft')
    type_into(tab, 'mine', 'of the tab')
    await stash.flush(shown(stash, tab, page))
    visit = stash._app_state.connection_of(client_of(tab)).visit
    (digest,) = re.findall(r'data-page="([^"]+)"', (await browser.get()).text)
    answer = told(await browser.get(headers={HEADER: f'{digest} {visit.tab} {visit.seal()}'}))
    assert '"text":"a draft of the tab"' in answer['elements'].replace('&#36;', '$')
    client = Client.instances[answer['client']]
    connection = stash._app_state.connection_of(client)
    assert (connection.visit.id, connection.visit.tab) == (visit.id, visit.tab)
    recovery = connection.page_objects[0].recovery
    assert (recovery.reason, recovery.in_place, recovery.status) == ('rejoin', True, 'recovered')
    counted = stash.statistics()
    assert (counted.recoveries, counted.returns_in_place) == ({'fresh': {'unknown': 1}}, 0), 'it has not connected yet'
    connection._connect()
    counted = stash.statistics()
    assert counted.recoveries == {'fresh': {'unknown': 1}, 'recovered': {'rejoin': 1}}
    assert counted.returns_in_place == 1


async def test_a_page_that_is_loaded_says_that_it_did_not_come_back_in_place(stash: Stash) -> None:
    page = form(stash)
    tab = await Browser().open()
    assert stash.recovery(shown(stash, tab, page)).in_place is False


@pytest.mark.parametrize('of', ['nothing', 'nonsense', 'forged', 'cut', 'another session', 'twice'])
async def test_a_claim_that_is_not_sealed_gets_a_plain_fresh_page(stash: Stash, of: str) -> None:
    form(stash)
    browser, other = Browser(), Browser()
    claim = claim_on((await browser.get()).text)
    await other.get()
    sent = {
        'nothing': '',
        'nonsense': '\x7f' * 9000,
        'forged': claim[:-1] + ('0' if claim[-1] != '0' else '1'),
        'cut': claim[:-1],
        'another session': claim,
        'twice': f'{claim}, {claim}',
    }[of]
    answer = await (other if of == 'another session' else browser).get(headers={HEADER: sent})
    assert is_page(answer)
    newest = list(Client.instances.values())[-1]
    visit = stash._app_state.connection_of(newest).visit
    assert (visit.id, visit.identified, visit.in_place) == (newest.id, False, False)


async def test_a_browser_without_its_cookie_gets_a_plain_page(stash: Stash) -> None:
    form(stash)
    claim = claim_on((await Browser().get()).text)
    assert is_page(await Browser().get(headers={HEADER: claim}))


async def test_a_page_that_reloads_gets_nothing_of_it(url: str) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, rejoin='reload')) as stash:
        form(stash, rejoin=None)
        browser = Browser()
        page = await browser.get()
        (address,) = re.findall(r'src="(/_nicegui/stash/typed\.js[^"]*)"', page.text)
        assert 'inPlace = {' not in (await browser.get(address)).text
        assert 'data-page' not in page.text


@pytest.mark.parametrize('file', sorted({file for files_ in scripts.SCRIPTS.values() for file in files_}))
def test_no_literal_of_our_scripts_looks_like_a_comment_or_spans_lines(file: str) -> None:
    for line in files('nicegui_stash.ui').joinpath(file).read_text(encoding='utf-8').splitlines():
        code = '' if line.lstrip().startswith('//') else line.split(' // ')[0]
        assert all(code.count(quote) % 2 == 0 for quote in '`"'), line


async def test_our_scripts_are_served_without_what_is_not_run_and_with_all_their_literals(stash: Stash) -> None:
    form(stash)
    browser = Browser()
    for name, parts in scripts.SCRIPTS.items():
        written = '\n'.join(files('nicegui_stash.ui').joinpath(file).read_text(encoding='utf-8') for file in parts)
        code = re.sub(r'(?m)^ *//.*$| // .*$', '', written)
        served = (await browser.get(f'{scripts.FOLDER}/{name}')).text
        assert len(served) < 0.75 * len(written)
        literals = re.compile(r'"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`')
        assert literals.findall(served) == literals.findall(code)
        assert ''.join(served.split()) == ''.join(code.split())


async def served_for_a_page(url: str, rejoin: Rejoin) -> dict[str, int]:
    """Return the bytes that a new browser loads of a page's HTML, and of each script of ours that the HTML names."""
    async with serving(lambda: Stash(url, flush_interval=0, rejoin=rejoin)) as stash:
        form(stash, rejoin=None)
        browser = Browser()
        page = await browser.get()
        addresses = re.findall(rf'src="(?:\$\{{prefix\}})?({scripts.FOLDER}/[^"]+)"', page.text)
        loaded = {address: (await browser.get(address)).content for address in addresses}
    names = {address: address.partition('?')[0].removeprefix(f'{scripts.FOLDER}/') for address in loaded}
    return {'': len(page.content)} | {names[address]: len(content) for address, content in loaded.items()}


async def test_a_page_that_comes_back_in_place_loads_at_most_12_kib_more_than_one_that_reloads(url: str) -> None:
    in_place, reload = await served_for_a_page(url, 'in_place'), await served_for_a_page(url, 'reload')
    assert (set(in_place), set(reload)) == ({'', 'rejoin.js', 'in_place.js'}, {'', 'rejoin.js', 'typed.js'})
    assert min(in_place.values()) > 1000, 'each is served'
    assert 0 < sum(in_place.values()) - sum(reload.values()) <= 12_288
    assert in_place[''] <= 1.02 * reload['']


@pytest.mark.parametrize('where', ['stash', 'page'])
async def test_a_page_can_be_made_to_reload(url: str, where: str) -> None:
    of_stash: Rejoin
    of_page: Rejoin | None
    of_stash, of_page = ('reload', None) if where == 'stash' else ('in_place', 'reload')
    async with serving(lambda: Stash(url, flush_interval=0, rejoin=of_stash)) as stash:
        form(stash, rejoin=of_page)
        page = await Browser().get()
        assert 'data-seal' in page.text
        assert 'data-page' not in page.text


async def test_a_page_can_come_back_in_place_where_others_reload(url: str) -> None:
    async with serving(lambda: Stash(url, flush_interval=0, rejoin='reload')) as stash:
        form(stash, rejoin='in_place')
        browser = Browser()
        claim = claim_on((await browser.get()).text)
        assert 'elements' in told(await browser.get(headers={HEADER: claim}))


def test_another_way_to_come_back_is_refused(stash: Stash) -> None:
    with pytest.raises(ConfigurationError, match='in_place'):
        stash.page('/x', rejoin='slowly')  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match='in_place'):
        Stash('memory://', rejoin='slowly')  # pyright: ignore[reportArgumentType]


async def test_another_head_reloads_and_the_client_of_the_answer_is_gone(stash: Stash) -> None:
    form(stash)
    browser = Browser()
    claim = claim_on((await browser.get()).text)
    ui.add_head_html('<meta name="another" content="build">', shared=True)
    before = set(Client.instances)
    assert 'reload' in told(await browser.get(headers={HEADER: claim}))
    await idle()
    assert set(Client.instances) == before


async def test_another_version_of_our_scripts_reloads(stash: Stash, monkeypatch: pytest.MonkeyPatch) -> None:
    form(stash)
    browser = Browser()
    claim = claim_on((await browser.get()).text)
    monkeypatch.setattr(handover, 'typed_address', lambda *_, **__: '/_nicegui/stash/in_place.js?v=another')
    assert 'reload' in told(await browser.get(headers={HEADER: claim}))


async def test_what_differs_from_load_to_load_does_not_reload(stash: Stash) -> None:
    loads = 0

    @stash.page('/', rejoin='in_place')
    class Page:
        text: str = stored('')

        def build(self) -> None:
            nonlocal loads
            loads += 1
            ui.page_title(f'load {loads}')
            ui.input().bind_value(self, 'text')
            for _ in range(loads):
                ui.label('a label')
            if loads > 1:
                ui.codemirror('with a component of its own')

    browser = Browser()
    claim = claim_on((await browser.get()).text)
    answer = told(await browser.get(headers={HEADER: claim}))
    assert answer['title'] == 'load 2'
    assert 'nicegui-codemirror' in answer['components']
    assert 'nicegui-codemirror' in answer['imports']


async def test_a_page_that_is_built_when_it_is_connected_reloads(stash: Stash) -> None:
    form(stash, build='connected')
    browser = Browser()
    claim = claim_on((await browser.get()).text)
    assert 'connected' in told(await browser.get(headers={HEADER: claim}))['reload']


async def test_a_page_that_leads_elsewhere_does_so(stash: Stash) -> None:
    leads = False

    @stash.page('/', rejoin='in_place')
    class Page:
        text: str = stored('')

        def prepare(self) -> RedirectResponse | None:
            return RedirectResponse('/sign-in') if leads else None

        def build(self) -> None: ...

    browser = Browser()
    claim = claim_on((await browser.get()).text)
    leads = True
    assert (await browser.get(headers={HEADER: claim})).status_code == 307


async def test_a_page_that_fails_to_build_is_no_page_to_come_back_to(stash: Stash, errors: Any) -> None:
    fails = False

    @stash.page('/', rejoin='in_place')
    class Page:
        text: str = stored('')

        def build(self) -> None:
            if fails:
                raise RuntimeError('it fails')

    browser = Browser()
    claim = claim_on((await browser.get()).text)
    fails = True
    answer = await browser.get(headers={HEADER: claim})
    assert (answer.status_code, is_page(answer)) == (500, True)
    assert errors()


async def test_a_page_whose_template_is_not_known_comes_back_by_a_reload(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    form(stash)
    monkeypatch.setattr(nicegui_private, '_ELEMENTS', re.compile('never written'))
    browser = Browser()
    claim = claim_on((await browser.get()).text)
    assert is_page(await browser.get(headers={HEADER: claim}))


async def test_a_page_whose_surroundings_are_not_known_comes_back_by_a_reload(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    form(stash)

    def lacks_a_name(*_: object) -> str:
        raise AttributeError('missing in this NiceGUI')

    monkeypatch.setattr(nicegui_private, '_around_all_pages', lacks_a_name)
    assert claim_on((await Browser().get()).text).startswith('0' * 24)


async def test_the_addresses_of_bound_elements_are_in_the_answer(stash: Stash) -> None:
    form(stash)
    browser = Browser()
    claim = claim_on((await browser.get()).text)
    answer = told(await browser.get(headers={HEADER: claim, 'cache-control': 'no-cache'}))
    elements = json.loads(answer['elements'].replace('&lt;', '<').replace('&gt;', '>').replace('&amp;', '&'))
    assert {elements[id_]['props']['label'] for id_ in answer['bound']} == {'draft', 'mine'}


async def test_the_server_says_whether_a_client_is_here_and_when_its_page_may_come(stash: Stash) -> None:
    form(stash)
    tab = await Browser().open()
    known = (await Browser().get(f'/_nicegui/stash/back?client={client_of(tab).id}')).json()
    assert known == {'known': True, 'wait': 0}
    unknown = (await Browser().get('/_nicegui/stash/back?client=nobody')).json()
    assert unknown['known'] is False


async def test_who_asks_is_answered_by_the_event_loop_so_that_no_two_pages_get_one_turn(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def wait(now: float) -> float:
        asked.append(threading.current_thread() is threading.main_thread())
        return 0

    form(stash)
    monkeypatch.setattr(turnstile._turnstile, 'wait', wait)
    await Browser().get('/_nicegui/stash/back?client=nobody')
    assert asked == [True]


def test_the_pages_of_a_server_that_ends_look_for_the_next_one_within_a_second() -> None:
    assert turns(0) == []
    assert turns(4) == [0, 250, 500, 750]
    assert max(turns(3000)) < 1000


def test_pages_come_one_after_the_other() -> None:
    entrance = Turnstile(pages_per_second=100)
    waits = [entrance.wait(5.0) for _ in range(1000)]
    assert waits == pytest.approx([number / 100 for number in range(1000)])
    assert entrance.wait(100.0) == 0


def test_nobody_can_make_pages_wait_for_long() -> None:
    entrance = Turnstile(pages_per_second=100)
    assert max(entrance.wait(5.0) for _ in range(5000)) == pytest.approx(10)
    assert entrance.wait(6.0) <= 10
    assert entrance.wait(16.0) == 0
