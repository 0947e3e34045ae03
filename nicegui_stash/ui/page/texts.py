"""The texts that a visitor sees: the words of an indicator, and the sentences about refused values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ...errors import StashError, ValueNotStorable
from .status import Kind, Trouble, kind_of

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
    'why_invalid': '{label}: {hint}',
    'why_too_large': '{label}: this is too large to be saved.',
    'why_gone': '{label}: {hint}',
    'why_full': '{label}: too many changes are waiting to be saved.',
    'enter_text': 'Please enter a text.',
    'enter_number': 'Please enter a number.',
    'enter_whole_number': 'Please enter a whole number.',
    'enter_date': 'Please enter a date.',
    'enter_time': 'Please enter a time.',
    'enter_date_and_time': 'Please enter a date and a time.',
    'enter_other': 'Please enter another value.',
    'choose': 'Please choose.',
    'column': 'This column is not saved.',
    'edits_lost': 'The server was away: what you last changed in a table may not be saved.',
    'too_large': 'This is too large to be saved.',
    'gone': 'This row was removed. What you enter here is not saved.',
    'full': 'Too many changes are waiting to be saved.',
}
"""The texts in English. Those that begin with `why_` may name `{label}`, `{field}`, `{hint}` and `{reason}`.

`{hint}` is what the refused element itself shows, `{reason}` the technical reason, in English for developers.
"""

_ENTER: Final[Mapping[str, str]] = {
    'str': 'enter_text',
    'int': 'enter_whole_number',
    'float': 'enter_number',
    'int | float': 'enter_number',
    'decimal': 'enter_number',
    'date': 'enter_date',
    'time': 'enter_time',
    'datetime': 'enter_date_and_time',
}
"""By the type that msgspec expected: the text that asks for a value of it."""

# What msgspec says of a value of another type, or of a text that is not one of this type. Of a value that is out of
# bounds it says "Expected `int` >= 0", and asking for a whole number would not help.
_WRONG_TYPE: Final = re.compile(
    r'Expected `(?P<expected>[\w |]+?)(?: \| null)?`, got `.*`'
    r'|Invalid RFC3339 encoded (?P<encoded>date|time|datetime)'
    r'|Invalid (?P<string>decimal) string'
)
NO_SUCH_KEY: Final = 'its rows have no such key'
"""The reason why a cell of an element is not stored whose column the rows do not have."""
_NOT_FINITE: Final = 'NaN and infinity '
_RAISED: Final = re.compile(r'validate= raised ValueError: (?P<words>.+)', re.DOTALL)
"""The app's own words for a person."""
_OTHER: Final = ('forward= raised ', 'validate= ', 'Invalid enum value ')


def with_defaults(texts: Mapping[str, str]) -> Mapping[str, str]:
    """Return the English texts with some of them replaced. Raises `StashError` for one that could never be shown.

    >>> with_defaults({'saved': 'Gespeichert'})['saved']
    'Gespeichert'
    """
    for name, text in texts.items():
        if name not in TEXTS:
            raise StashError(f'unknown text {name!r}; the texts are {", ".join(TEXTS)}')
        try:
            text.format(label='', field='', hint='', reason='')
        except (LookupError, ValueError) as error:
            raise StashError(f'the text {name!r} cannot be filled in: {error!r}') from error
    return {**TEXTS, **texts}


def sentence(trouble: Trouble, texts: Mapping[str, str] = TEXTS) -> str:
    """Say why something is not durable.

    >>> sentence(Trouble('invalid', 'Expected `int`, got `null`', 'age', 'Your age'))
    'Your age: Please enter a whole number.'
    >>> sentence(Trouble('refused', 'no space left on device'), {**TEXTS, 'why_refused': 'The disk says {reason}.'})
    'The disk says no space left on device.'
    """
    return texts[f'why_{trouble.kind}'].format(
        label=trouble.label,
        field=trouble.field,
        hint=_hint(trouble.kind, trouble.reason, texts, is_choice=trouble.is_choice),
        reason=trouble.reason,
    )


def refusal(error: ValueNotStorable, texts: Mapping[str, str] = TEXTS, *, is_choice: bool = False) -> str:
    """Return the sentence under an element whose value was refused. `is_choice`: one chooses among its options.

    >>> refusal(ValueNotStorable('Form.name', '$', 'Expected `str`, got `null`'))
    'Please enter a text.'
    >>> refusal(ValueNotStorable('Form.age', '$', 'Expected `int` >= 18'))
    'Expected `int` >= 18'
    """
    return _hint(kind_of(error), error.reason, texts, is_choice=is_choice)


def _hint(kind: Kind, reason: str, texts: Mapping[str, str], *, is_choice: bool) -> str:
    """Say what a person can do about a refused value; the reason itself where no text fits it."""
    if kind in {'too_large', 'gone', 'full'}:
        return texts[kind]
    if raised := _RAISED.fullmatch(reason):
        return raised['words']
    name = _text_for(reason)
    if name is None:
        return reason
    return texts['choose' if is_choice else name]


def _text_for(reason: str) -> str | None:
    if reason == NO_SUCH_KEY:
        return 'column'
    if reason.startswith(_NOT_FINITE):
        return 'enter_number'
    if reason.startswith(_OTHER):
        return 'enter_other'
    match = _WRONG_TYPE.fullmatch(reason)
    return None if match is None else _ENTER.get(next(filter(None, match.groups())), 'enter_other')
