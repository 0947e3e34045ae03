from nicegui import ui


class Home:
    def build(self) -> None:
        ui.label('Write to somebody.')


class Letter:
    to: str = 'Ada'
    text: str = ''

    def build(self) -> None:
        ui.select(['Ada', 'Grace', 'Mary'], label='To').bind_value(self, 'to')
        ui.textarea('Letter').bind_value(self, 'text')


@ui.page('/')
@ui.page('/{_:path}')
def main() -> None:
    with ui.header():
        ui.button('Home', on_click=lambda: ui.navigate.to('/'))
        ui.button('Letter', on_click=lambda: ui.navigate.to('/letter'))
    ui.sub_pages({'/': lambda: Home().build(), '/letter': lambda: Letter().build()})


ui.run(storage_secret='private and random')
