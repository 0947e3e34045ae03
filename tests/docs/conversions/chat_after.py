from uuid import uuid4

from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash()

messages: list[tuple[str, str]] = []


@stash.state
class Guest:
    id: str = stored(default_factory=lambda: uuid4().hex)
    draft: str = stored('', scope='reconnect')


@ui.refreshable
def conversation(own_id: str) -> None:
    for sender, said in messages:
        ui.chat_message(text=said, name=f'guest {sender[:6]}', sent=sender == own_id)


@ui.page('/')
def chat() -> None:
    def send() -> None:
        messages.append((own_id, text.value))
        text.value = ''
        conversation.refresh()

    guest = stash.keep(Guest())
    own_id = guest.id
    ui.label(f'You are guest {own_id[:6]}')
    text = ui.input('Message').bind_value(guest, 'draft').on('keydown.enter', send)
    conversation(own_id)


ui.run(storage_secret='a private random text')
