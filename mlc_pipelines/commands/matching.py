"""Matches one month of a connection, asking both sides now."""

import calendar
from datetime import date, datetime

from mlc_pipelines.errors import ConfigurationError
from mlc_pipelines.flows.reconciling import Reconciliation, reconcile
from mlc_pipelines.integrations.house import House
from mlc_pipelines.integrations.integration import Period
from mlc_pipelines.ledger.records import Entry

PAGE = 2000


def month(text: str | None, today: date) -> Period:
    """Read 2026-11 as its first and last day; None is the month of today."""
    try:
        first = datetime.strptime(text, "%Y-%m").date() if text else today.replace(day=1)  # noqa: DTZ007  # a month has no zone
    except ValueError as error:
        raise ConfigurationError(f"period {text!r} is not a month; write it as 2026-11") from error
    return Period(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]))


def match_month(house: House, connection: str, text: str | None) -> Reconciliation:
    """Match the month of document dates `text`."""
    return match(house, connection, month(text, house.ledger.clock.now().date()))


def match(house: House, connection: str, period: Period) -> Reconciliation:
    """Match a period: IFS against the spend system against the ledger."""
    flow = house.integration(connection).documents
    reports = house.ledger.books(connection).reports
    entries: list[Entry] = []
    after = 0
    while part := reports.select(flow=flow, dated=(period.first, period.last), after=after, limit=PAGE):
        after = part[-1].id
        entries += part
    with house.session(connection) as session:
        source, target = list(session.source_documents(period)), list(session.target_documents(period))
    return reconcile(connection, (period.first, period.last), source, target, entries)
