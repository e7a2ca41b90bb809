"""Runs whose worker is gone are given up; all others are left alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlalchemy import select, update

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.database import reading, writing
from mlc_pipelines.ledger.leases import worker_name
from mlc_pipelines.ledger.tables import leases
from mlc_pipelines.orchestration.opened import RUN
from mlc_pipelines.orchestration.runs import GRACE, at_work, lost_runs
from mlc_pipelines_tests.orchestration.desk import Desk
from mlc_pipelines_tests.orchestration.running import poll
from mlc_pipelines_tests.orchestration.test_jobs import tick

STARTED, SUCCESS, FAILURE = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
MINUTE = timedelta(minutes=1)
ELSEWHERE = "elsewhere:1:1"
WORKER = """
import time
from mlc_pipelines.ledger.leases import worker_name
print(worker_name(), flush=True)
time.sleep(600)
"""


def begun(
    house: House,
    instance: dg.DagsterInstance,
    worker: str,
    *,
    ended: timedelta = -MINUTE,
    status: dg.DagsterRunStatus = STARTED,
) -> str:
    """Write down a run of a worker whose lease has ended so long ago."""
    run = instance.add_run(dg.DagsterRun(job_name="acme", tags={"mlc/connection": "acme"}, status=status))
    house.ledger.leases.take(RUN + run.run_id, worker)
    with writing(house.ledger.engine) as connection:
        at = datetime.now(UTC) - ended
        connection.execute(update(leases).where(leases.c.name == RUN + run.run_id).values(expires_at=at))
    return run.run_id


def look(instance: dg.DagsterInstance) -> str:
    skipped = lost_runs(dg.build_sensor_context(instance=instance))
    assert isinstance(skipped, dg.SkipReason)
    return skipped.skip_message or ""


def held(house: House) -> list[str]:
    with reading(house.ledger.engine) as connection:
        return [name for name in connection.execute(select(leases.c.name)).scalars() if name.startswith(RUN)]


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[str]"]:
    """A process that says its name as a worker, and lives."""
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_run_whose_worker_has_died_is_over(
    house: House, kept_instance: dg.DagsterInstance, worker: "subprocess.Popen[str]"
) -> None:
    """While it lives polls wait; once it is dead, also unburied, its run has failed and the next one is asked for."""
    assert worker.stdout is not None
    run_id = begun(house, kept_instance, worker.stdout.readline().strip())
    assert tick(kept_instance).skip_message == "a run of acme is queued or running"
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert tick(kept_instance).run_requests
    assert status_of(kept_instance, run_id) is FAILURE
    assert held(house) == []


def test_a_run_whose_worker_is_gone_is_given_up(house: House, instance: dg.DagsterInstance) -> None:
    """On whatever machine: it has failed then, with a sentence; the next look knows nothing of it."""
    run_id = begun(house, instance, ELSEWHERE, ended=GRACE + MINUTE)
    assert run_id in look(instance)
    assert status_of(instance, run_id) is FAILURE
    told = [entry.message for entry in instance.all_logs(run_id)]
    assert any("The worker of this run is gone" in message for message in told)
    assert held(house) == []
    assert look(instance) == "every run has its worker"


def test_a_run_from_before_the_machine_was_started_is_over(house: House, instance: dg.DagsterInstance) -> None:
    """After a power cut the number of its process says nothing, but its lease ends."""
    boot, _, rest = worker_name().partition("/")
    run_id = begun(house, instance, f"{boot[::-1]}/{rest}")
    assert at_work(instance) == {"acme"}
    with writing(house.ledger.engine) as connection:
        connection.execute(update(leases).values(expires_at=datetime.now(UTC) - GRACE - MINUTE))
    assert at_work(instance) == set()
    assert status_of(instance, run_id) is FAILURE


@pytest.mark.parametrize("ended", [-MINUTE, timedelta(0), GRACE - timedelta(seconds=5)])
@pytest.mark.parametrize("who", [ELSEWHERE, worker_name()], ids=["elsewhere", "here"])
def test_a_run_that_may_be_alive_is_left_alone(
    house: House, instance: dg.DagsterInstance, who: str, ended: timedelta
) -> None:
    """Its lease lasts, or has ended only now: the event of its end may be on the way."""
    run_id = begun(house, instance, who, ended=ended)
    assert look(instance) == "every run has its worker"
    assert status_of(instance, run_id) is STARTED
    assert held(house) == [RUN + run_id]


def test_what_has_ended_stays_as_it_ended(house: House, instance: dg.DagsterInstance) -> None:
    """A worker that died after the end of its run: only the lease goes. So does that of a run nobody knows any more."""
    run_id = begun(house, instance, ELSEWHERE, status=SUCCESS, ended=GRACE + MINUTE)
    unknown = begun(house, instance, ELSEWHERE, ended=GRACE + MINUTE)
    instance.delete_run(unknown)
    look(instance)
    assert status_of(instance, run_id) is SUCCESS
    assert held(house) == []


def test_a_run_shows_that_it_is_alive_while_it_works(house: House, desk: Desk, instance: dg.DagsterInstance) -> None:
    """Its own lease beside that of its connection; at the end it is gone."""
    seen: list[list[str]] = []
    desk.papers.before_deliver = lambda _batch: seen.append(held(house))
    result = poll(instance)
    assert result.success
    assert [RUN + result.run_id] in seen
    assert held(house) == []
