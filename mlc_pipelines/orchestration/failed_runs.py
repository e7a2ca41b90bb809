"""What the runs of a connection failed of, step by step; a later run of the same step has the last word."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from mlc_pipelines.integrations.integration import Integration
from mlc_pipelines.orchestration.failures import ERROR_MARK
from mlc_pipelines.orchestration.maintenance import NAME as MAINTENANCE
from mlc_pipelines.orchestration.runs import FINISHED, connections_of
from mlc_pipelines.orchestration.troubles import BROKEN, FAILED, Trouble, moment, plain

WILL_RETRY = "dagster/will_retry"
OVERLAP = timedelta(minutes=11)
"""Longer than the clocks of two machines may differ: the end of a run is told by the clock of its worker."""

RUNS_READ = 300
RUNS_LISTED = 3000
EARLY = "the run ended early; its worker died or it was stopped from outside"
_ENDED = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.STEP_SUCCESS}
_CHECKS_FAILED = "DagsterAssetCheckFailedError"
_CHANGING = re.compile(r"\b(?=[\w-]*\d)(?:[0-9a-f]{8,}|[0-9a-f-]{32,}|\d{4,})\b", re.IGNORECASE)

_REMEDIES = {
    "ConfigurationError": "Integration engineer: settings, credential or rights are wrong. Ask: mlc check {}",
    "TransientError": "The other side does not answer; the next run tries again. If it lasts: mlc check {}",
    "OutcomeUnknownError": "A write got no answer; the next run looks it up before anything is sent again.",
    "StorageError": "Whoever runs our database: it is full, locked or away. What was done is kept. Ask: mlc status {}",
    _CHECKS_FAILED: "Accounting and integration engineer: the books do not add up; nothing more is sent. mlc status {}",
}
_USUAL_REMEDY = "Integration engineer: see the run in Dagster; what was done is kept, the next run goes on from there."


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a step of a connection ended last: the sentence it failed with, or None when all was well."""

    run: str
    at: datetime
    sentence: str | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The last verdict on each step of each connection, how far runs have been looked at, and which of the newest."""

    verdicts: Mapping[tuple[str, str], Verdict]
    until: datetime | None
    seen: Sequence[str] = ()


def look(
    instance: dg.DagsterInstance,
    names: Iterable[str],
    *,
    now: datetime,
    since: datetime | None,
    seen: Iterable[str] = (),
) -> Look:
    """Read the runs that ended after `since` (the newest when nobody has looked yet), the oldest first.

    An old run that something is written to later is left alone, and so is one that was `seen`.
    """
    start = min(since, now) - OVERLAP if since is not None else None
    filters = dg.RunsFilter(statuses=FINISHED, updated_after=start)
    most = RUNS_READ if start is None else RUNS_LISTED
    records = instance.get_run_records(filters, limit=most, order_by="update_timestamp")
    times = {each.dagster_run.run_id: datetime.fromtimestamp(each.end_time or 0, UTC) for each in records}
    ended = (run for run in (each.dagster_run for each in records) if start is None or times[run.run_id] >= start)
    mine = sorted((run for run in ended if _concerned(run) & set(names)), key=lambda run: times[run.run_id])
    known = {run.run_id for run in mine} & set(seen)
    new = [run for run in mine if run.run_id not in known]
    verdicts: dict[tuple[str, str], Verdict] = {}
    for run in new[:RUNS_READ]:
        here = sorted(_concerned(run) & set(names), key=len, reverse=True)
        if run.tags.get(WILL_RETRY) != "true":
            verdicts.update(_verdicts(instance, run, here, times[run.run_id]))
    until = times[new[RUNS_READ - 1].run_id] if len(new) > RUNS_READ else now
    return Look(verdicts, until, sorted(known | {run.run_id for run in new[:RUNS_READ]}))


def _concerned(run: dg.DagsterRun) -> set[str]:
    """Name what a run is for: connections, or the upkeep of all of them."""
    return connections_of(run) | ({run.job_name} & {MAINTENANCE})


def _verdicts(
    instance: dg.DagsterInstance, run: dg.DagsterRun, names: Sequence[str], at: datetime
) -> dict[tuple[str, str], Verdict]:
    found: dict[tuple[str, str], Verdict] = {}
    canceled = run.status is dg.DagsterRunStatus.CANCELED
    for record in instance.get_records_for_run(run.run_id, of_type=_ENDED).records:
        event = record.event_log_entry.dagster_event
        step = event.step_key if event is not None else None
        name = next((name for name in names if name == MAINTENANCE or (step or "").startswith(f"{name}__")), None)
        if event is not None and step is not None and name is not None:
            if event.event_type is dg.DagsterEventType.STEP_SUCCESS:
                found[name, step] = Verdict(run.run_id, at)
            elif not canceled:
                found[name, step] = Verdict(run.run_id, at, *_said(event))
    if not canceled:
        fell = run.status is dg.DagsterRunStatus.FAILURE and all(each.sentence is None for each in found.values())
        for name in names:
            found[name, f"run of {run.job_name}"] = Verdict(run.run_id, at, EARLY if fell else None)
    return found


def _said(event: dg.DagsterEvent) -> tuple[str, str]:
    """Give sentence and kind of a failure. Words that are not ours may quote a record: only their kind is told."""
    failure = event.step_failure_data
    told = failure.user_failure_data
    if told is not None and told.description:
        mark = told.metadata.get(ERROR_MARK)
        return plain(told.description), str(mark.value) if mark is not None else ""
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    kind = (error.cls_name if error is not None else None) or "an unnamed error"
    if kind == _CHECKS_FAILED and error is not None:
        return plain(error.message.partition(":")[2]), kind
    return f"unexpected {kind}", kind


def failing(
    look: Look, open_troubles: Iterable[Trouble], integrations: Mapping[str, Integration | None]
) -> list[Trouble]:
    """Give what fails now: what failed and was not contradicted by a later run, and what is new."""
    found: dict[str, Trouble] = {}
    steps: dict[str, list[str]] = {}
    for trouble in open_troubles:
        left = [step for step in trouble.steps if (trouble.connection, step) not in look.verdicts]
        if left and trouble.connection in integrations:
            found[trouble.key], steps[trouble.key] = trouble, left
    for (name, step), verdict in sorted(look.verdicts.items(), key=lambda each: (each[1].at, each[0])):
        if verdict.sentence is not None:
            key = _key(name, verdict)
            found.setdefault(key, _trouble(key, name, verdict))
            steps.setdefault(key, []).append(step)
    return [_with(found[key], steps[key], integrations.get(found[key].connection)) for key in found]


def _key(name: str, verdict: Verdict) -> str:
    """Name a cause. Ids and numbers inside its sentence change from try to try and are not part of it."""
    said = f"{verdict.error}|{_CHANGING.sub('#', verdict.sentence or '')}"
    return f"failed/{name}/{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def _trouble(key: str, name: str, verdict: Verdict) -> Trouble:
    remedy = _REMEDIES.get(verdict.error, _USUAL_REMEDY).format(name)
    lines = (f"{verdict.sentence}.", f"Run {verdict.run[:8]}, ended {moment(verdict.at)}.", remedy)
    return Trouble(
        key, FAILED, name, f"connection {BROKEN}" if verdict.error == "ConfigurationError" else "run failed", lines
    )


def _with(trouble: Trouble, steps: Sequence[str], integration: Integration | None) -> Trouble:
    """Complete a trouble with the steps it is seen in and, in its title, their flows."""
    name, what = trouble.connection, trouble.title.rpartition(": ")[2]
    cards = integration.flows if integration is not None else ()
    assets = {f"{name}__{asset.name}": flow.name for flow in cards for _, asset in flow.assets.all()}
    here = (max((key for key in assets if f"{step}_".startswith(f"{key}_")), key=len, default="") for step in steps)
    flows = dict.fromkeys(assets[key] for key in here if key)
    place = ", ".join((name, *flows))
    return Trouble(trouble.key, trouble.kind, name, f"{place}: {what}", trouble.lines, tuple(sorted(set(steps))))
