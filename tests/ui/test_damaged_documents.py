from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from nicegui import ui

from nicegui_stash import Problem, Refused, Stash, stored
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, idle, replace, serving, shown, slice_of, text


def declare(stash: Stash, **options: Any) -> type:
    @stash.page('/', **options)
    class Page:
        count: int = stored(0)
        name: str = stored('')

        def build(self) -> None:
            ui.label().mark('count').bind_text_from(self, 'count')

    return Page


@pytest.fixture
async def ann(url: str) -> Browser:
    """A browser for whose session an earlier life of the server stored something."""
    browser = Browser()
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        page = shown(stash, await browser.open(), cls)
        page.count, page.name = 5, 'Ann'
    return browser


def nested(body: bytes) -> bytes:
    return b'[' * 100_000 + b']' * 100_000


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def with_header(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda body: json.dumps({**json.loads(body), **changes}).encode()


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    'truncated': half,
    'one byte short': lambda body: body[:-1],
    'empty': lambda body: b'',
    'not JSON': lambda body: b'<html>502 Bad Gateway</html>',
    'zeros': lambda body: b'\0' * len(body),
    'not text': lambda body: b'\xff\xfe' + body,
    'an array': lambda body: b'[]',
    'null': lambda body: b'null',
    'no format': lambda body: b'{}',
    'format of another type': with_header(format='1'),
    'slices of another shape': with_header(slices=[]),
    'a slice of another shape': with_header(slices={'Page': {'1': {'': 5}}}),
    'nested without end': nested,
}


@pytest.mark.parametrize('damage', DAMAGES)
async def test_a_damaged_document_is_kept_aside_and_the_page_is_answered_with_defaults(
    url: str, store: FaultyStore, ann: Browser, errors: Callable[[], list[str]], damage: str
) -> None:
    (key,) = [row.key async for row in store.inner.list()]
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    damaged = DAMAGES[damage](found.body)
    await replace(store, damaged)
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        assert (text(tab, 'count'), stash.recovery(page).status) == ('0', 'quarantined')
        (said,) = errors()
        assert key in said
        aside = [row.key async for row in store.inner.list() if row.key.startswith('quarantine/')]
        kept = await store.inner.get(aside[0])
        assert isinstance(kept, StoredObject)
        assert (len(aside), kept.body) == (1, damaged)
        page.count = 1
        await stash.flush(page)
        written = await store.inner.get(key)
        assert isinstance(written, StoredObject)
        assert json.loads(written.body)['slices']['Page']['1']['']['data'] == {'count': 1}
        assert stash.recovery(shown(stash, await ann.open(), cls)).status == 'recovered'


@pytest.mark.parametrize(('number', 'hint'), [(2, 'deploy that version again'), (0, 'formats count from 1')])
async def test_a_document_of_an_unknown_format_is_left_alone_and_changes_stay_in_memory(
    url: str,
    store: FaultyStore,
    ann: Browser,
    errors: Callable[[], list[str]],
    caplog: pytest.LogCaptureFixture,
    number: int,
    hint: str,
) -> None:
    key = await replace(store, with_header(format=number))
    before = await store.inner.get(key)
    async with serving(lambda: Stash(url, flush_interval=0, drain_timeout=0.1)) as stash:
        cls = declare(stash)
        tab = await ann.open()
        page = shown(stash, tab, cls)
        assert (page.count, stash.recovery(page).status) == (0, 'unavailable')
        page.count = 1
        with pytest.raises(Refused, match=hint):
            await stash.flush(page)
        assert shown(stash, await ann.open(), cls).count == 1
        assert stash.status(page).state == 'refused'
    assert await store.inner.get(key) == before
    assert len([row.key async for row in store.inner.list()]) == 1
    assert sum('it is left alone' in record.message for record in caplog.records) == 1
    assert 'could not be written before the server stopped' in errors()[0]


async def test_a_field_that_no_longer_fits_has_its_default_alone_and_is_named(
    url: str, store: FaultyStore, ann: Browser
) -> None:
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/')
        class Page:
            count: str = stored('none')
            name: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Page)
        recovery = stash.recovery(page)
        assert (page.count, page.name, recovery.status) == ('none', 'Ann', 'recovered')
        assert recovery.problems == [Problem('count', 1, 'Expected `str`, got `int`')]
        page.name = 'Bob'
    assert await data_of(store, 'Page') == {'count': 5, 'name': 'Bob'}  # a rollback finds it again


