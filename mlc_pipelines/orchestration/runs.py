"""Which connections have a run in the queue or at work."""

import os

import dagster as dg

from mlc_pipelines.ledger.leases import has_died, machine_of, worker_name
from mlc_pipelines.orchestration.keys import CONNECTION_TAG, WORKER_TAG, checks_job

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
    bury(instance)
    busy = set()
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        run = record.dagster_run
        busy |= {name for name in connections_of(run) if run.job_name != checks_job(name)}
    return busy


def worker_note(run_id: str) -> dict[str, str]:
    """Give the tag that says in which process of which machine a run works."""
    return {WORKER_TAG: f"{run_id} {os.uname().nodename} {worker_name()}"}


def bury(instance: dg.DagsterInstance) -> None:
    """Report runs as failed whose worker was of this machine and is dead.

    When Dagster's own processes fall with it, as in a power cut, nobody tells: such a run would stay started until its
    longest run time is over, and its connection would stand still.
    """
    for record in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if not _worker_is_dead(record.dagster_run):
            continue
        now = instance.get_run_by_id(record.dagster_run.run_id)  # it may have ended well since it was read
        if now is not None and now.status is dg.DagsterRunStatus.STARTED:
            instance.report_run_failed(now, "The worker of this run has died; the next run goes on from what it did.")


def _worker_is_dead(run: dg.DagsterRun) -> bool:
    run_id, host, worker = [*run.tags.get(WORKER_TAG, "").split(" "), "", ""][:3]
    if run_id != run.run_id:  # not noted yet: a retry begins with the tags of what it retries
        return False
    began_anew = host == os.uname().nodename and machine_of(worker) != machine_of(worker_name())
    return began_anew or has_died(worker)
