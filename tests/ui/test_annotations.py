from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pydantic
import pytest
from nicegui import ui

from nicegui_stash import DeclarationError, Stash, ValueNotStorable, stored
from nicegui_stash.testing import FaultyStore

from .scene import Browser, data_of, idle, serving, shown, text


class Colour(Enum):
    """An enumeration at module level, named by a string annotation."""

    RED = 'red'
    BLUE = 'blue'


class Point(msgspec.Struct):
    """A Struct at module level."""

    x: int
    y: int = 0


class Person(pydantic.BaseModel):
    """A pydantic model at module level."""

    name: str
    born: date | None = None


async def test_annotations_that_are_strings_are_resolved_in_the_module_of_the_class(stash: Stash) -> None:
    @stash.page('/')
    class Page:
        colour: Colour = stored(Colour.RED)
        day: date | None = stored(None)
        where: list[Point] = stored([])
        who: Person = stored(Person(name='nobody'))
        size: Annotated[int, msgspec.Meta(ge=0)] = stored(0)
        kind: Literal['a', 'b'] = stored('a')
        id: UUID | None = stored(None)

        def build(self) -> None: ...

    ann = Browser()
    page = shown(stash, await ann.open(), Page)
    page.colour, page.day, page.where, page.kind = Colour.BLUE, date(2024, 2, 29), [Point(1)], 'b'
    page.who, page.id = Person(name='Ann', born=date(1990, 1, 1)), UUID(int=5)
    with pytest.raises(ValueNotStorable, match=r'Page\.size: Expected `int` >= 0'):
        page.size = -1
    with pytest.raises(ValueNotStorable, match=r"Page\.kind: Invalid enum value 'c'"):
        page.kind = 'c'  # type: ignore[assignment]
    again = shown(stash, await ann.open(), Page)
    assert (again.colour, again.day, again.where, again.kind) == (Colour.BLUE, date(2024, 2, 29), [Point(1)], 'b')
    assert (again.who, again.id) == (Person(name='Ann', born=date(1990, 1, 1)), UUID(int=5))


async def test_a_class_in_a_function_may_be_annotated_with_what_is_local_there(stash: Stash) -> None:
    class Local(msgspec.Struct):
        n: int = 0

    Numbers = dict[str, list[Local]]  # noqa: N806 a type alias

    @stash.page('/{number}')
    class Page:
        value: Local = stored(Local())
        more: Numbers = stored({})

        def build(self, number: Annotated[int, 'of the page']) -> None:
            ui.label(repr(number)).mark('number')

    ann = Browser()
    tab = await ann.open('/7')
    assert text(tab, 'number') == '7'
    shown(stash, tab, Page).more = {'a': [Local(3)]}
    assert shown(stash, await ann.open('/7'), Page).more == {'a': [Local(3)]}


async def test_a_class_made_by_a_function_is_a_separate_class(stash: Stash) -> None:
    def make(path: str, kind: Any) -> type:
        @stash.page(path, name=f'Page of {path}')
        class Page:
            value: kind | None = stored(None)

            def build(self) -> None: ...

        return Page

    one, two = make('/one', int), make('/two', str)
    ann = Browser()
    first, second = shown(stash, await ann.open('/one'), one), shown(stash, await ann.open('/two'), two)
    first.value, second.value = 1, 'two'  # type: ignore[attr-defined]
    with pytest.raises(ValueNotStorable):
        second.value = 2  # type: ignore[attr-defined]
    assert shown(stash, await ann.open('/one'), one).value == 1  # type: ignore[attr-defined]


