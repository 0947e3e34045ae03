"""A mixin whose annotations name what only its own module knows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as Money

from nicegui_stash.model.fields import stored


@dataclass
class Owner:
    name: str = ''


class Owned:
    owner: Owner = stored(Owner())
    price: Money = stored(Money(0))
