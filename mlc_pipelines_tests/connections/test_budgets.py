"""The shared budget: all processes together stay within the limit, pauses hold them all, clocks may err."""

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update

from mlc_pipelines.connections.budgets import FARTHEST_WINDOWS, LONGEST_PAUSE, SharedBudget
from mlc_pipelines.connections.tables import rate_budgets
from mlc_pipelines.errors import StorageError
from mlc_pipelines.ledger.database import open_engine, reading, writing
from mlc_pipelines.wire.budget import slack
from mlc_pipelines.wire.clock import Clock, SystemClock
from mlc_pipelines_tests.connections.processes import in_processes, spend
from mlc_pipelines_tests.wire.conftest import SteppedClock


def step(limit: int, *, window: float, burst: int) -> float:
    """Seconds between two calls once the burst is used."""
    return (window + slack(window)) / (limit - burst + 1)


STEP = step(10, window=10, burst=5)
"""That of `budget`."""


def budget(engine: Engine, clock: Clock, name: str = "acme/ifs") -> SharedBudget:
    return SharedBudget(engine, name, limit=10, window_seconds=10, burst=5, clock=clock)


def calls(shared: SharedBudget, clock: SteppedClock, count: int) -> Iterator[float]:
    for _ in range(count):
        shared.acquire()
        yield clock.now().timestamp()


def elapsed(shared: SharedBudget, clock: SteppedClock, count: int) -> float:
    start = clock.now().timestamp()
    return list(calls(shared, clock, count))[-1] - start


def test_a_burst_goes_at_once_and_the_rest_evenly(engine: Engine, clock: SteppedClock) -> None:
    """Twenty calls against ten in ten seconds take the time they must, and no window holds more than ten."""
    moments = list(calls(budget(engine, clock), clock, 20))
    assert moments[4] == moments[0]
    assert moments[-1] - moments[0] == pytest.approx(15 * STEP)
    for first, moment in enumerate(moments):
        assert bisect_right(moments, moment + 10 - 1e-3) - first <= 10


def test_objects_of_one_name_share_and_names_do_not(engine: Engine, clock: SteppedClock) -> None:
    """The row is the budget: whoever opens it later goes on where it stands."""
    assert elapsed(budget(engine, clock), clock, 5) == 0
    assert elapsed(budget(engine, clock, "acme/ramp"), clock, 5) == 0
    assert elapsed(budget(engine, clock), clock, 1) == pytest.approx(STEP)


def test_a_pause_holds_everybody_and_spends_nothing(engine: Engine, clock: SteppedClock) -> None:
    """After it a whole burst may go; a shorter pause does not end a longer one."""
    one, two = budget(engine, clock), budget(engine, clock)
    one.pause(30)
    one.pause(5)
    assert elapsed(two, clock, 5) == pytest.approx(30, abs=1e-3)
    assert elapsed(two, clock, 1) == pytest.approx(STEP, abs=1e-3)


def test_a_pause_may_be_longer_than_many_windows(engine: Engine, clock: SteppedClock) -> None:
    """Ten minutes are kept against a window of ten seconds; what lasts longer than an hour ends after an hour."""
    shared = budget(engine, clock)
    shared.pause(600)
    assert elapsed(shared, clock, 1) == pytest.approx(600, abs=1e-3)
    shared.pause(86400)
    assert elapsed(shared, clock, 1) == pytest.approx(LONGEST_PAUSE, abs=1e-3)


def test_a_budget_goes_on_in_a_backup_from_before_it(engine: Engine, clock: SteppedClock) -> None:
    """Whoever worked with the database before finds no row there, and makes it anew."""
    shared = budget(engine, clock)
    assert elapsed(shared, clock, 6) == pytest.approx(STEP)
    with writing(engine) as connection:
        connection.execute(delete(rate_budgets))
    assert elapsed(shared, clock, 5) == 0
    assert elapsed(shared, clock, 1) == pytest.approx(STEP)


@pytest.mark.parametrize("column", ["tat", "blocked_until"])
def test_a_clock_that_steps_back_holds_nobody_for_long(engine: Engine, clock: SteppedClock, column: str) -> None:
    """What a day ahead wrote into the row is dropped, and the next pause is kept again."""
    shared = budget(engine, clock)
    shared.acquire()
    tomorrow = clock.now().timestamp() + 86400
    with writing(engine) as connection:
        connection.execute(update(rate_budgets).values({column: tomorrow}))
    assert elapsed(shared, clock, 4) == 0
    shared.pause(20)
    assert elapsed(shared, clock, 1) == pytest.approx(20, abs=1e-3)


def test_a_pause_by_a_clock_that_is_ahead_is_kept(engine: Engine, clock: SteppedClock) -> None:
    """The longest pause, seen from a machine whose clock is a few seconds behind, is still a pause."""
    ahead = SteppedClock()
    ahead.sleep(5)
    budget(engine, ahead).pause(LONGEST_PAUSE)
    assert elapsed(budget(engine, clock), clock, 1) == pytest.approx(LONGEST_PAUSE + 5, abs=1e-3)


def test_a_pause_that_begins_while_a_call_waits_is_waited_for(engine: Engine) -> None:
    """The call books a new slot behind the pause, so that the burst after it is one call shorter."""

    class PausingClock(SteppedClock):
        def sleep(self, seconds: float) -> None:
            if not self.slept:
                budget(engine, self).pause(30)
            super().sleep(seconds)

    clock = PausingClock()
    moments = list(calls(budget(engine, clock), clock, 11))
    paused = [moment - moments[0] for moment in moments[5:]]
    assert paused[:5] == pytest.approx([30.0] * 5, abs=1e-3)
    assert paused[5] == pytest.approx(30 + STEP, abs=1e-3)