async def test_a_field_that_can_no_longer_be_decoded_has_its_default_alone_and_is_named(url: str, ann: Browser) -> None:
    class Undecodable(Exception):
        pass

    def decode(count: int) -> int:
        if count:
            raise Undecodable
        return count

    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/')
        class Page:
            count: int = stored(0, decode=decode)
            name: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Page)
        recovery = stash.recovery(page)
        assert (page.count, page.name, recovery.status) == (0, 'Ann', 'recovered')
        assert recovery.problems == [Problem('count', 1, 'Undecodable')]


async def test_an_older_version_is_migrated_and_stays_where_it_was(url: str, store: FaultyStore, ann: Browser) -> None:
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/', version=2, migrations={1: lambda old: {'total': old['count'] * 10, 'name': old['name']}})
        class Page:
            total: int = stored(0)
            name: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Page)
        recovery = stash.recovery(page)
        assert (page.total, page.name) == (50, 'Ann')
        assert (recovery.status, recovery.from_version) == ('recovered', 1)
        page.total += 1
    assert (await slice_of(store, 'Page', version=2))['data'] == {'total': 51, 'name': 'Ann'}
    assert (await slice_of(store, 'Page', version=1))['data'] == {'count': 5, 'name': 'Ann'}
    async with serving(lambda: Stash(url)) as stash:  # the rollback
        cls = declare(stash)
        assert shown(stash, await ann.open(), cls).count == 5


async def test_a_migration_that_raises_discards_this_slice_alone(url: str, store: FaultyStore, ann: Browser) -> None:
    def broken(old: dict[str, Any]) -> dict[str, Any]:
        raise KeyError('gone')

    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/', version=2, migrations={1: broken})
        class Page:
            count: int = stored(0)

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Page)
        recovery = stash.recovery(page)
        assert (page.count, recovery.status) == (0, 'discarded')
        assert recovery.problems == [Problem('', 1, "KeyError: 'gone'")]
        page.count = 1
    assert (await slice_of(store, 'Page', version=1))['data'] == {'count': 5, 'name': 'Ann'}


async def test_a_session_unseen_for_longer_than_ttl_has_expired(url: str, store: FaultyStore, ann: Browser) -> None:
    await replace(store, with_header(seen=1))
    async with serving(lambda: Stash(url, ttl=timedelta(days=1))) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        assert (page.count, stash.recovery(page).status) == (0, 'expired')


async def test_a_class_and_a_field_that_were_renamed_find_what_was_stored(url: str, ann: Browser) -> None:
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/', renamed_from='Page')
        class Form:
            total: int = stored(0, renamed_from='count')
            name: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Form)
        assert (page.total, page.name) == (5, 'Ann')
        page.total = 6
    async with serving(lambda: Stash(url)) as stash:

        @stash.page('/', renamed_from='Page')
        class Form:
            total: int = stored(0, renamed_from='count')
            name: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await ann.open(), Form)
        assert (page.total, page.name) == (6, 'Ann')


async def test_recovery_says_how_long_ago_the_values_were_seen(url: str, ann: Browser) -> None:
    async with serving(lambda: Stash(url)) as stash:
        cls = declare(stash)
        recovery = stash.recovery(shown(stash, await ann.open(), cls))
        assert recovery.age is not None
        assert 0 <= recovery.age < 60
        fresh = stash.recovery(shown(stash, await Browser().open(), cls))
        assert (fresh.status, fresh.age, fresh.from_version) == ('fresh', None, None)


async def test_what_another_server_damages_while_a_page_is_open_does_not_change_the_page(
    url: str, store: FaultyStore, ann: Browser, errors: Callable[[], list[str]]
) -> None:
    async with serving(lambda: Stash(url, flush_interval=0)) as stash:
        cls = declare(stash)
        page = shown(stash, await ann.open(), cls)
        key = await replace(store, b'garbage')
        other = shown(stash, await ann.open(), cls)
        await idle()
        assert (page.count, other.count) == (5, 5)
        page.name = 'Bob'
        await stash.flush(page)
        assert len(errors()) == 1
        written = await store.inner.get(key)
        assert isinstance(written, StoredObject)
        assert json.loads(written.body)['slices']['Page']['1']['']['data'] == {'count': 5, 'name': 'Bob'}
