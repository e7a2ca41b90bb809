"""A database that fails at one step: a statement refused, a commit refused, or a commit whose answer is lost."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Dialect, Engine, event

P = ParamSpec("P")
T = TypeVar("T")


class Here(Executor):
    """Works at once, in the thread that asks, so that steps come in the same order each time."""

    def __init__(self, _workers: int = 1) -> None:
        pass

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Do it."""
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # told by the future
            done.set_exception(error)
        return done


class FaultySteps:
    """Counts the steps of some engines and lets one of them fail, once; `failed` names it."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._at = 0
        self.steps = 0
        self.failed: str | None = None
        for engine in engines:
            self._follow(engine)

    def _follow(self, engine: Engine) -> None:
        dialect = engine.dialect
        commit = dialect.do_commit

        def execute(cursor: Any, statement: str, *_: object) -> None:
            self._step(" ".join(statement.split())[:60], dialect, cursor.connection)

        def do_commit(connection: Any) -> None:
            self._step("before a commit", dialect, connection.dbapi_connection)
            commit(connection)
            self._step("after a commit", dialect, connection.dbapi_connection)

        for hook in ("do_execute", "do_executemany", "do_execute_no_params"):
            event.listen(engine, hook, execute)
        dialect.do_commit = do_commit  # type: ignore[method-assign, assignment]  # no event lies between a commit and its answer

    def _step(self, what: str, dialect: Dialect, connection: Any) -> None:
        self.steps += 1
        if self.steps != self._at:
            return
        self.failed = what
        if dialect.name == "postgresql":
            connection.close()
        raise dialect.loaded_dbapi.OperationalError("the cable was pulled")

    @contextmanager
    def failing(self, at: int) -> Iterator[None]:
        """Let the step `at` of a block fail, counted from one; 0 lets none fail."""
        self.steps, self._at, self.failed = 0, at, None
        try:
            yield
        finally:
            self._at = 0
