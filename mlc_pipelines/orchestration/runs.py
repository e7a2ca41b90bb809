"""Which connections have a run in the queue or at work."""

import dagster as dg

from mlc_pipelines.orchestration.keys import CONNECTION_TAG, checks_job

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def connections_of(run: dg.DagsterRun) -> set[str]:
    """Name the connections that a run is for: by its tag, or by the assets a person selected."""
    named = {run.tags[CONNECTION_TAG]} if CONNECTION_TAG in run.tags else set()
    return named | {key.path[0] for key in run.asset_selection or ()}


def at_work(instance: dg.DagsterInstance) -> set[str]:
    """Name the connections with a run queued or running; runs that only ask questions do not count."""
    busy = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        busy |= {name for name in connections_of(run) if run.job_name != checks_job(name)}
    return busy
