"""The questions a connection is asked: is all there, is anything held, do both sides agree, is it fresh."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg

from mlc_pipelines.connections.settings import Connection
from mlc_pipelines.integrations.integration import FlowCard, Integration, Standing
from mlc_pipelines.ledger.progress import Pass
from mlc_pipelines.ledger.reports import Sum
from mlc_pipelines.orchestration.charts import table
from mlc_pipelines.orchestration.failures import told_plainly
from mlc_pipelines.orchestration.keys import asset_key, documents_of, turn
from mlc_pipelines.orchestration.matching import month_before, month_of, reconciliation_metadata, reconciliation_of
from mlc_pipelines.orchestration.metadata import PLACES, Facts, held_table, sums_table
from mlc_pipelines.orchestration.opened import OpenHouse

COSTLY = ("reconciled", "gl_aligned", "fresh")
"""Checks that ask both sides, or that ask whether anybody polls: not part of a poll, but of a job of their own."""

GAPS_SHOWN = 100
UNSCHEDULED_HOURS = 24
SILENT_HOURS = 24.0
"""So many working hours without a new file, and the folder is told of."""


def connection_checks(connection: Connection, integration: Integration) -> list[dg.AssetChecksDefinition]:
    """Make the checks of a connection."""
    name, documents = connection.name, documents_of(integration)
    return [
        _conservation(name, integration),
        *(_nothing_held(name, integration, flow) for flow in integration.flows),
        _reconciled(name, documents),
        _gl_aligned(name, documents),
        _fresh(connection, integration),
    ]


def cheap_checks(connection: str, integration: Integration, flows: Iterable[FlowCard]) -> list[dg.AssetCheckKey]:
    """Name the checks of some flows that read the ledger alone.

    Dagster adds every check of the assets that a run selects, unless the run names its checks.
    """
    keys = []
    for flow in flows:
        keys.append(dg.AssetCheckKey(asset_key(connection, flow.assets.all()[-1][1].name), "nothing_held"))
        if flow.name == integration.documents:
            keys.append(dg.AssetCheckKey(asset_key(connection, flow.assets.deliver.name), "conservation"))
    return keys


def costly_checks(connection: str, integration: Integration) -> list[dg.AssetCheckKey]:
    """Name the checks that a poll leaves out."""
    assets = documents_of(integration).assets
    on = (assets.deliver, assets.translate, assets.collect)
    return [dg.AssetCheckKey(asset_key(connection, asset.name), check) for asset, check in zip(on, COSTLY, strict=True)]


def _conservation(name: str, integration: Integration) -> dg.AssetChecksDefinition:
    documents = documents_of(integration)

    @dg.asset_check(
        asset=asset_key(name, documents.assets.deliver.name),
        name="conservation",
        blocking=True,
        description="Source = delivered + held + ignored + under way, in count and money, by company and currency.",
        op_tags=turn(integration, documents),
    )
    def conservation(house: dg.ResourceParam[OpenHouse]) -> dg.AssetCheckResult:
        reports = house.house.ledger.books(name).reports
        sums = reports.sums(flow=documents.name)
        missing = lost(sums) + reports.miscounted(documents.name)
        return dg.AssetCheckResult(
            passed=not missing,
            severity=dg.AssetCheckSeverity.ERROR,
            description="Every document is in exactly one place." if not missing else "; ".join(missing),
            metadata={
                "records": dg.MetadataValue.int(sum(each.count for each in sums)),
                "sums": dg.MetadataValue.md(sums_table(sums)),
            },
        )

    return conservation


def lost(sums: Iterable[Sum]) -> list[str]:
    """Say by company and currency what is in none of the four places; nothing when all is well."""
    left: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for each in sums:
        sign = 0 if each.place in PLACES else 1
        count, amount = left.get((each.company, each.currency or ""), (0, Decimal(0)))
        left[(each.company, each.currency or "")] = (count + sign * each.count, amount + sign * each.amount)
    return [
        f"company {company}: {count} records, {amount} {currency} are neither delivered, held, ignored nor under way"
        for (company, currency), (count, amount) in sorted(left.items())
        if count or amount
    ]


def _nothing_held(name: str, integration: Integration, flow: FlowCard) -> dg.AssetChecksDefinition:
    last = flow.assets.all()[-1][1]

    @dg.asset_check(
        asset=asset_key(name, last.name),
        name="nothing_held",
        description="No record waits for a person; if some do: the causes, the money, and what to do.",
        op_tags=turn(integration, flow),
    )
    def nothing_held(house: dg.ResourceParam[OpenHouse]) -> dg.AssetCheckResult:
        held = house.house.ledger.books(name).reports.held(flow=flow.name)
        count = sum(group.count for group in held)
        metadata: Facts = {"held": dg.MetadataValue.int(count)}
        if held:
            metadata["causes"] = dg.MetadataValue.md(held_table(held))
        return dg.AssetCheckResult(
            passed=not held,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{count} held" if held else "Nothing is held.",
            metadata=metadata,
        )

    return nothing_held


def _reconciled(name: str, documents: FlowCard) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(name, documents.assets.deliver.name),
        name="reconciled",
        description="Both sides and the ledger agree on every document of this month and the month before.",
    )
    def reconciled(house: dg.ResourceParam[OpenHouse]) -> dg.AssetCheckResult:
        today = house.house.ledger.clock.now().astimezone(UTC).date()
        with told_plainly():
            before, current = (
                reconciliation_of(house, name, documents.name, period)
                for period in (month_before(today), month_of(today))
            )
        differences = len(before.differences) + len(current.differences)
        return dg.AssetCheckResult(
            passed=before.matched and current.matched,
            severity=dg.AssetCheckSeverity.WARN if before.matched else dg.AssetCheckSeverity.ERROR,
            description=f"{differences} documents differ" if differences else "Both sides agree to the cent.",
            metadata=reconciliation_metadata([before, current]),
        )

    return reconciled


def _gl_aligned(name: str, documents: FlowCard) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(name, documents.assets.translate.name),
        name="gl_aligned",
        description="Chart of accounts and dimensions of both sides, compared; what only one side has is listed.",
    )
    def gl_aligned(house: dg.ResourceParam[OpenHouse]) -> dg.AssetCheckResult:
        with told_plainly():
            gaps = list(house.session(name).gaps())
        metadata: Facts = {"gaps": dg.MetadataValue.int(len(gaps))}
        if gaps:
            lines = [(gap.kind, gap.key, gap.what) for gap in gaps[:GAPS_SHOWN]]
            metadata["list"] = dg.MetadataValue.md(table(("kind", "key", "what"), lines))
        return dg.AssetCheckResult(
            passed=not gaps,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(gaps)} names differ" if gaps else "Both sides have the same names.",
            metadata=metadata,
        )

    return gl_aligned


def _fresh(connection: Connection, integration: Integration) -> dg.AssetChecksDefinition:
    documents = documents_of(integration)

    @dg.asset_check(
        asset=asset_key(connection.name, documents.assets.collect.name),
        name="fresh",
        description="The source was read lately: no more than one scheduled poll was missed.",
    )
    def fresh(house: dg.ResourceParam[OpenHouse]) -> dg.AssetCheckResult:
        now = house.house.ledger.clock.now()
        last = _last_read(house.house.ledger.books(connection.name).progress.last(), documents.name)
        oldest = oldest_fresh(connection.schedule, now)
        age = f"{(now - last.started_at).total_seconds() / 60:.0f} minutes ago" if last else "never"
        metadata: Facts = {"expected since": dg.MetadataValue.timestamp(oldest)}
        standing = _standing(house, connection.name) if integration.watched else Standing(None, ())
        if standing.problems:
            metadata["problems"] = dg.MetadataValue.md(
                table(("what is wrong",), [(each,) for each in standing.problems])
            )
        silent = standing.fresh_hours is not None and standing.fresh_hours > SILENT_HOURS
        if last:
            metadata["last read"] = dg.MetadataValue.timestamp(last.started_at)
        return dg.AssetCheckResult(
            passed=last is not None and last.started_at >= oldest and not silent and not standing.problems,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"The source was last read {age}."
            + (f" Nothing new has come for {standing.fresh_hours:.0f} working hours." if silent else "")
            + (f" {len(standing.problems)} files are in trouble." if standing.problems else ""),
            metadata=metadata,
        )

    return fresh


def _standing(house: OpenHouse, name: str) -> Standing:
    """Ask how a watched source is."""
    with told_plainly():
        session = house.session(name)
    return session.standing() if session.standing is not None else Standing(None, ())


def _last_read(passes: Iterable[Pass], flow: str) -> Pass | None:
    """Give the pass that follows the last read: where a read was interrupted, none follows."""
    return next((each for each in passes if (each.flow, each.stage) == (flow, "translate")), None)


def oldest_fresh(schedule: str | None, now: datetime) -> datetime:
    """Say since when the source should have been read: the poll before the last one due, but at least an hour ago."""
    if schedule is None:
        return now - timedelta(hours=UNSCHEDULED_HOURS)
    polls = dg.TimeWindowPartitionsDefinition(
        start=now - timedelta(days=800), cron_schedule=schedule, fmt="%Y-%m-%d %H:%M"
    )
    window = polls.get_prev_partition_window(now)
    hour_ago = now - timedelta(hours=1)
    return min(window.start, hour_ago) if window else hour_ago
