"""The bar on every page: how the page came back, whether its changes are durable, and accidents to try."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from nicegui import ui

from . import outage, supervisor
from .state import stash
from .troubled import Trouble

# by `recovery.reason`: an icon, a name, and an explanation
REASONS = {
    'visit': ('login', 'Opened', 'You opened this page.'),
    'reload': ('refresh', 'Reloaded', 'You reloaded this page.'),
    'history': ('history', 'Opened again', 'You came with the back or forward button.'),
    'rejoin': (
        'auto_awesome',
        'Came back by itself',
        'The connection or the server was lost. Your visit goes on, with what you typed meanwhile.',
    ),
    'duplicate': ('content_copy', 'Duplicated', 'This tab is a copy of another one.'),
    'subpage': ('swap_horiz', 'Switched', 'You came here without loading a page.'),
    'unknown': ('login', 'Opened', 'The browser has not said why this page was loaded.'),
}
# by `recovery.status`
STATUSES = {
    'fresh': ('for the first time', 'Nothing was stored for it yet.'),
    'recovered': ('recovered', 'Its stored values are back.'),
    'discarded': ('discarded', 'Its stored values could not be migrated to this version of the page.'),
    'expired': ('expired', 'Its stored values had been unused for too long.'),
    'quarantined': ('set aside', 'Its stored values were damaged, and were set aside.'),
    'unavailable': ('store away', 'The store does not answer yet; changes are kept in memory.'),
}
TROUBLES: dict[str, Trouble] = {'Slow store': 'slow', 'Store away': 'away', 'Full disk': 'full'}


def bar(page: object) -> None:
    """Show the bar for a page that nicegui_stash made."""
    ask = _forget_dialog()
    with ui.footer().classes('bar-place'), ui.row().classes('bar').props('role=group aria-label="This page"'):
        _recovery(page)
        stash.indicator(page).classes('said').props('data-testid=durability')
        ui.space()
        _trouble(page)
        _button(
            'wifi_off', 'Drop my connection', 'Drop', 'Until the server has given this page up', outage.drop_connection
        )
        _button(
            'rocket_launch', 'Redeploy', 'Redeploy', 'Replace the server while everybody is using it', outage.redeploy
        )
        if supervisor.number:
            _button('dangerous', 'kill -9', 'kill -9', 'End the server process at once: SIGKILL', outage.kill)
        _button('delete_sweep', 'Forget me', 'Forget', 'Erase all that is stored for this browser', ask.open)


def _recovery(page: object) -> None:
    recovery = stash.recovery(page)  # the browser's report updates it, and bound elements follow
    with ui.row().classes('chip accent').props('data-testid=recovery'):
        ui.icon('').bind_name_from(recovery, 'reason', lambda reason: REASONS[reason][0])
        ui.label().bind_text_from(recovery, 'reason', lambda reason: REASONS[reason][1])
        status = ui.label().classes('max-sm:hidden')
        status.bind_text_from(recovery, 'status', lambda status: f'· {STATUSES[status][0]}')
        with ui.tooltip().classes('hint'):
            ui.label().bind_text_from(recovery, 'reason', lambda reason: REASONS[reason][2])
            ui.label().bind_text_from(recovery, 'status', lambda status: STATUSES[status][1])


def _trouble(page: object) -> None:
    def choose(text: str) -> None:
        outage.trouble(TROUBLES[text], page)
        ui.notify(f'{text}, for {outage.TROUBLE_LASTS:.0f} seconds: change something.', position='top')

    with _button('thunderstorm', 'Trouble', 'Trouble', 'Let the store be slow, away or full for a while'), ui.menu():
        for text in TROUBLES:
            ui.menu_item(text, partial(choose, text))


def _button(icon: str, text: str, short: str, hint: str, on_click: Callable[[], Any] | None = None) -> ui.button:
    with ui.button(on_click=on_click, color=None).classes('bar-button').props(f'flat aria-label="{text}"') as button:
        ui.icon(icon)
        ui.label(text).classes('max-lg:hidden')
        ui.label(short).classes('lg:hidden')
        ui.tooltip(hint).classes('hint')
    return button


def _forget_dialog() -> ui.dialog:
    async def forget() -> None:
        dialog.close()
        await stash.forget()
        ui.notify('All that was stored for this browser is erased.', position='top')

    with ui.dialog() as dialog, ui.column().classes('panel question'):
        ui.label('Forget everything?').classes('text-xl font-semibold')
        ui.label('Counter, drafts, board and settings go back to their defaults, in all tabs of this browser.')
        with ui.row().classes('w-full justify-end'):
            ui.button('Keep it', on_click=dialog.close).props('flat')
            ui.button('Forget me', on_click=forget, color='negative')
    return dialog
