from collections.abc import Callable

from nicegui import app, ui
from nicegui.page_arguments import RouteMatch

MEMBERS_ONLY: set[Callable[[], None]] = set()


def members_only(view: Callable[[], None]) -> Callable[[], None]:
    MEMBERS_ONLY.add(view)
    return view


class Views(ui.sub_pages):
    """Asks for the password before it shows a view that is for members only."""

    def _render_page(self, match: RouteMatch) -> bool:
        if match.builder in MEMBERS_ONLY and not app.storage.user.get('member'):
            self.ask()
            return True
        return super()._render_page(match)

    def ask(self) -> None:
        def enter() -> None:
            if password.value == 'swordfish':
                app.storage.user['member'] = True
                self.refresh()
            else:
                ui.notify('That is not the password')

        password = ui.input('Password', password=True).on('keydown.enter', enter)
        ui.button('Enter', on_click=enter)


def contact() -> None:
    ui.textarea('Message')


@members_only
def members() -> None:
    ui.label('We meet on Thursday.')


def leave() -> None:
    app.storage.user['member'] = False
    ui.navigate.to('/')


@ui.page('/')
@ui.page('/{_:path}')
def main() -> None:
    with ui.header():
        ui.button('Contact', on_click=lambda: ui.navigate.to('/'))
        ui.button('Members', on_click=lambda: ui.navigate.to('/members'))
        ui.button('Leave', on_click=leave).bind_visibility_from(app.storage.user, 'member')
    Views({'/': contact, '/members': members})


ui.run(storage_secret='private and random')