async def test_a_mixin_of_another_module_is_annotated_with_what_is_known_there(
    stash: Stash, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'mixins_of_a_test.py').write_text(
        'from __future__ import annotations\n'
        'from decimal import Decimal\n'
        'from nicegui_stash import stored\n'
        'class Priced:\n'
        "    price: Decimal = stored(Decimal('1.50'))\n"
        '    def build(self, discount: Decimal = Decimal(0)) -> None: ...\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    import mixins_of_a_test  # type: ignore[import-not-found] # noqa: PLC0415

    @stash.page('/')
    class Page(mixins_of_a_test.Priced):
        count: int = stored(0)

    page = shown(stash, await Browser().open(), Page)
    assert str(page.price) == '1.50'
    with pytest.raises(ValueNotStorable):
        page.price = 'cheap'


def declare_under_main(stash: Stash, module: str) -> type:
    source = (
        'from __future__ import annotations\n'
        'from datetime import date\n'
        'from nicegui_stash import stored\n'
        "@stash.page('/')\n"
        'class Page:\n'
        '    day: date | None = stored(None)\n'
        '    count: int = stored(0)\n'
        '    def build(self) -> None: ...\n'
    )
    names: dict[str, Any] = {'__name__': module, 'stash': stash}
    exec(compile(source, 'main.py', 'exec'), names)  # noqa: S102 as runpy does with a main file
    return names['Page']


async def test_the_stored_name_does_not_come_from_the_module_which_is_another_under_auto_reload(
    url: str, store: FaultyStore
) -> None:
    ann = Browser()
    async with serving(lambda: Stash(url)) as stash:
        cls = declare_under_main(stash, '__main__')
        shown(stash, await ann.open(), cls).count = 1  # type: ignore[attr-defined]
    async with serving(lambda: Stash(url)) as stash:
        cls = declare_under_main(stash, '__mp_main__')
        page: Any = shown(stash, await ann.open(), cls)
        assert page.count == 1
        page.day = date(2024, 1, 1)
    assert await data_of(store, 'Page') == {'count': 1, 'day': '2024-01-01'}


async def test_a_class_whose_module_was_unloaded_by_the_user_simulation_can_be_declared(
    stash: Stash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, __name__, raising=False)

    @stash.page('/')
    class Page:
        day: date | None = stored(None)
        points: list[Point] = stored([])

        def build(self, day: date | None = None) -> None:
            ui.label(repr(day)).mark('day')

    tab = await Browser().open('/?day=2024-02-29')
    assert text(tab, 'day') == 'datetime.date(2024, 2, 29)'
    shown(stash, tab, Page).points = [Point(1, 2)]


async def test_declaring_the_same_class_again_replaces_it(stash: Stash) -> None:
    def declare() -> type:
        @stash.page('/')
        class Page:
            count: int = stored(0)

            def build(self) -> None:
                ui.label().mark('count').bind_text_from(self, 'count')

        return Page

    first, second = declare(), declare()
    ann = Browser()
    shown(stash, await ann.open(), second).count = 4  # type: ignore[attr-defined]
    assert text(await ann.open(), 'count') == '4'
    with pytest.raises(Exception, match='not declared with this Stash'):
        stash.use(first)


async def test_a_page_that_still_runs_when_its_class_is_declared_again_goes_on(stash: Stash) -> None:
    def declare() -> type:
        @stash.page('/')
        class Page:
            count: int = stored(0)

            def build(self) -> None: ...

        return Page

    ann = Browser()
    first = declare()
    old: Any = shown(stash, await ann.open(), first)
    second = declare()
    new: Any = shown(stash, await ann.open(), second)
    old.count = 5
    await idle()
    assert new.count == 5


@pytest.mark.parametrize('annotation', ['list[Unknown]', 'int |', 'Point()'])
async def test_an_annotation_that_is_not_a_type_is_refused(stash: Stash, annotation: str) -> None:
    class Page:
        field = stored(0)

        def build(self) -> None: ...

    Page.__annotations__ = {'field': annotation}
    with pytest.raises(DeclarationError, match='Page'):
        stash.page('/')(Page)


async def test_a_callable_default_is_called_for_each_page(stash: Stash) -> None:
    made: list[int] = []

    def number() -> int:
        made.append(len(made))
        return made[-1]

    @stash.page('/')
    class Page:
        count: int = stored(default_factory=number)
        handler: Callable[[], None] | None = None

        def build(self) -> None: ...

    first = shown(stash, await Browser().open(), Page)
    second = shown(stash, await Browser().open(), Page)
    assert first.count < second.count
