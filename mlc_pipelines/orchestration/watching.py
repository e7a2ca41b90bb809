"""The files sensor: looks at watched sources between polls, and asks for a run of the flows that have something."""

import logging
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg
import msgspec

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.errors import MlcError
from mlc_pipelines.integrations.catalogue import catalogue
from mlc_pipelines.integrations.integration import Waiting
from mlc_pipelines.orchestration.checks import cheap_checks
from mlc_pipelines.orchestration.config import unattended
from mlc_pipelines.orchestration.keys import ASKED_BY_TAG, flow_keys
from mlc_pipelines.orchestration.opened import house_of
from mlc_pipelines.orchestration.runs import at_work
from mlc_pipelines.orchestration.sensors import AnyJob, Asked
from mlc_pipelines.orchestration.switches import switched_on

logger = logging.getLogger(__name__)

EVERY_SECONDS = 29  # each sixth turn of Dagster's loop of 5 s; see sensors.py
LONGEST_TICK = 30.0
"""A tick that has looked for so many seconds leaves the rest to the next one, far below Dagster's limit of 60."""


class Seen(msgspec.Struct):
    """What the ticks remember: the connection looked at last, and what was asked for by connection and mark."""

    last: str = ""
    asked: dict[str, dict[str, Asked]] = msgspec.field(default_factory=dict)


def files_sensor(connections: Mapping[str, Connection], jobs: Sequence[AnyJob]) -> dg.SensorDefinition:
    """Make the one sensor of all watched connections. The ledger decides what is read."""

    @dg.sensor(
        name="files",
        jobs=jobs,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Files wait in a drop folder; a run of their flows takes them up.",
    )
    def files(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        seen = msgspec.json.decode(context.cursor or "{}", type=Seen)
        busy = at_work(context.instance)
        began = time.monotonic()
        requests = []
        for name in _in_turn(sorted(switched_on(connections.values(), context.instance)), seen.last):
            if time.monotonic() - began > LONGEST_TICK:
                break
            seen.last = name
            due = _due(seen.asked.setdefault(name, {}), _waiting(name), datetime.now(UTC)) if name not in busy else []
            if due:
                requests.append(_request(connections[name], due))
        cursor = msgspec.json.encode(seen).decode()
        if not requests:
            context.update_cursor(cursor)
            return dg.SkipReason(
                "no file waits, or one waits for its connection's switch or for a run that is under way"
            )
        return dg.SensorResult(requests, cursor=cursor)

    return files


def _in_turn(names: Sequence[str], last: str) -> list[str]:
    """Begin after the one looked at last, so that a slow server keeps nobody from being looked at."""
    return [*(name for name in names if name > last), *(name for name in names if name <= last)]


def _waiting(name: str) -> Sequence[Waiting]:
    """Ask the source; one that cannot be asked is left to the poll, whose run says what is wrong."""
    try:
        with house_of(os.environ).session(name) as session:
            return session.waiting() if session.waiting is not None else []
    except MlcError as error:
        logger.warning("source not looked at", extra={"connection": name, "error": str(error)})
        return []


def _due(asked: dict[str, Asked], waiting: Sequence[Waiting], now: datetime) -> list[str]:
    """Give the flows to run: for what is new, and after a growing pause for what a run has left where it was."""
    marks = {f"{each.flow}/{each.mark}": each.flow for each in waiting}
    for mark in set(asked) - set(marks):
        del asked[mark]
    due = [mark for mark in marks if mark not in asked or asked[mark].again_at <= now]
    for mark in due:
        before = asked.get(mark)
        asked[mark] = Asked(before.oldest, now, before.times + 1) if before else Asked(now, now)
    return sorted({marks[mark] for mark in due})


def _request(connection: Connection, due: Sequence[str]) -> dg.RunRequest:
    name, integration = connection.name, catalogue()[connection.integration]
    flows = [flow for flow in integration.flows if flow.name in due]
    keys = flow_keys(name, flows)
    return dg.RunRequest(
        job_name=name,
        asset_selection=keys,
        asset_check_keys=cheap_checks(name, integration, flows),
        run_config=unattended(keys),
        tags={ASKED_BY_TAG: "files"},
    )
