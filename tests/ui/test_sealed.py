"""`Stash(encrypt=True)`: what people entered is nowhere in the store in clear, and comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from nicegui import ui

from nicegui_stash import ConfigurationError, Refused, Stash, stored
from nicegui_stash.maintenance.documents import document_of
from nicegui_stash.model.document import Document, to_bytes
from nicegui_stash.model.sealing import SEALED, Sealing
from nicegui_stash.session.store_io import Read
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.inspector.followed import Followed
from nicegui_stash.ui.inspector.measuring import Measuring

from .scene import SECRET, Browser, idle, replace, serving, shown, text

CLEAR = 'words-that-a-person-entered'


def declare(stash: Stash) -> type[Any]:
    @stash.page('/board/{board}', room='board')
    class Board:
        note: str = stored('')
        draft: str = stored('', scope='reconnect')
        here: str = stored('', scope='tab')
        title: str = stored('', scope='room')
        mine: str = stored('', scope='user')

        def build(self, board: str) -> None:
            ui.label().mark('note').bind_text_from(self, 'note')
            stash.remember(ui.input().mark('remembered'))

    return Board


def who(request: Request) -> str | None:
    return request.headers.get('x-person')


async def bodies(store: FaultyStore) -> list[bytes]:
    found = [await store.inner.get(row.key) async for row in store.inner.list()]
    return [each.body for each in found if isinstance(each, StoredObject)]


async def entered(stash: Stash, browser: Browser) -> Any:
    """Enter something into each field that the store keeps."""
    cls = declare(stash)
    tab = await browser.open('/board/a')
    page = shown(stash, tab, cls)
    for name in ('note', 'draft', 'here', 'title', 'mine'):
        setattr(page, name, f'{CLEAR} {name}')
    tab.find('remembered').type(CLEAR)
    await stash.flush(page)
    await idle()
    return page


@pytest.mark.proves('sealed')
@pytest.mark.parametrize('person', [{}, {'headers': {'x-person': 'ann'}}], ids=['a guest', 'a person'])
async def test_documents_of_sessions_rooms_people_and_guests_are_sealed_and_come_back(
    url: str, store: FaultyStore, person: dict[str, Any]
) -> None:
    browser = Browser(**person)
    async with serving(lambda: Stash(url, encrypt=True, user=who, flush_interval=0)) as stash:
        await entered(stash, browser)
    found = await bodies(store)
    assert len(found) == 3
    assert all(body.startswith(SEALED) for body in found)
    assert not any(CLEAR.encode() in body for body in found)
    documents = [
        document_of(Sealing([SECRET]), row.key, Read(await store.inner.get(row.key)))
        async for row in store.inner.list()
    ]
    opened = [to_bytes(each) for each in documents if isinstance(each, Document)]
    assert sum(each.count(CLEAR.encode()) for each in opened) == 6
    async with serving(lambda: Stash(url, encrypt=True, user=who, flush_interval=0)) as stash:
        cls = declare(stash)
        page = shown(stash, await browser.open('/board/a'), cls)
        assert [getattr(page, name) for name in ('note', 'title', 'mine')] == [
            f'{CLEAR} {name}' for name in ('note', 'title', 'mine')
        ]


@pytest.mark.proves('sealed', 'unreadable')
@pytest.mark.parametrize('secrets', [['another secret'], ['a new secret', SECRET]], ids=['wrong', 'damaged'])
async def test_a_page_whose_document_cannot_be_opened_is_served_with_defaults_and_says_that_it_does_not_save(
    url: str, store: FaultyStore, errors: Callable[[], list[str]], caplog: pytest.LogCaptureFixture, secrets: list[str]
) -> None:
    browser = Browser()

    def simple(stash: Stash) -> type[Any]:
        @stash.page('/')
        class Page:
            note: str = stored('')

            def build(self) -> None:
                ui.label().mark('note').bind_text_from(self, 'note')

        return Page

    async with serving(lambda: Stash(url, encrypt=True, flush_interval=0)) as stash:
        cls = simple(stash)
        shown(stash, await browser.open(), cls).note = CLEAR
    (key,) = [row.key async for row in store.inner.list()]
    if len(secrets) == 1:  # under its old name, sealed by a secret that was taken out again
        found = await store.inner.get(key)
        assert isinstance(found, StoredObject)
        opened = Sealing([SECRET]).open(key, found.body)
        document = document_of(Sealing([SECRET]), key, Read(found))
        assert isinstance(document, Document)
        await replace(store, Sealing(secrets, encrypts=True).seal(key, document, opened))
        secrets = [SECRET]
    else:
        await replace(store, lambda body: body[:-30] + b'A' + body[-29:])
    (before,) = await bodies(store)
    made: dict[str, Any] = {'secrets': secrets, 'flush_interval': 0, 'drain_timeout': 0.1}
    async with serving(lambda: Stash(url, encrypt=True, **made)) as stash:
        cls = simple(stash)
        tab = await browser.open()
        page = shown(stash, tab, cls)
        assert (text(tab, 'note'), stash.recovery(page).status) == ('', 'unavailable')
        page.note = 'typed'
        with pytest.raises(Refused, match=r'add that secret behind the first: Stash|restore it from a backup'):
            await stash.flush(page)
        assert shown(stash, await browser.open(), cls).note == 'typed'
        assert (stash.status(page).state, stash.status(page).troubles[0].kind) == ('refused', 'refused')
    assert await bodies(store) == [before]
    assert sum('it is left alone' in record.message for record in caplog.records) == 1
    assert 'could not be written before the server stopped' in errors()[0]
    assert CLEAR not in caplog.text


@pytest.mark.proves('sealed')
async def test_no_file_of_a_database_and_its_journal_has_a_value_in_clear(tmp_path: Path) -> None:
    def files() -> bytes:
        return b''.join(path.read_bytes() for path in tmp_path.rglob('*') if path.is_file())

    options: dict[str, Any] = {
        'user': who,
        'journal': tmp_path / 'journal',
        'flush_interval': 600.0,
        'secrets': [SECRET],
    }
    for encrypt in (True, False):
        async with serving(lambda encrypt=encrypt: Stash(_database(tmp_path), encrypt=encrypt, **options)) as stash:
            cls = declare(stash)
            page = shown(stash, await Browser().open('/board/a'), cls)
            page.note = f'{CLEAR} first'
            await stash.flush(page)  # the store has it, as nothing was read before
            page.note = f'{CLEAR} second'
            await stash.flush(page)  # the journal has it
            assert (f'{CLEAR} second'.encode() in files()) is not encrypt
            assert (CLEAR.encode() in files()) is not encrypt
        assert (CLEAR.encode() in files()) is not encrypt


def _database(folder: Path) -> str:
    return f'sqlite:///{folder}/stash.db'


async def test_an_operator_sees_what_is_sealed(url: str, store: FaultyStore) -> None:
    async with serving(lambda: Stash(url, encrypt=True, flush_interval=0)) as stash:

        @stash.page('/')
        class Page:
            note: str = stored('')

            def build(self) -> None: ...

        page = shown(stash, await Browser().open(), Page)
        page.note = CLEAR
        await stash.flush(page)
        registry = stash._app_state.runtime().registry
        measuring = Measuring()
        await measuring.run(registry)
        assert (measuring.survey.unread, len(measuring.survey.fields)) == ({}, 1)
        (key,) = [row.key async for row in store.inner.list()]
        followed = Followed(registry, key)
        await followed._read()
        assert (followed.problem, followed.document is not None) == ('', True)


async def test_two_stashes_that_differ_in_encryption_are_warned_of(
    url: str, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with serving(lambda: (Stash(url, encrypt=True), Stash(url))) as (first, second):
            for number, stash in enumerate((first, second)):

                @stash.page(f'/{number}', name=f'Page{number}')
                class Page:
                    note: str = stored('')

                    def build(self) -> None: ...

                shown(stash, await Browser().open(f'/{number}'), Page).note = CLEAR
    assert 'a second Stash for one place has other options; those of the first one hold' in caplog.text
    assert all(body.startswith(SEALED) for body in await bodies(store))


def test_a_wrong_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'encrypt: it is of type str\. Pass True or False'):
        Stash('memory://', encrypt='yes')  # type: ignore[arg-type]
