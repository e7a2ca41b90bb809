"""Jobs and schedules of a connection."""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.orchestration.checks import costly_checks
from mlc_pipelines.orchestration.config import replay_form, unattended
from mlc_pipelines.orchestration.keys import (
    ASKED_BY_TAG,
    CONNECTION_TAG,
    checks_job,
    flow_keys,
    poll_schedule,
    replay_job,
)
from mlc_pipelines.orchestration.runs import at_work

DAILY = "30 4 * * *"


def connection_jobs(connection: Connection, integration: Integration) -> list[UnresolvedAssetJobDefinition]:
    """Make the jobs of a connection: all of its flows, the same as a replay, and the costly questions."""
    name = connection.name
    keys = flow_keys(name, integration.flows)
    costly = dg.AssetSelection.checks(*costly_checks(name, integration))
    everything = dg.AssetSelection.assets(*keys) - costly
    tags = {CONNECTION_TAG: name}
    return [
        dg.define_asset_job(
            name, everything, tags=tags, description=f"All flows between IFS Cloud and {integration.title}."
        ),
        dg.define_asset_job(
            replay_job(name),
            everything,
            tags=tags,
            config=replay_form(keys),
            description="Held records go again, from our copy of the source; say which, and why.",
        ),
        dg.define_asset_job(
            checks_job(name), costly, tags=tags, description="Month-end match, names compared, last read."
        ),
    ]


def connection_schedules(
    connection: Connection, integration: Integration, *, work: dg.JobDefinition, checks: dg.JobDefinition
) -> Sequence[dg.ScheduleDefinition]:
    """Make the schedules of a connection; they stand still until switched on, unless the file says enabled."""
    if connection.schedule is None:
        return []
    status = dg.DefaultScheduleStatus.RUNNING if connection.enabled else dg.DefaultScheduleStatus.STOPPED
    daily = dg.ScheduleDefinition(
        name=f"{connection.name}_daily_checks", job=checks, cron_schedule=DAILY, default_status=status
    )
    return [_poll(connection.name, connection.schedule, integration, work, status), daily]


def _poll(
    name: str,
    cron: str,
    integration: Integration,
    job: dg.JobDefinition,
    status: dg.DefaultScheduleStatus,
) -> dg.ScheduleDefinition:
    keys = flow_keys(name, integration.flows)

    @dg.schedule(
        name=poll_schedule(name),
        cron_schedule=cron,
        job=job,
        default_status=status,
        description="Takes what is due through all flows; a tick while a run is under way is skipped.",
    )
    def poll(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if name in at_work(context.instance):
            return dg.SkipReason(f"a run of {name} is queued or running")
        return dg.RunRequest(run_config=unattended(keys), tags={ASKED_BY_TAG: "poll"})

    return poll
