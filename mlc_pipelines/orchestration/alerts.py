"""The alerts sensor: one line in the log for each new cause of failure, not for each retry or each poll."""

import logging
from collections.abc import Iterable

import dagster as dg

from mlc_pipelines.orchestration.runs import FINISHED, connections_of

WILL_RETRY = "dagster/will_retry"
RUNS_COMPARED = 50
logger = logging.getLogger("mlc_pipelines.alerts")


@dg.run_failure_sensor(
    name="alerts",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="A failed run is told once: not again while the same cause fails run after run.",
)
def alerts(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Tell the causes of a failed run that its predecessor did not have."""
    run = context.dagster_run
    if run.tags.get(WILL_RETRY) == "true":
        return dg.SkipReason("the run will be retried")
    where = ", ".join(sorted(connections_of(run))) or run.job_name
    told = causes_of(context.instance, run.run_id) or {context.failure_event.message or "the run ended early"}
    new = told - _causes_before(context.instance, run)
    for cause in sorted(new):
        logger.error("%s: %s", where, cause, extra={"run": run.run_id, "connection": where})
    return None if new else dg.SkipReason("the run before failed for the same cause")


def causes_of(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """Give the sentences of the failed steps of a run."""
    events = (record.event_log_entry.dagster_event for record in _failures(instance, run_id))
    return {sentence for event in events if event is not None and (sentence := _sentence(event))}


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterable[dg.EventLogRecord]:
    return instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records


def _sentence(event: dg.DagsterEvent) -> str | None:
    failure = event.step_failure_data
    if failure.user_failure_data and failure.user_failure_data.description:
        return failure.user_failure_data.description
    return failure.error.message.strip().splitlines()[0] if failure.error else event.message


def _causes_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    mine = connections_of(run)
    records = instance.get_run_records(dg.RunsFilter(statuses=FINISHED), limit=RUNS_COMPARED)
    names = [record.dagster_run for record in records if connections_of(record.dagster_run) == mine]
    ids = [each.run_id for each in names if each.job_name == run.job_name]
    if run.run_id not in ids:
        return set()
    earlier = ids[ids.index(run.run_id) + 1 :]
    return causes_of(instance, earlier[0]) if earlier else set()
