"""A sealed document opens as it was, at its address, under its secret, or not at all."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from nicegui_stash.errors import CannotOpen, MalformedDocument, Refused, UnknownFormat
from nicegui_stash.model.document import FORMAT, Document, from_bytes, new_document, to_bytes
from nicegui_stash.model.sealing import SEALED, Sealing, _algorithm, outline_of
from nicegui_stash.session.keys import object_key
from nicegui_stash.session.loading import opened_document
from nicegui_stash.stores import StoredObject
from nicegui_stash.testing import FaultyStore
from tests.sealed import seal

from .conftest import MakeRegistry, WallClock
from .disk import Desk, Disk
from .scene import VISIT, Page, keep, kill, put, values
from .virtual import idle

KEY = object_key('a secret', 'an id')
OTHER = object_key('a secret', 'another id')
PLAIN = (
    b'{"format":1,"epoch":2,"seen":1763700000000,"applied":{"b7c12f00a1d94e6c":42},'
    b'"slices":{"Counter":{"1":{"":{"reset":0,"seen":1763700000000,"data":{"note":"half-ty"},"tabs":{},"visits":{}}}}},'
    b'"born":1763600000000}'
)
GOLDEN = (
    b'{"format":2,"secret":"916af7f5a0f7","epoch":2,"seen":1763700000000,"applied":{"b7c12f00a1d94e6c":42},"born":17'
    b'63600000000,"sealed":"AAECAwQFBgcICQoLgFYJv8KgvtpxrDCj6T05ka7Y3gna7yESBw7z6UDOWZGz8hsAxRVI8HH1T4+YZw5fYkurfnSs'
    b'f2XaKL2qNlMWyQZN8uOV2NMXcDCta7HVmAMHDSjHibpF3Jh56eezBlrRh1EwLIJOV/amCsetKsAm5XsQAfth+3t6lDhnTPcLgkrv33Bl9QaEAX'
    b'fSJRasvViKwvGNr2Dhh3yql/xGCPCbsCIGA5yl2WLVh2ZwYPkDgs1LubG2WobH6iQCwU4pT50WkbHhUZaV0VIdpH7IWYLTa/VB1Idkm6/0xpXQ'
    b'KYmbJ5RHUT9t"}'
)
FLIPS = int(os.environ.get('NICEGUI_STASH_TEST_FLIPS', '3000'))
"""How many flipped bits are tried; all that there are, and again on another document, as far as it is enough."""

sealing = Sealing(['a secret'], encrypts=True)


async def body_of(store: FaultyStore, key: str) -> bytes:
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    return found.body


def opened(sealing: Sealing, key: str, body: bytes) -> Document | None:
    """Open as a session does; `None` for what is refused and left alone. `MalformedDocument` would be quarantined."""
    try:
        return opened_document(sealing, key, body)[0]
    except (CannotOpen, UnknownFormat):
        return None


def document_of(text: str) -> bytes:
    """A document with this text in it, of any length."""
    return PLAIN.replace(b'half-ty', text.encode())


# ---- bytes


@pytest.mark.proves('sealed')
@pytest.mark.parametrize('length', range(7))
def test_a_sealed_document_opens_as_it_was_and_shows_no_value(length: int) -> None:
    text = 'secret'[:length]
    body = document_of(text)
    sealed = seal(sealing, KEY, body)
    assert sealed.startswith(SEALED)
    assert to_bytes(from_bytes(sealing.open(KEY, sealed))) == body
    assert sealed != seal(sealing, KEY, body), 'the same document twice looks the same'
    for word in (b'Counter', b'note', b'half', b'secret"'):
        assert word not in sealed.replace(SEALED, b'')


def test_what_was_sealed_by_an_earlier_version_opens() -> None:
    assert opened_document(sealing, KEY, GOLDEN)[0] == from_bytes(PLAIN)


def test_what_a_sealed_document_says_in_clear_is_its_document_without_slices() -> None:
    for body in (PLAIN, to_bytes(Document(FORMAT, 1, 5, {}, {}, erased=True, closing=7)), to_bytes(new_document())):
        known = from_bytes(body)
        known.slices = {}
        assert outline_of(seal(sealing, KEY, body)) == known
        assert outline_of(body).slices == from_bytes(body).slices
    with pytest.raises(MalformedDocument):
        outline_of(seal(sealing, KEY, PLAIN)[:60])


def test_an_older_version_takes_a_sealed_document_for_a_newer_format_which_it_leaves_alone() -> None:
    with pytest.raises(UnknownFormat) as caught:
        from_bytes(seal(sealing, KEY, PLAIN))
    assert caught.value.found == 2
    assert 'a newer version wrote it: deploy that version again' in caught.value.hint


def flipped(count: int) -> Iterator[tuple[bytes, Sealing]]:
    """Each bit of a sealed document turned, of one document after another, until there are so many."""
    dice, made = random.Random(1), 0
    while True:
        sealed = seal(sealing, KEY, document_of('x' * dice.randrange(100)))
        places = list(range(len(sealed) * 8))
        dice.shuffle(places)
        for place in places:
            if made == count:
                return
            damaged = bytearray(sealed)
            damaged[place // 8] ^= 1 << place % 8
            made += 1
            yield bytes(damaged), sealing if made % 2 else not_sealing


not_sealing = Sealing(['a secret'])


@pytest.mark.proves('sealed')
@pytest.mark.timeout(0)
def test_of_documents_with_a_flipped_bit_none_is_accepted_and_none_would_be_replaced() -> None:
    accepted = [body for body, each in flipped(FLIPS) if opened(each, KEY, body) is not None]
    assert accepted == []
    sys.stdout.write(f'{FLIPS} flipped bits: {len(accepted)} accepted\n')


@pytest.mark.proves('sealed')
@pytest.mark.parametrize('by', [sealing, not_sealing], ids=['encrypts', 'only opens'])
def test_of_truncated_and_lengthened_documents_none_is_accepted(by: Sealing) -> None:
    sealed = seal(sealing, KEY, PLAIN)
    shortest = 0 if by.encrypts else len(b'{"format":2')  # of less nobody can say what it was: it is copied, as ever
    damaged = [sealed[:length] for length in range(shortest, len(sealed))]
    damaged += [
        sealed[:end] + more + sealed[end:] for end in (22, 40, 200, len(sealed) - 2) for more in (b'A', b'=', b' ')
    ]
    damaged += [sealed + b' ', b' ' + sealed, sealed.replace(b'A', b'\\u0041', 1), sealed.replace(b':2,', b':1,')]
    assert [body for body in damaged if body != sealed and opened(by, KEY, body) is not None] == []


@pytest.mark.proves('sealed')
def test_another_address_another_secret_and_no_secret_open_nothing() -> None:
    sealed = seal(sealing, KEY, PLAIN)
    for by, key, why in [
        (sealing, OTHER, 'sealed for another object'),
        (sealing, f'shop/{KEY}', 'sealed for another object'),
        (Sealing(['another']), KEY, 'sealed with a secret that is not in secrets='),
        (Sealing(), KEY, 'no secret is known'),
    ]:
        with pytest.raises(CannotOpen, match=why) as caught:
            by.open(key, sealed)
        assert caught.value.hint


def test_without_the_package_the_error_names_the_line_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(sealing, KEY, PLAIN)
    monkeypatch.setitem(sys.modules, 'cryptography.hazmat.primitives.ciphers.aead', None)
    _algorithm.cache_clear()
    with pytest.raises(CannotOpen) as caught:
        sealing.open(KEY, sealed)
    assert caught.value.hint == "pip install 'cryptography>=44'"


# ---- sessions


DAMAGES: dict[str, Any] = {
    'a flipped bit in the payload': lambda body: body[:-20] + bytes([body[-20] ^ 1]) + body[-19:],
    'a flipped bit in the header': lambda body: body.replace(b'"seen":1', b'"seen":3'),
    'a flipped bit in the first bytes': lambda body: b'{"gormat' + body[8:],
    'truncated': lambda body: body[:100],
    'hardly anything left': lambda body: body[:5],
    'empty': lambda body: b'',
}


@pytest.mark.proves('sealed', 'unreadable')
@pytest.mark.parametrize('damage', DAMAGES)
async def test_a_damaged_document_is_neither_accepted_nor_replaced_nor_copied(
    make_registry: MakeRegistry, store: FaultyStore, damage: str
) -> None:
    first = make_registry(encrypt=True).session('an id')
    put(first, 'count', 1)
    await first.flush()
    damaged = DAMAGES[damage](await body_of(store, first.key))
    await keep(store, first.key, damaged)
    await refuses(make_registry, store, first.key, 'it is damaged, or was sealed for another object', encrypt=True)


@pytest.mark.proves('sealed', 'unreadable')
async def test_of_two_swapped_objects_neither_is_accepted_nor_replaced(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registry = make_registry(encrypt=True)
    sessions = [registry.session(session_id) for session_id in ('an id', 'another id')]
    for number, session in enumerate(sessions):
        put(session, 'count', number)
        await session.flush()
    bodies = [await body_of(store, session.key) for session in sessions]
    for session, body in zip(sessions, reversed(bodies), strict=True):
        await keep(store, session.key, body)
    for session_id, session in zip(('an id', 'another id'), sessions, strict=True):
        await refuses(make_registry, store, session.key, 'sealed for another object', session_id, encrypt=True)


@pytest.mark.proves('sealed', 'unreadable')
@pytest.mark.parametrize('encrypt', [True, False])
async def test_what_a_retired_secret_has_sealed_is_neither_accepted_nor_replaced(
    make_registry: MakeRegistry, store: FaultyStore, *, encrypt: bool
) -> None:
    retired = Sealing(['a retired secret'], encrypts=True)
    await keep(store, KEY, seal(retired, KEY, PLAIN))
    why = 'not in secrets= .add that secret behind the first: Stash.secrets=..new., .old'
    await refuses(make_registry, store, KEY, why, encrypt=encrypt)


async def refuses(
    make_registry: MakeRegistry, store: FaultyStore, key: str, why: str, session_id: str = 'an id', *, encrypt: bool
) -> None:
    """Check that a server shows nothing of an object, says why, keeps what is changed in memory, and writes nothing."""
    before, objects = await body_of(store, key), [row.key async for row in store.inner.list()]
    store.calls.clear()
    registry = make_registry(encrypt=encrypt)
    session = registry.session(session_id)
    page = Page(session)
    assert await session.load(1) is False
    assert (session.condition, values(session)) == ('sealed', {})
    put(session, 'count', 'typed')
    with pytest.raises(Refused, match=why):
        await session.flush()
    await asyncio.sleep(1000)
    assert (session.activity, session.pending, values(session)) == ('refused', 1, {'count': 'typed'})
    assert page.activities[-1] == 'refused'
    assert (store.calls['put'], store.calls['delete']) == (0, 0)
    assert await body_of(store, key) == before
    assert [row.key async for row in store.inner.list()] == objects
    await kill(registry)
    page.leave()


async def test_what_is_damaged_under_a_living_session_is_left_alone_and_read_again_once_it_is_restored(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    session = make_registry(encrypt=True).session('an id')
    page = Page(session)
    put(session, 'count', 1)
    await session.flush()
    whole = await body_of(store, session.key)
    await keep(store, session.key, whole[:-9])
    put(session, 'note', 'x')
    with pytest.raises(Refused):
        await session.flush()
    assert (await body_of(store, session.key), session.pending) == (whole[:-9], 1)
    assert values(session) == {'count': 1, 'note': 'x'}
    await keep(store, session.key, whole)
    await asyncio.sleep(60)
    assert (session.activity, page.activities[-1], session.pending) == ('saved', 'saved', 0)
    document, _ = opened_document(sealing, session.key, await body_of(store, session.key))
    assert to_bytes(document).count(b'"note":"x"') == 1


async def test_a_document_in_clear_is_quarantined_as_ever_where_nothing_is_sealed(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    await keep(store, KEY, PLAIN[:50])
    session = make_registry().session('an id')
    assert await session.load(1)
    assert session.condition == 'quarantined'


@pytest.mark.proves('planted')
@pytest.mark.parametrize('how', ['in clear', 'an older one'])
async def test_who_can_write_into_the_store_can_plant_a_document(
    make_registry: MakeRegistry, store: FaultyStore, how: str
) -> None:
    await keep(store, KEY, PLAIN if how == 'in clear' else seal(sealing, KEY, PLAIN))
    session = make_registry(encrypt=True, ttl=10**9).session('an id')
    assert await session.load(1)
    assert values(session) == {'note': 'half-ty'}


# ---- changing over, and other secrets


@pytest.mark.proves('sealed')
async def test_a_store_is_changed_over_and_back_while_both_kinds_lie_side_by_side(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    registries = [make_registry(encrypt=step % 2 == 1, seed=step) for step in range(4)]
    for step, registry in enumerate(registries):
        for session_id in ('seen in each step', f'seen in step {step}'):
            session = registry.session(session_id)
            assert await session.load(1)
            put(session, f'step-{step}', step)
            await session.flush()
            assert (await body_of(store, session.key)).startswith(SEALED) is (step % 2 == 1)
    everything = registries[3].session('seen in each step')
    assert await everything.load(1)
    assert values(everything) == {f'step-{step}': step for step in range(4)}
    assert len([row async for row in store.inner.list()]) == 5
    for step in range(4):
        old = registries[3].session(f'seen in step {step}')
        assert await old.load(1)
        assert values(old) == {f'step-{step}': step}


@pytest.mark.proves('sealed')
async def test_servers_that_seal_and_servers_that_do_not_share_a_session(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    servers = [make_registry(encrypt=number % 2 == 0, seed=number).session('an id') for number in range(4)]

    async def work(number: int) -> None:
        for change in range(50):
            put(servers[number], f'{number}-{change}', change)
            if change % 5 == 0:
                await servers[number].flush()
            await asyncio.sleep(0.01)
        await servers[number].flush()

    await asyncio.gather(*map(work, range(4)))
    last = make_registry(encrypt=True).session('an id')
    assert await last.load(1)
    assert values(last) == {f'{number}-{change}': change for number in range(4) for change in range(50)}


@pytest.mark.proves('sealed', 'secrets')
async def test_the_secrets_are_changed_under_traffic_and_nothing_is_lost(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    expected: dict[str, dict[str, int]] = {f'person {number}': {} for number in range(10)}
    steps = [('one',), ('one', 'two'), ('two', 'one'), ('three', 'two', 'one'), ('three',)]
    for step, secrets in enumerate(steps):
        registries = [make_registry(secrets=secrets, encrypt=True, seed=server) for server in range(2)]

        async def work(server: int, step: int = step, made: Any = registries) -> None:
            for session_id, kept in expected.items():
                session = made[server].session(session_id)
                for change in range(3):
                    put(session, f'{step}-{server}-{change}', change)
                    kept[f'{step}-{server}-{change}'] = change
                    await asyncio.sleep(0.03)
                await session.flush()

        await asyncio.gather(work(0), work(1))
        await idle()
    for session_id, kept in expected.items():
        session = make_registry(secrets=('three',), encrypt=True).session(session_id)
        assert await session.load(1)
        assert values(session) == kept
        assert Sealing(['three']).is_current(await body_of(store, session.key))


async def test_what_is_left_of_a_moved_document_is_sealed_too(make_registry: MakeRegistry, store: FaultyStore) -> None:
    old = make_registry(secrets=('old',), encrypt=True).session('an id')
    put(old, 'count', 1)
    await old.flush()
    new = make_registry(secrets=('new', 'old'), encrypt=True).session('an id')
    assert await new.load(1)
    put(new, 'note', 'x')
    await new.flush()
    await idle()
    assert outline_of(await body_of(store, old.key)).erased
    assert (await body_of(store, old.key)).startswith(SEALED)


async def test_a_document_of_an_older_name_that_cannot_be_opened_is_not_begun_again_beside_it(
    make_registry: MakeRegistry, store: FaultyStore
) -> None:
    old = make_registry(secrets=('old',), encrypt=True).session('an id')
    put(old, 'count', 1)
    await old.flush()
    damaged = (await body_of(store, old.key))[:-9]
    await keep(store, old.key, damaged)
    registry = make_registry(secrets=('new', 'old'), encrypt=True)
    session = registry.session('an id')
    put(session, 'count', 2)
    assert await session.load(1) is False
    await asyncio.sleep(100)
    assert (session.condition, session.pending) == ('sealed', 1)
    assert [row.key async for row in store.inner.list()] == [old.key]
    assert await body_of(store, old.key) == damaged
    await kill(registry)


# ---- journals


class Host:
    """A host with a disk, whose servers keep journals."""

    def __init__(self, make: MakeRegistry) -> None:
        self.disk = Disk(random.Random(1))
        self._make = make
        self._desks = 0

    def start(self, **options: Any) -> tuple[Any, Desk]:
        self._desks += 1
        desk = Desk(self.disk, f'server-{self._desks}')
        registry = self._make(journals=desk, flush_interval=1000.0, **options)
        registry._shared.writer = desk.name
        return registry, desk

    @property
    def rows(self) -> list[bytes]:
        return [row.body for file in self.disk.files.values() for row in file.rows.values()]


async def left(host: Host, store: FaultyStore, **options: Any) -> None:
    """Let a server die that has a change in its journal alone."""
    registry, desk = host.start(**options)
    session = registry.session('an id')
    assert await session.load(1)
    put(session, 'first', 1)
    await session.put_pending()
    put(session, 'count', 'in the journal')
    put(session, 'draft', 'in the journal', VISIT)
    await session.flush()
    await kill(registry)
    desk.let_go()


@pytest.mark.proves('sealed')
async def test_a_journal_is_sealed_and_replayed(make_registry: MakeRegistry, store: FaultyStore) -> None:
    host = Host(make_registry)
    await left(host, store, encrypt=True)
    assert len(host.rows) >= 2
    assert not any(word in row for row in host.rows for word in (b'journal', b'Counter', b'count', b'visit'))
    session = host.start(encrypt=True)[0].session('an id')
    assert await session.load(5)
    assert values(session) == {'first': 1, 'count': 'in the journal'}
    assert values(session, VISIT) == {'draft': 'in the journal'}
    assert host.rows == []


@pytest.mark.parametrize('encrypt', [True, False])
async def test_a_journal_is_replayed_by_a_server_that_seals_differently(
    make_registry: MakeRegistry, store: FaultyStore, *, encrypt: bool
) -> None:
    host = Host(make_registry)
    await left(host, store, encrypt=encrypt)
    session = host.start(encrypt=not encrypt)[0].session('an id')
    assert await session.load(5)
    assert values(session) == {'first': 1, 'count': 'in the journal'}


@pytest.mark.proves('sealed')
@pytest.mark.parametrize('how', ['retired', 'damaged', 'swapped'])
async def test_a_change_in_a_journal_that_cannot_be_opened_stays_there(
    make_registry: MakeRegistry, store: FaultyStore, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    host = Host(make_registry)
    await left(host, store, encrypt=True)
    (file,) = host.disk.left
    one, other = list(file.rows.values())[-2:]
    if how == 'retired':
        retired = Sealing(['retired'], encrypts=True)
        for row in (one, other):
            opened = sealing.open_entry(row.key, row.sequence, row.body)
            file.rows[row.sequence] = row._replace(body=retired.seal_entry(row.key, row.sequence, opened))
    elif how == 'damaged':
        for row in (one, other):
            file.rows[row.sequence] = row._replace(body=row.body[:-1] + bytes([row.body[-1] ^ 1]))
    else:
        file.rows[one.sequence] = one._replace(body=other.body)
        file.rows[other.sequence] = other._replace(body=one.body)
    before = dict(file.rows)
    session = host.start(encrypt=True)[0].session('an id')
    assert await session.load(5)
    assert values(session) == {'first': 1}
    assert file.rows == before
    assert 'a change in a journal stays there: it is ' in caplog.text


# ---- old documents


async def test_what_is_sealed_expires_and_is_not_shown_again(
    make_registry: MakeRegistry, store: FaultyStore, clock: WallClock
) -> None:
    session = make_registry(encrypt=True).session('an id')
    put(session, 'count', 1)
    await session.flush()
    clock.advance(days=40)
    later = make_registry(encrypt=True).session('an id')
    assert await later.load(1)
    assert (later.condition, values(later)) == ('expired', {})
