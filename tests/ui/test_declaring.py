from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import wraps
from typing import Any, Generic, TypeVar

import pydantic
import pytest
from nicegui import APIRouter, ui

from nicegui_stash import ConfigurationError, DeclarationError, Stash, StashError, stored
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.app.declaring import VIEW_OPTIONS, PageOptions
from nicegui_stash.ui.app.pages import options_of_route

from .scene import Browser, data_of, serving, shown

T = TypeVar('T')


class Thread:
    """What no JSON can hold."""


@dataclass
class Cat:
    lives: int = 9


@dataclass
class Dog:
    name: str = ''


def said(error: pytest.ExceptionInfo[BaseException], *parts: str) -> None:
    """Expect an error of this library that names every part."""
    assert isinstance(error.value, StashError)
    for part in parts:
        assert part in str(error.value)


async def test_a_type_that_cannot_be_stored_is_refused_with_the_way_out(stash: Stash) -> None:
    with pytest.raises(DeclarationError) as error:

        @stash.page('/')
        class Counter:
            worker: Thread = stored(Thread())

            def build(self) -> None: ...

    said(error, 'Counter.worker', 'Thread', 'use a dataclass, msgspec.Struct or plain types', 'encode= and decode=')


async def test_a_union_that_json_cannot_distinguish_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter\.pet: its annotation cannot be stored'):

        @stash.page('/')
        class Counter:
            pet: Cat | Dog = stored(Cat())

            def build(self) -> None: ...


@pytest.mark.parametrize(
    ('annotation', 'default', 'said_of_it'),
    [
        ('int', 'three', r'Counter\.field: its default cannot be stored: Expected `int`'),
        ('int', None, r'Counter\.field: its default cannot be stored: Expected `int`'),
        ('list[int]', [1, 'two'], r'Counter\.field: its default cannot be stored at \$\[1\]: Expected `int`'),
        ('float', float('nan'), r'Counter\.field: its default cannot be stored: NaN'),
    ],
)
async def test_a_default_that_does_not_fit_its_annotation_is_refused(
    stash: Stash, annotation: str, default: Any, said_of_it: str
) -> None:
    class Counter:
        field = stored(default)

        def build(self) -> None: ...

    Counter.__annotations__ = {'field': annotation}
    with pytest.raises(DeclarationError, match=said_of_it):
        stash.page('/')(Counter)


async def test_a_stored_field_without_an_annotation_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter\.count: .*count: int = stored\(0\)'):

        @stash.page('/')
        class Counter:
            count = stored(0)

            def build(self) -> None: ...


async def test_an_annotation_that_names_nothing_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r"Counter: an annotation cannot be resolved: name 'Missing'"):

        @stash.page('/')
        class Counter:
            count: Missing = stored(0)  # type: ignore[name-defined] # noqa: F821

            def build(self) -> None: ...


async def test_an_annotation_of_build_that_names_nothing_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r"Counter\.build: an annotation cannot be resolved: name 'Missing'"):

        @stash.page('/{count}')
        class Counter:
            def build(self, count: Missing) -> None: ...  # type: ignore[name-defined] # noqa: F821


async def test_an_unknown_scope_is_refused_with_the_known_ones(stash: Stash) -> None:
    with pytest.raises(DeclarationError) as error:

        @stash.page('/')
        class Counter:
            count: int = stored(0, scope='forever')  # type: ignore[arg-type]

            def build(self) -> None: ...

    said(error, 'Counter.count', "unknown scope 'forever'", 'session, reconnect, tab')


@pytest.mark.parametrize('name', ['build', 'prepare', 'on_recovered', '_count'])
async def test_a_field_cannot_have_a_name_that_means_something_else(stash: Stash, name: str) -> None:
    body = {'__annotations__': {name: int}, name: stored(0)}
    if name != 'build':
        body['build'] = lambda self: None
    with pytest.raises(DeclarationError, match=rf'Counter\.{name}: a stored field cannot have this name'):
        stash.page('/')(type('Counter', (), body))


async def test_a_page_without_build_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter: it has no build\(self\) method'):

        @stash.page('/')
        class Counter:
            count: int = stored(0)


async def test_a_view_without_build_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter: it has no build\(self\) method'):

        @stash.view
        class Counter:
            count: int = stored(0)


async def test_a_build_with_unnamed_arguments_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter\.build: name its parameters'):

        @stash.page('/')
        class Counter:
            def build(self, **rest: str) -> None: ...


async def test_an_init_that_wants_arguments_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter: __init__\(self\) must take no arguments'):

        @stash.page('/')
        class Counter:
            count: int = stored(0)

            def __init__(self, start: int) -> None:
                self.count = start

            def build(self) -> None: ...


