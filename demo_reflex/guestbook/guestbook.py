"""A page of Reflex that survives kills: a counter, a text that is kept while it is typed, and a form."""

import reflex as rx


class Guestbook(rx.State):
    """What one tab has counted, typed and written."""

    count: int = 0
    draft: str = ''
    entries: list[str] = []
    author: str = rx.LocalStorage('')  # in the browser, for all its tabs
    _written: int = 0

    @rx.event
    def add(self) -> None:
        self.count += 1

    @rx.event
    def type(self, text: str) -> None:
        self.draft = text

    @rx.event
    def sign(self, name: str) -> None:
        self.author = name

    @rx.event
    def write(self, form: dict[str, str]) -> None:
        self.entries.append(f'{form["author"]}: {form["draft"]}')
        self.draft = ''
        self._written += 1

    @rx.var
    def letters(self) -> int:
        return len(self.draft)

    @rx.var
    def written(self) -> int:
        return self._written


def index() -> rx.Component:
    return rx.container(
        rx.vstack(
            rx.heading('Guestbook'),
            rx.text('Click, type, kill the server, start it again: the page comes back as it was.'),
            rx.cond(Guestbook.is_hydrated, rx.text('Connected.', id='connected'), rx.text('Connecting …')),
            rx.hstack(
                rx.button('Count', on_click=Guestbook.add, id='add'),
                rx.text(Guestbook.count, id='count'),
                align='center',
            ),
            rx.form(
                rx.vstack(
                    rx.input(name='author', placeholder='Your name', value=Guestbook.author, on_change=Guestbook.sign),
                    rx.text_area(
                        name='draft', placeholder='Your entry', value=Guestbook.draft, on_change=Guestbook.type
                    ),
                    rx.text('Letters: ', Guestbook.letters, id='letters'),
                    rx.button('Write', type='submit', id='write'),
                ),
                on_submit=Guestbook.write,
            ),
            rx.text('Written: ', Guestbook.written, id='written'),
            rx.foreach(Guestbook.entries, lambda entry: rx.text(entry, class_name='entry')),
        ),
    )


app = rx.App()
app.add_page(index, title='Guestbook')
