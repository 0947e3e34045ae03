"""What the page on values that did not come back has a reader see."""

from __future__ import annotations

from nicegui import ui

from nicegui_stash.testing import rejoin, reload

from .conftest import Running
from .examples import named, program_of
from .looking import only


async def test_the_page_to_ask_says_why_it_was_loaded_also_where_it_is_built_before_that_is_known(
    running: Running,
) -> None:
    async with running(program_of(named('troubleshooting.md', 'look'))) as user:
        await user.open('/look')
        for label in ('fresh', 'unknown', '[]'):
            await user.should_see(label)
        await reload(user)
        await user.should_see('reload')
        await rejoin(user)
        await user.should_see('rejoin')
        await user.should_see('fresh')
        client = user.client
        assert client is not None
        with client:
            (await only(user, ui.input)).value = 'a draft'
        await rejoin(user)
        for label in ('recovered', 'rejoin'):
            await user.should_see(label)
