"""What is found out about a class once, and goes with it: a script that is run per visitor makes its classes anew."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar('T')


def per_class(function: Callable[[type], T]) -> Callable[[type], T]:
    """Have a function of a class called once for each; the result is kept in the class, not inherited by others."""
    attribute = f'_nicegui_stash_{function.__name__}'

    @wraps(function)
    def once(cls: type) -> T:
        found: T
        try:
            found = cls.__dict__[attribute]
        except KeyError:
            found = function(cls)
            setattr(cls, attribute, found)
        return found

    return once
