"""Object keys: stable for ever, and telling nothing about the cookie."""

from __future__ import annotations

import base64
import doctest
import hashlib
import hmac

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nicegui_stash.errors import ConfigurationError
from nicegui_stash.session import keys, loading
from nicegui_stash.session.keys import Keys, object_key
from nicegui_stash.stores.keys import is_key

TEXT = st.text(st.characters(codec='utf-8'), min_size=1, max_size=60)


def test_the_key_of_a_session_is_what_it_always_was() -> None:
    assert object_key('a secret', 'an id') == '-p/-pk1q8NP06Gh1T4r6q2983k_M8ri-9v7dSt-BnwpCVQ.json'
    assert object_key('geheim ä', '5b3a9d0b-7e21') == 'jH/jHMp-44KVLcsPGjawcUdJof9RLYVgY4PcpRjtSk77d8.json'


@given(TEXT, TEXT)
def test_a_key_is_the_keyed_hash_of_the_session_below_its_first_two_characters(secret: str, session_id: str) -> None:
    digest = hmac.new(secret.encode(), b'session\0' + session_id.encode(), hashlib.sha256).digest()
    key = object_key(secret, session_id)
    folder, _, name = key.partition('/')
    assert base64.urlsafe_b64decode(name.removesuffix('.json') + '=') == digest
    assert folder == name[:2]
    assert is_key(key)


@given(st.text(max_size=20))
def test_an_id_of_any_text_has_a_key(session_id: str) -> None:
    assert is_key(object_key('a secret', session_id))


def test_other_ids_and_other_secrets_have_other_keys() -> None:
    keys = {object_key(secret, id_) for secret in ('a', 'b', 'ab') for id_ in ('', 'a', 'b', 'ab', '\0a')}
    assert len(keys) == 15


def test_a_seal_is_known_under_any_of_the_secrets_and_to_nobody_else() -> None:
    seal = Keys(['old']).seal('a text')
    assert Keys(['new', 'old']).is_seal(seal, 'a text')
    assert not Keys(['new', 'old']).is_seal(seal, 'another text')
    assert not Keys(['new']).is_seal(seal, 'a text')


@given(st.text(st.characters()), st.text(st.characters()))
@example('half of a pair: \ud83d', 'half of a pair: \ude00')
def test_any_text_can_be_sealed_and_any_text_is_a_wrong_seal(text: str, other: str) -> None:
    keys = Keys(['a secret'])
    assert keys.is_seal(keys.seal(text), text)
    assert not keys.is_seal(other, text)
    assert text == other or not keys.is_seal(keys.seal(other), text)


def test_the_examples_in_the_documentation_are_true() -> None:
    assert doctest.testmod(keys) == (0, 3)
    assert doctest.testmod(loading) == (0, 1)


def test_the_first_secret_names_new_objects_and_the_older_ones_are_looked_up() -> None:
    first, older = Keys(['new', 'old', 'oldest']).of('an id')
    assert first == object_key('new', 'an id')
    assert older == (object_key('old', 'an id'), object_key('oldest', 'an id'))
    assert Keys(['new']).of('an id') == (first, ())


def test_a_prefix_is_the_folder_of_all_keys() -> None:
    first, older = Keys(['new', 'old'], 'apps/shop').of('an id')
    assert first == 'apps/shop/' + object_key('new', 'an id')
    assert older == ('apps/shop/' + object_key('old', 'an id'),)
    assert is_key(first)


@pytest.mark.parametrize('secrets', [[], [''], ['new', ''], ['', 'old']])
def test_without_a_secret_there_are_no_keys_and_the_line_to_write_is_said(secrets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"ui\.run\(storage_secret='…'\)") as caught:
        Keys(secrets)
    assert caught.value.setting == 'secrets'
