"""Tokens that a browser keeps: forged, foreign, too old, of other secrets, versions and names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nicegui.testing import User

from nicegui_stash import Stash, stored
from nicegui_stash.model.tokens import MAX_TOKEN

from .desks import Desk, desk, fill, items, place, problems, set_clock, storage
from .scene import Browser, idle, serving, shown

__all__ = ['desk']


async def forged(tab: User, field: str, token: Callable[[str], str]) -> None:
    """Replace what the browser keeps for a field, as whoever sits before it can."""
    key = place(tab, field)
    storage(tab).items[key] = token(storage(tab).items[key])


@pytest.mark.parametrize('field', ['note', 'secret'])
@pytest.mark.parametrize(
    'forge',
    [
        lambda token: token[:-1] + ('A' if token[-1] != 'A' else 'B'),
        lambda token: token[:-50],
        lambda token: 's.1763700000.ImZvcmdlZCI.' + 'A' * 43,
        lambda token: '"forged"',
        lambda token: '',
        lambda token: 's' * (MAX_TOKEN + 1),
        lambda token: '\x00\ud800',
    ],
)
async def test_a_token_that_was_tampered_with_falls_back_alone(
    stash: Stash, desk: type[Desk], field: str, forge: Callable[[str], str]
) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', secret='hidden', size=7)
    await forged(tab, field, forge)
    page = shown(stash, await ann.open(), desk)
    expected = {'note': 'lamps', 'secret': 'hidden', 'size': 7, field: ''}
    assert {name: getattr(page, name) for name in expected} == expected
    assert list(problems(stash, page)) == [field]


async def test_a_token_of_another_field_falls_back_alone(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', secret='hidden')
    kept = items(tab)
    await forged(tab, 'note', lambda _: kept['secret'])
    await forged(tab, 'secret', lambda _: kept['note'])
    page = shown(stash, await ann.open(), desk)
    assert (page.note, page.secret) == ('', '')
    assert sorted(problems(stash, page)) == ['note', 'secret']


async def test_a_token_of_another_person_opens_nothing(stash: Stash, desk: type[Desk]) -> None:
    ann, ben = Browser(), Browser()
    victim = await fill(stash, ann, desk, note='lamps', secret='hidden')
    tab = await fill(stash, ben, desk, size=2)
    storage(tab).items |= storage(victim).items
    page = shown(stash, await ben.open(), desk)
    assert (page.note, page.secret) == ('', '')
    assert 'made for another field, session or app' in problems(stash, page)['note']


async def test_a_token_that_is_too_old_falls_back_and_goes(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', secret='hidden', size=3)
    set_clock(stash, days=20)
    page = shown(stash, await ann.open(), desk)
    assert page.note == 'lamps', 'and is renewed by the visit'
    set_clock(stash, days=31)
    tab = await ann.open()
    page = shown(stash, tab, desk)
    assert (page.note, page.secret, page.size) == ('', '', 1)
    assert 'browser_ttl has passed' in problems(stash, page)['secret']
    await idle()
    assert items(tab) == {}


async def test_a_value_that_no_longer_fits_falls_back_alone(url: str) -> None:
    def declare(kind: type, default: Any) -> Callable[[], tuple[Stash, type]]:
        def make() -> tuple[Stash, type]:
            stash = Stash(url)
            attributes = {'__annotations__': {'size': kind, 'note': str}, '__module__': __name__}
            fields = {'size': stored(default, scope='browser'), 'note': stored('', scope='browser')}
            return stash, stash.page('/')(type('Page', (), {**attributes, **fields, 'build': lambda self: None}))

        return make

    ann = Browser()
    async with serving(declare(int, 0)) as (stash, cls):
        page: Any = shown(stash, await ann.open(), cls)
        page.size, page.note = 3, 'lamps'
        await idle()
    async with serving(declare(list[str], ['a'])) as (stash, cls):
        page = shown(stash, await again(ann), cls)
        assert (list(page.size), page.note) == (['a'], 'lamps')
        assert 'Expected `array`' in problems(stash, page)['size']


async def again(ann: Browser) -> User:
    """Open the page at a restarted server, with the same browser."""
    other = Browser()
    other.http.cookies = ann.http.cookies
    return await other.open()


async def test_validate_says_whether_a_value_is_still_valid(stash: Stash) -> None:
    limit = [100]

    @stash.page('/')
    class Page:
        size: int = stored(1, scope='browser', validate=lambda size: size < limit[0])

        def build(self) -> None: ...

    ann = Browser()
    shown(stash, await ann.open(), Page).size = 50
    await idle()
    limit[0] = 10
    page = shown(stash, await ann.open(), Page)
    assert page.size == 1
    assert 'validate=' in problems(stash, page)['size']


async def test_secrets_are_rotated_and_tokens_renewed(url: str) -> None:
    ann = Browser()

    def declare(*secrets: str) -> Callable[[], tuple[Stash, type[Desk]]]:
        def make() -> tuple[Stash, type[Desk]]:
            stash = Stash(url, secrets=secrets)
            return stash, stash.page('/')(type('Lamps', (Desk,), {'__module__': __name__}))

        return make

    async with serving(declare('old')) as (stash, cls):
        await fill(stash, ann, cls, note='lamps', secret='hidden')
    async with serving(declare('new', 'old')) as (stash, cls):
        tab = await again(ann)
        assert shown(stash, tab, cls).secret == 'hidden'
        await idle()
    async with serving(declare('new')) as (stash, cls):
        page = shown(stash, await again(ann), cls)
        assert (page.note, page.secret) == ('lamps', 'hidden')
    async with serving(declare('other')) as (stash, cls):
        tab = await again(ann)
        page = shown(stash, tab, cls)
        assert (page.note, page.secret) == ('', '')
        assert len(items(tab)) == 2, 'with the right secret again they are back'


async def test_an_older_version_is_migrated_and_kept_for_a_roll_back(url: str) -> None:
    def old() -> tuple[Stash, Any]:
        stash = Stash(url)

        @stash.page('/', name='Lamps')
        class Old:
            words: str = stored('', scope='browser')
            size: int = stored(1, scope='browser')

            def build(self) -> None: ...

        return stash, Old

    def new() -> tuple[Stash, Any]:
        stash = Stash(url)

        @stash.page('/', name='Lamps', version=2, migrations={1: lambda old: {'words': old['words'].split()}})
        class New:
            words: list[str] = stored(default_factory=list[str], scope='browser', encrypted=True)

            def build(self) -> None: ...

        return stash, New

    ann = Browser()
    async with serving(old) as (stash, cls):
        page = shown(stash, await ann.open(), cls)
        page.words, page.size = 'red blue', 3
        await idle()
    async with serving(new) as (stash, cls):
        tab = await again(ann)
        page = shown(stash, tab, cls)
        assert list(page.words) == ['red', 'blue']
        assert stash.recovery(page).from_version == 1
        page.words = []
        await idle()
        assert list(shown(stash, await again(ann), cls).words) == [], 'a default of the new version counts'
    async with serving(old) as (stash, cls):
        page = shown(stash, await again(ann), cls)
        assert (page.words, page.size) == ('red blue', 3)


async def test_a_migration_that_fails_discards_this_class_alone(url: str, errors: Callable[[], list[str]]) -> None:
    def declare(version: int) -> Callable[[], tuple[Stash, Any]]:
        def make() -> tuple[Stash, Any]:
            stash = Stash(url)

            @stash.page('/', version=version, migrations={1: lambda old: old['missing']} if version > 1 else {})
            class Lamps(Desk):
                pass

            return stash, Lamps

        return make

    ann = Browser()
    async with serving(declare(1)) as (stash, cls):
        await fill(stash, ann, cls, note='lamps')
    async with serving(declare(2)) as (stash, cls):
        page = shown(stash, await again(ann), cls)
        assert page.note == ''
        assert 'KeyError' in problems(stash, page)['']
        assert stash.recovery(page).status == 'discarded'
        assert 'discarded' in ''.join(errors())


async def test_a_renamed_field_and_class_are_found(url: str) -> None:
    def declare(
        cls_name: str, field: str, *, was: str | None = None, had: str | None = None
    ) -> Callable[[], tuple[Stash, Any]]:
        def make() -> tuple[Stash, Any]:
            stash = Stash(url)
            attributes: dict[str, Any] = {'__annotations__': {field: str}, '__module__': __name__}
            attributes[field] = stored('', scope='browser', renamed_from=had)
            cls = type(cls_name, (), {**attributes, 'build': lambda self: None})
            return stash, stash.page('/', renamed_from=was)(cls)

        return make

    ann = Browser()
    async with serving(declare('Lamps', 'note')) as (stash, cls):
        shown(stash, await ann.open(), cls).note = 'lamps'
        await idle()
    async with serving(declare('Lights', 'text', was='Lamps', had='note')) as (stash, cls):
        tab = await again(ann)
        assert shown(stash, tab, cls).text == 'lamps'
        await idle()
    async with serving(declare('Lights', 'text')) as (stash, cls):
        assert shown(stash, await again(ann), cls).text == 'lamps', 'under its new name'
