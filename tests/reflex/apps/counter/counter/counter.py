"""A counter and a form."""

import reflex as rx


class Counter(rx.State):
    """What one visitor has counted."""

    count: int = 0
    names: list[str] = []
    _added: int = 0

    @rx.event
    def add(self) -> None:
        self.count += 1
        self._added += 1

    @rx.event
    def enter(self, form: dict[str, str]) -> None:
        self.names.append(form['name'])

    @rx.var
    def added(self) -> int:
        return self._added


def index() -> rx.Component:
    return rx.vstack(
        rx.text(Counter.count, id='count'),
        rx.button('add', on_click=Counter.add, id='add'),
        rx.foreach(Counter.names, rx.text),
        rx.form(rx.input(name='name', id='name'), on_submit=Counter.enter),
    )


app = rx.App()
app.add_page(index)
