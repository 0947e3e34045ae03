"""Tokens: values that a browser keeps for the server, signed or encrypted, each bound to one field of one session."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import StashError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

MAX_TOKEN: Final = 64 * 1024
"""Characters of one token. A browser stores about five million for all apps of one origin."""

_SIGNED = re.compile(r'(?P<signed>s\.(?P<issued>\d{1,12})\.(?P<payload>[\w-]*))\.(?P<signature>[\w-]{43})', re.ASCII)
_ENCRYPTED = re.compile(r'e\.(?P<token>[\w-]+={0,2})', re.ASCII)


class BadToken(StashError):
    """A field's token cannot be used; the field has its default."""


class ExpiredToken(BadToken):
    """A field's token is genuine, but too old."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The content of a token. `issued`: in seconds since the epoch. `current`: made with the first secret and owner."""

    raw: msgspec.Raw
    issued: int
    encrypted: bool
    current: bool


class Tokens:
    """Make and open the tokens of one installation. The first secret makes them, all open them.

    A token is bound to its `place` (stored name, version, key, field) and to an `owner`, the session it was made for.
    The key that signs or encrypts it is derived from all of them, so a token at another place counts as forged.
    """

    def __init__(self, secrets: Sequence[str], prefix: str, max_age: float) -> None:
        """`secrets` and `prefix` are those of the installation; `max_age` of a token is in seconds."""
        self._secrets = tuple(secrets)
        self.prefix = prefix
        self.max_age = max_age

    def make(self, place: Sequence[str], owner: str, raw: msgspec.Raw, *, now: float, encrypted: bool = False) -> str:
        """Return the token of a field's JSON. `now`: in seconds since the epoch."""
        secret, issued = self._secrets[0], int(now)
        if encrypted:
            fernet = self._fernet(secret, place, owner)
            return f'e.{fernet.encrypt_at_time(bytes(raw), issued).decode()}'
        signed = f's.{issued}.{_to_text(bytes(raw))}'
        return f'{signed}.{_to_text(self._signature(secret, place, owner, signed))}'

    def open(self, place: Sequence[str], owners: Iterable[str], token: str, *, now: float) -> Opened:
        """Return the content of a token that was made at this place for one of the owners. Raises `BadToken`.

        A forged token and one from another place cannot be distinguished. Raises `ExpiredToken` if it is too old.
        """
        if len(token) > MAX_TOKEN:
            raise BadToken('it is too long for a token')
        pairs = list(product(self._secrets, owners))
        if match := _SIGNED.fullmatch(token):
            found = self._open_signed(place, pairs, match)
        elif match := _ENCRYPTED.fullmatch(token):
            found = self._open_encrypted(place, pairs, match['token'])
        else:
            raise BadToken('it is not a token')
        if now - found.issued > self.max_age:
            raise ExpiredToken(f'it is {(now - found.issued) / 86400:.1f} days old, and browser_ttl has passed')
        return found

    def is_due(self, opened: Opened, *, now: float, encrypted: bool) -> bool:
        """Whether a token needs a replacement: after a tenth of its life, or if a new one would be made differently."""
        return not opened.current or opened.encrypted != encrypted or now - opened.issued > self.max_age / 10

    def _open_signed(self, place: Sequence[str], pairs: list[tuple[str, str]], match: re.Match[str]) -> Opened:
        for number, (secret, owner) in enumerate(pairs):
            expected = _to_text(self._signature(secret, place, owner, match['signed']))
            if hmac.compare_digest(expected, match['signature']):
                return Opened(_raw(match['payload']), int(match['issued']), encrypted=False, current=number == 0)
        raise _foreign()

    def _open_encrypted(self, place: Sequence[str], pairs: list[tuple[str, str]], token: str) -> Opened:
        try:
            from cryptography.fernet import InvalidToken  # noqa: PLC0415 an extra
        except ImportError as error:
            raise BadToken('it is encrypted, and the package cryptography is not installed') from error
        if not _is_canonical(token):
            raise BadToken('it is not a token')
        for number, (secret, owner) in enumerate(pairs):
            fernet = self._fernet(secret, place, owner)
            try:
                raw = msgspec.Raw(fernet.decrypt(token))
                return Opened(raw, fernet.extract_timestamp(token), encrypted=True, current=number == 0)
            except InvalidToken:
                continue
        raise _foreign()

    def _signature(self, secret: str, place: Sequence[str], owner: str, signed: str) -> bytes:
        return hmac.digest(self._key('sign', secret, place, owner), signed.encode(), 'sha256')

    def _fernet(self, secret: str, place: Sequence[str], owner: str) -> Fernet:
        from cryptography.fernet import Fernet  # noqa: PLC0415 an extra, and slow to import

        return Fernet(base64.urlsafe_b64encode(self._key('encrypt', secret, place, owner)))

    def _key(self, purpose: str, secret: str, place: Sequence[str], owner: str) -> bytes:
        bound = json.dumps(['browser', purpose, self.prefix, owner, *place])  # different for every place
        return hmac.digest(secret.encode(), bound.encode(), 'sha256')


def _foreign() -> BadToken:
    return BadToken('it was tampered with, or made for another field, session or app')


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def _is_canonical(text: str) -> bool:
    """Whether base64 is canonical: its last character has unused bits."""
    try:
        return base64.urlsafe_b64encode(base64.urlsafe_b64decode(text)).decode() == text
    except binascii.Error:
        return False


def _raw(payload: str) -> msgspec.Raw:
    try:
        return msgspec.Raw(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
    except binascii.Error as error:  # a known secret can sign anything
        raise BadToken('it is not a token') from error
