"""Workers that take turns: one goes at a time, from one checkpoint to the next, in an order that somebody decides."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Abandoned(BaseException):
    """This worker is dead for the simulation; its thread is only to end."""


class Worker:
    """A thread that stops at each checkpoint until it is given its turn."""

    def __init__(self, work: Callable[["Worker"], None]) -> None:
        self._go = threading.Semaphore(0)
        self._back = threading.Semaphore(0)
        self._abandoned = False
        self.is_done = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[["Worker"], None]) -> None:
        self._go.acquire()
        try:
            work(self)
        except Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001  # told to the simulation, which decides
            self.error = error
        self.is_done = True
        self._back.release()

    def checkpoint(self) -> None:
        """Stop here; called by the worker itself."""
        self._back.release()
        self._go.acquire()
        if self._abandoned:
            raise Abandoned

    def turn(self) -> None:
        """Let it go on to its next checkpoint or its end."""
        if not self.is_done:
            self._go.release()
            self._back.acquire()

    def bury(self) -> None:
        """End the thread of a worker that died; it can do no harm any more."""
        self._abandoned = True
        while not self.is_done:
            self.turn()
        self._thread.join()


class InTurn(Executor):
    """Works what it is given in the thread that asks for the result: no order but the order of the list."""

    def __init__(self, _workers: int) -> None:
        pass

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> "Future[R]":
        """Keep it until its result is taken."""
        return _Later(lambda: fn(*args, **kwargs))


class _Later(Future[R]):
    """Does its work when the result is taken."""

    def __init__(self, work: Callable[[], R]) -> None:
        super().__init__()
        self._work = work

    def result(self, timeout: float | None = None) -> R:
        """Do it."""
        return self._work()
