"""The inbox sensor: asks for a run of the flows that webhooks have written to, for all connections at once."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import msgspec
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.ledger.inbox import Waiting
from mlc_pipelines.orchestration.checks import cheap_checks
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines.orchestration.keys import ASKED_BY_TAG, flow_keys
from mlc_pipelines.orchestration.opened import house_of
from mlc_pipelines.orchestration.runs import at_work
from mlc_pipelines.orchestration.switches import switched_on

AnyJob = dg.JobDefinition | UnresolvedAssetJobDefinition
EVERY_SECONDS = 4
"""Dagster's loop comes round every 5 s, and a tick begins a moment after it: at 5 each second turn would be missed."""

LINGER_SECONDS = 4.0
"""A tick that finds nothing looks on for so long, so that an event waits for no loop; over before the next turn."""

LOOK_SECONDS = 0.5
FIRST_PAUSE = timedelta(seconds=30)
DOUBLINGS = 10
LONGEST_PAUSE = timedelta(minutes=15)


WAITS = "events wait for their connection's switch, for a run that is under way, or for the next try"


class Asked(msgspec.Struct, frozen=True):
    """When a run was last asked for, the oldest event that waited then, and how often that one was asked for."""

    oldest: datetime
    at: datetime
    times: int = 1

    @property
    def again_at(self) -> datetime:
        """Say when to ask again for an event that a run has left where it was."""
        doublings = min(self.times - 1, DOUBLINGS)
        return self.at + min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def inbox_sensor(connections: Mapping[str, Connection], jobs: Sequence[AnyJob]) -> dg.SensorDefinition:
    """Make the one sensor of all connections. What is taken up, the ledger decides.

    Events of a flow that the connection does not have (any more) ask for nothing: to Dagster, a run of no assets is one
    of all, without what tells them to leave held records alone.
    """
    flows = {(name, flow.name) for name, each in connections.items() for flow in catalogue()[each.integration].flows}

    @dg.sensor(
        name="inbox",
        jobs=jobs,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Webhook events wait in the ledger's inbox; a run of their flows takes them up.",
    )
    def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        asked = msgspec.json.decode(context.cursor or "{}", type=dict[str, Asked])
        ends = time.monotonic() + LINGER_SECONDS
        while True:
            now = datetime.now(UTC)
            waiting = house_of(os.environ).ledger.inbox.waiting()
            waiting = [each for each in waiting if (each.connection, each.flow) in flows]
            ready = {}
            if waiting:
                on = switched_on(connections.values(), context.instance)
                heard = [each for each in waiting if each.connection in on]
                ready = _ready(heard, asked, at_work(context.instance), now)
            if ready:
                break
            if time.monotonic() >= ends:
                return dg.SkipReason(WAITS if waiting else "no event waits")
            time.sleep(LOOK_SECONDS)
        for name, oldest in ready.items():
            before = asked.get(name)
            asked[name] = Asked(oldest, now, before.times + 1 if before and before.oldest == oldest else 1)
        requests = [_request(connections[name], waiting) for name in ready]
        return dg.SensorResult(requests, cursor=msgspec.json.encode(asked).decode())

    return inbox


def _ready(
    waiting: Sequence[Waiting], asked: Mapping[str, Asked], busy: set[str], now: datetime
) -> dict[str, datetime]:
    """Give the connections to ask a run for, with their oldest event.

    An event that a run has left where it was is asked for again after a growing pause, so that a side that is
    down does not cost a run every few seconds; the poll takes it up as well.
    """
    oldest: dict[str, datetime] = {}
    for each in waiting:
        oldest[each.connection] = min(each.oldest_at, oldest.get(each.connection, each.oldest_at))
    return {
        name: since
        for name, since in sorted(oldest.items())
        if name not in busy and (name not in asked or asked[name].oldest != since or asked[name].again_at <= now)
    }


def _request(connection: Connection, waiting: Sequence[Waiting]) -> dg.RunRequest:
    name, integration = connection.name, catalogue()[connection.integration]
    named = {each.flow for each in waiting if each.connection == name}
    flows = [flow for flow in integration.flows if flow.name in named]
    keys = flow_keys(name, flows)
    return dg.RunRequest(
        job_name=name,
        asset_selection=keys,
        asset_check_keys=cheap_checks(name, integration, flows),
        run_config=unattended(keys),
        tags={ASKED_BY_TAG: "inbox"},
    )
