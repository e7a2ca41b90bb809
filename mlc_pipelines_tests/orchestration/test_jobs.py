"""Schedules never pile up runs, and stand still until switched on."""

import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from mlc_pipelines.integrations.house import House
from mlc_pipelines.ledger.leases import worker_name
from mlc_pipelines.orchestration.runs import at_work
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.running import PAPERS, load, run
from mlc_pipelines_tests.orchestration.test_assets import POLL


def tick(instance: dg.DagsterInstance, name: str = "acme_poll") -> ScheduleExecutionData:
    repository = load().get_repository_def()
    context = dg.build_schedule_context(instance=instance, repository_def=repository)
    return repository.get_schedule_def(name).evaluate_tick(context)


def test_a_poll_asks_for_a_run_that_leaves_holds_alone(house: House, kept_instance: dg.DagsterInstance) -> None:
    """Every asset is told not to replay, and the run says who asked."""
    (request,) = tick(kept_instance).run_requests or []
    assert request.run_config == POLL
    assert request.tags["mlc/asked_by"] == "poll"
    assert request.run_key is None


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_a_poll_waits_for_a_run_under_way(
    house: House, kept_instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    """A run of the connection that has not ended is reason to skip."""
    kept_instance.add_run(dg.DagsterRun(job_name="acme", tags={"mlc/connection": "acme"}, status=status))
    assert tick(kept_instance).skip_message == "a run of acme is queued or running"


def test_runs_of_others_and_runs_that_only_ask_do_not_count(house: House, kept_instance: dg.DagsterInstance) -> None:
    """Another connection's run, a finished run and a checks run leave the connection free."""
    tags = {"mlc/connection": "acme"}
    started = dg.DagsterRunStatus.STARTED
    kept_instance.add_run(dg.DagsterRun(job_name="zeta", tags={"mlc/connection": "zeta"}, status=started))
    kept_instance.add_run(dg.DagsterRun(job_name="acme_checks", tags=tags, status=started))
    kept_instance.add_run(dg.DagsterRun(job_name="acme", tags=tags, status=dg.DagsterRunStatus.SUCCESS))
    assert at_work(kept_instance) == {"zeta"}
    assert tick(kept_instance).run_requests


def test_a_run_that_a_person_started_by_assets_counts(house: House, kept_instance: dg.DagsterInstance) -> None:
    """Runs from the Materialize button have no tag of ours; their assets name the connection."""
    kept_instance.add_run(
        dg.DagsterRun(
            job_name="__ASSET_JOB",
            status=dg.DagsterRunStatus.STARTED,
            asset_selection=frozenset({dg.AssetKey(["acme", "papers_kept"])}),
        )
    )
    assert at_work(kept_instance) == {"acme"}


WORKER = """
import time
from mlc_pipelines.ledger.leases import worker_name
print(worker_name(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[str]"]:
    """A process that says its name as a worker, and lives."""
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def begun(instance: dg.DagsterInstance, worker: str, *, host: str = os.uname().nodename, retry: bool = False) -> str:
    """Write down a run that has started in a process, or is about to start as the retry of one."""
    started = dg.DagsterRun(job_name="acme", tags={"mlc/connection": "acme"}, status=dg.DagsterRunStatus.STARTED)
    instance.add_run(started)
    noted = f"{'an-earlier-run' if retry else started.run_id} {host} {worker}"
    instance.add_run_tags(started.run_id, {"mlc/worker": noted})
    return started.run_id


def test_a_run_whose_worker_has_died_is_over(
    house: House, kept_instance: dg.DagsterInstance, worker: "subprocess.Popen[str]"
) -> None:
    """While it lives polls wait; once it is dead its run has failed and the next one is asked for."""
    assert worker.stdout is not None
    run_id = begun(kept_instance, worker.stdout.readline().strip())
    assert tick(kept_instance).skip_message == "a run of acme is queued or running"
    worker.kill()
    os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
    assert tick(kept_instance).run_requests
    buried = kept_instance.get_run_by_id(run_id)
    assert buried is not None
    assert buried.status is dg.DagsterRunStatus.FAILURE


def test_a_retry_is_not_taken_for_the_run_that_died(
    house: House, kept_instance: dg.DagsterInstance, worker: "subprocess.Popen[str]"
) -> None:
    """It begins with the tags of the dead one, and says in which process it works itself a moment later."""
    assert worker.stdout is not None
    name = worker.stdout.readline().strip()
    worker.kill()
    worker.wait()
    begun(kept_instance, name, retry=True)
    assert at_work(kept_instance) == {"acme"}


def test_a_run_from_before_the_machine_was_started_is_over(house: House, kept_instance: dg.DagsterInstance) -> None:
    """After a power cut the number of its process says nothing, but no process has lived through it."""
    boot, _, rest = worker_name().partition("/")
    begun(kept_instance, f"{boot[::-1]}/{rest}", host="another-machine")
    assert at_work(kept_instance) == {"acme"}
    begun(kept_instance, f"{boot[::-1]}/{rest}")
    begun(kept_instance, worker_name())
    at_work(kept_instance)
    runs = kept_instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    assert len(runs) == 1


def test_a_run_notes_its_process(house: House, kept_instance: dg.DagsterInstance) -> None:
    """Any run of ours does, whoever started it."""
    result = run("acme", kept_instance, assets=PAPERS, config=POLL)
    noted = kept_instance.get_run_by_id(result.run_id)
    assert noted is not None
    assert noted.tags["mlc/worker"] == f"{result.run_id} {os.uname().nodename} {worker_name()}"


def test_schedules_stand_still_until_switched_on(write: Write) -> None:
    """`enabled: true` in the file starts them; a file without a schedule has none."""
    write("acme", 'schedule: "*/15 * * * *"')
    write("busy", 'schedule: "*/15 * * * *"\nenabled: true')
    write("quiet")
    schedules = {schedule.name: schedule for schedule in load().schedules or ()}
    status = {name: schedule.default_status.value for name, schedule in schedules.items()}
    assert status == {
        "acme_poll": "STOPPED",
        "acme_daily_checks": "STOPPED",
        "busy_poll": "RUNNING",
        "busy_daily_checks": "RUNNING",
        "mlc_maintenance_weekly": "RUNNING",
    }