async def test_a_state_without_a_stored_field_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Settings: it has no stored field, .*; declare one, as in'):

        @stash.state
        class Settings:
            theme: str = 'light'


async def test_a_page_and_a_view_need_no_stored_field(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        def build(self) -> None: ...

    @stash.view
    class View:
        def build(self) -> None: ...

    assert stash.recovery(shown(stash, await Browser().open(), Page)).status == 'fresh'


async def test_a_model_of_pydantic_is_refused_by_name(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Settings\.theme: pydantic takes the fields of a model out'):

        @stash.state
        class Settings(pydantic.BaseModel):
            theme: str = stored('light')


async def test_an_unknown_build_is_refused_with_the_known_ones(stash: Stash) -> None:
    with pytest.raises(ConfigurationError, match=r"^build: 'later' is unknown\. Use 'auto', 'request' or"):
        stash.page('/', build='later')  # type: ignore[arg-type]


async def test_a_key_that_is_not_a_parameter_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r"Item: key='item_id' has to be a parameter of build\(\) or prepare"):

        @stash.page('/item/{number}', key='item_id')
        class Item:
            def build(self, number: int) -> None: ...


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('versoin', r"'versoin'\. Did you mean version=…\? Valid options: api_router, auto, build, .*, viewport$"),
        ('titel', r"'titel'\. Did you mean title=…\? "),
        ('dependencys', r"'dependencys'\. Did you mean dependencies=…\? "),
        ('xyzzy', r"'xyzzy'\. Valid options: api_router, "),
    ],
)
async def test_an_unknown_option_of_a_page_is_refused_with_the_valid_ones(stash: Stash, option: str, said: str) -> None:
    with pytest.raises(DeclarationError, match=rf'Counter: unknown option {said}'):

        @stash.page('/', **{option: 2})  # type: ignore[arg-type]
        class Counter:
            def build(self) -> None: ...


def test_every_option_of_a_page_is_one_of_the_installed_packages() -> None:
    declared = PageOptions.__optional_keys__
    assert declared - options_of_route() == VIEW_OPTIONS - {'name'}
    assert inspect.signature(ui.page).parameters.keys() - {'path', 'kwargs'} <= declared


async def test_what_fastapi_takes_besides_goes_on_to_the_route(stash: Stash, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an option that a later FastAPI has, and that no type checker knows here."""
    given: dict[str, Any] = {}
    get = APIRouter.get

    def recorded(self: APIRouter, path: str, *, later: bool, **options: Any) -> Any:
        given.update(later=later)
        return get(self, path, **options)

    monkeypatch.setattr(APIRouter, 'get', recorded)
    options_of_route.cache_clear()
    try:

        @stash.page('/', later=True, api_router=APIRouter())  # type: ignore[call-arg]
        class Counter:
            def build(self) -> None: ...
    finally:
        options_of_route.cache_clear()
    assert given == {'later': True}


async def test_only_the_options_that_are_given_go_on_to_ui_page(stash: Stash, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an older NiceGUI is not given an option that it does not have."""
    given: dict[str, Any] = {}
    page = ui.page

    @wraps(page)
    def recorded(path: str, **options: Any) -> ui.page:
        given.update(options)
        return page(path, **options)

    monkeypatch.setattr(ui, 'page', recorded)

    @stash.page('/', version=2, title='Count', auto=False)
    class Counter:
        count: int = stored(0)

        def build(self) -> None: ...

    assert given == {'title': 'Count'}


async def test_a_class_with_slots_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match='Counter: a class with __slots__ has no room'):

        @stash.page('/')
        class Counter:
            __slots__ = ('page',)

            def build(self) -> None: ...


async def test_a_generic_class_is_refused(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r'Counter: a generic class .* make it concrete'):

        @stash.page('/')
        class Counter(Generic[T]):
            items: list[T] = stored([])

            def build(self) -> None: ...


async def test_pages_that_a_loop_makes_of_one_class_need_names(stash: Stash, store: FaultyStore) -> None:
    def declare(kind: str, **options: Any) -> type[Any]:
        @stash.page(f'/{kind}', **options)
        class List:
            items: list[str] = stored([])

            def build(self) -> None:
                stash.on_change(self, 'items', lambda: None)

        return List

    declare('tools')
    with pytest.raises(DeclarationError, match=r"already has the stored name 'List'; .* each class that a loop makes"):
        declare('flour')
    lists = {kind: declare(kind, name=kind) for kind in ('nails', 'paint')}
    visitor = Browser()
    for kind, cls in lists.items():
        page = shown(stash, await visitor.open(f'/{kind}'), cls)
        page.items.append(kind)
        await stash.flush(page)
    assert await data_of(store, 'nails') == {'items': ['nails']}
    assert await data_of(store, 'paint') == {'items': ['paint']}


