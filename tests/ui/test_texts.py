"""The sentence that a visitor reads under an element whose value was refused."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from nicegui_stash import TooMuchPending, Trouble, ValueNotStorable, ValueTooLarge
from nicegui_stash.model.codec import Codec
from nicegui_stash.ui.page.texts import TEXTS, refusal, sentence, with_defaults


def refuse(annotation: Any, value: Any) -> ValueNotStorable:
    with pytest.raises(ValueNotStorable) as caught:
        Codec('Form.field', annotation).encode(value)
    return caught.value


@pytest.mark.parametrize(
    ('annotation', 'value', 'text'),
    [
        (str, None, 'Please enter a text.'),
        (str, 1, 'Please enter a text.'),
        (str | None, 1, 'Please enter a text.'),
        (int, None, 'Please enter a whole number.'),
        (int, 1.5, 'Please enter a whole number.'),
        (int | None, 'x', 'Please enter a whole number.'),
        (list[int], [1, 'x'], 'Please enter a whole number.'),
        (float, None, 'Please enter a number.'),
        (float, float('nan'), 'Please enter a number.'),
        (int | float, None, 'Please enter a number.'),
        (Decimal, None, 'Please enter a number.'),
        (Decimal, 'x', 'Please enter a number.'),
        (date, None, 'Please enter a date.'),
        (date, '31 May', 'Please enter a date.'),
        (date | None, '31 May', 'Please enter a date.'),
        (time, None, 'Please enter a time.'),
        (time, 'noon', 'Please enter a time.'),
        (datetime, None, 'Please enter a date and a time.'),
        (datetime, 'now', 'Please enter a date and a time.'),
        (Literal['a', 'b'], 'c', 'Please enter another value.'),
    ],
)
def test_a_value_of_the_wrong_type_is_asked_for_in_words(annotation: Any, value: Any, text: str) -> None:
    assert refusal(refuse(annotation, value)) == text


@pytest.mark.parametrize(
    ('annotation', 'value'),
    [
        (Annotated[int, Meta(ge=18)], 3),
        (Annotated[str, Meta(min_length=3)], 'ab'),
    ],
)
def test_any_other_reason_is_shown_as_it_is(annotation: Any, value: Any) -> None:
    error = refuse(annotation, value)
    assert refusal(error) == error.reason


@pytest.mark.parametrize('annotation', [list[int], dict[str, int], int | str])
def test_what_no_text_names_is_another_value(annotation: Any) -> None:
    assert refusal(refuse(annotation, None)) == 'Please enter another value.'


def test_of_validate_only_the_words_of_its_value_error_are_shown() -> None:
    def of(reason: str) -> str:
        return refusal(ValueNotStorable('Form.name', '$', reason))

    assert of('validate= raised ValueError: At most ten letters.') == 'At most ten letters.'
    assert of('validate= raised KeyError: 7') == 'Please enter another value.'
    assert of('validate= says that it does not hold any more') == 'Please enter another value.'


def test_where_one_chooses_one_is_asked_to_choose() -> None:
    for error in (refuse(str, None), refuse(int, None), refuse(Literal['a', 'b'], 'c')):
        assert refusal(error, is_choice=True) == 'Please choose.'
    assert refusal(refuse(Annotated[int, Meta(ge=18)], 3), is_choice=True) == 'Expected `int` >= 18'


def test_limits_have_a_sentence_each() -> None:
    assert refusal(ValueTooLarge('Form.note', '$', '21 bytes of JSON')) == 'This is too large to be saved.'
    assert refusal(TooMuchPending('Form.note', '$', 'the store is away')) == 'Too many changes are waiting to be saved.'


def test_the_sentences_can_be_translated() -> None:
    texts = with_defaults({'enter_whole_number': 'Bitte eine ganze Zahl.', 'too_large': 'Das ist zu viel.'})
    error = refuse(int, None)
    assert refusal(error, texts) == 'Bitte eine ganze Zahl.'
    assert refusal(ValueTooLarge('Form.note', '$', ''), texts) == 'Das ist zu viel.'
    assert sentence(Trouble('invalid', error.reason, 'age', 'Alter'), texts) == 'Alter: Bitte eine ganze Zahl.'


def test_a_text_may_name_the_technical_reason() -> None:
    texts = with_defaults({'why_invalid': '{label} ({field}): {reason}'})
    trouble = Trouble('invalid', 'Expected `int`, got `null`', 'age', 'Your age')
    assert sentence(trouble, texts) == 'Your age (age): Expected `int`, got `null`'
    assert sentence(trouble, TEXTS) == 'Your age: Please enter a whole number.'
