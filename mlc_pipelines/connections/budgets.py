"""A rate budget in a database row: every process reserves its next call there, and waits outside."""

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.tables import rate_budgets
from mlc_pipelines.wire.budget import emission, reserve
from mlc_pipelines.wire.clock import Clock

FARTHEST_WINDOWS = 10
"""A reservation farther ahead than so many windows comes from a clock that stepped back, and is dropped."""


class SharedBudget:
    """At most `limit` calls in any window, bursts included, for all processes of one database (GCRA)."""

    def __init__(
        self, engine: Engine, name: str, *, limit: int, window_seconds: float, burst: int, clock: Clock
    ) -> None:
        self._engine = engine
        self._name = name
        self._emission = emission(limit, window_seconds=window_seconds, burst=burst)
        self._burst = burst
        self._farthest = window_seconds * FARTHEST_WINDOWS
        self._clock = clock

    def acquire(self) -> None:
        """Wait until one call may be made; a pause that begins meanwhile is waited for too."""
        wait = self._reserve()
        while wait > 0:
            self._clock.sleep(wait)
            wait = self._blocked_for()

    def pause(self, seconds: float) -> None:
        """Keep every process from calling for so many seconds."""
        until = self._clock.now().timestamp() + seconds
        self._ensure()
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            where = (rate_budgets.c.name == self._name, rate_budgets.c.blocked_until < until)
            connection.execute(update(rate_budgets).where(*where).values(blocked_until=until))

    def _reserve(self) -> float:
        self._ensure()
        with self._engine.execution_options(mlc_write=True).begin() as connection:
            row = connection.execute(
                select(rate_budgets).where(rate_budgets.c.name == self._name).with_for_update()
            ).one()
            now = self._clock.now().timestamp()
            tat = row.tat if row.tat <= now + self._farthest else now
            start = max(now, row.blocked_until if row.blocked_until <= now + self._farthest else now)
            tat, wait = reserve(tat, start, emission=self._emission, burst=self._burst)
            connection.execute(update(rate_budgets).where(rate_budgets.c.name == self._name).values(tat=tat))
            return wait + start - now

    def _blocked_for(self) -> float:
        with self._engine.begin() as connection:
            until: float = connection.execute(
                select(rate_budgets.c.blocked_until).where(rate_budgets.c.name == self._name)
            ).scalar_one()
        return max(0.0, min(until - self._clock.now().timestamp(), self._farthest))

    def _ensure(self) -> None:
        with self._engine.begin() as connection:
            if connection.execute(select(rate_budgets.c.name).where(rate_budgets.c.name == self._name)).first():
                return
        try:
            with self._engine.execution_options(mlc_write=True).begin() as connection:
                connection.execute(insert(rate_budgets).values(name=self._name, tat=0.0, blocked_until=0.0))
        except IntegrityError:  # another process was first
            return
