"""Pauses the one of two workers that has the lease until the other one has taken over, again and again.

A write is late when its last byte reaches the target after another worker has begun the `take` that gave it the
connection: the write's fence is older than that one's. What left its worker before the pause has arrived long before,
for a worker is paused with most of its lease still to run. A late write need not do harm, for the one that took over
looks before it sends; it is counted all the same.
"""

import json
import os
import random
import selectors
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from sqlalchemy.engine import make_url

from mlc_pipelines.flows.road import Road
from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines.ledger.states import State
from mlc_pipelines_tests.databases import address
from mlc_pipelines_tests.strict.leasing import STAGES, fact, laid
from mlc_pipelines_tests.strict.server import Arrived, Reply, StrictServer

AIMED = 0.8
"""The share of pauses that wait for the worker's next write; the others come whatever it does."""

LONGEST_WORK = 0.05
IN_A_WRITE = 0.01
PATIENCE = 60.0
"""Seconds after which a worker that does not do what it should has failed the harness."""


class Write(NamedTuple):
    """A write that the target has performed."""

    at: float
    fence: int
    path: str
    reference: str


class Target:
    """Performs every write it gets, however late, and answers a little later."""

    def __init__(self, seed: int) -> None:
        self.writes: list[Write] = []
        self._kept: set[str] = set()
        self._chance = random.Random(seed)
        self._another = threading.Condition()

    def __call__(self, asked: Arrived) -> Reply:
        path, _, query = asked.target.strip("/").partition("?")
        if asked.method == "GET":
            there = [value for _, value in parse_qsl(query) if value in self._kept]
            return Reply(body=json.dumps(there).encode())
        reference = str(json.loads(asked.body)["reference"])
        with self._another:
            self.writes.append(Write(asked.at, int(asked.headers["x-fence"]), path, reference))
            self._another.notify_all()
        if path == "kept":
            self._kept.add(reference)
        return Reply(status=201, seconds=self._chance.uniform(0.001, 0.008))

    def wait_for_a_write(self, fence: int | None) -> None:
        """Wait until a write under this fence arrives, for a second at most: there may be none to come."""
        with self._another:
            seen = len(self.writes)
            self._another.wait_for(lambda: any(write.fence == fence for write in self.writes[seen:]), timeout=1.0)


class Worker:
    """A worker process and what it has told so far."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.pid = self._process.pid
        self.told: list[dict[str, Any]] = []
        self._rest = b""
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)  # positional only
        self._events = selectors.DefaultSelector()
        self._events.register(self._process.stdout, selectors.EVENT_READ)

    def hear(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Give all events so far, after waiting up to so many seconds for a new one."""
        assert self._process.stdout is not None
        if self._events.select(seconds):
            while data := self._process.stdout.read(1 << 16):
                *lines, self._rest = (self._rest + data).split(b"\n")
                self.told += map(json.loads, lines)
        return self.told

    def has_ended(self) -> bool:
        """Tell whether the kernel has ended it: it was stopped with a write in its hand until its lease was over."""
        if self._process.poll() not in (None, 0, -signal.SIGKILL):
            raise RuntimeError(f"a worker has failed: {self._process.returncode}")
        return self._process.returncode == -signal.SIGKILL

    def holds(self) -> int | None:
        """Give the fence of the lease that it has by its own account."""
        mine = (told for told in reversed(self.hear()) if told["event"] in {"took", "gives back"})
        last = next(mine, None)
        return int(last["fence"]) if last is not None and last["event"] == "took" else None

    def stop(self) -> None:
        """Stop it, and return when it stands."""
        self._process.send_signal(signal.SIGSTOP)
        if not self.has_ended():
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        """Let it run again."""
        self._process.send_signal(signal.SIGCONT)

    def wait_for(self, what: Callable[[dict[str, Any]], bool], *, since: int = 0) -> None:
        """Wait for an event after the first `since` ones, or for its end."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            heard = self.hear(0.05)
            if any(what(told) for told in heard[since:]) or self.has_ended():
                return
            since = len(heard)
        raise TimeoutError(f"a worker did not do what it should; last: {self.told[-3:]}")

    def end(self) -> None:
        """Let it finish its stage and go."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.go_on()
        self._process.stdin.close()
        os.set_blocking(self._process.stdout.fileno(), True)  # positional only
        data = self._rest + self._process.stdout.read()
        self.told += map(json.loads, data.splitlines())
        self._process.wait(PATIENCE)
        self._process.stdout.close()
        self._events.close()
        self.has_ended()


