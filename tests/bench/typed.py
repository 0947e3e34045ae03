"""What carrying typed values over a reload costs a real Chromium, for a page of fifty fields that were all changed.

CPU time of the page's thread, as the browser's own trace has it. To be found there, each call of our scripts from
outside is made by an event that is dispatched for it; the trace says how long each of these took. What is left out: the
few lines of ours between NiceGUI's code and such a call.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, async_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.proxy import Proxy
from tests.browser.server import Server
from tests.browser.tab import Tab, Visitor

from .measure import Row, Samples, Target

SCOPES = {'session': 'shown at once', 'reconnect': 'built after the report'}
FIELDS = 50
CATEGORIES = ['devtools.timeline', 'v8']
OURS = 'of-ours-'
BEFORE = {f'{OURS}mark'}
"""When the document goes away: collects what has to be carried, and puts it into `sessionStorage`."""
FOCUS = {f'{OURS}focus', f'{OURS}setSelectionRange'}
TRACED = """(() => {
    let isWithin = false;
    const trace = (object, name) => {
        const call = object[name];
        object[name] = function (...given) {
            if (isWithin) return call.apply(this, given);
            const node = document.createElement('i');
            let returned;
            node.addEventListener('OURS' + name, () => {
                isWithin = true;
                try {
                    returned = call.apply(this, given);
                } finally {
                    isWithin = false;
                }
            });
            node.dispatchEvent(new Event('OURS' + name));
            return returned;
        };
    };
    const catching = (object, name, ...within) => {
        let found;
        Object.defineProperty(object, name, {
            get: () => found,
            set(value) {
                found = value;
                for (const each of within) catching(found, each);
                queueMicrotask(() => {  // not within the run of the script, which is traced as well
                    for (const [key, {value}] of Object.entries(Object.getOwnPropertyDescriptors(found)))
                        if (typeof value === 'function') trace(found, key);
                });
            },
        });
    };
    catching(window, '__niceguiStash', 'typed', 'focus');
    trace(HTMLElement.prototype, 'focus');
    trace(HTMLInputElement.prototype, 'setSelectionRange');
})()""".replace('OURS', OURS)
"""Finds our scripts' calls. Put into the page before they run."""
TYPE = """async ([keystrokes, words]) => {
    const fields = [...document.querySelectorAll('.fifty input, input.fifty')];
    fields[0].focus();
    document.body.dispatchEvent(new Event('typing-begins'));
    for (let number = 0; number < keystrokes; number++) {
        const field = fields[number % fields.length];
        field.value = `${words} ${number}`;
        field.dispatchEvent(new Event('input', {bubbles: true}));
        await Vue.nextTick();
    }
    document.body.dispatchEvent(new Event('typing-ends'));
}"""
BY_HAND = """() => {
    const node = document.createElement('i');
    node.addEventListener('by-hand', () => {
        const bound = Object.entries(mounted_app.elements).filter(([, { props }]) => 'value' in props);
        const values = bound.map(([id]) => [id, document.getElementById(`c${id}`).value]);
        sessionStorage.setItem('by hand', JSON.stringify(values));
        const found = JSON.parse(sessionStorage.getItem('by hand'));
        sessionStorage.removeItem('by hand');
        for (const [id, value] of found) mounted_app.elements[id].props.value = value;
    });
    node.dispatchEvent(new Event('by-hand'));
}"""
"""Carries fifty values by element id, without asking whether they are wanted."""
Event = dict[str, Any]


class Fifty:
    """The page of fifty fields in a tab, and the network between the two."""

    def __init__(self, browser: Browser, server: Server, proxy: Proxy, tab: Tab) -> None:
        self.browser = browser
        self.server = server
        self.proxy = proxy
        self.tab = tab

    async def trace(self, work: Callable[[], Awaitable[object]]) -> list[Event]:
        """Return the timed events of the browser while something is done."""
        await self.browser.start_tracing(page=self.tab.page, categories=CATEGORIES)
        await work()
        trace: dict[str, list[Event]] = json.loads(await self.browser.stop_tracing())
        return [event for event in trace['traceEvents'] if 'tdur' in event]

    async def type(self, keystrokes: int, words: str) -> None:
        await self.tab.page.evaluate(TYPE, [keystrokes, words])

    async def come_to_rest(self) -> None:
        """Return when everything that was typed is in the store."""
        await self.tab.page.wait_for_function('window.__niceguiStash.typed.pending === 0', polling=50)

    async def rejoin(self) -> list[Event]:
        """Go away, type forty characters into each field, come back; return what was traced from then on."""
        client = await self.tab.client()
        self.proxy.drop()
        await self.tab.disconnected()
        await self.type(40 * FIELDS, 'what was typed while nobody answered')
        await self.server.forgot(client)

        async def come_back() -> None:
            self.proxy.restore()
            await self.tab.connected(after=client)
            await self.come_to_rest()

        return await self.trace(come_back)


