"""Spans of time that are read: where a first reading begins, and how a long one is cut."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from mlc_pipelines.integrations.procurify.settings import ProcurifySettings

YEAR = timedelta(days=365)


def first_day(settings: ProcurifySettings, now: datetime) -> date:
    """Give the day a first reading begins with: the tenant's, else a year ago."""
    return settings.first_day or (now.astimezone(settings.zone) - YEAR).date()


def days(first: date, last: date, longest: int) -> Iterator[tuple[date, date]]:
    """Cut a span of days, both ends included, into spans of so many days at most."""
    while first <= last:
        until = min(last, first + timedelta(days=longest - 1))
        yield first, until
        first = until + timedelta(days=1)


def windows(first: datetime, last: datetime, longest: int) -> Iterator[tuple[datetime, datetime]]:
    """Cut a span of time into windows of so many days at most; neighbours share their ends."""
    while first < last:
        until = min(last, first + timedelta(days=longest))
        yield first, until
        first = until