class Crew:
    """Two workers of one connection; one that the kernel has ended is followed by a new one."""

    def __init__(self, url: str, target: Target, more: Sequence[str]) -> None:
        self._url = url
        self._target = target
        self._command = [sys.executable, "-m", "mlc_pipelines_tests.strict.leasing", url, *more]
        self._workers: list[Worker] = []
        self.gone: list[Worker] = []

    def __enter__(self) -> Self:
        self._workers = [Worker(self._command) for _ in range(2)]
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def told(self) -> list[dict[str, Any]]:
        """Give what all workers have told."""
        return [told for worker in (*self.gone, *self._workers) for told in worker.told]

    def pause(self, pauses: int, chance: random.Random) -> list[float]:
        """Pause the one that has the lease until the other one has it, so often; give the moments of the pauses."""
        for worker in self._workers:
            worker.wait_for(lambda told: bool(told["event"] == "ready"))
        paused_at: list[float] = []
        ends = time.monotonic() + PATIENCE
        while len(paused_at) < pauses:
            moment = self._pause(chance)
            if moment is not None:
                paused_at.append(moment)
                ends = time.monotonic() + PATIENCE
            elif time.monotonic() > ends:
                raise TimeoutError(f"nobody has the lease; last: {[worker.told[-2:] for worker in self._workers]}")
        return paused_at

    def _pause(self, chance: random.Random) -> float | None:
        """Pause once; None when the one that was to be paused had no lease, or stopped everybody with itself."""
        self._follow_the_ended()
        worker, other = sorted(self._workers, key=lambda each: each.holds() or 0, reverse=True)
        if chance.random() < AIMED:
            self._target.wait_for_a_write(worker.holds())
        time.sleep(chance.uniform(0, LONGEST_WORK))
        worker.stop()
        stopped, fence = time.time(), worker.holds()
        if fence is None or not may_be_written(self._url):
            worker.go_on()
            return None
        other.wait_for(lambda told: bool(told["event"] == "took" and told["fence"] == fence + 1))
        time.sleep(chance.uniform(0, LONGEST_WORK))
        since = len(worker.hear())
        worker.go_on()
        worker.wait_for(lambda told: bool(told["event"] == "gives back"), since=since)
        return None if other.has_ended() else stopped

    def _follow_the_ended(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.has_ended():
                worker.end()
                self.gone.append(worker)
                self._workers[number] = Worker(self._command)


@dataclass(frozen=True)
class Played:
    """What some pauses came to."""

    pauses: int
    in_a_write: int  # pauses right after a write of the paused worker had arrived
    kept_back: int  # writes that were refused in the moment in which they would have left
    ended: int  # workers that the kernel ended, for they stood still with a write in their hand
    writes: int
    late: Sequence[Write]
    twice: Sequence[str]
    missing: Sequence[str]
    unsettled: Mapping[str, int]
    broken: Sequence[object]
    seconds: float

    @property
    def holds(self) -> bool:
        """Tell whether nothing was late, there twice, missing, unsettled or tampered with."""
        return not (self.late or self.twice or self.missing or self.unsettled or self.broken)


def play(
    folder: Path, *, kind: str, pauses: int, lease_seconds: float = 0.5, documents: int = 120, seed: int = 1
) -> Played:
    """Pause workers of one connection so often, each time until the other one has taken over."""
    patient, target, began = address(folder, kind=kind), Target(seed), time.monotonic()
    url = patient
    if kind == "postgres":  # ends what a paused worker left open, as after a minute in production
        limits = {
            "idle_in_transaction_session_timeout": 1000 * lease_seconds,
            "transaction_timeout": 4000 * lease_seconds,
        }
        url += "&options=" + "%20".join(f"-c%20{name}%3D{limit:.0f}" for name, limit in limits.items())
    engine = open_engine(url)
    engine.dispose()
    with StrictServer(target) as server:
        with Crew(url, target, [server.url, str(lease_seconds), str(documents)]) as crew:
            paused_at = crew.pause(pauses, random.Random(seed))
        told = crew.told()
        with laid(patient, server.url, lease_seconds, lambda event, **facts: told.append(fact(event, **facts))) as (
            road,
            _,
        ):
            _settle(road)
            states = road.books.entries.tally(road.flow.name)
            broken = list(road.ledger.audit.verify())
    written = {key for each in told if each["event"] == "written" for key in each["keys"]}
    kept = Counter(write.reference for write in target.writes if write.path == "kept")
    return Played(
        pauses=len(paused_at),
        in_a_write=sum(any(0 <= at - write.at < IN_A_WRITE for write in target.writes) for at in paused_at),
        kept_back=sum(each["event"] == "kept back" for each in told),
        ended=len(crew.gone),
        writes=len(target.writes),
        late=late(target.writes, told, [worker.pid for worker in crew.gone]),
        twice=[key for key, number in kept.items() if number > 1],
        missing=sorted(written - set(kept)),
        unsettled={state: number for state, number in states.items() if state != State.CONFIRMED},
        broken=broken,
        seconds=time.monotonic() - began,
    )


def late(writes: Sequence[Write], told: Sequence[Mapping[str, Any]], ended: Collection[int]) -> list[Write]:
    """Give the writes that arrived when another worker had begun to take the lease that followed theirs.

    A worker that was `ended` may have written while the other one's `take` waited for its turn, and is dead afterwards:
    of its last lease only what arrives after that `take` is late.
    """
    took = {each["fence"]: each for each in told if each["event"] == "took"}
    if sorted(took) != list(range(1, len(took) + 1)):
        raise AssertionError("the workers did not tell of every change of hands")
    last = {max((fence for fence, each in took.items() if each["pid"] == pid), default=0) for pid in ended}
    over = {fence - 1: each["at" if fence - 1 in last else "began"] for fence, each in took.items()}
    return [write for write in writes if write.at > over.get(write.fence, float("inf"))]


def may_be_written(url: str) -> bool:
    """Tell whether others can write: a worker that stops while it writes to SQLite stops everybody with it."""
    path = make_url(url).database
    if not url.startswith("sqlite") or path is None:
        return True
    with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as line:
        try:
            line.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def _settle(road: Road) -> None:
    """Work until every paper is told."""
    ends = time.monotonic() + PATIENCE
    while set(road.books.entries.tally(road.flow.name)) - {State.CONFIRMED} and time.monotonic() < ends:
        for stage in STAGES:
            stage(road)
        time.sleep(0.05)
