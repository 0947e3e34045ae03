"""Looking at the examples of the how-to guides: which program, and what its elements hold."""

from __future__ import annotations

from typing import Any, TypeVar

from nicegui import ui
from nicegui.testing import User

from .examples import named, program_of

T = TypeVar('T', bound=ui.element)


def program(page: str, name: str) -> str:
    return program_of(named(f'howto/{page}.md', name))


async def only(user: User, kind: type[T]) -> T:
    """Return the only element of a kind, when the page is built."""
    await user.should_see(kind)
    (element,) = (found for found in user.find(kind).elements if type(found) is kind)  # a textarea is an input as well
    return element


async def value(user: User, kind: type[Any]) -> Any:
    return (await only(user, kind)).value
