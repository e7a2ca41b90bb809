"""Which connections have a run in the queue or at work; runs whose worker is gone are given up.

Dagster asks the launcher whether a worker is well; some cannot know, and after a power cut nobody tells: such a run
would stay started until its longest run time is over, and its connection would stand still. So a run of ours holds a
lease of its own while it works.
"""

import os
from datetime import timedelta

import dagster as dg

from mlc_pipelines.orchestration.keys import CONNECTION_TAG, checks_job
from mlc_pipelines.orchestration.opened import RUN, house_of

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
EVERY_SECONDS = 30
GRACE = timedelta(seconds=60)
"""How long after the end of its lease a run on another machine may still be telling how it ended."""


def connections_of(run: dg.DagsterRun) -> set[str]:
    """Name the connections that a run is for: by its tag, or by the assets a person selected."""
    named = {run.tags[CONNECTION_TAG]} if CONNECTION_TAG in run.tags else set()
    return named | {key.path[0] for key in run.asset_selection or ()}


def at_work(instance: dg.DagsterInstance) -> set[str]:
    """Name the connections with a run queued or running; runs that only ask questions do not count."""
    give_up_lost(instance)
    busy = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        busy |= {name for name in connections_of(run) if run.job_name != checks_job(name)}
    return busy


def give_up_lost(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed whose worker is gone, and name them; Dagster makes them again where its settings say so."""
    leases = house_of(os.environ).ledger.leases
    given_up = []
    for name in leases.lost(RUN, grace=GRACE):
        run = instance.get_run_by_id(name.removeprefix(RUN))  # read after the lease: it may have ended well before
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The worker of this run is gone; the next run goes on from what it did.")
            given_up.append(run.run_id)
        leases.forget(name)
    return given_up


@dg.sensor(
    name="lost_runs",
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Gives up runs whose worker is gone, so that they are made again.",
)
def lost_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look also when nobody asks for a run."""
    lost = give_up_lost(context.instance)
    return dg.SkipReason(f"given up: {', '.join(lost)}" if lost else "every run has its worker")
