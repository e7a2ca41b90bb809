"""Processes that share rate budgets call a server that counts; nobody may ever be above a limit.

The server stamps each request as it arrives and counts per credential: in windows that slide (any span as long as the
window) and in fixed ones (from full second to full second). It refuses what is above the limit, and, if told to, a
share of all calls as a busy service does: with `Retry-After` in seconds, as a date, unreadable, or not at all.
"""

import random
import signal
import subprocess
import sys
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import cycle
from math import ceil
from pathlib import Path

from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.strict.calling import Measure
from mlc_pipelines_tests.strict.server import Arrived, Reply, StrictServer

UNDER_WAY = 0.25
"""Seconds in which calls may still arrive that had left, or were leaving, when one was refused."""

FORMS = ("seconds", "date", "none", "unreadable", "negative", "fraction")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that was turned away, and until when everybody was asked to wait (None: it was not said)."""

    at: float
    until: float | None


class Counting:
    """Counts per credential; refuses what is above its limit, and every so many calls one."""

    def __init__(self, measures: Sequence[Measure], *, refuse_every: int, seed: int) -> None:
        self._measures = {measure.credential: measure for measure in measures}
        self.arrived: dict[str, list[float]] = {name: [] for name in self._measures}
        self.refused: dict[str, list[Refusal]] = {name: [] for name in self._measures}
        self._refuse_every = refuse_every
        self._forms = cycle(FORMS)
        self._chance = random.Random(seed)

    def __call__(self, asked: Arrived) -> Reply:
        name = asked.headers["x-credential"]
        measure, stamps = self._measures[name], self.arrived[name]
        stamps.append(asked.at)
        seconds = self._chance.uniform(0.005, 0.03)
        above = len(stamps) - bisect_right(stamps, asked.at - measure.window) > measure.limit
        if not above and (not self._refuse_every or len(stamps) % self._refuse_every):
            return Reply(seconds=seconds)
        text, until = _retry_after(next(self._forms), time.time())
        self.refused[name].append(Refusal(time.time(), until))
        return Reply(429, headers={"Retry-After": text} if text else {}, seconds=seconds)


def _retry_after(form: str, now: float) -> tuple[str | None, float | None]:
    match form:
        case "seconds":
            return "1", now + 1
        case "date":
            until = ceil(now) + 1
            return format_datetime(datetime.fromtimestamp(until, UTC), usegmt=True), until
        case "fraction":
            return "1.5", now + 1.5
        case "unreadable":
            return "in a while", None
        case "negative":
            return "-2", None
        case _:
            return None, None


@dataclass(frozen=True)
class Counted:
    """What the server counted for one credential."""

    measure: Measure
    calls: int
    fullest: int  # calls in the fullest window that slides
    over_sliding: int  # windows with more calls than the limit
    over_fixed: int
    refused: int
    in_pauses: int  # calls that came though everybody had been asked to wait
    used: float  # calls by the limit's whole sum, from the first window on
    stamps: Sequence[float] = field(repr=False)


def count(measure: Measure, stamps: Sequence[float], refused: Sequence[Refusal], *, until: float) -> Counted:
    """Count what came."""
    stamps = sorted(stamps)
    filled = [bisect_left(stamps, stamp + measure.window) - number for number, stamp in enumerate(stamps)]
    fixed = Counter(int(stamp // measure.window) for stamp in stamps)
    begin = stamps[0] + measure.window
    pauses = [(each.at + UNDER_WAY, each.until) for each in refused if each.until is not None]
    return Counted(
        measure,
        calls=len(stamps),
        fullest=max(filled),
        over_sliding=sum(number > measure.limit for number in filled),
        over_fixed=sum(number > measure.limit for number in fixed.values()),
        refused=len(refused),
        in_pauses=sum(max(0, bisect_left(stamps, ends) - bisect_left(stamps, starts)) for starts, ends in pauses),
        used=(bisect_left(stamps, until) - bisect_left(stamps, begin))
        / (measure.limit * (until - begin) / measure.window),
        stamps=stamps,
    )


def play(
    folder: Path,
    *,
    kind: str,
    measures: Sequence[Measure],
    processes: int = 8,
    threads: int = 4,
    seconds: float,
    refuse_every: int = 0,
    restarts: int = 0,
    seed: int = 1,
) -> list[Counted]:
    """Let processes call with all credentials for a while; at each restart all are killed and started at once."""
    url, chance = address(folder, kind=kind), random.Random(seed)
    engine = open_engine(url)
    engine.dispose()
    counting = Counting(measures, refuse_every=refuse_every, seed=seed)
    with StrictServer(counting) as server:
        words = [word for measure in measures for word in measure.words()]
        command = [sys.executable, "-m", "mlc_pipelines_tests.strict.calling", url, server.url, str(threads), *words]
        for part in range(restarts + 1):
            workers = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(processes)]
            before = {name: len(stamps) for name, stamps in counting.arrived.items()}
            _wait_for(counting, {name: number + 1 for name, number in before.items()})
            time.sleep(seconds / (restarts + 1) * (1 if part == restarts else chance.uniform(0.5, 1)))
            if part == restarts:
                _wait_for(counting, {measure.credential: measure.limit + 1 for measure in measures})
            until = time.time()
            _kill(workers)
    return [
        count(measure, counting.arrived[measure.credential], counting.refused[measure.credential], until=until)
        for measure in measures
    ]


def _wait_for(counting: Counting, calls: Mapping[str, int]) -> None:
    """Wait until each credential has come to so many calls."""
    ends = time.monotonic() + 120
    while any(len(counting.arrived[name]) < number for name, number in calls.items()):
        if time.monotonic() > ends:
            raise TimeoutError("nobody calls")
        time.sleep(0.01)


def _kill(workers: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Kill all at the same moment."""
    for worker in workers:
        worker.send_signal(signal.SIGKILL)
    for worker in workers:
        worker.communicate()
        if worker.returncode != -signal.SIGKILL:
            raise RuntimeError(f"a worker has failed: {worker.returncode}")
