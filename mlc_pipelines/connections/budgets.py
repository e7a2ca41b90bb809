"""A rate budget in a database row: every process reserves its next call there, and waits outside."""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import Engine, Insert, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from mlc_pipelines.connections.tables import rate_budgets
from mlc_pipelines.wire.budget import emission, reserve, slack
from mlc_pipelines.wire.clock import Clock

LONGEST_PAUSE = 3600.0
"""The longest pause that is kept."""

BELIEVED_PAUSE = LONGEST_PAUSE + 60.0
"""A pause that seems to last longer was written by a clock that has stepped back since; clocks differ by less."""

FARTHEST_WINDOWS = 10
"""A reservation farther ahead than so many windows comes from such a clock too, and is dropped."""


_MINE = rate_budgets.c.name == bindparam("b_name")
_LOCKED = select(rate_budgets).where(_MINE).with_for_update()
_BOOK = update(rate_budgets).where(_MINE).values(tat=bindparam("b_tat"))
_PAUSED = select(rate_budgets.c.blocked_until).where(_MINE)
"""Built once: to build and compile them anew takes most of the time of a reservation."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a budget allows."""

    limit: int
    window_seconds: float
    burst: int


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a budget is booked, as a part of its window, and how long the next call would wait."""

    used: float
    wait_seconds: float


def shares(engine: Engine, measures: Mapping[str, Measure], *, now: float) -> dict[str, Share]:
    """Read how far the budgets of these names are booked; one that was never used is left out."""
    with engine.begin() as connection:
        rows = connection.execute(select(rate_budgets).where(rate_budgets.c.name.in_(list(measures)))).all()
    return {row.name: _share(measures[row.name], row.tat, row.blocked_until, now=now) for row in rows}


def _share(measure: Measure, tat: float, blocked_until: float, *, now: float) -> Share:
    start = _start(blocked_until, now)
    tat = _believed(tat, start, farthest=measure.window_seconds * FARTHEST_WINDOWS)
    step = emission(measure.limit, window_seconds=measure.window_seconds, burst=measure.burst)
    _, wait = reserve(tat, start, emission=step, burst=measure.burst)
    return Share(max(0.0, tat - now) / measure.window_seconds, wait + start - now)


def _start(blocked_until: float, now: float) -> float:
    """Say when calls may go, as far as pauses are concerned."""
    return max(now, blocked_until if blocked_until <= now + BELIEVED_PAUSE else now)


def _believed(tat: float, start: float, *, farthest: float) -> float:
    return tat if tat <= start + farthest else start


class SharedBudget:
    """At most `limit` calls in any window, bursts included, for all processes of one database (GCRA)."""

    def __init__(
        self, engine: Engine, name: str, *, limit: int, window_seconds: float, burst: int, clock: Clock
    ) -> None:
        self._engine = engine
        self._turn = threading.Lock()  # threads queue here, where none has to look again and again as at a database
        self._asking: deque[Future[tuple[float, float]]] = deque()
        self._writing = engine.execution_options(mlc_write=True)
        self._name = name
        self._emission = emission(limit, window_seconds=window_seconds, burst=burst)
        self._burst = burst
        self._farthest = window_seconds * FARTHEST_WINDOWS
        self._slack = slack(window_seconds)
        self._clock = clock
        self._there = False

    def acquire(self) -> None:
        """Wait until one call may be made; when a pause begins meanwhile, or the moment is missed, queue again."""
        missed = False
        while True:
            slot, paused_until = self._reserve()
            wait = slot - self._clock.now().timestamp()
            if wait > 0:
                self._clock.sleep(wait)
            paused = wait > 0 and paused_until < self._blocked_until()
            if not paused and (missed or self._clock.now().timestamp() <= slot + self._slack):
                return
            # Those who slept through a pause, or were stopped for long, would all go at once: each books a new slot.
            # A machine that is always late is given way to the second time.
            missed = missed or not paused

    def pause(self, seconds: float) -> None:
        """Keep every process from calling for so many seconds, an hour at most."""
        self._ensure()
        with self._writing.begin() as connection:
            now = self._clock.now().timestamp()
            until = now + min(seconds, LONGEST_PAUSE)
            ends = rate_budgets.c.blocked_until
            where = (rate_budgets.c.name == self._name, or_(ends < until, ends > now + BELIEVED_PAUSE))
            connection.execute(update(rate_budgets).where(*where).values(blocked_until=until))

    def _reserve(self) -> tuple[float, float]:
        """Book a slot: its moment, and the pause it takes into account.

        Whoever has the turn books for all threads that came meanwhile: one transaction, however many they are.
        """
        mine: Future[tuple[float, float]] = Future()
        self._asking.append(mine)
        with self._turn:
            if not mine.done():
                asking = [self._asking.popleft() for _ in range(len(self._asking))]
                try:
                    self._book(asking)
                except BaseException as error:
                    for each in asking:
                        if not each.done():
                            each.set_exception(error)
                    raise
        return mine.result()

    def _book(self, asking: Sequence[Future[tuple[float, float]]]) -> None:
        self._ensure()
        with self._writing.begin() as connection:
            row = connection.execute(_LOCKED, {"b_name": self._name}).first()
            if row is None:  # a backup from before there was one has been put in the database's place
                connection.execute(self._new())
                row = connection.execute(_LOCKED, {"b_name": self._name}).one()
            now = self._clock.now().timestamp()
            start = _start(row.blocked_until, now)
            tat = _believed(row.tat, start, farthest=self._farthest)
            slots = []
            for _ in asking:
                tat, wait = reserve(tat, start, emission=self._emission, burst=self._burst)
                slots.append(start + wait)
            connection.execute(_BOOK, {"b_name": self._name, "b_tat": tat})
        for each, slot in zip(asking, slots, strict=True):
            each.set_result((slot, row.blocked_until))

    def _blocked_until(self) -> float:
        with self._engine.begin() as connection:
            until: float | None = connection.execute(_PAUSED, {"b_name": self._name}).scalar()
        return until or 0.0

    def _new(self) -> Insert:
        return insert(rate_budgets).values(name=self._name, tat=0.0, blocked_until=0.0)

    def _ensure(self) -> None:
        if self._there:
            return
        with self._engine.begin() as connection:
            found = connection.execute(select(rate_budgets.c.name).where(rate_budgets.c.name == self._name)).first()
        if found is None:
            try:
                with self._writing.begin() as connection:
                    connection.execute(self._new())
            except IntegrityError:
                pass  # another process was first; its row is the one we share
        self._there = True
