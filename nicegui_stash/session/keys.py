"""Derives object keys and seals from secrets and the ids of sessions and people or names of rooms.

A reader of the bucket can derive neither a cookie nor a name.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Sequence
from hashlib import blake2b

from ..errors import ConfigurationError

_DOCUMENT_KEY = re.compile(r'(?P<folder>[\w-]{2})/(?P=folder)[\w-]{41}\.json', re.ASCII)
_LEFT_OVER_KEY = re.compile(
    r'probe/[0-9a-f]{32}-\d+|doctor/[0-9a-f]{8}-[\w/-]+|present/[0-9a-f]{12}/(?:servers|[0-9a-f]{2})', re.ASCII
)
_KEPT_KEY = re.compile(rf'(?:quarantine/)?(?:[\w.-]+/)*?{_DOCUMENT_KEY.pattern}(?:/[0-9a-f]{{16}})?', re.ASCII)


def object_key(secret: str, session_id: str) -> str:
    r"""Return the key of a session's document, relative to the store's prefix.

    HMAC-SHA256 of `"session\0" + id` in base64url, below a folder of its first two characters, so that a listing can
    be split and no folder of a disk grows large.

    >>> object_key('a secret', 'an id')
    '-p/-pk1q8NP06Gh1T4r6q2983k_M8ri-9v7dSt-BnwpCVQ.json'
    """
    return _object_key(secret, b'session', session_id)


def room_key(secret: str, name: str) -> str:
    r"""Return the key of a room's document: as that of a session, from `"room\0" + name`.

    So no session id leads to a room, nor the name of a room to a session.

    >>> room_key('a secret', 'an id')
    'hR/hR5s3W5blIwQ36U61mmhSWFLR1LJHs_6Im0dDEq2-yg.json'
    """
    return _object_key(secret, b'room', name)


def user_key(secret: str, name: str) -> str:
    r"""Return the key of a person's document: as that of a session, from `"user\0" + name`.

    >>> user_key('a secret', 'an id')
    'rJ/rJTyt1D40-ghYFVkxd_dpPYNJwipD50EQUC5w-r_ZGM.json'
    """
    return _object_key(secret, b'user', name)


def guest_key(secret: str, session_id: str) -> str:
    """Return the key of what a session's visitor enters for a person before signing in."""
    return _object_key(secret, b'guest', session_id)


def _object_key(secret: str, kind: bytes, name: str) -> str:
    message = kind + b'\0' + name.encode('utf-8', 'surrogatepass')
    digest = hmac.digest(secret.encode(), message, 'sha256')
    text = base64.urlsafe_b64encode(digest).rstrip(b'=').decode()
    return f'{text[:2]}/{text}.json'


class Keys:
    """The object keys and seals of one installation. The first secret makes new ones; all secrets are accepted."""

    def __init__(self, secrets: Sequence[str], prefix: str = '') -> None:
        if not secrets or not all(secrets):
            raise ConfigurationError(
                'secrets',
                'no secret to derive object keys from',
                "Pass one: ui.run(storage_secret='…') or Stash(secrets=['…'])",
            )
        self._secrets = tuple(secrets)
        self._seal_keys = [hmac.digest(secret.encode(), b'seal', 'sha256') for secret in secrets]
        self._presence_key = hmac.digest(secrets[0].encode(), b'present', 'sha256')
        self.prefix = prefix
        self._folder = f'{prefix}/' if prefix else ''

    def of(self, session_id: str) -> tuple[str, tuple[str, ...]]:
        """Return the key of a session, and its possible keys under older secrets."""
        return self._of(object_key, session_id)

    def of_room(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the key of a room, and its possible keys under older secrets."""
        return self._of(room_key, name)

    def of_user(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Return the key of a person, and its possible keys under older secrets."""
        return self._of(user_key, name)

    def of_guest(self, session_id: str) -> tuple[str, tuple[str, ...]]:
        """Return the key of a session's guest, and its possible keys under older secrets."""
        return self._of(guest_key, session_id)

    def _of(self, key: Callable[[str, str], str], name: str) -> tuple[str, tuple[str, ...]]:
        first, *older = (self._folder + key(secret, name) for secret in self._secrets)
        return first, tuple(older)

    def of_presence(self, table: str) -> str:
        """Return the key of an object that says who is present. Servers with another first secret use others."""
        return f'{self._folder}present/{self._presence_key[:6].hex()}/{table}'

    def token(self, text: str, size: int) -> str:
        """Return what stands for a name in such an object: `size` characters, four for three bytes."""
        digest = blake2b(text.encode('utf-8', 'surrogatepass'), key=self._presence_key, digest_size=size * 3 // 4)
        return base64.urlsafe_b64encode(digest.digest()).decode()

    def seal(self, text: str) -> str:
        """Return a seal of a text, which only this installation can make, for a browser to give back."""
        return _seal(self._seal_keys[0], text)

    def is_seal(self, seal: str, text: str) -> bool:
        """Whether this is the seal of a text, under any of the secrets."""
        given = seal.encode('utf-8', 'surrogatepass')
        return any(hmac.compare_digest(_seal(key, text).encode(), given) for key in self._seal_keys)


def _seal(key: bytes, text: str) -> str:
    return blake2b(text.encode('utf-8', 'surrogatepass'), key=key, digest_size=24).hexdigest()


def is_document_key(key: str, prefix: str = '') -> bool:
    """Whether a key has the form that `Keys` makes, below this prefix; locks and quarantined copies have not."""
    return _has_form(key, prefix, _DOCUMENT_KEY)


def is_kept_key(key: str) -> bool:
    """Whether a key is that of a document or of a quarantined copy, below any prefix: what a copy takes along."""
    return _KEPT_KEY.fullmatch(key) is not None


def is_left_over_key(key: str, prefix: str = '') -> bool:
    """Whether nobody needs an object of this form, below this prefix, that is as old as a session that expires.

    Probes and `doctor` remove what they make; what says who is present is put again while somebody is.
    """
    return _has_form(key, prefix, _LEFT_OVER_KEY)


def _has_form(key: str, prefix: str, form: re.Pattern[str]) -> bool:
    name = key.removeprefix(f'{prefix}/') if prefix else key
    return (key != name or not prefix) and form.fullmatch(name) is not None
