"""What a person types and finds again.

One who types all the time does so within the page itself, so that it is certain which characters were entered.
"""

from __future__ import annotations

import json

from playwright.async_api import expect

from .tab import Tab, Visitor

TYPIST = """(() => {
    // The next character and where it goes are kept in sessionStorage: a new document goes on where the last one was.
    // It begins when the focus is back, and stops when the document is gone: in between nothing is typed.
    const FIELDS = ['line', 'text'];
    const element = (name) => document.querySelector(`[data-testid=${name}-input]`);
    const next = () => {
        const state = JSON.parse(sessionStorage.typist ?? 'null');
        if (!state || state.stopped) return;
        const name = FIELDS[state.turn % 2];
        const target = element(name);
        if (!target) return;
        if (document.activeElement !== target) {
            if (!state.moves) return;  // waits for the focus to come back
            target.focus();
            target.setSelectionRange(target.value.length, target.value.length);
        }
        const letter = String.fromCharCode(97 + state.typed[name].length % 26);
        document.execCommand('insertText', false, letter);
        state.typed[name] += letter;
        state.moves = false;
        if (++state.count % 40 === 0) {
            state.turn += 1;
            state.moves = true;
        }
        sessionStorage.typist = JSON.stringify(state);
    };
    setInterval(next, 25);
})()"""

START = "sessionStorage.typist = JSON.stringify({count: 0, turn: 0, moves: true, typed: {line: '', text: ''}})"
STOP = 'sessionStorage.typist = JSON.stringify({...JSON.parse(sessionStorage.typist), stopped: true})'


KNOWS = 'Object.keys(window.__niceguiStash.typed?.bound ?? {}).length > 0'


async def visit(visitor: Visitor, url: str) -> Tab:
    """Open a page, and return when it is connected and has been told which of its elements are bound."""
    tab = await visitor.open(url)
    await tab.until(KNOWS)
    return tab


class Typist:
    """Types 40 characters a second into two fields of a tab in turn, one second each."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab

    async def start(self) -> None:
        await self._tab.page.add_init_script(TYPIST)
        await self._tab.page.evaluate(START)
        await self._tab.page.evaluate(TYPIST)

    async def typed(self) -> dict[str, str]:
        """Return what was entered so far."""
        return await self._tab.page.evaluate('JSON.parse(sessionStorage.typist).typed')

    async def types_on(self, characters: int) -> None:
        """Return when so many more characters were entered."""
        before = await self._count()
        await self._tab.page.wait_for_function(
            'least => JSON.parse(sessionStorage.typist).count >= least', arg=before + characters, polling=50
        )

    async def stop(self) -> dict[str, str]:
        await self._tab.page.evaluate(STOP)
        return await self.typed()

    async def _count(self) -> int:
        return await self._tab.page.evaluate('JSON.parse(sessionStorage.typist).count')


async def shows(tab: Tab, **values: str) -> None:
    """Return when the inputs of these names show these values, and the server has them too."""
    for name, value in values.items():
        await expect(tab.page.get_by_test_id(f'{name}-input')).to_have_value(value)
        await expect(tab.page.get_by_test_id(name)).to_have_text(value)


async def enter(tab: Tab, **values: str) -> None:
    """Type into inputs, whether or not anybody answers."""
    for name, value in values.items():
        await tab.page.get_by_test_id(f'{name}-input').fill(value)


async def rejected(tab: Tab) -> list[tuple[str, str]]:
    """Return what `recovery.rejected` holds."""
    return [tuple(each) for each in json.loads(await tab.page.get_by_test_id('rejected').inner_text())]
