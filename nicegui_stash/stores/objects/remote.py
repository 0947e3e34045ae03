"""A store on a server of object storage: one client, deadlines of our own, and errors by what the server answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from ...errors import OutcomeUnknown, StoreError, Unavailable
from ..base import NOT_MODIFIED, ETag, Guarantee, Mode, NotModified, ObjectInfo, Replace, StoredObject
from ..keys import check_key, folder_of, is_key
from .answers import Answer, answered_error, is_absent

DEADLINE = 10.0
"""Seconds that one operation may take, repetitions by the library included; a page of a listing is one operation."""


_AT_FAULT = (TypeError, ValueError, KeyError, ImportError)
"""What libraries raise for options that they cannot use, when they are opened. Later it may be a fault of theirs."""


class Driver(Protocol):
    """What one library does for one kind of server. Its methods raise what the library raises.

    Paths are below the root that its URL names. An object that is absent, unchanged, or was changed by someone else is
    an error of the library as any other: `answer` says what it means.
    """

    quoted: bool
    """Whether an etag is sent as it was received, in quotes; some servers compare it without."""

    async def open(self) -> None:
        """Make the one client; nothing is asked of the server yet."""
        ...

    async def get(self, key: str, unless: ETag | None) -> StoredObject:
        """Read a body and the etag of the same answer; 304 if it still is `unless`."""
        ...

    async def put(self, key: str, body: bytes, mode: Mode) -> ETag:
        """Write in the mode, in one request that the server decides on."""
        ...

    async def delete(self, key: str) -> None:
        """Remove without a condition, which several servers ignore."""
        ...

    def pages(self, prefix: str) -> AsyncIterator[list[ObjectInfo]]:
        """Iterate over the answers of a listing, each with the keys below the root."""
        ...

    def answer(self, error: Exception) -> Answer:
        """Say what an error of the library means."""
        ...

    async def close(self) -> None:
        """Close the client's connections."""
        ...


class RemoteStore:
    """Objects of one bucket or container below a prefix, through a driver, which is opened by the first operation.

    It trusts that the server honours conditions: `ProbedStore` finds out. Etags are content hashes on some servers, so
    an etag may come back with the bytes.
    """

    guarantee: Guarantee = 'shared'
    flush_interval: float = 1.0

    def __init__(self, driver: Driver, shown: str, *, deadline: float = DEADLINE) -> None:
        """Name the driver, the URL as it may be shown, and the seconds that an operation may take."""
        self._driver = driver
        self._shown = shown
        self._deadline = deadline
        self._opening = asyncio.Lock()
        self._is_open = False
        self.resends = False

    def __repr__(self) -> str:
        return f'{type(self._driver).__name__.removesuffix("Driver")}({self._shown!r})'

    @property
    def quoted_etags(self) -> bool:
        """Whether an etag is sent in quotes, as it was received. The probe finds out what the server wants."""
        return self._driver.quoted

    @quoted_etags.setter
    def quoted_etags(self, quoted: bool) -> None:
        self._driver.quoted = quoted

    async def get(self, key: str, *, unless: ETag | None = None) -> StoredObject | NotModified | None:
        """Read an object; of one that is unchanged no body is transferred."""
        check_key(key)
        if not self._is_open:
            await self._open('get', key)
        try:
            async with asyncio.timeout(self._deadline):
                found = await self._driver.get(key, unless)
        except Exception as error:
            answer = self._answer(error)
            if answer.status == 304:
                return NOT_MODIFIED
            if is_absent(answer):
                return None
            raise answered_error('get', key, answer) from error
        if found.etag == unless:
            self.resends = True
            return NOT_MODIFIED
        return found

    async def put(self, key: str, body: bytes, *, mode: Mode) -> ETag:
        """Write an object if the server finds that its mode holds."""
        check_key(key)
        if not self._is_open:
            await self._open('put', key)
        try:
            async with asyncio.timeout(self._deadline):
                return await self._driver.put(key, body, mode)
        except Exception as error:
            raise answered_error('put', key, self._answer(error), replaces=isinstance(mode, Replace)) from error

    async def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        check_key(key)
        if not self._is_open:
            await self._open('delete', key)
        try:
            async with asyncio.timeout(self._deadline):
                await self._driver.delete(key)
        except Exception as error:
            answer = self._answer(error)
            if not is_absent(answer):
                raise answered_error('delete', key, answer) from error

    async def list(self, prefix: str = '') -> AsyncIterator[ObjectInfo]:
        """Iterate over the objects whose key starts with `prefix`, a page of the server's listing at a time."""
        folder_of(prefix)
        if not self._is_open:
            await self._open('list', prefix)
        pages = aiter(self._driver.pages(prefix))
        while True:
            try:
                async with asyncio.timeout(self._deadline):
                    page = await anext(pages, None)
            except Exception as error:
                raise answered_error('list', prefix, self._answer(error)) from error
            if page is None:
                return
            for info in page:
                if is_key(info.key):
                    yield info

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        async with self._opening:
            if self._is_open:
                self._is_open = False
                await self._driver.close()

    def _answer(self, error: Exception) -> Answer:
        if isinstance(error, TimeoutError):
            return Answer(code='no answer in time')
        return self._driver.answer(error)

    async def _open(self, operation: str, key: str) -> None:
        """Open the driver if it is not, once for operations that begin together; what fails here was not applied."""
        async with self._opening:
            if self._is_open:
                return
            try:
                async with asyncio.timeout(self._deadline):
                    await self._driver.open()
            except Exception as error:
                answer = self._answer(error)
                if isinstance(error, _AT_FAULT):
                    answer = Answer(refusal=type(error).__name__)
                raise _not_attempted(answered_error(operation, key, answer)) from error
            self._is_open = True


def _not_attempted(error: StoreError) -> StoreError:
    return Unavailable(error.operation, error.key, error.reason) if isinstance(error, OutcomeUnknown) else error
