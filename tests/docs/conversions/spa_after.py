from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash()


class Home:
    def build(self) -> None:
        ui.label('Write to somebody.')


@stash.view
class Letter:
    to: str = stored('Ada')
    text: str = stored('', scope='reconnect')

    def build(self) -> None:
        ui.select(['Ada', 'Grace', 'Mary'], label='To').bind_value(self, 'to')
        ui.textarea('Letter').bind_value(self, 'text')


@ui.page('/')
@ui.page('/{_:path}')
def main() -> None:
    with ui.header():
        ui.button('Home', on_click=lambda: ui.navigate.to('/'))
        ui.button('Letter', on_click=lambda: ui.navigate.to('/letter'))
    ui.sub_pages({'/': lambda: Home().build(), '/letter': Letter})


ui.run(storage_secret='private and random')
