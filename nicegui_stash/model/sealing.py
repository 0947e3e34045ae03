"""Seals documents, so that who can read the store can neither read nor change them.

A sealed document is JSON of format 2: its outline in clear, and the document itself encrypted with AES-256-GCM. A
version of this library from before sees an unknown format, and leaves it alone.
"""

from __future__ import annotations

import binascii
import functools
import hmac
import os
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from ..errors import CannotOpen, MalformedDocument
from ..extras import install_line
from .document import FORMAT, Document, Natural, from_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SEALED: Final = b'{"format":2,"secret":"'
"""How a sealed document begins."""

_PAYLOAD: Final = b',"sealed":'
_END: Final = b'}'
_NONCE: Final = 12
_TAG: Final = 16
_ENTRY: Final = b'\0sealed'
"""How a sealed entry of a journal begins; an entry in clear is JSON."""
RECENT: Final = 1000
"""For how many documents the cipher is kept, which takes as long to make as to use."""
_MARK: Final = 6
"""Bytes that tell which secret sealed something, and nothing else of it."""


class _Outline(msgspec.Struct, omit_defaults=True):
    """What a sealed document says in clear: all but what people entered."""

    epoch: Natural
    seen: Natural
    applied: dict[str, Natural]
    erased: bool = False
    closing: Natural = 0
    born: Natural = 0


_outline = msgspec.json.Decoder(_Outline)
_payload = msgspec.json.Decoder(bytes)
_encoder = msgspec.json.Encoder()


def outline_of(body: bytes) -> Document:
    """Return a stored document; of a sealed one what it says in clear, without slices and not proven to be true.

    Raises `MalformedDocument` or `UnknownFormat`.
    """
    if not body.startswith(SEALED):
        return from_bytes(body)
    try:
        found = _outline.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedDocument(f'not a sealed document: {error}') from error
    return Document(
        FORMAT, found.epoch, found.seen, found.applied, {}, erased=found.erased, closing=found.closing, born=found.born
    )


class Sealing:
    """Seal and open what is stored. The first secret seals, all open; what is in clear is read, too.

    The key is derived from the secret and the address of the object, so another address cannot open it.
    """

    def __init__(self, secrets: Sequence[str] = (), *, encrypts: bool = False) -> None:
        """`encrypts`: whether what is put from now on is sealed, for which there must be a secret."""
        self.encrypts = encrypts
        self._roots = {
            hmac.digest(root, b'mark', 'sha256')[:_MARK]: root
            for root in (hmac.digest(secret.encode(), b'sealed documents', 'sha256') for secret in secrets)
        }
        self._first = next(iter(self._roots.items()), (b'', b''))
        self._cipher = functools.lru_cache(maxsize=RECENT)(_cipher_of)

    def seal(self, address: str, document: Document, body: bytes) -> bytes:
        """Return the sealed form of a document, which is also given as its bytes, for the object of this key."""
        mark, root = self._first
        outline = _Outline(
            document.epoch, document.seen, document.applied, document.erased, document.closing, document.born
        )
        head = b'%b%b",%b' % (SEALED, mark.hex().encode(), _encoder.encode(outline)[1:-1])
        padding = b' ' * (-(_NONCE + len(body) + _TAG) % 3)  # so that base64 has one way to write it
        payload = self._encrypted(root, address, body + padding, head)
        return b'%b%b%b%b' % (head, _PAYLOAD, _encoder.encode(payload), _END)

    def open(self, address: str, body: bytes) -> bytes:
        """Return the document in a sealed one that was made for the object of this key. Raises `CannotOpen`."""
        head, _, payload = body.partition(_PAYLOAD)
        root = self._root(self._mark_of(head))
        try:
            data = _payload.decode(payload[:-1])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise damaged() from error
        if payload[-1:] != _END or len(data) * 4 != (len(payload) - len(b'""}')) * 3:  # written in another way
            raise damaged()
        return self._decrypted(root, address, data, head)

    def is_current(self, body: bytes) -> bool:
        """Whether a document is sealed with the first secret, as far as it says in clear."""
        return body.startswith(SEALED) and self._mark_of(body.partition(_PAYLOAD)[0]) == self._first[0]

    def leaves(self, body: bytes) -> bool:
        """Whether bytes that are not a document may be a damaged sealed one, which is not replaced."""
        return self.encrypts or body.startswith(SEALED[:11]) or _PAYLOAD in body

    def _mark_of(self, head: bytes) -> bytes:
        """Return what tells the secret. Raises `CannotOpen` where that is cut off or damaged."""
        try:
            mark = binascii.unhexlify(head[len(SEALED) : len(SEALED) + 2 * _MARK])
        except binascii.Error as error:
            raise damaged() from error
        if len(mark) < _MARK:
            raise damaged()
        return mark

    def _root(self, mark: bytes) -> bytes:
        if (root := self._roots.get(mark)) is not None:
            return root
        if not self._roots:
            raise CannotOpen('it is sealed, and no secret is known', "set NICEGUI_STASH_SECRETS to the app's secrets")
        raise CannotOpen(
            'it is sealed with a secret that is not in secrets=',
            "add that secret behind the first: Stash(secrets=['new', 'old'])",
        )

    # ---- journals

    def seal_entry(self, address: str, sequence: int, entry: bytes) -> bytes:
        """Return the sealed entry of a journal, for the change of this number of this document."""
        mark, root = self._first
        return _ENTRY + mark + self._encrypted(root, address, entry, b'entry %d' % sequence)

    def open_entry(self, address: str, sequence: int, entry: bytes) -> bytes:
        """Return an entry of a journal in clear, whether or not it was sealed. Raises `CannotOpen`."""
        if not entry.startswith(_ENTRY):
            return entry
        begin = len(_ENTRY) + _MARK
        root = self._root(entry[len(_ENTRY) : begin])
        return self._decrypted(root, address, entry[begin:], b'entry %d' % sequence)

    # ---- encryption

    def _encrypted(self, root: bytes, address: str, text: bytes, beside: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher(root, address).encrypt(nonce, text, beside)

    def _decrypted(self, root: bytes, address: str, data: bytes, beside: bytes) -> bytes:
        try:
            _, invalid_tag = _algorithm()
        except ModuleNotFoundError as error:
            line = install_line('encryption', 'cryptography')
            raise CannotOpen('it is sealed, and the package cryptography is not installed', line) from error
        if len(data) < _NONCE + _TAG:
            raise damaged()
        try:
            return self._cipher(root, address).decrypt(data[:_NONCE], data[_NONCE:], beside)
        except invalid_tag as error:
            raise damaged() from error


def _cipher_of(root: bytes, address: str) -> AESGCM:
    """Return the cipher of one document. Each has its own key, so that no key sees the same random nonce twice."""
    cipher, _ = _algorithm()
    return cipher(blake2b(address.encode(), key=root, digest_size=32).digest())


@functools.cache
def _algorithm() -> tuple[type[AESGCM], type[Exception]]:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 an extra, and slow to import
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 as above

    return AESGCM, InvalidTag


def damaged() -> CannotOpen:
    """Return the error of what is sealed and was changed since, of which nothing can be believed."""
    return CannotOpen('it is damaged, or was sealed for another object', 'restore it from a backup, or remove it')


UNSEALED: Final = Sealing()
"""Seals nothing, and opens nothing."""
