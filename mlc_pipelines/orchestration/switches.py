"""Which connections are switched on: by the switch of their poll in the UI, else by `enabled` in their file."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.orchestration.keys import poll_schedule


def switched_on(connections: Iterable[Connection], instance: dg.DagsterInstance) -> set[str]:
    """Name the connections that may work by themselves; of the others nothing is taken up, and nothing is lost."""
    kept = instance.schedule_storage is not None  # an instance that lives in memory alone has no switches
    schedules = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE) if kept else []
    touched = {state.instigator_name: state.status for state in schedules}
    by_hand = {InstigatorStatus.RUNNING: True, InstigatorStatus.STOPPED: False}
    return {
        each.name
        for each in connections
        if by_hand.get(touched.get(poll_schedule(each.name), InstigatorStatus.DECLARED_IN_CODE), each.enabled)
    }
