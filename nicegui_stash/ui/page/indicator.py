"""The element that shows whether a page's changes are durable."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from nicegui import binding
from nicegui.binding import BindableProperty
from nicegui.element import Element

from .status import Status, Trouble
from .texts import sentence, with_defaults

_SHOWN: Final = {'pending': 'saving'}


def _changed(indicator: Indicator, _: object) -> None:
    indicator.tell()


class Indicator(Element, component='nicegui_stash_indicator.js'):
    """Shows "Saving…", "Saved", "Offline" or "Not saved", and why. `Stash.indicator` makes it.

    The browser decides when: a save under 300 ms shows no "Saving…", and "Saved" fades after 3 s. A lost connection,
    which the server cannot notice, also shows "Offline". Before the first change it is invisible.
    """

    state: str = cast(str, BindableProperty(on_change=_changed))  # the type of its value
    saves: int = cast(int, BindableProperty(on_change=_changed))
    troubles: tuple[Trouble, ...] = cast(tuple[Trouble, ...], BindableProperty(on_change=_changed))

    def __init__(
        self, status: Status, texts: Mapping[str, str] | None = None, reason: Callable[[Trouble], str] | None = None
    ) -> None:
        super().__init__()
        self._texts = with_defaults(texts or {})
        self._reason = reason
        self._answers = 0
        self.props.update(
            offline=self._texts['offline'],
            connection=self._texts['why_connection'],
            details=self._texts['details'],
            answers=0,
        )
        self._is_bound = False  # until all three are set
        for name in ('state', 'saves', 'troubles'):
            setattr(self, name, getattr(status, name))
            binding.bind_from(self, name, status, name)
        self._is_bound = True
        self.tell()
        self.on('ask', self._answer)

    def tell(self) -> None:
        """Send the state, texts and troubles to the browser if any of them has changed."""
        if not self._is_bound:
            return
        state = _SHOWN.get(self.state, self.state)
        shown: dict[str, Any] = {
            'state': state,
            'text': self._texts[state],
            'why': [self._why(trouble) for trouble in self.troubles],
            'saves': self.saves,
        }
        if any(self.props.get(name) != value for name, value in shown.items()):
            self.props.update(shown)

    def _why(self, trouble: Trouble) -> str:
        return self._reason(trouble) if self._reason else sentence(trouble, self._texts)

    def _answer(self) -> None:
        """Confirm to a reconnected browser that everything it sent before its question has arrived."""
        self._answers += 1
        self.props['answers'] = self._answers
