from uuid import uuid4

from nicegui import ui

messages: list[tuple[str, str]] = []


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

    own_id = uuid4().hex
    ui.label(f'You are guest {own_id[:6]}')
    text = ui.input('Message').on('keydown.enter', send)
    conversation(own_id)


ui.run()
