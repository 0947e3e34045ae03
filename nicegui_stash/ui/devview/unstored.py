"""What a page would lose: attributes that are assigned after `build` and are no stored fields, and unbound elements."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

import dataclasses
from asyncio import Future
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from types import ModuleType
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from nicegui import Client
from nicegui.element import Element
from nicegui.elements.mixins.value_element import ValueElement

from ...model.schema import Schema
from .. import nicegui_private
from ..page.choices import is_stored
from ..page.stored_property import PAGE_OBJECT
from ..remember.refusals import is_refused
from ..remember.shapes import is_if_asked, shape_of

PLAIN: Final = (bool, int, float, str, bytes, date, datetime, time, timedelta, Decimal, UUID)
MOST: Final = 1000
"""How many items of a list or dict are compared."""
_WRITTEN: Final = (bool, int, float, str)
"""Types of defaults that a line of code can show as they are."""
_EMPTY: Final[Mapping[type, str]] = {list: '[]', dict: '{}', set: 'set()', tuple: '()'}
LONGEST: Final = 40
_SLOT: Final = '___'
"""How NiceGUI's bindable attributes begin within `vars`."""

Fingerprint = tuple[object, ...]
"""What is compared of a value: its type and its parts, by identity where they are no plain values."""


class Unstored(NamedTuple):
    """Something that a page would lose: its name, its type, and the line that stores it, empty if nothing can."""

    name: str
    kind: str
    line: str


class Attributes:
    """The plain attributes of one page object, as they were when the page was built."""

    def __init__(self, page: object, schema: Schema) -> None:
        self._schema = schema
        self._built = {name: (_fingerprint(value), value) for name, value in self._plain(page)}

    def assigned(self, page: object) -> Iterator[Unstored]:
        """Iterate over those that were assigned, or changed, since."""
        for name, value in self._plain(page):
            before = self._built.get(name)
            if before is None or not _is_same(before[0], _fingerprint(value)):
                yield Unstored(name, type(value).__name__, line_of(name, value, None if before is None else before[1]))

    def _plain(self, page: object) -> Iterator[tuple[str, object]]:
        for slot, value in list(vars(page).items()):
            name = slot.removeprefix(_SLOT)
            if name not in self._schema.fields and slot != PAGE_OBJECT and not _is_made_again(value):
                yield name, value


class Elements:
    """The values of a page's elements, as they were when the page was built."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._built = {element.id: _fingerprint(element.value) for element in self._with_values()}

    def changed(self, pages: Sequence[object], remembers: Callable[[Element], bool]) -> Iterator[Unstored]:
        """Iterate over the elements with another value that is neither stored nor remembered.

        One that is bound to an attribute of these pages is left out: the attribute is what has the value.
        """
        for element in self._with_values():
            value: Any = element.value
            before = self._built.get(element.id, _fingerprint(None))
            if not (_is_same(before, _fingerprint(value)) or is_refused(element) or remembers(element)):
                if nicegui_private.is_bound_with(
                    element, lambda owner, names: is_stored(owner, names) or any(owner is page for page in pages)
                ):
                    continue
                kind = f'ui.{type(element).__name__.lower()}'
                label = str(element.props.get('label') or getattr(element, 'text', '') or '')[:LONGEST]
                made = f'{kind}({label!r})' if label else f'{kind}(…)'
                yield Unstored(label or kind, kind, f'stash.remember({made})')

    def _with_values(self) -> Iterator[ValueElement[Any]]:
        for element in list(self._client.elements.values()):
            if isinstance(element, ValueElement) and not is_if_asked(element) and shape_of(element) is not None:
                yield cast(ValueElement[Any], element)


def _is_made_again(value: object) -> bool:
    """Whether an attribute holds what building makes: elements, functions, tasks, and objects with fields of a page."""
    if isinstance(value, (Element, Client, ModuleType, type, Future)) or callable(value):
        return True
    return PAGE_OBJECT in getattr(value, '__dict__', ())


def _fingerprint(value: object) -> Fingerprint:
    if isinstance(value, Mapping):
        parts: object = (each for item in cast(Mapping[object, object], value).items() for each in item)
    elif isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, (str, bytes)):
        parts = cast(Sequence[object], value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = list(getattr(value, '__dict__', {}).values()) or [value]
    else:
        return (value,)
    return (cast(object, type(value)), *islice(cast(Any, parts), MOST))


def _is_same(one: Fingerprint, other: Fingerprint) -> bool:
    return len(one) == len(other) and all(
        a is b or (type(a) is type(b) and isinstance(a, PLAIN) and a == b) for a, b in zip(one, other, strict=True)
    )


# ---- the line to write


def line_of(name: str, value: object, before: object = None) -> str:
    """Return the declaration that stores an attribute with such a value, empty for one that JSON cannot hold.

    Its default is the value that the page was built with, if a line can show it.
    """
    name = name.lstrip('_')  # no field has such a name
    value = before if value is None else value
    kind = 'str | None' if value is None else annotation_of(value)
    default = _default_of(value, before)
    if kind and default == 'None' and value is not None:
        kind += ' | None'
    return f'{name}: {kind} = stored({default})' if kind else ''


def _default_of(value: object, before: object) -> str:
    if isinstance(value, _WRITTEN) and not isinstance(value, Enum):
        is_shown = type(before) is type(value) and len(repr(before)) <= LONGEST
        return repr(before if is_shown else type(value)())
    for cls, empty in _EMPTY.items():
        if isinstance(value, cls):
            return empty
    return str(before if isinstance(before, Enum) else value) if isinstance(value, Enum) else 'None'


def annotation_of(value: object) -> str:
    """Return the annotation of a field with such a value, empty if JSON cannot hold it."""
    cls = type(value)
    if isinstance(value, (*PLAIN, Enum)) or dataclasses.is_dataclass(value):
        return cls.__name__
    if isinstance(value, dict):
        entries = cast(dict[object, object], value)
        parts = _common(list(entries)), _common(list(entries.values()))
        return f'dict[{", ".join(each or "str" for each in parts)}]' if None not in parts else ''
    if isinstance(value, (list, set, tuple)):
        part = _common(list(cast(Sequence[object], value)))
        after = ', ...' if isinstance(value, tuple) else ''
        return f'{_name_of(value)}[{part or "str"}{after}]' if part is not None else ''
    return ''


def _name_of(value: object) -> str:
    return next(each.__name__ for each in (list, set, tuple) if isinstance(value, each))


def _common(values: Sequence[object]) -> str | None:
    """Return the annotations of some values, joined; empty if there are none, `None` if one has none."""
    found = dict.fromkeys(annotation_of(value) for value in values[:MOST] if value is not None)
    if '' in found:
        return None
    return ' | '.join([*found, *(['None'] if any(value is None for value in values[:MOST]) else [])])
