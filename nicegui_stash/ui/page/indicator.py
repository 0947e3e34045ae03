"""The element that says whether what was changed on a page is durable."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# Some of NiceGUI's signatures are only partly typed.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from nicegui import binding
from nicegui.binding import BindableProperty
from nicegui.element import Element

from ...errors import StashError
from .status import Status, Trouble

TEXTS: Final[Mapping[str, str]] = {
    'saving': 'Saving…',
    'saved': 'Saved',
    'offline': 'Offline',
    'refused': 'Not saved',
    'details': 'Details',
    'why_connection': 'The connection to the server is lost. The page tries to get it back.',
    'why_away': 'The storage does not answer. Your changes are kept, and saved when it does.',
    'why_refused': 'The storage refuses your changes ({reason}). They are kept, and tried again.',
    'why_newer': 'What you saved comes from a newer version of this app, and this one leaves it as it is.',
    'why_invalid': '{label}: {reason}',
    'why_too_large': '{label}: this is too large to be saved.',
    'why_full': '{label}: too many changes are waiting to be saved.',
}
"""The words of an indicator, in English; those that begin with `why_` may name `{label}`, `{field}` and `{reason}`."""

_SHOWN: Final = {'pending': 'saving'}


def _tell(indicator: Indicator, _: object) -> None:
    indicator.tell()


class Indicator(Element, component='nicegui_stash_indicator.js'):
    """Says "Saving…", "Saved", "Offline" or "Not saved", and why. It is made by `Stash.indicator`.

    The browser decides when: a save that takes less than 300 ms is not announced, "Saved" goes away after 3 s, and a
    lost connection, of which the server cannot tell, is "Offline", too. It is nothing before the first change.
    """

    state: str = cast(str, BindableProperty(on_change=_tell))  # what reading it gives
    saves: int = cast(int, BindableProperty(on_change=_tell))
    troubles: tuple[Trouble, ...] = cast(tuple[Trouble, ...], BindableProperty(on_change=_tell))

    def __init__(
        self, status: Status, texts: Mapping[str, str] | None = None, reason: Callable[[Trouble], str] | None = None
    ) -> None:
        super().__init__()
        self._texts = merged(texts or {})
        self._reason = reason
        self._answers = 0
        self.props.update(
            offline=self._texts['offline'],
            connection=self._texts['why_connection'],
            details=self._texts['details'],
            answers=0,
        )
        self._is_bound = False  # before all three are known there is nothing to tell
        for name in ('state', 'saves', 'troubles'):
            setattr(self, name, getattr(status, name))
            binding.bind_from(self, name, status, name)
        self._is_bound = True
        self.tell()
        self.on('ask', self._answer)

    def tell(self) -> None:
        """Send what has changed, if anything the browser is to show has."""
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
        """Tell a browser that was disconnected that everything it sent before it asked has arrived."""
        self._answers += 1
        self.props['answers'] = self._answers


def merged(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Return the English texts with some of them replaced. Raises `StashError` for one that could never be shown.

    >>> merged({'saved': 'Gespeichert'})['saved']
    'Gespeichert'
    """
    for name, text in texts.items():
        if name not in TEXTS:
            raise StashError(f'{name!r} is no text of an indicator; there are {", ".join(TEXTS)}')
        try:
            text.format(label='', field='', reason='')
        except (LookupError, ValueError) as error:
            raise StashError(f'the text {name!r} cannot be filled in: {error!r}') from error
    return {**TEXTS, **texts}


def sentence(trouble: Trouble, texts: Mapping[str, str] = TEXTS) -> str:
    """Say why something is not durable.

    >>> sentence(Trouble('invalid', 'Expected `int`, got `null`', 'age', 'Your age'))
    'Your age: Expected `int`, got `null`'
    >>> sentence(Trouble('refused', 'no space left on device'), {**TEXTS, 'why_refused': 'The disk says {reason}.'})
    'The disk says no space left on device.'
    """
    return texts[f'why_{trouble.kind}'].format(label=trouble.label, field=trouble.field, reason=trouble.reason)
