"""The rate budget: no window holds more than its limit, and little of it is wasted."""

import threading
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_pipelines.wire.budget import LocalBudget, emission, reserve, slack
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines_tests.wire.conftest import SteppedClock

GAPS = st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 90))


@given(
    limit=st.integers(2, 40), window=st.floats(0.5, 60), data=st.data(), gaps=st.lists(GAPS, min_size=1, max_size=150)
)
def test_no_window_holds_more_than_the_limit(limit: int, window: float, data: st.DataObject, gaps: list[float]) -> None:
    """However callers come, and though some calls arrive later than others: any window is within the limit."""
    burst = data.draw(st.integers(1, limit))
    delays = data.draw(st.lists(st.floats(0, 0.999), min_size=len(gaps), max_size=len(gaps)))
    step = emission(limit, window_seconds=window, burst=burst)
    asked, tat, calls, arrived = 0.0, 0.0, [], []
    for gap, delay in zip(gaps, delays, strict=True):
        asked += gap
        tat, wait = reserve(tat, asked, emission=step, burst=burst)
        calls.append(asked + wait)
        arrived.append(calls[-1] + delay * slack(window))
    assert calls == sorted(calls)
    arrived.sort()
    for first, moment in enumerate(arrived):
        assert bisect_right(arrived, moment + window) - first <= limit


@given(limit=st.integers(1, 100), data=st.data())
def test_waiting_work_uses_the_whole_rate(limit: int, data: st.DataObject) -> None:
    """A burst is granted at once, and what follows comes evenly."""
    burst = data.draw(st.integers(1, limit))
    step = emission(limit, window_seconds=60, burst=burst)
    tat, waits = 0.0, []
    for _ in range(burst + 10):
        tat, wait = reserve(tat, 1000.0, emission=step, burst=burst)
        waits.append(wait)
    assert waits[:burst] == pytest.approx([0.0] * burst, abs=1e-9)
    assert waits[burst:] == pytest.approx([step * n for n in range(1, 11)])


@pytest.mark.parametrize(("limit", "burst", "window"), [(10, 11, 60), (10, 0, 60), (0, 0, 60), (10, 5, 0)])
def test_a_burst_must_be_within_the_limit(limit: int, burst: int, window: float) -> None:
    """What may never be called at once, or never at all, is a mistake in the settings."""
    with pytest.raises(ValueError, match="does not fit"):
        emission(limit, window_seconds=window, burst=burst)


def test_a_local_budget_waits_on_its_clock(clock: SteppedClock) -> None:
    """Twenty calls against ten in ten seconds take the time they must."""
    budget = LocalBudget(limit=10, window_seconds=10, burst=5, clock=clock)
    start = clock.time
    for _ in range(20):
        budget.acquire()
    assert (clock.time - start).total_seconds() == pytest.approx(15 * 10.4 / 6)


def test_a_pause_holds_everybody_and_spends_nothing(clock: SteppedClock) -> None:
    """After a pause calls go on as after a silence; a shorter pause does not end a longer one."""
    budget = LocalBudget(limit=10, window_seconds=10, burst=5, clock=clock)
    start = clock.time
    budget.pause(30)
    budget.pause(5)
    for _ in range(5):
        budget.acquire()
    assert (clock.time - start).total_seconds() == pytest.approx(30)


def test_threads_share_a_local_budget() -> None:
    """Eight threads together stay within the limit on the machine's own clock."""
    clock = SystemClock()
    budget = LocalBudget(limit=20, window_seconds=0.4, burst=5, clock=clock)
    calls: list[float] = []
    lock = threading.Lock()

    def work(_: int) -> None:
        budget.acquire()
        with lock:
            calls.append(clock.now().timestamp())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert max(calls) - min(calls) >= 0.4 * 35 / 16 * 0.9


@pytest.mark.parametrize(
    ("limit", "window", "burst"),
    [(900, 60, 20), (200, 10, 3), (19_000, 3600, 500), (50, 10, 1), (5, 1, 1), (55, 60, 2)],
    ids=["IFS", "Ramp", "BILL", "Airbase", "Procurify", "BILL Spend"],
)
def test_the_budgets_of_our_systems_use_nearly_all(limit: int, window: float, burst: int) -> None:
    """What keeps calls apart and what is kept for late ones is less than a twentieth of the limit."""
    assert window / emission(limit, window_seconds=window, burst=burst) / limit >= 0.95
