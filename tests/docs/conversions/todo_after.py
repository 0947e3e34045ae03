from dataclasses import dataclass

from nicegui import ui

from nicegui_stash import Stash, stored

stash = Stash()


@dataclass
class Task:
    title: str
    done: bool = False


@stash.page('/')
class Todo:
    tasks: list[Task] = stored([])

    def __init__(self) -> None:
        self.tasks = [Task('Water the plants'), Task('Mend the bicycle')]

    def build(self) -> None:
        with ui.card():
            self.draw()
            stash.on_change(self, 'tasks', self.draw.refresh)
            new = ui.input('New task')
            ui.button('Add', on_click=lambda: self.add(new.value))

    @ui.refreshable_method
    def draw(self) -> None:
        ui.label(f'{sum(task.done for task in self.tasks)} of {len(self.tasks)} done')
        for task in self.tasks:
            with ui.row():
                ui.checkbox(task.title, on_change=self.draw.refresh).bind_value(task, 'done')
                ui.button('Remove', on_click=lambda task=task: self.remove(task))

    def add(self, title: str) -> None:
        self.tasks.append(Task(title))
        self.draw.refresh()

    def remove(self, task: Task) -> None:
        self.tasks.remove(task)
        self.draw.refresh()


ui.run(storage_secret='private and random')
