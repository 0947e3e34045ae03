"""Names of a package that are imported at their first use (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package; `modules` says which module has which names.

    The modules, and the packages that hold them, are attributes too. The package imports the names for type checkers
    below `if TYPE_CHECKING:`, and assigns the two functions below `else:`, so that a misspelt name is still found.
    """
    homes = {name: module for module, names in modules.items() for name in names}
    homes_and_rooms = {*homes, *(module.partition('.')[0] for module in modules)}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in homes:
            found = getattr(import_module(f'{package}.{homes[name]}'), name)
            setattr(sys.modules[package], name, found)  # the next use does not come here
            return found
        if name in homes_and_rooms:
            return import_module(f'{package}.{name}')
        raise AttributeError(f'module {package!r} has no attribute {name!r}', name=name, obj=sys.modules[package])

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *homes_and_rooms})

    return __getattr__, __dir__
