"""Fields of scope `url` without a browser: values of a request, and changes sent to the browser."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import DeclarationError, Stash, StashError, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore, reload, restart

from .listings import Filter, address, listing, told
from .scene import Browser, client_of, idle, shown, text, type_into

__all__ = ['listing']


async def test_the_first_html_shows_what_the_address_says(listing: type[Filter]) -> None:
    answer = await Browser().get('/list?q=lamp&page=3&tags=%5B%22red%22%5D')
    assert 'page 3' in answer.text
    assert 'lamp' in answer.text
    assert 'red' in answer.text


async def test_nothing_of_it_is_stored(listing: type[Filter], stash: Stash, store: FaultyStore) -> None:
    tab = await Browser().open('/list?q=lamp')
    page = shown(stash, tab, listing)
    page.q, page.page = 'table', 2
    page.tags.append('red')
    await stash.flush(page)
    await idle()
    assert store.calls['put'] == 0
    assert address(tab) == '/list?q=table&page=2&tags=%5B%22red%22%5D'


async def test_a_default_is_not_in_the_address(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list?q=lamp&page=2&other=x')
    page = shown(stash, tab, listing)
    page.q, page.page = '', 1
    await idle()
    assert address(tab) == '/list?other=x'


async def test_changes_of_one_turn_are_one_step(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    page = shown(stash, tab, listing)
    page.q, page.page = 'lamp', 2
    await idle()
    (code,) = told(tab)
    assert code.endswith('project(...[1, {"q": "q=lamp", "page": "page=2"}, true])')


async def test_a_change_that_is_taken_back_at_once_is_none(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    page = shown(stash, tab, listing)
    page.q = 'lamp'
    page.q = ''
    await idle()
    assert told(tab) == []


@pytest.mark.parametrize(
    ('search', 'problems'),
    [
        ('?page=three&q=lamp', ['page']),
        ('?page=0&q=lamp', ['page']),
        ('?tags=red&q=lamp', ['tags']),
        ('?tags=[1]&q=lamp', ['tags']),
        ('?tags=%00&page=%ff&q=lamp', ['page', 'tags']),
        ('?page=' + '1' * 2001 + '&q=lamp', ['page']),
    ],
)
async def test_what_does_not_fit_falls_back_alone(
    listing: type[Filter], stash: Stash, search: str, problems: list[str]
) -> None:
    tab = await Browser().open('/list' + search)
    page = shown(stash, tab, listing)
    assert page.q == 'lamp'
    assert (page.page, list(page.tags)) == (1, [])
    assert sorted(problem.field for problem in stash.recovery(page).problems) == problems


async def test_a_value_too_long_for_an_address_is_refused(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    page = shown(stash, tab, listing)
    with pytest.raises(ValueNotStorable, match='characters in the address'):
        page.q = 'x' * 2000
    assert page.q == ''
    assert address(tab) == '/list'


async def test_one_that_is_typed_is_marked_and_logged_without_the_value(
    listing: type[Filter], stash: Stash, caplog: pytest.LogCaptureFixture
) -> None:
    tab = await Browser().open('/list')
    with caplog.at_level(logging.WARNING):
        type_into(tab, 'q', 'secret' * 400)
        await idle()
    assert shown(stash, tab, listing).q == ''
    assert 'characters in the address' in caplog.text
    assert 'secretsecret' not in caplog.text


async def test_a_whole_address_has_a_limit(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        a: str = stored('', scope='url')

        def build(self) -> None: ...

    tab = await Browser().open('/?' + '&'.join(f'x{number}={"y" * 990}' for number in range(6)))
    page = shown(stash, tab, Page)
    page.a = 'short'
    with pytest.raises(ValueNotStorable, match='6000'):
        page.a = 'x' * 1000
    assert page.a == 'short'


async def test_reset_takes_the_values_out_of_the_address(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list?q=lamp&page=2&other=x')
    page = shown(stash, tab, listing)
    stash.reset(page)
    await idle()
    assert (page.q, page.page) == ('', 1)
    assert address(tab) == '/list?other=x'


async def test_auto_false_shows_nothing_in_the_address_before_save(stash: Stash) -> None:
    @stash.page('/', auto=False)
    class Page:
        q: str = stored('', scope='url')

        def build(self) -> None: ...

    tab = await Browser().open('/')
    page = shown(stash, tab, Page)
    page.q = 'lamp'
    await idle()
    assert address(tab) == '/'
    stash.save(page)
    await idle()
    assert address(tab) == '/?q=lamp'


async def test_a_former_name_is_read_and_replaced(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        query: str = stored('', scope='url', renamed_from='q')

        def build(self) -> None: ...

    tab = await Browser().open('/?q=lamp')
    page = shown(stash, tab, Page)
    assert page.query == 'lamp'
    page.query = 'table'
    await idle()
    assert address(tab) == '/?query=table'


async def test_other_scopes_of_the_class_are_stored_as_ever(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        q: str = stored('', scope='url')
        count: int = stored(0)
        draft: str = stored('', scope='reconnect')

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open('/?q=lamp')
    page = shown(stash, tab, Page)
    page.count, page.draft = 3, 'half'
    await stash.flush(page)
    await restart(tab, kill=True)
    page = shown(stash, tab, Page)
    assert (page.q, page.count, page.draft) == ('lamp', 3, 'half')
    await reload(tab)
    page = shown(stash, tab, Page)
    assert (page.q, page.count, page.draft) == ('lamp', 3, '')


async def test_the_simulated_browser_keeps_its_address(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    shown(stash, tab, listing).q = 'lamp'
    await idle()
    await reload(tab)
    assert shown(stash, tab, listing).q == 'lamp'
    await restart(tab, kill=True)
    assert shown(stash, tab, listing).q == 'lamp'


async def test_the_store_being_away_does_not_hide_the_address(
    listing: type[Filter], stash: Stash, store: FaultyStore
) -> None:
    ann = Browser()
    await ann.open('/list')
    store.down = True
    tab = await ann.open('/list?q=lamp&page=x')
    page = shown(stash, tab, listing)
    assert page.q == 'lamp'
    page.q = 'table'
    await idle()
    assert address(tab) == '/list?q=table&page=x'
    store.down = False


async def test_a_used_state_may_be_in_the_address(stash: Stash) -> None:
    @stash.state
    class Sorting:
        by: str = stored('name', scope='url')

    @stash.page('/')
    class Page:
        sorting: Sorting = stash.use(Sorting)
        q: str = stored('', scope='url')

        def build(self) -> None: ...

    tab = await Browser().open('/?by=price&q=lamp')
    page = shown(stash, tab, Page)
    assert (page.sorting.by, page.q) == ('price', 'lamp')


async def test_one_name_for_two_fields_of_a_page_is_refused(stash: Stash, errors: Callable[[], list[str]]) -> None:
    @stash.state
    class Sorting:
        q: str = stored('', scope='url')

    @stash.page('/')
    class Page:
        sorting: Sorting = stash.use(Sorting)
        q: str = stored('', scope='url')

        def build(self) -> None: ...

    assert (await Browser().get('/')).status_code == 500
    (said,) = errors()
    assert 'Sorting and Page are on one page, and both have q in its address' in said


async def test_update_cannot_change_what_the_server_does_not_store(listing: type[Filter], stash: Stash) -> None:
    tab = await Browser().open('/list')
    page = shown(stash, tab, listing)
    with pytest.raises(StashError, match=r'Listing\.q is not stored on the server'):
        await stash.update(page, lambda each: setattr(each, 'q', 'x'))


def test_history_belongs_to_scope_url(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match='history='):

        @stash.state
        class One:
            a: int = stored(0, history='push')

    with pytest.raises(DeclarationError, match='history='):

        @stash.state
        class Two:
            a: int = stored(0, scope='url', history='forget')  # type: ignore[call-overload]


async def navigate(tab: User, path: str) -> None:
    client = client_of(tab)
    with client:
        await client.sub_pages_router._handle_navigate(path)
    await idle()


async def test_a_view_reads_the_address_it_is_navigated_to(stash: Stash) -> None:
    @stash.view
    class Items:
        q: str = stored('', scope='url')

        def build(self) -> None:
            ui.label().bind_text_from(self, 'q', lambda q: f'q {q}').mark('q')

    @stash.page('/')
    class Shell:
        dark: bool = stored(default=False, scope='url')

        def build(self) -> None:
            ui.label().bind_text_from(self, 'dark', lambda dark: f'dark {dark}').mark('dark')
            ui.sub_pages({'/': lambda: ui.label('home'), '/items': Items})

    tab = await Browser().open('/?dark=true')
    assert text(tab, 'dark') == 'dark True'
    await navigate(tab, '/items?q=lamp&dark=true')
    assert (text(tab, 'q'), text(tab, 'dark')) == ('q lamp', 'dark True')
    shown(stash, tab, Items).q = 'table'
    await idle()
    assert address(tab) == '/items?q=table&dark=true'
    await navigate(tab, '/')
    assert text(tab, 'dark') == 'dark False', 'the address counts: it says nothing of it any more'
    await navigate(tab, '/items?q=lamp')
    assert text(tab, 'q') == 'q lamp'
