"""The weekly job: seals finished days of the audit trail and removes old runs of ours from Dagster."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from pydantic import Field

from mlc_pipelines.orchestration.failures import told_plainly
from mlc_pipelines.orchestration.keys import CONNECTION_TAG
from mlc_pipelines.orchestration.opened import OpenHouse
from mlc_pipelines.orchestration.runs import FINISHED, connections_of

NAME = "mlc_maintenance"
SUNDAY_NIGHT = "0 3 * * 0"
BATCH = 200


class Retention(dg.Config):
    """How long Dagster keeps what it knows of a run; the ledger keeps everything."""

    keep_days: int = Field(default=30, ge=1, le=36500, description="Runs that ended longer ago are removed.")


@dg.op(description="Seals each finished day of events, so that a later change would show.")
def seal_audit_days(context: dg.OpExecutionContext, house: dg.ResourceParam[OpenHouse]) -> None:
    """Seal the audit trail."""
    with told_plainly():
        days = house.house.ledger.audit.seal()
    context.log.info(f"{len(days)} days sealed" + (f", up to {days[-1]}" if days else ""))


@dg.op(ins={"sealed": dg.In(dg.Nothing)}, description="Removes old runs of our connections from Dagster's event log.")
def purge_old_runs(context: dg.OpExecutionContext, config: Retention, house: dg.ResourceParam[OpenHouse]) -> None:
    """Remove runs that are older than what is kept."""
    before = datetime.now(UTC) - timedelta(days=config.keep_days)
    with told_plainly():
        names = {*house.house.connections, *(each.name for each in house.house.broken)}
    context.log.info(f"{purge(context.instance, before, names)} runs from before {before:%Y-%m-%d} removed")


@dg.job(name=NAME, description="Seals finished days of the audit trail; removes old runs from Dagster.")
def maintenance() -> None:
    """Seal, then purge."""
    purge_old_runs(sealed=seal_audit_days())


weekly = dg.ScheduleDefinition(
    name=f"{NAME}_weekly",
    job=maintenance,
    cron_schedule=SUNDAY_NIGHT,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


def purge(instance: dg.DagsterInstance, before: datetime, names: Collection[str]) -> int:
    """Remove finished runs of ours that were created before; runs of other code locations stay."""
    old = list(
        _old_runs(instance, before, names)
    )  # all named before the first is gone: the next page is found by its run
    for run_id in old:
        instance.delete_run(run_id)
    return len(old)


def _old_runs(instance: dg.DagsterInstance, before: datetime, names: Collection[str]) -> Iterator[str]:
    filters = dg.RunsFilter(statuses=FINISHED, created_before=before)
    cursor = None
    while records := instance.get_run_records(filters, limit=BATCH, cursor=cursor):
        cursor = records[-1].dagster_run.run_id
        yield from (record.dagster_run.run_id for record in records if _ours(record.dagster_run, names))


def _ours(run: dg.DagsterRun, names: Collection[str]) -> bool:
    """Tell by job or tag; a run that a person asked for by its assets, by the connection they belong to."""
    return run.job_name == NAME or CONNECTION_TAG in run.tags or bool(connections_of(run) & set(names))
