"""Schedules never pile up runs, and stand still until switched on."""

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from mlc_pipelines.integrations.house import House
from mlc_pipelines.orchestration.runs import at_work
from mlc_pipelines_tests.orchestration.conftest import Write
from mlc_pipelines_tests.orchestration.running import load
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
