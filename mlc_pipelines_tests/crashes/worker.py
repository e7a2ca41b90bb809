"""A warm parent of workers: it has imported everything and opened nothing, and forks one that works and is killed.

It reads orders as lines of JSON from its standard input, and writes what became of each as a line of JSON.
"""

import functools
import gc
import json
import os
import signal
import ssl
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mlc_pipelines.flows.collecting import collect
from mlc_pipelines.flows.delivery import confirm, deliver
from mlc_pipelines.flows.road import Road
from mlc_pipelines.flows.translating import translate
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import House
from mlc_pipelines.wire.answers import Answer
from mlc_pipelines.wire.clock import SystemClock
from mlc_pipelines.wire.http import HttpClient
from mlc_pipelines_tests.simulation.turns import InTurn

STAGES = {"collect": collect, "translate": translate, "deliver": deliver, "confirm": confirm}
READS = {"GET", "HEAD"}


class ClockAhead(SystemClock):
    """The machine's time and some seconds more, so that what waits for later is due."""

    def __init__(self, seconds: float) -> None:
        self._ahead = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self._ahead


@dataclass
class Steps:
    """The boundaries a worker passes, told as it passes them; the one it is to die at is its last."""

    told_to: int  # a file descriptor
    kill_at: int  # the number of the step; 0: not by number
    kill_after: str | None = None  # or the first step with this in its name
    passed: int = 0

    def watch(self, step: str, _records: int) -> None:
        """Pass a step of the road: a commit, or a call that came back."""
        self.passed += 1
        os.write(self.told_to, f"{step}\n".encode())
        if self.passed == self.kill_at or (self.kill_after is not None and self.kill_after in step):
            os.kill(os.getpid(), signal.SIGKILL)

    def after_writes(self, send: Callable[..., Answer]) -> Callable[..., Answer]:
        """Make every write that was answered a step too: the road cannot see those inside one step of a flow."""

        def sent(client: HttpClient, method: str, path: str, **how: Any) -> Answer:
            answer = send(client, method, path, **how)
            if method.upper() not in READS:
                self.watch(f"answered {method.upper()} {path}", 1)
            return answer

        return sent


def work(order: Mapping[str, Any], steps: Steps) -> None:
    """Work stages of flows of a connection; with one call at once the steps are the same each time."""
    HttpClient.send = steps.after_writes(HttpClient.send)  # type: ignore[method-assign]  # this process works once
    clock, at_once = ClockAhead(order["ahead"]), order["at_once"]
    workers = InTurn if at_once == 1 else ThreadPoolExecutor
    with House.open(order["environ"], clock=clock) as house, house.session(order["connection"]) as session:
        books = house.ledger.books(order["connection"])
        for name, stages in order["work"]:
            road = Road(session.flow(name), house.ledger, books, at_once, steps.watch, workers)
            for stage in stages:
                STAGES[stage](road)


def child(order: Mapping[str, Any], told_to: int) -> None:
    """Be the worker; never come back."""
    status = 0
    try:
        work(order, Steps(told_to, order["kill_at"], order["kill_after"]))
    except BaseException:  # noqa: BLE001  # told to the parent, line by line
        os.write(told_to, "".join(f"! {line}\n" for line in traceback.format_exc().splitlines()).encode())
        status = 1
    os._exit(status)


def fork(order: Mapping[str, Any]) -> dict[str, Any]:
    """Fork a worker, wait for its end, and tell its steps."""
    heard, told = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(heard)
        child(order, told)
    os.close(told)
    with os.fdopen(heard, encoding="utf-8") as lines:
        said = lines.read().splitlines()
    _, status = os.waitpid(worker, 0)
    return {
        "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        "ended": os.waitstatus_to_exitcode(status),
        "steps": [line for line in said if not line.startswith("! ")],
        "problem": "\n".join(line[2:] for line in said if line.startswith("! ")),
    }


def rehearse() -> None:
    """Import what is imported on first use, so that no worker has to; nothing stays open.

    The authorities of TLS are read once for all workers: half of a short life would go into them, and the simulators
    on loopback are asked without TLS.
    """
    ssl.create_default_context = functools.cache(ssl.create_default_context)  # type: ignore[assignment]  # asked by position and name alike
    catalogue()
    with tempfile.TemporaryDirectory() as folder:
        environ = {"MLC_HOME": folder, "MLC_DATABASE_URL": f"sqlite:///{folder}/mlc.db"}
        with House.open(environ), HttpClient("nobody", "https://localhost", judge=lambda _: None):
            pass
    gc.freeze()  # what is here now is the same in all workers: nobody copies it by counting it


def serve() -> None:
    """Fork a worker for each order, until there are no more."""
    rehearse()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(fork(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
