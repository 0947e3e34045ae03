"""Mistakes that beginners make: each is answered with what is wrong, where, and the line to write."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from nicegui import APIRouter, ui

from nicegui_stash import Stash, StashError, stored

from .scene import SECRET, Browser, serving, shown


def page_over_stored_fields(stash: Stash) -> None:
    @ui.page('/form')
    class Form:
        count: int = stored(0)


def page_over_a_stored_class(stash: Stash) -> None:
    @APIRouter().page('/form')
    @stash.state
    class Form:
        count: int = stored(0)


def page_over_a_function(stash: Stash) -> None:
    @stash.page('/form')  # type: ignore[arg-type]
    def order_form() -> None:
        ui.label()


def view_over_a_function(stash: Stash) -> None:
    @stash.view  # type: ignore[call-overload]
    def form() -> None:
        ui.label()


def page_without_a_path(stash: Stash) -> None:
    @stash.page  # type: ignore[arg-type]
    class Form:
        count: int = stored(0)


def wrong_scope(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(0, scope='sesion')  # type: ignore[call-overload]

        def build(self) -> None: ...


def missing_annotation(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count = stored(0)

        def build(self) -> None: ...


def missing_build(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(0)


def missing_storage_secret(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(0)

        def build(self) -> None: ...


def shared_by_all_visitors(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(0)
        items: list[str] = []  # noqa: RUF012 that is the mistake

        def build(self) -> None: ...


class DataFrame:
    """As pandas has it."""


DataFrame.__module__ = 'pandas.core.frame'


def a_data_frame(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        table: DataFrame = stored(default_factory=DataFrame)

        def build(self) -> None: ...


def a_lambda(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        names: list[str] = stored(lambda: ['Ann'])  # type: ignore[assignment]

        def build(self) -> None: ...


MISTAKES: dict[str, tuple[Callable[[Stash], Any], str]] = {
    '@ui.page above stored fields': (page_over_stored_fields, r"Form: .*write @stash\.page\('/form'\)"),
    '@ui.page above a stored class': (page_over_a_stored_class, r"Form: .*write @stash\.page\('/form'\)"),
    '@stash.page above a function': (page_over_a_function, r'order_form: .*a function: write class OrderForm, .*build'),
    '@stash.view above a function': (view_over_a_function, r'form: .*a function: write class Form, .*build\(self\)'),
    '@stash.page without a path': (page_without_a_path, r"Form: a page has a path: write @stash\.page\('/…'\)"),
    'wrong scope': (wrong_scope, r"Form\.count: unknown scope 'sesion'; .*Write stored\(…, scope='session'\)"),
    'missing secret': (
        missing_storage_secret,
        r"^nicegui_stash: storage_secret: without it browsers have no session, .*Write ui\.run\(storage_secret='…'\)",
    ),
    'missing annotation': (missing_annotation, r'Form\.count: .*count: int = stored\(0\)'),
    'missing build': (missing_build, r'Form: it has no build\(self\) .*write def build\(self\) -> None: ui\.label'),
    'a list of all visitors': (
        shared_by_all_visitors,
        r'Form\.items: all visitors would share this list; write items: list\[str\] = stored\(\[\]\), or .*ClassVar',
    ),
    'a DataFrame': (
        a_data_frame,
        r"Form\.table: .*DataFrame cannot be stored; store value\.to_dict\('list'\) in a dict",
    ),
    'a lambda': (a_lambda, r'Form\.names: .*write names: … = stored\(default_factory=lambda: …\)'),
}


@pytest.mark.parametrize('mistake', MISTAKES)
async def test_a_mistake_is_answered_with_the_line_to_write_when_the_app_starts(url: str, mistake: str) -> None:
    make, answer = MISTAKES[mistake]

    def declare() -> None:
        make(Stash(url))

    ends, secret = (SystemExit, None) if make is missing_storage_secret else (StashError, SECRET)
    with pytest.raises(ends) as caught:
        async with serving(declare, secret=secret):
            pass
    assert re.search(answer, str(caught.value)), str(caught.value)


async def test_a_recovery_that_is_not_awaited_says_so(stash: Stash) -> None:
    @stash.state
    class Settings:
        theme: str = stored('light')

    found: list[str] = []

    @ui.page('/')
    async def page() -> None:
        settings: Any = stash.recover(Settings)
        with pytest.raises(StashError, match=r'Settings\.theme: .*write page = await stash\.recover\(.*Settings\)'):
            _ = settings.theme
        with pytest.raises(StashError, match='not awaited'):
            settings.theme = 'dark'
        with pytest.raises(StashError, match='not awaited'):
            ui.input().bind_value(settings, 'theme')
        found.append((await settings).theme)

    await Browser().open()
    assert found == ['light']


async def test_reset_and_on_change_name_the_fields_that_there_are(stash: Stash) -> None:
    @stash.page('/')
    class Form:
        count: int = stored(0)
        note: str = stored('', scope='tab')

        def build(self) -> None: ...

    form = shown(stash, await Browser().open(), Form)
    for call in (lambda: stash.reset(form, 'cuont'), lambda: stash.on_change(form, ['note', 'cuont'], print)):
        with pytest.raises(StashError, match="Form has no stored field 'cuont'; its fields are count, note"):
            call()
    with pytest.raises(StashError, match="no field with scope='url'; it has fields of session, tab"):
        stash.reset(form, scope='url')
    with pytest.raises(StashError, match='give names or scope=, not both'):
        stash.reset(form, 'count', scope='tab')