@pytest.mark.parametrize('kind', [ui.refreshable_method, classmethod])
async def test_a_build_that_is_not_a_plain_method_is_refused(stash: Stash, kind: Any) -> None:
    with pytest.raises(DeclarationError, match=r'Counter\.build: it has to be a plain method.* refreshable'):

        @stash.page('/')
        class Counter:
            count: int = stored(0)

            @kind
            def build(self) -> None: ...


@pytest.mark.parametrize('given', [lambda: None, '/settings', 5])
async def test_what_is_no_class_is_refused(stash: Stash, given: Any) -> None:
    for declare in (stash.view, stash.state):
        with pytest.raises(DeclarationError, match=r'@stash\.view and @stash\.state decorate a class and take no path'):
            declare(given)
    with pytest.raises(DeclarationError, match=r"@stash\.page\('/'\) decorates a class$"):
        stash.page('/')(given)


async def test_a_page_decorator_without_a_path_is_refused_with_the_way_to_write_it(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match=r"Counter: a page has a path: write @stash\.page\('/…'\) above"):

        @stash.page
        class Counter:
            def build(self) -> None: ...


async def test_an_option_of_a_page_is_refused_by_name_at_a_view(stash: Stash) -> None:
    valid = 'auto, key, max_keys, migrations, name, renamed_from, undo, version'
    with pytest.raises(DeclarationError, match=rf"Counter: unknown option 'title'\. Valid options: {valid}$"):

        @stash.view(title='Counter')
        class Counter:
            def build(self) -> None: ...


async def test_a_state_takes_no_key(stash: Stash) -> None:
    valid = 'migrations, name, renamed_from, version'
    with pytest.raises(DeclarationError, match=rf"Counter: unknown option 'key'\. Valid options: {valid}$"):

        @stash.state(key='number')  # type: ignore[call-arg]
        class Counter:
            count: int = stored(0)


async def test_the_decorators_of_a_page_with_several_paths_cannot_differ_in_what_is_stored(stash: Stash) -> None:
    with pytest.raises(DeclarationError, match='Counter: its decorators differ in name and version; a page with sev'):

        @stash.page('/one')
        @stash.page('/two', name='Tally', version=2)
        class Counter:
            def build(self) -> None: ...


async def test_a_page_is_no_view_or_state_besides(stash: Stash) -> None:
    for declare in (stash.view, stash.state):

        @stash.page('/')
        class Counter:
            count: int = stored(0)

            def build(self) -> None: ...

        with pytest.raises(
            DeclarationError, match='Counter: it is declared already; only a page may be declared again'
        ):
            declare(Counter)


async def test_two_classes_of_one_stored_name_are_refused_naming_the_place_of_the_first(stash: Stash) -> None:
    @stash.state
    class Counter:
        count: int = stored(0)

    first = Counter
    with pytest.raises(DeclarationError) as error:

        @stash.page('/')
        class Counter:
            count: str = stored('')

            def build(self) -> None: ...

    said(error, 'Counter', __file__, 'pass name= to one')
    assert first is not None


async def test_two_classes_of_one_name_can_be_stored_under_two(stash: Stash) -> None:
    @stash.state
    class Counter:
        count: int = stored(0)

    first = Counter

    @stash.page('/', name='Other')
    class Counter:
        used: first = stash.use(first)  # type: ignore[valid-type]
        count: str = stored('')

        def build(self) -> None: ...

    page = shown(stash, await Browser().open(), Counter)
    assert (page.count, page.used.count) == ('', 0)


async def test_two_stashes_on_one_place_cannot_store_two_classes_under_one_name(url: str) -> None:
    def declare() -> None:
        one, two = Stash(url), Stash(url)

        @one.state
        class Counter:
            count: int = stored(0)

        @two.state(name='Counter')
        class Tally:
            count: str = stored('')

    with pytest.raises(SystemExit, match=r"nicegui_stash: .*Tally: .* already has the stored name 'Counter'"):
        async with serving(declare):
            pass


async def test_two_stashes_on_one_place_are_checked_for_a_class_that_is_declared_later(url: str) -> None:
    async with serving(lambda: (Stash(url), Stash(url))) as (one, two):

        @one.state
        class Counter:
            count: int = stored(0)

        with pytest.raises(DeclarationError, match='pass name= to one'):

            @two.state(name='Counter')
            class Tally:
                count: str = stored('')