@pytest.mark.parametrize("late", [1, 9], ids=["once", "always"])
def test_who_misses_a_moment_queues_again_once(engine: Engine, late: int) -> None:
    """Callers that were stopped in their sleep do not all go at once when they wake; a slow machine goes on."""

    class StoppedClock(SteppedClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds + (60 if len(self.slept) < late else 0))
            with writing(engine) as connection:  # others have booked meanwhile
                connection.execute(update(rate_budgets).values(tat=self.now().timestamp() + 30))

    clock = StoppedClock()
    list(calls(shared := budget(engine, clock), clock, 5))
    assert clock.slept == []
    shared.acquire()
    assert len(clock.slept) == 2


def test_a_clock_that_steps_back_a_little_costs_some_windows_at_most(engine: Engine, clock: SteppedClock) -> None:
    """Up to a bound the reservation is believed, for it may be a queue."""
    shared = budget(engine, clock)
    shared.acquire()
    ahead = clock.now().timestamp() + FARTHEST_WINDOWS * 10
    with writing(engine) as connection:
        connection.execute(update(rate_budgets).values(tat=ahead))
    assert 0 < elapsed(shared, clock, 1) <= FARTHEST_WINDOWS * 10


def test_the_database_is_free_while_a_call_waits(engine: Engine) -> None:
    """The wait is outside of any transaction: the clock itself can write meanwhile."""

    class WritingClock(SteppedClock):
        def sleep(self, seconds: float) -> None:
            with writing(engine) as connection:
                connection.execute(select(rate_budgets)).all()
            super().sleep(seconds)

    clock = WritingClock()
    assert elapsed(budget(engine, clock), clock, 7) == pytest.approx(2 * STEP, abs=1e-3)
    assert len(clock.slept) == 2


class Told(deque[Future[tuple[float, float]]]):
    """A queue that tells of each who joins it."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = threading.Semaphore(0)

    def append(self, item: Future[tuple[float, float]]) -> None:
        super().append(item)
        self.joined.release()


class Queueing(SharedBudget):
    """Books nothing before so many `threads` have asked; `lots` says how many were booked at a time."""

    def __init__(self, engine: Engine, clock: Clock, *, threads: int) -> None:
        super().__init__(engine, "acme/ifs", limit=100, window_seconds=10, burst=20, clock=clock)
        self.lots: list[int] = []
        self.broken = False
        self._threads = threads
        self._asking: Told = Told()

    def _book(self, asking: Sequence[Future[tuple[float, float]]]) -> None:
        if not self.lots:
            assert all(self._asking.joined.acquire(timeout=10) for _ in range(self._threads))
        self.lots.append(len(asking))
        if self.broken:
            raise StorageError("away")
        super()._book(asking)


def test_those_who_ask_together_are_booked_together(engine: Engine, clock: SteppedClock) -> None:
    """One transaction for all threads that waited for their turn, and a slot for each of them."""
    shared = Queueing(engine, clock, threads=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: shared.acquire(), range(8)))
    assert sum(shared.lots) == 8
    assert len(shared.lots) <= 2
    with reading(engine) as connection:
        booked = connection.execute(select(rate_budgets.c.tat)).scalar_one() - clock.now().timestamp()
    assert booked == pytest.approx(8 * step(100, window=10, burst=20), abs=1e-3)


def test_when_the_database_is_away_all_who_asked_are_told(engine: Engine, clock: SteppedClock) -> None:
    """Nobody waits for ever, and the next one is served."""
    shared = Queueing(engine, clock, threads=8)
    shared.broken = True
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(shared.acquire) for _ in range(8)]
    assert [str(each.exception()) for each in asked] == ["away"] * 8
    shared.broken = False
    shared.acquire()


def bounded_below(moments: list[float], start: float, *, burst: int, apart: float) -> bool:
    """The nth call came no earlier than its slot: the burst at once, then one a step."""
    return all(
        moment >= start + (number - burst) * apart - 1e-3 for number, moment in enumerate(sorted(moments), start=1)
    )


def test_those_who_slept_through_a_pause_do_not_all_go_at_its_end(url: str) -> None:
    """They queue again behind it: after the pause, too, a burst goes at once and the rest evenly."""
    clock, moments, lock = SystemClock(), [], threading.Lock()
    drained = threading.Event()

    def work(_: int) -> None:
        engine = open_engine(url, durable=False)
        SharedBudget(engine, "acme/ifs", limit=10, window_seconds=0.5, burst=2, clock=clock).acquire()
        with lock:
            moments.append(clock.now().timestamp())
            if len(moments) == 2:
                drained.set()
        engine.dispose()

    pausing = open_engine(url, durable=False)
    with ThreadPoolExecutor(12) as pool:
        running = pool.map(work, range(12))
        assert drained.wait(10)
        SharedBudget(pausing, "acme/ifs", limit=10, window_seconds=0.5, burst=2, clock=clock).pause(0.5)
        list(running)
    with reading(pausing) as connection:
        until = connection.execute(select(rate_budgets.c.blocked_until)).scalar_one()
    pausing.dispose()
    held = [moment for moment in moments if moment >= until]
    assert len(held) >= 5
    assert bounded_below(held, until, burst=2, apart=step(10, window=0.5, burst=2))


def test_processes_share_a_budget(url: str, tmp_path: Path) -> None:
    """Three processes together call no faster than one may, and make the row once."""
    spent = in_processes(3, spend, url, tmp_path)
    start = min(moments[0] for moments in spent)
    assert bounded_below(
        [moment for moments in spent for moment in moments[1:]],
        start,
        burst=5,
        apart=step(20, window=0.5, burst=5),
    )
