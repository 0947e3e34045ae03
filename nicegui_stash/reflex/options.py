"""What the plugin is told about Reflex alone, beside the settings of the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal['durable', 'accepted']
"""When a browser gets its answer: once the change is durable, or at once."""
OnUnstorable = Literal['warn', 'raise']
"""What happens at the start to vars that cannot be stored."""


@dataclass(frozen=True, slots=True)
class ReflexOptions:
    """Times are seconds. `answer=None`: durable where that takes a millisecond, as on this host; else accepted."""

    answer: Answer | None = None
    answer_timeout: float = 1.0
    on_unstorable: OnUnstorable = 'warn'
    idle_timeout: float = 300.0
