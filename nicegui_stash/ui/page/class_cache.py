"""A cache per class that is freed with the class: a script creates its classes again for every visitor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

T = TypeVar('T')


def per_class(function: Callable[[type], T]) -> Callable[[type], T]:
    """Cache a function's result in the class it is called with; subclasses do not inherit the result."""
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
