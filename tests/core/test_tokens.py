"""Tokens: what a browser keeps opens only where it was made for, and only as it was made."""

from __future__ import annotations

import base64
import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicegui_stash.model.tokens import MAX_TOKEN, BadToken, ExpiredToken, Tokens

DAY = 86400.0
NOW = 1_763_700_000.0
PLACE = ('Lamps', '1', '', 'note')
RAW = msgspec.Raw(b'{"note":"\xc3\xbc"}')
TOKENS = Tokens(['a secret'], 'shop', 30 * DAY)

kinds = pytest.mark.parametrize('encrypted', [False, True], ids=['signed', 'encrypted'])


def made(tokens: Tokens = TOKENS, *, encrypted: bool = False, now: float = NOW, raw: msgspec.Raw = RAW) -> str:
    return tokens.make(PLACE, 'ann', raw, now=now, encrypted=encrypted)


@kinds
def test_a_token_opens_where_it_was_made(encrypted: bool):
    opened = TOKENS.open(PLACE, ['ann'], made(encrypted=encrypted), now=NOW + DAY)
    assert (bytes(opened.raw), opened.issued, opened.encrypted, opened.current) == (bytes(RAW), NOW, encrypted, True)


def test_a_signed_token_is_as_it_always_was():
    assert made(raw=msgspec.Raw(b'3')) == 's.1763700000.Mw.g2MM5ziNNSPWcbV5Ly4vMiHWpTNsNRgSgWoU1QWiHGk'


def test_an_encrypted_token_that_was_made_before_still_opens():
    assert (
        bytes(
            TOKENS.open(
                PLACE,
                ['ann'],
                'e.gAAAAABpH-0gf7l9QI0EGsZKNq9A-wwnBiB5Of59PaBF7veWG0Bzl5eQ2oWdjKJUD6BNB0sPu0nUlLr9hep9LJ_WBwO4UvauoQ==',
                now=NOW,
            ).raw
        )
        == b'3'
    )


def test_a_signed_value_can_be_read_and_an_encrypted_one_cannot():
    secret = msgspec.Raw(b'"attack at dawn"')
    assert base64.b64encode(b'attack at dawn').decode()[4:12] in made(raw=msgspec.Raw(b'attack at dawn'))
    encrypted = made(raw=secret, encrypted=True).removeprefix('e.')
    assert b'dawn' not in base64.urlsafe_b64decode(encrypted)
    assert made(raw=secret, encrypted=True) != made(raw=secret, encrypted=True), 'equal values do not look equal'


@kinds
@pytest.mark.parametrize(
    'place',
    [
        ('Tables', '1', '', 'note'),
        ('Lamps', '2', '', 'note'),
        ('Lamps', '1', 'key', 'note'),
        ('Lamps', '1', '', 'other'),
        ('Lamps', '1', 'note', ''),
        ('Lamps', '1', '', '', 'note'),
    ],
)
def test_a_token_opens_at_no_other_place(place: tuple[str, ...], encrypted: bool):
    with pytest.raises(BadToken, match='made for another field'):
        TOKENS.open(place, ['ann'], made(encrypted=encrypted), now=NOW)


@kinds
def test_a_token_opens_for_no_other_session_app_or_secret(encrypted: bool):
    token = made(encrypted=encrypted)
    for tokens, owners in [
        (TOKENS, ['ben']),
        (TOKENS, []),
        (Tokens(['a secret'], 'office', 30 * DAY), ['ann']),
        (Tokens(['another secret'], 'shop', 30 * DAY), ['ann']),
    ]:
        with pytest.raises(BadToken):
            tokens.open(PLACE, owners, token, now=NOW)


@kinds
@given(data=st.data())
def test_no_changed_character_goes_unnoticed(encrypted: bool, data: st.DataObject):
    token = made(encrypted=encrypted)
    index = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(string.ascii_letters + string.digits + '-_.= \n').filter(token[index].__ne__))
    with pytest.raises(BadToken):
        TOKENS.open(PLACE, ['ann'], token[:index] + other + token[index + 1 :], now=NOW)


@given(token=st.text() | st.from_regex(r's\.\d{1,12}\.[\w-]{0,9}\.[\w-]{43}') | st.from_regex(r'e\.[\w-]+={0,2}'))
def test_a_made_up_text_is_not_a_token(token: str):
    with pytest.raises(BadToken):
        TOKENS.open(PLACE, ['ann'], token, now=NOW)


def test_parts_of_two_tokens_make_no_third():
    first, second = made().split('.'), made(now=NOW + DAY, raw=msgspec.Raw(b'1')).split('.')
    for place in (1, 2, 3):
        mixed = [*first[:place], second[place], *first[place + 1 :]]
        with pytest.raises(BadToken):
            TOKENS.open(PLACE, ['ann'], '.'.join(mixed), now=NOW)


def test_a_signed_token_cannot_be_passed_off_as_encrypted_or_the_other_way_round():
    signed, encrypted = made(), made(encrypted=True)
    for token in (f'e.{signed[2:]}', f's.{encrypted[2:]}', f'e.{signed.split(".")[2]}'):
        with pytest.raises(BadToken):
            TOKENS.open(PLACE, ['ann'], token, now=NOW)


def test_what_is_too_long_is_not_even_looked_at():
    with pytest.raises(BadToken, match='too long'):
        TOKENS.open(PLACE, ['ann'], 's.' + '1' * MAX_TOKEN, now=NOW)


@pytest.mark.proves('put-back')
@kinds
def test_a_token_opens_until_it_is_too_old(encrypted: bool):
    token = made(encrypted=encrypted)
    assert TOKENS.open(PLACE, ['ann'], token, now=NOW + 30 * DAY).raw == RAW
    with pytest.raises(ExpiredToken, match=r'30\.1 days old'):
        TOKENS.open(PLACE, ['ann'], token, now=NOW + 30.1 * DAY)


@kinds
def test_a_clock_that_was_set_back_closes_nothing(encrypted: bool):
    assert TOKENS.open(PLACE, ['ann'], made(encrypted=encrypted), now=NOW - 3600).raw == RAW


@kinds
def test_the_first_secret_makes_tokens_and_all_open_them(encrypted: bool):
    old, both, new = (Tokens(secrets, 'shop', 30 * DAY) for secrets in (['old'], ['new', 'old'], ['new']))
    opened = both.open(PLACE, ['ann'], made(old, encrypted=encrypted), now=NOW)
    assert opened.raw == RAW
    assert not opened.current
    assert both.is_due(opened, now=NOW, encrypted=encrypted)
    renewed = made(both, encrypted=encrypted)
    assert new.open(PLACE, ['ann'], renewed, now=NOW).current
    with pytest.raises(BadToken):
        old.open(PLACE, ['ann'], renewed, now=NOW)


def test_a_token_is_due_after_a_tenth_of_its_life_or_if_it_would_be_made_otherwise():
    opened = TOKENS.open(PLACE, ['ben', 'ann'], made(), now=NOW)
    assert TOKENS.is_due(opened, now=NOW, encrypted=False), 'of a former session'
    opened = TOKENS.open(PLACE, ['ann', 'ben'], made(), now=NOW)
    assert not TOKENS.is_due(opened, now=NOW + 3 * DAY, encrypted=False)
    assert TOKENS.is_due(opened, now=NOW + 3 * DAY + 1, encrypted=False)
    assert TOKENS.is_due(opened, now=NOW, encrypted=True)
