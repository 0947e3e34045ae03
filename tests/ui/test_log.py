"""The log never has a stored value: a marker value goes through everything that can go wrong."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from nicegui import run, ui
from nicegui.testing import User

from nicegui_stash import Stash, ValueNotStorable, stored
from nicegui_stash.model.codec import Codec
from nicegui_stash.settings import Rejoin
from nicegui_stash.testing import FaultyStore, restart
from nicegui_stash.ui.app.runtime import _warn_of_memory

from .scene import Browser, close, emit, eventually, idle, replace, serving, shown, type_into, with_values

MARKER = 'sw0rdfish'
NUMBER = 8_675_309


@dataclass
class Inner:
    text: str = ''
    numbers: list[int] = field(default_factory=list)


def declare(stash: Stash) -> type:
    @stash.page('/')
    class Page:
        text: str = stored('')
        count: int = stored(0)
        items: list[int] = stored([])
        inner: Inner = stored(Inner())
        kind: Literal['', 'plain'] = stored('')
        by_name: dict[str, list[int]] = stored({})
        ratio: str = stored('0', encode=str, decode=lambda text: str(int(text)))  # int() quotes what it refuses
        choice: str = stored('', validate=lambda choice: choice != MARKER)
        draft: str = stored('', scope='reconnect')

        def build(self) -> None:
            ui.input('text').mark('text').bind_value(self, 'text')
            ui.input('kind').mark('kind').bind_value(self, 'kind')
            ui.input('ratio').mark('ratio').bind_value(self, 'ratio')
            ui.button('break', on_click=self.inner_breaks)

        def inner_breaks(self) -> None:
            self.inner.numbers.append(MARKER)  # type: ignore[arg-type]

    return Page


async def refused(stash: Stash, tab: User, page: Any) -> None:
    """Try what is refused: assigned, appended, bound, too large, inside of a dataclass, from a worker thread."""
    with pytest.raises(ValueNotStorable):
        page.count = MARKER
    with pytest.raises(ValueNotStorable):
        page.items.append(MARKER)
    with pytest.raises(ValueNotStorable):
        page.text = MARKER * 200
    with pytest.raises(ValueNotStorable):
        page.by_name[MARKER] = [0.5]
    for name, value in (('text', NUMBER), ('kind', MARKER), ('ratio', MARKER)):
        type_into(tab, name, value)
    (button,) = tab.find('break').elements
    emit(tab, button, 'click')
    await idle()
    with pytest.raises(ValueNotStorable):
        stash.save(page)
    page.inner.numbers.clear()
    with pytest.raises(ValueNotStorable):
        await run.io_bound(setattr, page, 'count', MARKER)
    await run.io_bound(setattr, page, 'text', MARKER * 200)  # refused when it arrives on the loop
    await idle()


@pytest.mark.proves('quiet-log')
async def test_no_log_record_ever_contains_a_stored_value(
    url: str, store: FaultyStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, 'nicegui_stash')
    async with serving(lambda: Stash(url, flush_interval=0, drain_timeout=0.2, max_value_bytes=1000)) as stash:
        cls = declare(stash)
        ann = Browser()
        tab = await ann.open()
        page = shown(stash, tab, cls)

        await refused(stash, tab, page)

        # stored, conflicts, lost answers, a store that refuses or fails in a way of its own
        page.text, page.count, page.items, page.choice, page.draft = MARKER, NUMBER, [NUMBER], MARKER, MARKER
        await stash.flush(page)
        await replace(store, with_values(text=f'{MARKER} of another server', count=MARKER))
        store.conflict_after_apply(1)
        store.lose_answers(1)
        page.items = [NUMBER, 1]
        await stash.flush(page)
        store.fail_next('put', ZeroDivisionError(), ZeroDivisionError())
        page.items = [NUMBER, 2]
        await stash.flush(page)

        # quarantined
        await replace(store, lambda body: body[:-20])
        await restart(tab, kill=True)
        await eventually(lambda: stash.statistics().quarantined)
        page = shown(stash, tab, cls)
        page.text, page.draft = MARKER, MARKER
        await stash.flush(page)

        # a page that goes, and a drain that fails
        other = await ann.open()
        shown(stash, other, cls).text = f'{MARKER} again'
        await close(other)
        store.down = True
        page.text = f'{MARKER} that cannot be drained'
    store.down = False
    messages = '\n'.join(record.getMessage() + str(record.exc_text or '') for record in caplog.records)
    for said in ('was not stored', 'changed in place', 'worker thread', 'reading again', 'does not declare',
                 'the bytes are kept as', 'is away', 'not drained yet', 'before the server stopped'):  # fmt: skip
        assert said in messages
    assert MARKER not in messages
    assert str(NUMBER) not in messages


@pytest.mark.parametrize(
    ('annotation', 'value', 'told'),
    [
        (int, 'sw0rdfish', 'a.b: Expected `int`, got `str`'),
        (Literal['a', 'b'], 'sw0rdfish', 'a.b: the value does not match its annotation'),
        (
            dict[str, list[int]],
            {'sw0rdfish': [1j]},
            'a.b at $[...]: the value does not match its annotation',
        ),
        (list[int], [1, 'sw0rdfish'], 'a.b at $[1]: Expected `int`, got `str`'),
        (dict[str, float], {'sw0rdfish': math.nan}, 'a.b at $[...]: NaN and infinity cannot be written as JSON'),
    ],
    ids=str,
)
def test_what_is_logged_of_a_refusal_names_no_value(annotation: object, value: object, told: str) -> None:
    with pytest.raises(ValueNotStorable) as caught:
        Codec('a.b', annotation).encode(value)
    assert caught.value.without_value.startswith(told)
    assert MARKER not in caught.value.without_value


async def test_statistics_count_what_happened(stash: Stash, store: FaultyStore) -> None:
    cls = declare(stash)
    page = shown(stash, await Browser().open(), cls)
    before = stash.statistics()
    page.text = 'a'
    store.conflict_after_apply(1)
    await stash.flush(page)
    store.down = True
    page.text = 'b'
    await eventually(lambda: stash.statistics().failures > before.failures)
    found = stash.statistics()
    assert (found.sessions, found.pending, found.pending_bytes) == (1, 1, len(b'"b"'))
    assert (found.conflicts - before.conflicts, found.quarantined, found.refused_changes) == (1, 0, 0)
    assert found.puts > before.puts
    assert found.bytes_put > before.bytes_put
    assert not await stash.ready()
    store.down = False
    await stash.flush(page)
    assert await stash.ready()
    assert stash.statistics().pending == 0


@pytest.mark.proves('nonce')
@pytest.mark.parametrize(('rejoin', 'script'), [('reload', 'typed.js'), ('in_place', 'in_place.js')])
async def test_the_nonce_is_at_our_scripts_and_nowhere_else(url: str, rejoin: Rejoin, script: str) -> None:
    async with serving(lambda: Stash(url, csp_nonce='r4nd0m', rejoin=rejoin)) as stash:

        @stash.page('/')
        class Page:
            def build(self) -> None: ...

        html = (await Browser().get()).text
    first = html[html.index('<script nonce="r4nd0m">') :]
    assert '<script nonce="r4nd0m" src="${prefix}/_nicegui/stash/rejoin.js' in first[: first.index('</script>')]
    assert re.search(rf'<script nonce="r4nd0m"[^>]* src="/_nicegui/stash/{script}', html)
    assert html.count('nonce=') == 3  # NiceGUI's own inline scripts have none


async def test_that_memory_keeps_nothing_is_said_once_per_process_and_in_tests_as_information(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _warn_of_memory.cache_clear()
    for _ in range(2):
        async with serving(lambda: Stash(url)):
            pass
    (record,) = [each for each in caplog.records if 'a restart loses it' in each.getMessage()]
    assert record.levelno == logging.INFO
