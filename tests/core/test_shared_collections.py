"""A collection in the body of a stored class is shared by all visitors, and so it is refused."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import pytest

from nicegui_stash import DeclarationError, stored
from nicegui_stash.model.schema import build_schema


@pytest.mark.parametrize(
    ('value', 'line'),
    [
        ([], 'items: list = stored([])'),
        ({'a': 1}, "items: dict = stored({'a': 1})"),
        (set(), 'items: set = stored(set())'),
        (list(range(99)), 'items: list = stored(…)'),
    ],
)
def test_a_collection_is_refused_with_the_line_to_write(value: Any, line: str) -> None:
    cls = type('Form', (), {'items': value, '__module__': __name__})
    with pytest.raises(DeclarationError) as caught:
        build_schema(cls)
    assert f'; write {line}, or annotate ClassVar' in str(caught.value)


def test_one_of_a_mixin_of_the_app_is_refused() -> None:
    class Mixin:
        items: dict[str, int] = {}  # noqa: RUF012 that is the mistake

    class Form(Mixin):
        count: int = stored(0)

    with pytest.raises(DeclarationError, match=r'Form\.items: .*write items: dict\[str, int\] = stored\(\{\}\)'):
        build_schema(Form)


def test_constants_and_what_is_stored_are_none_of_it() -> None:
    class Form:
        items: list[str] = stored([])
        COLUMNS = ['a', 'b']  # noqa: RUF012 a constant by its name
        choices: ClassVar[list[str]] = []
        names: Final = ['a']
        title = 'a text'
        sizes = (1, 2)

    assert list(build_schema(Form).fields) == ['items']
