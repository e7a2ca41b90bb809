"""A worker process that calls the strict server as fast as its credentials' rate budgets let it, until it is ended.

`python -m mlc_pipelines_tests.strict.calling DATABASE TARGET THREADS CREDENTIAL LIMIT WINDOW BURST [CREDENTIAL …]`
"""

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from mlc_pipelines.connections.budgets import SharedBudget
from mlc_pipelines.errors import TransientError
from mlc_pipelines.ledger.database import open_engine
from mlc_pipelines.wire.answers import judge_by_status
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.http import HttpClient, Limits


@dataclass(frozen=True, slots=True)
class Measure:
    """What a credential may do: so many calls in any window of so many seconds, so many of them at once."""

    credential: str
    limit: int
    window: float
    burst: int

    @classmethod
    def read(cls, words: Sequence[str]) -> Self:
        """Read it from four words."""
        credential, limit, window, burst = words
        return cls(credential, int(limit), float(window), int(burst))

    def words(self) -> list[str]:
        """Write it as four words."""
        return [self.credential, str(self.limit), str(self.window), str(self.burst)]


def call(engine: Engine, target: str, measure: Measure) -> None:
    """Call for ever."""
    clock = SystemClock()
    budget = SharedBudget(
        engine,
        measure.credential,
        limit=measure.limit,
        window_seconds=measure.window,
        burst=measure.burst,
        clock=clock,
    )
    headers = {"X-Credential": measure.credential}
    with HttpClient(
        "target", target, judge=judge_by_status("target"), budget=budget, headers=headers, limits=Limits(), clock=clock
    ) as http:
        while True:
            try:
                http.send("GET", "work")
            except TransientError:
                continue  # refused again and again; the budget keeps the time


def work(url: str, target: str, threads: int, measures: Sequence[Measure]) -> None:
    """Call with each credential from so many threads, until standard input ends."""
    engine = open_engine(url, durable=False)
    for measure in measures:
        for _ in range(threads):
            threading.Thread(target=call, args=(engine, target, measure), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    _, url, target, threads, *words = sys.argv
    work(url, target, int(threads), [Measure.read(words[at : at + 4]) for at in range(0, len(words), 4)])
