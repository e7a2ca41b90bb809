"""The month-end match as check metadata: a table and a bar per company and currency, and which documents differ."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal

import dagster as dg

from mlc_pipelines.flows.reconciling import PLACES, Difference, Match, Reconciliation, reconcile
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines.ledger.ledger import Books
from mlc_pipelines.ledger.records import Entry
from mlc_pipelines.orchestration.charts import BAD, GOOD, QUIET, WAITING, Bar, Part, rows, table
from mlc_pipelines.orchestration.metadata import Facts
from mlc_pipelines.orchestration.opened import OpenHouse

DIFFERENCES_SHOWN = 50
_COLORS = {"target": GOOD, "held": BAD, "ignored": QUIET, "under_way": WAITING}


def month_of(day: date) -> Period:
    """Give the calendar month of a day."""
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(first, following - timedelta(days=1))


def month_before(day: date) -> Period:
    """Give the calendar month before that of a day."""
    return month_of(day.replace(day=1) - timedelta(days=1))


def reconciliation_of(house: OpenHouse, connection: str, flow: str, period: Period) -> Reconciliation:
    """Match source, target and ledger of a period."""
    session = house.session(connection)
    return reconcile(
        connection,
        (period.first, period.last),
        session.source_documents(period),
        session.target_documents(period),
        _entries(house.house.ledger.books(connection), flow, period),
    )


def _entries(books: Books, flow: str, period: Period) -> Iterator[Entry]:
    after = 0
    while batch := books.reports.select(flow=flow, dated=(period.first, period.last), after=after):
        after = batch[-1].id
        yield from batch


def reconciliation_metadata(months: Sequence[Reconciliation]) -> Facts:
    """Show sums by company and currency, their shares, and which documents differ; amounts of documents stay out."""
    facts: Facts = {}
    for month in months:
        name = f"{month.first:%Y-%m}"
        if month.matches:
            facts[name] = dg.MetadataValue.md(_sums(month.matches))
            facts[f"{name} chart"] = dg.MetadataValue.md(rows([_bar(match) for match in month.matches]))
        if month.differences:
            facts[f"{name} differences"] = dg.MetadataValue.md(_differences(month.differences))
    facts["differences"] = dg.MetadataValue.int(sum(len(month.differences) for month in months))
    return facts


def _sums(matches: Sequence[Match]) -> str:
    head = ("company", "currency", "source", "target", "held", "ignored", "under way", "difference")
    return table(
        head,
        [
            (
                match.company,
                match.currency,
                *(match.sums.get(place, Decimal(0)) for place in ("source", *PLACES)),
                match.difference,
            )
            for match in matches
        ],
    )


def _bar(match: Match) -> Bar:
    parts = [Part(_COLORS[place], match.sums.get(place, Decimal(0))) for place in PLACES]
    told = ", ".join(f"{place.replace('_', ' ')} {match.counts.get(place, 0)}" for place in PLACES)
    return Bar(f"{match.company} {match.currency}: {told}", parts)


def _differences(differences: Sequence[Difference]) -> str:
    lines = [(each.company, each.currency, each.key, _kind(each)) for each in differences[:DIFFERENCES_SHOWN]]
    more = len(differences) - len(lines)
    text = table(("company", "currency", "document", "what"), lines)
    return f"{text}\n\nand {more} more; `mlc reconcile` lists them all" if more else text


def _kind(difference: Difference) -> str:
    if difference.source is None:
        return "only in the target"
    return "only in the source" if difference.target is None else "on both sides, and differs"
