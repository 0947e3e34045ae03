"""Two servers follow each other on a real server of S3, which tells nobody of a put."""

from __future__ import annotations

import pytest

from nicegui_stash.model.limits import Policy
from nicegui_stash.session.keys import Keys
from nicegui_stash.session.registry import Registry
from tests.servers.s3 import S3Server

from .objects import trusted
from .test_watching import page_of, until


@pytest.mark.parametrize('engine', ['fsspec', 'obstore'])
async def test_what_one_server_puts_into_a_room_is_shown_by_the_other(seaweedfs: S3Server, engine: str) -> None:
    url = seaweedfs.url()
    registries = [
        Registry(
            trusted(url, seaweedfs.options, engine), Keys(['a secret']), Policy(flush_interval=0, live_interval=0.05)
        )
        for _ in range(2)
    ]
    here, there = [await page_of(registry) for registry in registries]
    there.put('title', b'"Garden"')
    await until(lambda: here.value('title') == b'"Garden"')
    here.put('sort', b'"by name"')
    await until(lambda: there.value('sort') == b'"by name"')
    there.room.forget()
    await until(lambda: here.value('title') is None)
    for registry in registries:
        await registry.drain(30.0)
        await registry.aclose()
        await registry.store.aclose()