@asynccontextmanager
async def opened(
    browser: Browser, folder: Path, scope: str, *, script: str = '', rejoin: str = 'reload'
) -> AsyncIterator[Fifty]:
    """Serve the page with fields of this scope, or without the library; open it, with a script of ours in it."""
    async with (
        Server(
            'fifty.py',
            folder,
            store=folder / f'store-{scope}-{rejoin}',
            scope=scope,
            reconnect_timeout=0.3,
            nicegui_stash_rejoin=rejoin,
        ) as server,
        Proxy(server.port) as proxy,
        Visitor(browser) as visitor,
    ):
        tab = await visitor.tab()
        await tab.page.add_init_script(script)
        await tab.goto(proxy.url)
        yield Fifty(browser, server, proxy, tab)


async def measure(folder: Path, rounds: int) -> list[Row]:
    """Type with and without the library in turns; go away and come back with what was typed."""
    samples = Samples()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        async with (
            opened(browser, folder, '') as plain,
            opened(browser, folder, 'reconnect') as ours,
            opened(browser, folder, 'reconnect', rejoin='in_place') as in_place,
        ):
            for _ in range(-1, 3 * rounds):
                samples.add('page without us', await _keystroke(plain))
                for name, page in (('keystroke', ours), ('keystroke, in place', in_place)):
                    samples.add(name, await _keystroke(page))
                    await page.come_to_rest()
        for scope in SCOPES:
            async with opened(browser, folder, scope, script=TRACED) as page:
                for _ in range(-1, rounds):
                    await _carried(samples, scope, page)
        await browser.close()
    return _rows(samples.without_first())


async def _keystroke(page: Fifty) -> float:
    """Return the microseconds of a keystroke, with all that follows from it in the page before the next one."""
    await page.tab.page.bring_to_front()
    events = await page.trace(lambda: page.type(10 * FIELDS, 'some words'))
    begin, end = (next(e['tts'] for e in events if type_of(e) == f'typing-{what}') for what in ('begins', 'ends'))
    return (end - begin) / (10 * FIELDS)


async def _carried(samples: Samples, scope: str, page: Fifty) -> None:
    """Take milliseconds of each part of a rejoin."""
    async with httpx.AsyncClient() as client:
        line = line_of_script((await client.get(page.server.url)).text)
    events = await page.rejoin()
    calls = {kind for event in events if (kind := type_of(event)).startswith(OURS)}
    before, after = spent(events, BEFORE), spent(events, calls - BEFORE - FOCUS)
    loaded = sum(event['tdur'] / 1000 for event in events if is_of_ours(event, line))
    if not before or not after or not loaded:
        raise RuntimeError('our scripts are not in the trace, so that nothing was measured')
    by_hand = await page.trace(lambda: page.tab.page.evaluate(BY_HAND))
    parts = {'before': before, 'after': after, 'carry': before + after, 'load': loaded, 'focus': spent(events, FOCUS)}
    for part, taken in {**parts, 'by hand': spent(by_hand, {'by-hand'})}.items():
        samples.add(f'{part}, {scope}', taken)


def _rows(samples: Samples) -> list[Row]:
    rows: list[Row] = []
    for scope, how in SCOPES.items():
        found = {part: samples[f'{part}, {scope}'] for part in ('carry', 'before', 'after', 'load', 'focus', 'by hand')}
        by_hand = found['by hand']
        rows += [
            Row(f'carry 50 fields, {how}', 'ms', found['carry'], by_hand, 'by hand', Target('value', 5)),
            Row(f'… before the reload, {how}', 'ms', found['before']),
            Row(f'… after it, {how}', 'ms', found['after']),
            Row(f'run our scripts at the beginning, {how}', 'ms', found['load']),
            Row(f'put the focus back, with layout, {how}', 'ms', found['focus']),
        ]
    plain = samples['page without us']
    for name in ('keystroke', 'keystroke, in place'):
        rows.append(Row(f'a {name}', 'µs', samples[name], plain, 'page without us', Target('difference', 20)))
    return rows


def type_of(event: Event) -> str:
    return str(event.get('args', {}).get('data', {}).get('type', ''))


def spent(events: list[Event], types: set[str]) -> float:
    """Return the milliseconds of CPU time in which events of these types were dispatched."""
    return sum(event['tdur'] / 1000 for event in events if type_of(event) in types)


def line_of_script(html: str) -> int:
    """Return the line in which our inline script begins."""
    return html.count('\n', 0, html.rindex('<script', 0, html.index('/_nicegui/stash/rejoin.js'))) + 1


def is_of_ours(event: Event, line: int) -> bool:
    """Whether an event is the first run of one of our scripts, including what it takes to compile it."""
    if event['name'] != 'EvaluateScript':
        return False
    data = event['args']['data']
    return '/_nicegui/stash/' in data['url'] or (data['url'].endswith('/') and data['lineNumber'] == line)
