"""The vocabulary of the tests of the NiceGUI edge: an app in this process, its visitors, and reads of the store."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast
from uuid import uuid4

import httpx
from nicegui import Client, core, ui
from nicegui.functions.download import download
from nicegui.functions.navigate import Navigate
from nicegui.functions.notify import notify
from nicegui.helpers import kebab_to_camel_case
from nicegui.nicegui import _on_handshake
from nicegui.testing import User
from nicegui.testing.general import nicegui_reset_globals, prepare_simulation

from nicegui_stash import Stash
from nicegui_stash.stores import Replace, StoredObject
from nicegui_stash.testing import FaultyStore
from nicegui_stash.ui.page.page_object import PageObject
from nicegui_stash.ui.page.stored_property import PAGE_OBJECT
from nicegui_stash.ui.visit.messages import MESSAGE
from tests.steady import count_only_waiting

T = TypeVar('T')
SECRET = 'the secret of the tests'


class Browser:
    """A person's browser: one cookie jar, any number of tabs. It outlives the server."""

    def __init__(self, **options: Any) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(core.app, raise_app_exceptions=False), base_url='http://test', **options
        )

    async def open(self, path: str = '/') -> User:
        """Open a page in a new tab, and let its page do what it does at the connect."""
        tab = User(self.http)
        await tab.open(path)
        await idle()
        return tab

    async def get(self, path: str = '/', **options: Any) -> httpx.Response:
        """Request a page without ever connecting to it."""
        return await self.http.get(path, **options)


@asynccontextmanager
async def serving(
    declare: Callable[[], T], *, root: Callable[[], None] | None = None, secret: str | None = SECRET
) -> AsyncIterator[T]:
    """Declare an app's pages, start it, and stop it at the end: one life of a server. Pages can be added later."""
    count_only_waiting()
    with nicegui_reset_globals():
        os.environ['NICEGUI_USER_SIMULATION'] = 'true'
        try:
            prepare_simulation()
            declared = declare()
            ui.run(root, storage_secret=secret)
            life = core.app.router.lifespan_context(core.app)
            await life.__aenter__()
            try:
                yield declared
            finally:
                await life.__aexit__(None, None, None)  # a failing test does not keep the app from being stopped
        finally:
            os.environ.pop('NICEGUI_USER_SIMULATION', None)
            ui.navigate, ui.notify, ui.download = Navigate(), notify, download


async def idle() -> None:
    """Let everything go on that can without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)


async def eventually(holds: Callable[[], T], timeout: float = 60.0) -> T:
    """Let time pass until something holds, for what another thread, process or timer does; return what it gave."""
    clock = asyncio.get_running_loop().time
    end = clock() + timeout
    while not (answer := holds()):
        assert clock() < end, 'it did not happen'
        await asyncio.sleep(0.002)
    return answer


# ---- pages


def client_of(tab: User) -> Client:
    assert tab.client is not None
    return tab.client


async def go(tab: User, path: str) -> None:
    """Navigate within the page."""
    client = client_of(tab)
    with client:
        await client.sub_pages_router._handle_open(path)
    await idle()


def page_object_of(page: object) -> PageObject:
    return vars(page)[PAGE_OBJECT]


def shown(stash: Stash, tab: User, cls: type[T], key: str = '') -> T:
    """Return the page object that a tab shows."""
    app_state = stash._app_state
    instance = app_state.connection_of(client_of(tab)).find(app_state.schema_of(cls), key)
    assert instance is not None, f'{cls.__name__} is not shown'
    return cast(T, instance.page)


def element(tab: User, marker: str) -> Any:
    """Return the only element with a marker, visible or not."""
    (found,) = [each for each in client_of(tab).elements.values() if marker in each._markers]
    return found


def text(tab: User, marker: str) -> str:
    return str(element(tab, marker).text)


def type_into(tab: User, marker: str, value: Any) -> None:
    """Change the value of an element as the browser does."""
    found = element(tab, marker)
    emit(tab, found, kebab_to_camel_case(f'update:{found.VALUE_PROP}'), value)


def emit(tab: User, found: Any, event: str, *args: Any) -> None:
    """Have the server receive an event of an element."""
    (listener,) = [each for each in found._event_listeners.values() if each.type == event]
    client_of(tab).handle_event({'id': found.id, 'listener_id': listener.id, 'args': [json.dumps(arg) for arg in args]})


def tell(tab: User, told: Any, *, number: int | None = None) -> None:
    """Have the server receive a message of our script in the browser, with its number."""
    message = {'client_id': client_of(tab).id, 'told': told, 'stash': number}
    core.sio.handlers['/'][MESSAGE]('the socket', message)


def sent(tab: User, kind: str) -> list[Any]:
    """Return the messages of one kind for a page: those that NiceGUI has sent, and those in its outbox."""
    outbox = client_of(tab).outbox
    messages = [*[message for _, _, message in outbox.message_history], *outbox.messages]
    return [{name: data[name] for name in data if name != '_id'} for _, each, data in messages if each == kind]


def click(tab: User, label: str) -> None:
    tab.find(label).click()


def disconnect(tab: User) -> str:
    """Close the socket of a tab; return what it was called."""
    client = client_of(tab)
    (socket,) = client._socket_to_document_id
    client.handle_disconnect(socket)
    return socket


async def reconnect(tab: User) -> None:
    """Open a new socket for the page that a tab shows, as after a short drop."""
    client = client_of(tab)
    (document,) = client._num_connections
    sent = {'client_id': client.id, 'tab_id': tab.tab_id, 'document_id': document}
    assert await _on_handshake(f'test-{uuid4()}', sent)
    await idle()


async def close(tab: User) -> None:
    """Close a tab, and let NiceGUI find that it will not come back."""
    client_of(tab).delete()
    await idle()


# ---- the store


async def documents(store: FaultyStore) -> dict[str, dict[str, Any]]:
    """Return what is really stored now, by key, as plain JSON."""
    found = {row.key: await store.inner.get(row.key) async for row in store.inner.list()}
    return {key: json.loads(each.body) for key, each in found.items() if isinstance(each, StoredObject)}


async def slice_of(store: FaultyStore, name: str, *, version: int = 1, key: str = '') -> dict[str, Any]:
    """Return a stored slice of the only document, with nothing in it if there is none."""
    found = await documents(store)
    assert len(found) <= 1, f'{len(found)} documents'
    for document in found.values():
        return document['slices'].get(name, {}).get(str(version), {}).get(key, {'data': {}, 'tabs': {}, 'visits': {}})
    return {'data': {}, 'tabs': {}, 'visits': {}}


async def data_of(store: FaultyStore, name: str, *, key: str = '') -> dict[str, Any]:
    """Return the stored session fields of a class in the only document."""
    return (await slice_of(store, name, key=key))['data']


async def replace(store: FaultyStore, body: bytes | Callable[[bytes], bytes]) -> str:
    """Replace the only document from outside, by bytes or by what a function makes of them; return its key."""
    (key,) = [row.key async for row in store.inner.list()]
    found = await store.inner.get(key)
    assert isinstance(found, StoredObject)
    await store.inner.put(key, body if isinstance(body, bytes) else body(found.body), mode=Replace(found.etag))
    return key


def with_values(**values: Any) -> Callable[[bytes], bytes]:
    """Return what changes session fields in a document with one slice, as another server would."""

    def change(body: bytes) -> bytes:
        document = json.loads(body)
        ((versions,),) = [list(keys.values()) for keys in document['slices'].values()]
        (found,) = versions.values()
        found['data'].update(values)
        return json.dumps(document).encode()

    return change
