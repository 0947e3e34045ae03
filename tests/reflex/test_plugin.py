"""The plugin in a real app of Reflex: what it takes over, what it refuses, and what a browser is sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import reflex as rx
from reflex.istate.manager.token import BaseStateToken
from reflex_base.registry import RegistrationContext

from nicegui_stash.errors import ConfigurationError
from nicegui_stash.reflex import StashPlugin, reflex_private
from nicegui_stash.reflex.manager import StashStateManager

SECRET = 'a secret of the tests'


class Clicks(rx.State):
    clicks: int = 0


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[rx.App]:
    """An app as `rxconfig.py` and an import make it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, 'rxconfig', SimpleNamespace(config=rx.Config(app_name='app', plugins=[])))
    with RegistrationContext.get().fork():
        yield rx.App()


async def test_an_app_keeps_its_states_with_the_plugin(app: rx.App, url: str) -> None:
    StashPlugin(url, secrets=SECRET).post_compile(app=app)
    manager = app.state_manager
    assert isinstance(manager, StashStateManager)
    token = BaseStateToken(ident='client', cls=Clicks)
    async with manager.modify_state_with_links(token) as tree:
        (await tree.get_state(Clicks)).clicks += 1
    await manager.close()
    tree = await manager.get_state(token)  # opened again
    assert (await tree.get_state(Clicks)).clicks == 1
    await manager.close()


async def test_what_a_browser_is_sent_is_durable_before(app: rx.App, url: str) -> None:
    sent: list[tuple[str, int]] = []

    async def emit_update(update: Any, token: str) -> None:
        del update
        session = manager._open().trees[token].session
        sent.append((token, session.pending))

    app.event_namespace.emit_update = emit_update
    StashPlugin(url, secrets=SECRET).post_compile(app=app)
    manager = app.state_manager
    async with manager.modify_state(BaseStateToken(ident='client', cls=Clicks)) as tree:
        (await tree.get_state(Clicks)).clicks += 1
        await app.event_namespace.emit_update(update=SimpleNamespace(delta={}), token='client')
    assert sent == [('client', 0)]
    await manager.close()


async def test_the_default_is_a_database_in_a_hidden_folder(app: rx.App, tmp_path: Path) -> None:
    StashPlugin(secrets=SECRET).post_compile(app=app)
    async with app.state_manager.modify_state(BaseStateToken(ident='client', cls=Clicks)) as tree:
        (await tree.get_state(Clicks)).clicks += 1
    await app.state_manager.close()
    assert (tmp_path / '.nicegui-stash' / 'stash.db').exists()


async def test_the_store_is_opened_when_the_app_starts(app: rx.App, tmp_path: Path) -> None:
    plugin = StashPlugin('ftp://example.com/x', secrets=SECRET)
    plugin.post_compile(app=app)
    with pytest.raises(ConfigurationError, match='allow_lost_updates'):
        async with app._run_lifespan_tasks(app):
            pass


def test_a_backend_without_a_secret_is_refused_but_not_a_build_of_the_page(app: rx.App) -> None:
    plugin = StashPlugin('memory://')
    with pytest.raises(ConfigurationError, match='NICEGUI_STASH_SECRETS'):
        plugin.post_compile(app=app)


def test_secrets_and_place_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('NICEGUI_STASH_SECRETS', 'one secret')
    monkeypatch.setenv('NICEGUI_STASH_URL', 'memory://')
    plugin = StashPlugin()
    assert (plugin._settings.secrets, plugin._settings.url) == (('one secret',), 'memory://')
    assert 'one secret' not in repr(plugin)


@pytest.mark.parametrize(
    ('option', 'value'),
    [
        ('answer', 'later'),
        ('on_unstorable', 'ignore'),
        ('on_invalid', 'ignore'),
        ('idle_timeout', timedelta()),
        ('answer_timeout', 0),
        ('prefix', '../x'),
    ],
)
def test_an_option_that_cannot_work_is_refused(option: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=option):
        StashPlugin('memory://', secrets=SECRET, **{option: value})


def test_a_state_that_clients_share_is_refused(app: rx.App, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = pytest.importorskip('reflex.istate.shared')
    cls = SimpleNamespace(__module__='app', __qualname__='Board', __subclasses__=list, _mixin=False)
    monkeypatch.setattr(shared, 'SharedState', SimpleNamespace(__subclasses__=lambda: [cls]))
    with pytest.raises(ConfigurationError, match=r'app\.Board are rx\.SharedState'):
        StashPlugin('memory://', secrets=SECRET).post_compile(app=app)


@pytest.mark.parametrize(('version', 'is_refused'), [('0.9.6.post2', True), ('0.10.0', False), ('1.0rc1', False)])
def test_a_reflex_that_is_too_old_is_refused(
    monkeypatch: pytest.MonkeyPatch, version: str, *, is_refused: bool
) -> None:
    monkeypatch.setattr(reflex_private, 'version', {'reflex': version}.__getitem__)
    refused = pytest.raises(ConfigurationError, match=f'Reflex {version} is too old')
    with refused if is_refused else nullcontext():
        StashPlugin('memory://', secrets=SECRET).post_compile(app=SimpleNamespace(_state=None))


def test_an_app_without_states_needs_nothing() -> None:
    StashPlugin('memory://', secrets=SECRET).post_compile(app=SimpleNamespace(_state=None))
