from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from nicegui import ui


@dataclass
class Task:
    text: str
    done: bool = False
    since: date = field(default_factory=date.today)


@dataclass
class Tasks:
    heading: str
    redraw: Callable[[], object]
    tasks: list[Task] = field(default_factory=list)

    def put(self, text: str) -> None:
        self.tasks.append(Task(text))
        self.redraw()

    def drop(self, task: Task) -> None:
        self.tasks.remove(task)
        self.redraw()


def main() -> None:
    @ui.refreshable
    def draw() -> None:
        ui.label(f'{sum(task.done for task in house.tasks)} of {len(house.tasks)} done')
        for task in house.tasks:
            with ui.row():
                done = ui.checkbox(task.text, value=task.done, on_change=draw.refresh).bind_value(task, 'done')
                done.tooltip(f'since {task.since}')
                ui.input('Task').bind_value(task, 'text')
                ui.button('Remove', on_click=lambda task=task: house.drop(task))

    house = Tasks('In the house', draw.refresh)
    house.put('Water the plants')
    house.put('Mend the bicycle')

    with ui.card():
        ui.label().bind_text_from(house, 'heading')
        draw()
        new = ui.input('New task')
        new.on('keydown.enter', lambda: house.put(new.value))


ui.run(main)
