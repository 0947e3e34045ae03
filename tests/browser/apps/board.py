"""A board that several people have open, on one or several servers."""

from __future__ import annotations

import os

from fastapi import Request, Response
from nicegui import ui

import probe
from nicegui_stash import Stash, stored
from nicegui_stash.session import presence

presence.BEAT, presence.LAPSE = 0.5, 3.0
stash = Stash(os.environ['STORE'])


@stash.page('/board/{board}', room='board')
class Board:
    title: str = stored('', scope='room')
    votes: int = stored(0, scope='room')
    mine: str = stored('')

    def prepare(self, board: str, request: Request) -> Response | None:
        return Response(status_code=403) if 'stranger' in request.query_params else None

    def build(self, board: str) -> None:
        for name in ('title', 'mine'):
            ui.input(name).bind_value(self, name).props(f'data-testid={name}-input')
            ui.label().bind_text_from(self, name).props(f'data-testid={name}')
        ui.label().bind_text_from(self, 'votes').props('data-testid=votes')
        ui.label().bind_text_from(stash.present(self), 'count').props('data-testid=present')
        ui.button('vote', on_click=self.vote).props('data-testid=vote')

    async def vote(self) -> None:
        await stash.update(self, lambda found: setattr(found, 'votes', found.votes + 1))


probe.serve(tailwind=True)
