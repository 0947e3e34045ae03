"""What is typed in the first moments of a page that comes back: the text is whole, and nothing older is shown again."""

from __future__ import annotations

from pathlib import Path

import pytest

from .proxy import LATENCIES, way_to
from .server import Server
from .tab import Tab, Visitor
from .told import dead, restart
from .typist import enter, rejected, shows, visit

ONCE = """(() => {
    // types one character at the end of the line, once in a document, and as early as that can be
    let isDone = sessionStorage.typesOnce !== 'true';
    const type = () => {
        const target = document.querySelector('[data-testid=line-input]');
        if (isDone || !target) return;
        isDone = true;
        target.focus();
        target.setSelectionRange(target.value.length, target.value.length);
        document.execCommand('insertText', false, '!');
        window.handOver?.();
    };
    WHEN
})()"""

IS_THERE = 'new MutationObserver(type).observe(document, { childList: true, subtree: true });'
IS_ACKNOWLEDGED = """
    let stash;
    Object.defineProperty(window, '__niceguiStash', {
        get: () => stash,
        set(value) {
            stash = value;
            const acknowledge = stash.acknowledge;
            stash.acknowledge = (...given) => {
                acknowledge(...given);
                type();
            };
        },
    });
"""

IS_THERE_AND_NOTHING_HANDED_OVER = f"""
    let stash, typed;
    const watched = {{
        get: () => typed,
        set(value) {{
            typed = value;
            const send = typed.send;
            typed.send = () => (window.handOver = () => send());
        }},
    }};
    Object.defineProperty(window, '__niceguiStash', {{
        get: () => stash,
        set: (value) => (stash = Object.defineProperty(value, 'typed', watched)),
    }});
    {IS_THERE}
"""


async def visit_and_store(visitor: Visitor, url: str) -> Tab:
    tab = await visit(visitor, url)
    await enter(tab, line='stored', text='a text')
    await shows(tab, line='stored', text='a text')
    await tab.until('window.__niceguiStash.typed.pending === 0')
    return tab


async def types_once(tab: Tab, when: str) -> None:
    """Have each document of the tab from the next on type one character, when this script says."""
    await tab.page.add_init_script(ONCE.replace('WHEN', when))
    await tab.page.evaluate('sessionStorage.typesOnce = true')


@pytest.mark.proves('typed')
@pytest.mark.parametrize('latency', LATENCIES)
@pytest.mark.parametrize('when', [IS_THERE, IS_ACKNOWLEDGED], ids=['the element is there', 'it is acknowledged'])
async def test_what_is_typed_in_the_first_moment_of_a_page_that_comes_back_follows_what_was_typed_before(
    visitor: Visitor, folder: Path, when: str, latency: float
):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server, way_to(server, latency) as url:
        tab = await visit_and_store(visitor, url)
        async with dead(server, tab):
            await enter(tab, line='typed while away')
            await types_once(tab, when)
        await shows(tab, line='typed while away!')
        assert await rejected(tab) == []


@pytest.mark.parametrize('latency', LATENCIES)
async def test_what_is_typed_before_inputs_show_what_they_were_made_to_show_stays(
    visitor: Visitor, folder: Path, latency: float
):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server, way_to(server, latency) as url:
        tab = await visit_and_store(visitor, url)
        await types_once(tab, IS_ACKNOWLEDGED)
        await restart(server, tab, kill=True)  # nothing is carried
        await shows(tab, line='stored!')


async def test_what_is_typed_over_an_older_text_while_the_page_is_still_being_built_counts(
    visitor: Visitor, folder: Path
):
    async with Server('typed.py', folder, nicegui_stash_rejoin='reload') as server:
        tab = await visit_and_store(visitor, f'{server.url}/waits')
        async with dead(server, tab):
            await enter(tab, line='typed while away', text='typed while away')
            await types_once(tab, IS_THERE_AND_NOTHING_HANDED_OVER)
        await shows(tab, line='stored!', text='typed while away')
