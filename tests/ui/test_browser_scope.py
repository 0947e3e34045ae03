"""Fields of scope `browser`, with a simulated browser that keeps them: what comes back, and what the server sends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User

from nicegui_stash import Change, DeclarationError, Stash, StashError, ValueNotStorable, stored
from nicegui_stash.fields import Field
from nicegui_stash.testing import FaultyStore, reload, restart
from nicegui_stash.tokens import MAX_TOKEN
from nicegui_stash.ui.simulated import SimulatedStorage, storage_of

from .scene import Browser, client_of, close, documents, idle, instance_of, serving, shown, text, type_into


@dataclass
class Lamp:
    watts: int = 0


class Desk:
    note: str = stored('', scope='browser')
    secret: str = stored('', scope='browser', encrypted=True)
    size: int = stored(1, scope='browser', validate=lambda size: size < 100)
    tags: list[str] = stored(default_factory=list[str], scope='browser')
    kept: str = stored('')

    def build(self) -> None:
        ui.input('note').bind_value(self, 'note').mark('note')
        ui.label().bind_text_from(self, 'note', lambda note: f'note: {note}').mark('shown')


@pytest.fixture
def desk(stash: Stash) -> type[Desk]:
    @stash.page('/')
    class Lamps(Desk):
        pass

    return Lamps


def items(tab: User) -> dict[str, str]:
    """Return what the browser of a tab keeps, by field of the only class."""
    return {key.rpartition(':')[2]: token for key, token in storage(tab).items.items()}


def storage(tab: User) -> SimulatedStorage:
    return storage_of(client_of(tab))


def place(tab: User, field: str) -> str:
    """Return the key under which a field is kept."""
    (key,) = [key for key in storage(tab).items if key.endswith(f':{field}')]
    return key


def problems(stash: Stash, page: object) -> dict[str, str]:
    return {problem.field: problem.why for problem in stash.recovery(page).problems}


def set_clock(stash: Stash, *, days: float) -> None:
    shared = stash._roster.hub().registry._shared
    before = shared.wall
    shared.wall = lambda: before() + days * 86400


async def fill(stash: Stash, browser: Browser, cls: type[Desk], **values: Any) -> User:
    """Open a page and set fields of it."""
    tab = await browser.open()
    page = shown(stash, tab, cls)
    for name, value in values.items():
        setattr(page, name, value)
    await idle()
    return tab


async def test_the_value_comes_back_on_every_visit(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await ann.open()
    type_into(tab, 'note', 'lamps')
    shown(stash, tab, desk).tags.append('red')
    await idle()
    for comes_back in (ann.open, lambda: reload(tab), lambda: restart(tab, kill=True)):
        await comes_back()
        await idle()
        page = shown(stash, tab, desk)
        assert (page.note, list(page.tags)) == ('lamps', ['red'])
        assert text(tab, 'shown') == 'note: lamps'
    assert stash.recovery(shown(stash, tab, desk)).status == 'recovered'


async def test_the_server_stores_nothing_of_it(stash: Stash, desk: type[Desk], store: FaultyStore) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps', secret='hidden')
    await stash.flush(shown(stash, tab, desk))
    assert store.calls['put'] == 0
    assert await documents(store) == {}
    with client_of(tab):
        assert 'lamps' not in str(await stash.export())


async def test_what_is_encrypted_cannot_be_read(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', secret='hidden')
    kept = items(tab)
    assert kept['note'].startswith('s.')
    assert kept['secret'].startswith('e.')
    assert shown(stash, await ann.open(), desk).secret == 'hidden'


async def test_each_browser_has_its_own(stash: Stash, desk: type[Desk]) -> None:
    await fill(stash, Browser(), desk, note='lamps')
    assert shown(stash, await Browser().open(), desk).note == ''


async def test_build_sees_it_and_the_first_visit_is_built_within_the_request(stash: Stash) -> None:
    built: list[str] = []

    @stash.page('/')
    class Page:
        note: str = stored('', scope='browser')

        def on_recovered(self, recovery: object) -> None:
            built.append(f'recovered {self.note}')

        def build(self) -> None:
            built.append(f'built {self.note}')

    ann = Browser()
    await ann.get()
    assert built == ['recovered ', 'built ']
    tab = await ann.open()
    shown(stash, tab, Page).note = 'lamps'
    await idle()
    built.clear()
    await ann.get()
    assert built == [], 'what the browser keeps is not known within the request'
    await ann.open()
    assert built == ['recovered lamps', 'built lamps']


async def test_built_within_the_request_the_page_shows_the_value_when_it_comes(stash: Stash) -> None:
    causes: list[Change] = []

    @stash.page('/', build='request')
    class Page:
        note: str = stored('', scope='browser')

        def build(self) -> None:
            ui.label().bind_text_from(self, 'note').mark('shown')
            stash.on_change(self, 'note', causes.append)

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Page).note = 'lamps'
    await idle()
    causes.clear()
    assert text(await ann.open(), 'shown') == 'lamps'
    assert causes == [Change('note', 'recovered')]


async def test_other_tabs_follow(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    first, second = await ann.open(), await ann.open()
    causes: list[Change] = []
    stash.on_change(shown(stash, second, desk), 'note', causes.append)
    type_into(first, 'note', 'lamps')
    await idle()
    assert text(second, 'shown') == 'note: lamps'
    assert causes == [Change('note', 'remote')]
    stash.reset(shown(stash, first, desk))
    await idle()
    assert text(second, 'shown') == 'note: '
    assert causes[1:] == [Change('note', 'reset')]


async def test_a_field_that_is_not_live_does_not_follow(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        note: str = stored('', scope='browser', live=False)

        def build(self) -> None: ...

    ann = Browser()
    first, second = await ann.open(), await ann.open()
    shown(stash, first, Page).note = 'lamps'
    await idle()
    assert shown(stash, second, Page).note == ''
    assert shown(stash, await ann.open(), Page).note == 'lamps'


async def test_of_two_changes_that_cross_the_later_one_of_the_browser_counts_in_both_tabs(
    stash: Stash, desk: type[Desk]
) -> None:
    ann = Browser()
    first, second = await ann.open(), await ann.open()
    shown(stash, first, desk).note = 'first'
    shown(stash, second, desk).note = 'second'  # before the browser has told of the other
    await idle()
    kept = shown(stash, await ann.open(), desk).note
    assert {shown(stash, tab, desk).note for tab in (first, second)} == {kept}


async def test_a_token_that_is_made_anew_undoes_no_change_of_another_tab(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    first = await fill(stash, ann, desk, note='lamps')
    before = items(first)['note']
    set_clock(stash, days=5)
    second = await ann.open()
    assert items(first)['note'] != before, 'it was due'
    set_clock(stash, days=5)
    instance = instance_of(shown(stash, second, desk))
    shown(stash, first, desk).note = 'tables'
    instance.visit.browser._recover(instance, dict(storage(second).items), 0)  # of what was read a moment before
    await idle()
    assert {shown(stash, tab, desk).note for tab in (first, second, await ann.open())} == {'tables'}


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
    """Open the page at a server that was started anew, with the same browser."""
    other = Browser()
    other.http.cookies = ann.http.cookies
    return await other.open()


async def test_validate_tells_whether_a_value_still_holds(stash: Stash) -> None:
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


async def test_each_value_of_a_key_has_its_own(stash: Stash) -> None:
    @stash.page('/item/{item}', key='item')
    class Item:
        note: str = stored('', scope='browser')

        def build(self, item: str) -> None: ...

    ann = Browser()
    shown(stash, await ann.open('/item/a:b'), Item, 'a:b').note = 'lamps'
    await idle()
    assert shown(stash, await ann.open('/item/a:b'), Item, 'a:b').note == 'lamps'
    assert shown(stash, await ann.open('/item/a'), Item, 'a').note == ''


async def test_reset_drops_it_with_older_versions(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', kept='stored')
    older = place(tab, 'note').replace(':1:', ':0:')
    storage(tab).items |= {older: 'of an older version', 'another app': 'x'}
    page = shown(stash, tab, desk)
    stash.reset(page)
    page.size = 5
    await idle()
    assert (page.note, page.kept) == ('', '')
    assert list(items(tab)) == ['another app', 'size']
    assert shown(stash, await ann.open(), desk).size == 5


@pytest.mark.parametrize('call', ['clear_browser', 'forget', 'new_session'])
async def test_it_can_be_dropped_from_a_page_that_has_none(stash: Stash, desk: type[Desk], call: str) -> None:
    @stash.page('/other')
    class Other:
        kept: str = stored('')

        def build(self) -> None: ...

    ann = Browser()
    tab = await fill(stash, ann, desk, note='lamps', kept='stored')
    other = await ann.open('/other')
    storage(tab).items['another app'] = 'x'
    with client_of(other):
        answer = getattr(stash, call)()
        if answer is not None:
            await answer
    await idle()
    assert list(items(tab)) == ['another app']
    page = shown(stash, tab, desk)
    assert page.note == ''
    assert page.kept == ('stored' if call == 'clear_browser' else '')


async def test_with_auto_off_nothing_is_kept_before_save(stash: Stash) -> None:
    @stash.page('/', auto=False)
    class Page:
        note: str = stored('', scope='browser')

        def build(self) -> None: ...

    ann = Browser()
    first, second = await ann.open(), await ann.open()
    page = shown(stash, first, Page)
    page.note = 'unsaved'
    await idle()
    assert items(first) == {}
    shown(stash, second, Page).note = 'saved elsewhere'
    stash.save(shown(stash, second, Page))
    await idle()
    assert page.note == 'unsaved'
    stash.save(page)
    await idle()
    assert shown(stash, second, Page).note == 'unsaved'


async def test_a_dataclass_changed_in_place_is_kept(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        lamp: Lamp = stored(default_factory=Lamp, scope='browser')

        def build(self) -> None: ...

    ann = Browser()
    tab = await ann.open()
    page = shown(stash, tab, Page)
    page.lamp.watts = 40
    stash.save(page)
    await idle()
    assert shown(stash, await ann.open(), Page).lamp == Lamp(40)


async def test_a_change_of_a_worker_thread_is_kept(stash: Stash, desk: type[Desk]) -> None:
    ann = Browser()
    page = shown(stash, await ann.open(), desk)
    await asyncio.to_thread(setattr, page, 'note', 'lamps')
    await idle()
    assert shown(stash, await ann.open(), desk).note == 'lamps'


async def test_a_change_after_the_page_is_gone_is_told_in_the_log(
    stash: Stash, desk: type[Desk], caplog: pytest.LogCaptureFixture
) -> None:
    tab = await Browser().open()
    page = shown(stash, tab, desk)
    await close(tab)
    with caplog.at_level(logging.WARNING):
        page.note = 'a private word'
    assert 'Lamps.note: its page is gone' in caplog.text
    assert 'private' not in caplog.text


async def test_a_value_that_is_too_large_is_refused(stash: Stash, desk: type[Desk]) -> None:
    page = shown(stash, await Browser().open(), desk)
    with pytest.raises(ValueNotStorable, match='characters in the browser are more than 65536'):
        page.note = 'x' * 50_000
    assert page.note == ''


async def test_update_changes_nothing_that_the_browser_keeps(stash: Stash, desk: type[Desk]) -> None:
    page = shown(stash, await Browser().open(), desk)
    with pytest.raises(StashError, match='not stored on the server'):
        await stash.update(page, lambda desk: setattr(desk, 'note', 'lamps'))
    async with stash.open('an id') as session:
        with pytest.raises(StashError, match='no field'):
            session.set(desk, note='lamps')


async def test_used_states_and_views_have_it_too(stash: Stash) -> None:
    @stash.state
    class Settings:
        wide: bool = stored(default=False, scope='browser')

    built: list[bool] = []

    @stash.page('/')
    class Page:
        settings: Settings = stash.use(Settings)

        def build(self) -> None:
            built.append(self.settings.wide)
            ui.sub_pages({'/': View})

    @stash.view
    class View:
        note: str = stored('', scope='browser')

        def build(self) -> None:
            ui.label(self.note).mark('note')

    ann = Browser()
    tab = await ann.open()
    shown(stash, tab, Settings).wide = True
    shown(stash, tab, View).note = 'lamps'
    await idle()
    tab = await ann.open()
    assert built == [False, True]
    assert text(tab, 'note') == 'lamps'


@pytest.mark.parametrize(
    'sent',
    [
        {},
        {'made': 'x'},
        {'made': 0, 'ask': 'x'},
        {'made': 0, 'ask': 1, 'items': 'x', 'last': True},
        {'made': 0, 'ask': 999, 'items': {}, 'last': True},
        {'made': 0, 'changed': ['x']},
        {'made': 0, 'changed': {'x': 5}},
        {'made': -1, 'cleared': 'yes'},
        {'made': 0, 'failed': {'x': {'y': 'z'}}},
        {'made': 10**30, 'failed': 7},
    ],
)
async def test_what_a_hostile_browser_tells_changes_nothing(
    stash: Stash, desk: type[Desk], sent: dict[str, Any]
) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps')
    page = shown(stash, tab, desk)
    visit = instance_of(page).visit
    visit._receive(sent | {'browser': visit.browser._number})
    visit._receive(sent | {'browser': [visit.browser._number]})
    await idle()
    assert page.note == 'lamps'
    assert problems(stash, page) == {}


async def test_another_tab_that_forges_gives_the_default(stash: Stash, desk: type[Desk]) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps', size=3)
    storage(tab).change({place(tab, 'note'): 's.1.x.y'})
    await idle()
    page = shown(stash, tab, desk)
    assert (page.note, page.size) == ('', 3)
    assert problems(stash, page) == {'note': 'it is no token'}


async def test_what_the_browser_did_not_keep_is_on_record_and_in_the_log(
    stash: Stash, desk: type[Desk], caplog: pytest.LogCaptureFixture
) -> None:
    tab = await fill(stash, Browser(), desk, note='lamps')
    page = shown(stash, tab, desk)
    number = instance_of(page).visit.browser._number
    failed = {place(tab, 'note'): 'QuotaExceededError', 'x': 'y'}
    with caplog.at_level(logging.WARNING):
        instance_of(page).visit._receive({'browser': number, 'made': 1, 'failed': failed})
    assert problems(stash, page) == {'note': 'the browser did not keep it: QuotaExceededError'}
    assert 'Lamps.note: the browser did not keep it: QuotaExceededError' in caplog.text
    instance_of(page).visit._receive({'browser': number, 'made': 1, 'failed': {place(tab, 'note'): 'a\nforged line'}})
    assert problems(stash, page) == {'note': 'the browser did not keep it: unknown'}
    page.note = 'shorter'
    assert problems(stash, page) == {}


async def test_a_page_without_such_fields_asks_nothing(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        kept: str = stored('')

        def build(self) -> None: ...

    tab = await Browser().open()
    assert instance_of(shown(stash, tab, Page)).visit._browser is None


@pytest.mark.parametrize('scope', ['session', 'tab', 'reconnect', 'url'])
def test_only_what_browsers_keep_is_encrypted(scope: Any) -> None:
    field = Field('', None, scope, True, None, None, None, None, encrypted=True)
    field.name = 'note'
    with pytest.raises(DeclarationError, match="encrypted=True is for a field of scope='browser'"):
        field.check('Page')


def test_encryption_asks_for_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('nicegui_stash.fields.find_spec', lambda name: None)
    field = Field('', None, 'browser', True, None, None, None, None, encrypted=True)
    field.name = 'note'
    with pytest.raises(DeclarationError, match=r'pip install "nicegui-stash\[encryption\]"'):
        field.check('Page')


async def test_with_identity_a_token_opens_for_the_same_person_only(url: str) -> None:
    def declare() -> tuple[Stash, type[Desk]]:
        stash = Stash(url, identity=lambda request: request.headers.get('x-account'))
        return stash, stash.page('/')(type('Lamps', (Desk,), {'__module__': __name__}))

    shared = Browser(headers={'x-account': 'ann'})
    async with serving(declare) as (stash, cls):
        await fill(stash, shared, cls, note='a word of ann')
        shared.http.headers['x-account'] = 'ben'
        page = shown(stash, await shared.open(), cls)
        assert page.note == ''
        assert 'made for another field, session or app' in problems(stash, page)['note']
        shared.http.headers['x-account'] = 'ann'
        assert shown(stash, await shared.open(), cls).note == 'a word of ann'
