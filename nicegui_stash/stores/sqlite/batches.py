"""A thread that takes all that waits and works on it at once, so that what is slow is done once for all of it."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, Protocol, TypeVar

from ...errors import Unavailable

MOST_BYTES: Final = 16 * 1024 * 1024
"""What one batch has at most, so that it neither fills the memory nor holds a lock for long."""


class Question(Protocol):
    """What is asked of the work: about which object, by which operation, with how many bytes."""

    @property
    def operation(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def size(self) -> int: ...


Q = TypeVar('Q', bound=Question)
Q_contra = TypeVar('Q_contra', bound=Question, contravariant=True)
Asked = list[tuple[Q, asyncio.Future[Any]]]
Waiting = SimpleQueue[Asked[Q] | None]
"""What was asked in one turn of an event loop, in parts much smaller than `MOST_BYTES`; `None` is the end."""


class Work(Protocol[Q_contra]):
    """What is done in the thread."""

    def answer(self, questions: Sequence[Q_contra], /) -> Sequence[Any]:
        """Answer each question, in their order; an exception is an answer too. Raises nothing."""
        ...

    def close(self) -> None:
        """Release what is open; the next `answer` opens it again."""
        ...


class BatchThread(Generic[Q]):
    """A thread for one kind of work, started by the first question; no event loop is ever held by it.

    A question that was cancelled before its turn is dropped. One that was cancelled later is worked on.

    What is asked in one turn of an event loop goes to the thread together: it would else begin with the first, do that
    alone, and take the interpreter from the loop that is asking.
    """

    def __init__(self, name: str, work: Work[Q]) -> None:
        self._name = name
        self._work = work
        self._closed = False
        self._begin()
        _threads.add(self)

    def _begin(self) -> None:
        self._waiting: Waiting[Q] = SimpleQueue()
        self._gate = threading.Lock()
        self._asking = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked: dict[asyncio.AbstractEventLoop, Asked[Q]] = {}
        # A store that nobody closed ends its threads when it is collected.
        weakref.finalize(self, self._waiting.put, None).atexit = False

    async def ask(self, question: Q) -> Any:
        """Return the answer, or raise it if it is an exception."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._asking:
            if self._closed:
                raise Unavailable(question.operation, question.key, 'the store is closed')
            asked = self._asked.get(loop)
            if asked is None:
                asked = self._begin_turn(loop)
            asked.append((question, future))
        return await future

    def _begin_turn(self, loop: asyncio.AbstractEventLoop) -> Asked[Q]:
        self._asked = {each: asked for each, asked in self._asked.items() if not each.is_closed()}
        asked = self._asked[loop] = []
        loop.call_soon(self._end_turn, loop)
        return asked

    def _end_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._asking:
            if asked := self._asked.pop(loop, None):
                self._hand_over(asked)

    def _hand_over(self, asked: Asked[Q]) -> None:
        if self._thread is None:
            arguments = (self._waiting, self._gate, self._work)
            self._thread = threading.Thread(target=_serve, args=arguments, name=self._name, daemon=True)
            self._thread.start()
        start = size = 0
        for index, (question, _) in enumerate(asked, 1):
            size += question.size
            if size >= MOST_BYTES // 16 or index == len(asked):
                self._waiting.put(asked[start:index])
                start, size = index, 0

    def close(self) -> None:
        """Wait for what was asked, and end the thread. It blocks."""
        with self._asking:
            self._closed = True
            for asked in self._asked.values():
                self._hand_over(asked)
            self._asked.clear()
            self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def hold(self) -> threading.Lock:
        """Return the lock that is held during the work, for who does the same work elsewhere."""
        return self._gate

    def before_fork(self) -> None:
        self._gate.acquire()
        self._work.close()

    def after_fork_in_parent(self) -> None:
        self._gate.release()

    def after_fork_in_child(self) -> None:
        """Begin without a thread: what waits here is the parent's to do."""
        self._begin()


def _serve(waiting: Waiting[Q], gate: threading.Lock, work: Work[Q]) -> None:
    while True:
        batch, is_last = _take(waiting)
        if batch := [(question, future) for question, future in batch if not future.cancelled()]:
            with gate:
                answers = _answers(work, [question for question, _ in batch])
            _reply([(future, answer) for (_, future), answer in zip(batch, answers, strict=True)])
            del answers
        del batch  # an idle thread keeps nobody's values
        if is_last:
            break
    with gate:
        work.close()


def _answers(work: Work[Q], questions: Sequence[Q]) -> Sequence[Any]:
    try:
        return work.answer(questions)
    except Exception as error:  # noqa: BLE001 without an answer everybody would wait for ever
        work.close()
        return [error] * len(questions)


def _take(waiting: Waiting[Q]) -> tuple[Asked[Q], bool]:
    """Wait for the first questions, and take all others that are there; and whether it is the end."""
    batch: Asked[Q] = []
    size = 0
    with suppress(Empty):
        while size < MOST_BYTES:
            taken = waiting.get_nowait() if batch else waiting.get()
            if taken is None:
                return batch, True
            batch += taken
            size += sum(question.size for question, _ in taken)
    return batch, False


def _reply(answers: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    """Let each event loop wake up once for all answers to it."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for future, answer in answers:
        loops.setdefault(future.get_loop(), []).append((future, answer))
    for loop, theirs in loops.items():
        with suppress(RuntimeError):  # it is closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(answers: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, BaseException):
            future.set_exception(answer)
        else:
            future.set_result(answer)


# SQLite keeps a list of the files and locks of its process. A forked process would inherit the list without the locks,
# and take it for true. So nothing is open at a fork, and either side opens the file again.
_threads: weakref.WeakSet[BatchThread[Any]] = weakref.WeakSet()
_forking = threading.Lock()
_held: list[BatchThread[Any]] = []


def _before_fork() -> None:
    _forking.acquire()
    for thread in list(_threads):
        thread.before_fork()
        _held.append(thread)


def _after_fork_in_parent() -> None:
    for thread in _held:
        thread.after_fork_in_parent()
    _held.clear()
    _forking.release()


def _after_fork_in_child() -> None:
    for thread in _held:
        thread.after_fork_in_child()
    _held.clear()
    _forking.release()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
