"""What a type checker sees of the public names: checked by pyright in strict mode, and run for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, assert_type

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from nicegui import APIRouter, Client, ui
from nicegui.testing import User

import nicegui_stash
from nicegui_stash import Change, Indicator, OpenSession, Recovery, Stash, Statistics, Status, Trouble, stored, stores
from nicegui_stash.stores import MemoryStore
from nicegui_stash.testing import FaultyStore, Gate, hop, rejoin, reload, restart

if TYPE_CHECKING:
    stash = Stash()

    @dataclass
    class Address:
        street: str = ''

    @stash.state
    class Settings:
        dark: bool = stored(default=False)

    @stash.state(version=2, migrations={1: lambda old: old}, renamed_from='Trolley')
    class Cart:
        items: list[str] = stored([])
        amounts: dict[str, list[int]] = stored({}, scope='tab', live=False, renamed_from='counts')
        seen: set[str] = stored(set())
        few: list[str] = stored(default_factory=list[str], validate=lambda few: len(few) < 3)

    @stash.state
    @dataclass
    class Basket:
        title: str
        on_change: Callable[[], object]
        items: list[str] = stored([])

    @stash.view
    class View:
        step: int = stored(1, scope='tab')

        def build(self, number: int) -> None: ...

    @stash.view(key='number', max_keys=5, auto=False)
    class Item:
        note: str = stored('', live=False)

        def build(self, number: int) -> None: ...

    @stash.page('/', key=('kind', 'number'), build='connected', title='A page', dark=True, response_timeout=10)
    class Page:
        count: int = stored(0)
        name: str | None = stored(None)
        sizes: dict[str, float] = stored(default_factory=dict[str, float])
        tags: set[str] = stored(default_factory=set[str])
        address: Address = stored(Address(), renamed_from='home')
        number: complex = stored(0j, encode=lambda value: [value.real, value.imag], decode=lambda pair: complex(*pair))
        age: int = stored(0, validate=lambda age: age >= 0)
        unstored: float = 1.5
        settings: Settings = stash.use(Settings)

        def build(self, kind: str, number: int) -> None:
            ui.number().bind_value(self, 'count')

        @ui.refreshable_method
        def redraw(self) -> None: ...

        def on_recovered(self, recovery: Recovery) -> None: ...

    def may_see(request: Request) -> bool: ...

    async def may_see_later(request: Request) -> bool: ...

    def stored_has_the_type_of_its_value() -> None:
        assert_type(stored(0), int)
        assert_type(stored('', scope='reconnect'), str)
        assert_type(stored('', scope='url'), str)
        assert_type(stored(1, scope='url', history='push', validate=lambda page: page > 0), int)
        assert_type(stored(default_factory=list[str], scope='url', history='replace'), list[str])
        assert_type(stored('', scope='browser'), str)
        assert_type(stored(1, scope='browser', encrypted=True, validate=lambda size: size > 0), int)
        assert_type(stored(default_factory=list[str], scope='browser', encrypted=True), list[str])
        stored('', scope='browser', encrypted='yes')  # pyright: ignore[reportCallIssue, reportArgumentType]
        stored(1, scope='query')  # pyright: ignore[reportCallIssue, reportArgumentType]
        stored(1, scope='url', history='forget')  # pyright: ignore[reportCallIssue, reportArgumentType]
        assert_type(stored(default_factory=list[int]), list[int])
        assert_type(stored(Address()), Address)
        assert_type(stored(0.5, encode=lambda value: value * 2, decode=float), float)

    def a_decorated_class_is_what_it_was(page: Page, view: View, item: Item, cart: Cart) -> None:
        assert_type(Page, type[Page])
        assert_type(View, type[View])
        assert_type(Settings, type[Settings])
        assert_type(Page(), Page)
        assert_type(page.count, int)
        assert_type(page.name, str | None)
        assert_type(page.sizes, dict[str, float])
        assert_type(page.address.street, str)
        assert_type(page.number, complex)
        assert_type(page.unstored, float)
        assert_type(page.settings, Settings)
        assert_type(page.settings.dark, bool)
        assert_type(view.step, int)
        assert_type(item.note, str)
        assert_type(cart.items, list[str])
        assert_type(cart.amounts, dict[str, list[int]])
        assert_type(cart.seen, set[str])
        assert_type(cart.few, list[str])
        page.count += 1
        page.tags.add('new')
        page.count = 'one'  # pyright: ignore[reportAttributeAccessIssue]

    def decorators_take_and_return_classes(cls: type[Address]) -> None:
        assert_type(stash.view(cls), type[Address])
        assert_type(stash.state(cls), type[Address])
        assert_type(stash.page('/')(cls), type[Address])
        assert_type(stash.use(Settings), Settings)

    def within_a_function(redraw: Callable[[], object]) -> None:
        basket = stash.keep(Basket('Fruit', on_change=redraw), refresh=redraw)
        assert_type(basket, Basket)
        assert_type(basket.items, list[str])
        Basket('Fruit')  # pyright: ignore[reportCallIssue]
        stash.keep(basket, refresh=basket.items)  # pyright: ignore[reportArgumentType]

    async def within_a_page(page: Page) -> None:
        assert_type(await stash.recover(Cart), Cart)
        assert_type(stash.recovery(page), Recovery)
        assert_type(stash.recovery(page).rejected[0].value, Any)
        assert_type(stash.recovery(page).age, float | None)
        assert_type(stash.status(page), Status)
        assert_type(stash.status(page).state, str)
        assert_type(stash.status(page).pending, int)
        assert_type(stash.status(page).problem, str | None)
        assert_type(stash.status(page).troubles, tuple[Trouble, ...])
        assert_type(stash.indicator(page), Indicator)
        assert_type(stash.statistics(), Statistics)
        assert_type(await stash.flush(), None)
        assert_type(await stash.flush(page), None)
        assert_type(stash.reset(page), None)
        assert_type(await stash.forget(), None)
        assert_type(await stash.export(), dict[str, Any])
        assert_type(await stash.new_session(keep=True, to='/'), None)
        assert_type(await stash.ready(), bool)
        assert_type(stash.inspector('/_stash', allow=may_see), None)
        assert_type(stash.inspector('/_stash', allow=may_see_later, values=True), None)
        assert_type(stash.save(page), None)

        def changed(change: Change) -> None:
            assert_type(change.field, str)
            if change.cause == 'nobody':  # pyright: ignore[reportUnnecessaryComparison]
                ...

        stash.on_change(page, 'count', changed)
        stash.on_change(page, 'count', lambda: None)
        stash.on_change(page, 'count', page.redraw.refresh)

        def add(each: Page) -> None:
            assert_type(each.count, int)
            each.count += 1

        await stash.update(page, add)

    async def without_a_page() -> None:
        assert_type(stash.open('an id'), OpenSession)
        async with stash.open('an id') as session:
            assert_type(session, OpenSession)
            assert_type(session.fetch(Cart), Cart)
            assert_type(session.fetch(Cart).items, list[str])
            assert_type(session.fetch(Item, key=7), Item)
            assert_type(session.fetch(Page, key=('kind', 7)).count, int)
            session.fetch(Item, key=7.5)  # pyright: ignore[reportArgumentType]
            await session.update(Cart, lambda cart: cart.items.append('pen'))
            assert_type(session.set(Cart, items=['pen']), None)
            assert_type(session.drop(Cart, 'items'), None)
            assert_type(session.reset(Cart), None)
            assert_type(session.forget(), None)
            assert_type(await session.flush(), None)
        async with stash.current() as session:
            assert_type(session.export(), dict[str, Any])

    async def in_tests(user: User, store: FaultyStore) -> None:
        assert_type(await rejoin(user), Client)
        assert_type(await reload(user), Client)
        assert_type(await hop(user), Client)
        assert_type(await restart(user, user, kill=True), None)
        assert_type(store.hold('put'), Gate)

    def mistakes_are_seen() -> None:
        stored(0, scope='forever')  # pyright: ignore[reportCallIssue, reportArgumentType]
        stored()  # pyright: ignore[reportCallIssue]
        stash.inspector('/_stash')  # pyright: ignore[reportCallIssue]
        stash.inspector('/_stash', allow=None)  # pyright: ignore[reportArgumentType]
        stash.page('/', build='later')  # pyright: ignore[reportArgumentType]
        stash.page('/', rejoin='slowly')  # pyright: ignore[reportArgumentType]
        stash.page('/', versoin=2)  # pyright: ignore[reportCallIssue]
        stash.page('/', titel='Cart')  # pyright: ignore[reportCallIssue]
        stash.page('/', version='2')  # pyright: ignore[reportArgumentType]
        stash.page('/', dark='yes')  # pyright: ignore[reportArgumentType]
        stash.page('/', language='klingon')  # pyright: ignore[reportArgumentType]
        stash.page('/', dependencies=forbid)  # pyright: ignore[reportArgumentType]
        stash.view(versoin=2)  # pyright: ignore[reportCallIssue]
        stash.view(title='Cart')  # pyright: ignore[reportCallIssue]
        stash.state(key='number')  # pyright: ignore[reportCallIssue]
        stash.state(migrations={1: 2})  # pyright: ignore[reportArgumentType]
        Stash(tll=timedelta(days=3))  # pyright: ignore[reportCallIssue]
        Stash(ttl=30)  # pyright: ignore[reportArgumentType]
        Stash(identity=lambda request: request.nothing)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownLambdaType, reportUnknownMemberType]
        assert_type(nicegui_stash.Stahs, Any)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        Stash(on_invalid='ignore')  # pyright: ignore[reportArgumentType]

    def forbid() -> None: ...

    def a_page_takes_the_options_of_ui_page() -> None:
        decorate = stash.page(
            '/cart',
            name='Basket',
            version=2,
            migrations={1: lambda old: old},
            renamed_from='Trolley',
            key=('kind', 'number'),
            max_keys=5,
            viewport='width=500',
            favicon='🛒',
            dark=None,
            language='de',
            reconnect_timeout=5,
            rejoin='in_place',
            markdown=True,
            api_router=APIRouter(prefix='/shop'),
            dependencies=[Depends(forbid)],
            tags=['shop'],
            responses={404: {'description': 'no such cart'}},
            include_in_schema=False,
            response_class=HTMLResponse,
        )
        assert_type(decorate(Address), type[Address])

    def a_lazy_name_is_what_it_is() -> None:
        assert_type(nicegui_stash.Stash, type[Stash])
        assert_type(nicegui_stash.stored(0), int)
        assert_type(stores.MemoryStore('name'), MemoryStore)

    def settings_have_types() -> None:
        Stash(
            's3://bucket/folder',
            storage_options={'endpoint_url': 'http://localhost:9000'},
            prefix='app',
            secrets=['new', 'old'],
            ttl=timedelta(days=3),
            browser_ttl=timedelta(days=90),
            identity=lambda request: request.headers.get('x-account'),
            on_invalid='log',
            recover_timeout=0.5,
            csp_nonce='r4nd0m',
            rejoin='reload',
        )


def test_stored_makes_a_declaration_whatever_the_type_checker_believes() -> None:
    make: Callable[[], object] = lambda: stored(0)  # noqa: E731
    assert not isinstance(make(), int)
