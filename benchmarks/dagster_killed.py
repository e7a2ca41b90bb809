"""Kills Dagster in the middle of a run, and starts it again: `python -m benchmarks.dagster_killed`.

A real `dagster dev` (webserver, daemon, code server, run worker) on our settings, with a poll every minute. First the
run's worker alone is killed, then everything at once, as in a power cut. Each time the run must end as failed, a
later one finish, and what was under way be looked up: by the simulators' own books every document is there once.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from sqlalchemy import select

from mlc_pipelines.commands.environment import dagster_home
from mlc_pipelines.commands.playground import open_playground
from mlc_pipelines.commands.verification import verify
from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.database import reading
from mlc_pipelines.ledger.tables import leases
from mlc_pipelines.orchestration.opened import RUN
from mlc_pipelines.sandbox.offices.ramp import RampOffice

NAME = "sandbox_ramp"
INVOICES = 60
UNDER_WAY = 5  # bills in Ramp when the blow falls
WORKER, EVERYTHING = "the run's worker", "everything"
PATIENCE = 300.0


def main() -> int:
    """Kill twice; 1 when a run did not end or a document is missing or there twice."""
    wrong: list[str] = []
    for what in (WORKER, EVERYTHING):
        with tempfile.TemporaryDirectory() as folder:
            wrong += play(Path(folder), what)
    print("\n".join(wrong) or "every document is there once")
    return 1 if wrong else 0


def play(folder: Path, what: str) -> list[str]:
    """Let Dagster work, kill in the middle of a run, start it again if it is gone; give what is wrong at the end."""
    with open_playground(folder / "home", systems=["ramp"], seed=3, invoices=INVOICES) as playground:
        office = playground.offices["ramp"]
        assert isinstance(office, RampOffice)
        dagster_home()
        with dg.DagsterInstance.get() as instance:
            with dagster() as running:
                until(lambda: len(office.sent()) >= UNDER_WAY, "a run that sends bills")
                (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
                struck = time.monotonic()
                if what == WORKER:
                    os.kill(worker_of(run.run_id), signal.SIGKILL)
                    return healed(instance, run.run_id, office, what, struck)
                for pid in tree_of(running.pid):
                    os.kill(pid, signal.SIGKILL)
            with dagster():
                return healed(instance, run.run_id, office, what, struck)


def healed(instance: dg.DagsterInstance, run_id: str, office: RampOffice, what: str, struck: float) -> list[str]:
    """Wait until the run has failed and another one has finished; give what is wrong then."""
    until(lambda: _status(instance, run_id) is dg.DagsterRunStatus.FAILURE, "the run to end as failed")
    failed = time.monotonic() - struck
    ended = [dg.DagsterRunStatus.SUCCESS]
    until(lambda: bool(instance.get_runs(dg.RunsFilter(statuses=ended, job_name=NAME))), "a run that finishes")
    finished = time.monotonic() - struck
    with House.open() as house:
        until(lambda: not house.ledger.books(NAME).intents.count_open(), "every write to be looked up")
        print(
            f"{what} killed at {UNDER_WAY} of {INVOICES} bills: failed after {failed:.0f} s, the next finished after "
            f"{finished:.0f} s, every write settled after {time.monotonic() - struck:.0f} s"
        )
        return [f"{what} killed: {line}" for line in verify(house, office)]


def worker_of(run_id: str) -> int:
    """Give the process that holds the lease of a run."""
    with House.open() as house, reading(house.ledger.engine) as connection:
        holder = connection.execute(select(leases.c.holder).where(leases.c.name == RUN + run_id)).scalar_one()
    return int(holder.split(":")[-2])


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus | None:
    run = instance.get_run_by_id(run_id)
    return run.status if run is not None else None


@contextmanager
def dagster() -> Iterator[subprocess.Popen[bytes]]:
    """Run `dagster dev` for a block; what is left of it at the end is killed."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    command = [sys.executable, "-m", "dagster", "dev", "-m", "mlc_pipelines.definitions", "-p", port]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            for pid in tree_of(process.pid):
                os.kill(pid, signal.SIGKILL)


def tree_of(root: int) -> list[int]:
    """Give a process and all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):  # it has just ended
            continue
    found = [root] if root in parents else []
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > ends:
            raise SystemExit(f"waited {PATIENCE:.0f} s in vain for {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
